"""The one menu: what a person may open, in the order of the house."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app, request, url_for

from web import identity, scoping
from web.i18n import gettext


def _(text: str) -> str:
    return text  # Marks a text for the catalogues; it is translated when the menu is drawn.


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One entry; it shows when its page exists and the person holds the permission."""

    text: str
    endpoint: str
    permission: str
    sign: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An entry as drawn."""

    text: str
    address: str
    current: bool
    sign: str


ITEMS = (
    Item(text=_("My work"), endpoint="ebr.queue", permission="record.read", sign="▶"),
    Item(text=_("Batches"), endpoint="production.batches", permission="record.read", sign="▤"),
    Item(text=_("Review & release"), endpoint="quality.reviews", permission="review.quality"),
    Item(text=_("Deviations"), endpoint="quality.deviation_list", permission="record.read"),
    Item(text=_("Exceptions"), endpoint="exceptions.overview", permission="record.read"),
    Item(text=_("Documents"), endpoint="documents.page", permission="record.read"),
    Item(text=_("Exports"), endpoint="exports.page", permission="export.bundle"),
    Item(text=_("Recipes"), endpoint="workflows.recipes", permission="recipe.read"),
    Item(text=_("Equipment"), endpoint="hardware.equipment", permission="equipment.read"),
    Item(text=_("Maintenance"), endpoint="maintenance.board", permission="equipment.read"),
    Item(text=_("Materials"), endpoint="inventory.lots", permission="lot.read"),
    Item(text=_("Audit trail"), endpoint="trail.page", permission="audit.read"),
    Item(text=_("Backups"), endpoint="backups.page", permission="drill.sign"),
    Item(text=_("Installation"), endpoint="installation.page", permission="drill.sign"),
    Item(text=_("Find"), endpoint="finding.find", permission="record.read"),
    Item(text=_("Plant presenter"), endpoint="presenter.plant", permission="plant.present"),
    Item(text=_("Shared pieces"), endpoint="pieces.pieces", permission="plant.present"),
)


HOMES = {
    "record": "production.batches",
    "ebr": "ebr.queue",
    "run": "ebr.queue",
    "weighing": "ebr.queue",
    "production": "production.batches",
    "exceptions": "exceptions.overview",
    "documents": "documents.page",
    "copies": "documents.page",
    "exports": "exports.page",
    "workflows": "workflows.recipes",
    "hardware": "hardware.equipment",
    "maintenance": "maintenance.board",
    "inventory": "inventory.lots",
    "genealogy": "inventory.lots",
    "finding": "finding.find",
    "trail": "trail.page",
    "backups": "backups.page",
    "installation": "installation.page",
    "presenter": "presenter.plant",
    "pieces": "pieces.pieces",
}
"""The menu item under which the pages of a file stand."""


def links() -> list[Link]:
    """The menu of this person on this page."""
    here = _item_of(request.endpoint or "")
    return [
        Link(
            text=gettext(item.text),
            address=url_for(item.endpoint),
            current=item.endpoint == here,
            sign=item.sign,
        )
        for item in ITEMS
        if item.endpoint in current_app.view_functions
        and identity.may(item.permission)
        and scoping.opens(item.endpoint)
    ]


def _item_of(endpoint: str) -> str:
    package, _dot, view = endpoint.partition(".")
    if package == "quality":
        return "quality.deviation_list" if "deviation" in view else "quality.reviews"
    return HOMES.get(package, "")
