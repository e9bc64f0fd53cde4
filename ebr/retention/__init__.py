"""How long a record is kept, and when it may go (URS-REC-080, URS-REC-090)."""
