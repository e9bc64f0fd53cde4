"""The only writers of quality: samples, clearances, deviations, reviews, decisions."""
