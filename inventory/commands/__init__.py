"""Commands of inventory: the only writers of its tables."""
