"""The expression language of recipes: exact numbers with units, three-valued, bounded."""
