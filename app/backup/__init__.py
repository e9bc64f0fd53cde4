"""Backups of a site: encrypted, complete, and restored only where nothing stands."""
