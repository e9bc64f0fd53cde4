"""Measurements of `make bench`; no test asserts a time."""
