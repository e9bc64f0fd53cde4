"""A second verifier, written from docs/reference/evidence-format.md alone."""
