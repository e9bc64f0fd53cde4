"""Deviations, samples and results, review by exception, disposition and release."""
