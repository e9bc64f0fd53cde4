"""Files as other tools draw them: what they show, and everything that keeps them from running."""
