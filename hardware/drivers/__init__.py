"""Drivers: one small interface, one file per protocol."""
