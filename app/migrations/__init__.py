"""Alembic environment and revisions of the one schema."""
