"""The only writers of the record."""
