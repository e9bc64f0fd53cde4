"""Master recipes, batches and orders."""
