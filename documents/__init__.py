"""Paper and codes: PDF rendering and sealing, charts, labels and scanned codes.

Knows no record: it is handed plain view models and templates from the packages above.
"""
