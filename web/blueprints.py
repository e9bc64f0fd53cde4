"""All pages of the product, one blueprint file per package, registered explicitly."""

from __future__ import annotations

from flask import Blueprint

from web import ebr, home, live, personnel, pieces

EVERYWHERE: tuple[Blueprint, ...] = (
    home.bp,
    live.bp,
    personnel.bp,
    ebr.bp,
)
DEMONSTRATION_ONLY: tuple[Blueprint, ...] = (pieces.bp,)
"""Pages that a GMP site does not have at all."""
