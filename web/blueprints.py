"""All pages of the product, one blueprint file per package, registered explicitly."""

from __future__ import annotations

from flask import Blueprint

from web import (
    backups,
    copies,
    documents,
    drawings,
    ebr,
    ebr_record,
    ebr_run,
    exceptions,
    exports,
    finding,
    genealogy,
    hardware,
    home,
    installation,
    inventory,
    live,
    maintenance,
    messages,
    personnel,
    pieces,
    presenter,
    production,
    quality,
    restored,
    trail,
    trail_reviews,
    unplanned,
    weighing,
    workflows,
)

EVERYWHERE: tuple[Blueprint, ...] = (
    home.bp,
    live.bp,
    personnel.bp,
    ebr.bp,
    ebr_run.bp,
    messages.bp,
    unplanned.bp,
    production.bp,
    ebr_record.bp,
    quality.bp,
    exceptions.bp,
    exports.bp,
    copies.bp,
    documents.bp,
    workflows.bp,
    drawings.bp,
    hardware.bp,
    maintenance.bp,
    inventory.bp,
    genealogy.bp,
    weighing.bp,
    finding.bp,
    trail.bp,
    installation.bp,
    trail_reviews.bp,
    restored.bp,
    backups.bp,
)
DEMONSTRATION_ONLY: tuple[Blueprint, ...] = (pieces.bp, presenter.bp)
"""Pages that a GMP site does not have at all."""
