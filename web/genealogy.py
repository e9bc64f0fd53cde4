"""Where a lot or batch went and what it was made from: tree, table, CSV (W14, URS-MAT-060)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, request, url_for
from sqlalchemy.orm import Session

from core.errors import NotFound
from ebr import queries as records
from inventory import genealogy, queries
from inventory.genealogy import Branch, Hop
from production import queries as batches
from web import desk, filters, identity, production, states, tables
from web.access import needs
from web.i18n import gettext as _
from web.signing import Page
from web.tables import Column, Table

bp = Blueprint("genealogy", __name__)
LOT, BATCH = "lot", "batch"
LEVELS = ("1", "2", "3", "6", "all")
USUAL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A lot or batch as the tree names it; `address` is empty for what has no page here."""

    kind: str
    number: str
    name: str = ""
    state: str = ""
    address: str = ""

    @property
    def word(self) -> str:
        """What it is, in the language of the request."""
        return {LOT: _("Lot"), BATCH: _("Batch")}.get(self.kind, states.words_of(self.kind))


@dataclass(frozen=True, slots=True, kw_only=True)
class Twig:
    """A branch as drawn: what it leads to, how much went that way, and what lies beyond."""

    place: Place
    how: str
    quantity: str
    beyond: Sequence[Twig]
    told_elsewhere: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """What the macro of the tree draws."""

    start: Place
    ahead: bool
    twigs: Sequence[Twig]
    counts: Sequence[tuple[str, int]]


@bp.get("/genealogy/<any(lot, batch):kind>/<number>")
@needs("lot.read")
def of(kind: str, number: str) -> Page:
    """Where the lot or batch went (``way=forward``), or what it was made from."""
    ahead = request.args.get("way", "forward" if kind == LOT else "backward") != "backward"
    levels = request.args.get("levels", USUAL)
    depth = int(levels) if levels in LEVELS and levels != USUAL else None
    with identity.house().reading() as session:
        start = _place(session, f"{kind}/{number}")
        if not start.address:
            raise NotFound(
                _("There is no lot or batch %(number)s.", number=number),
                resolver=_("you, by going back"),
            )
        found = tree_of(session, kind, number, ahead=ahead, depth=depth)
        table = _table(session, _hops(session, kind, number, ahead=ahead, depth=depth))
    return desk.table_page(
        "inventory/genealogy.html", table, tree=found, levels=levels, all_levels=LEVELS, kind=kind
    )


def tree_of(
    session: Session, kind: str, number: str, *, ahead: bool, depth: int | None = None
) -> Tree:
    """The tree of a lot or batch; `depth` bounds the levels."""
    start = f"{kind}/{number}"
    hops = _hops(session, kind, number, ahead=ahead, depth=depth)
    ends = dict.fromkeys(hop.target if ahead else hop.source for hop in hops)
    places = {node: _place(session, node) for node in ends}
    branches = genealogy.tree(start, hops, ahead=ahead)
    return Tree(
        start=_place(session, start),
        ahead=ahead,
        twigs=[_twig(branch, places) for branch in branches],
        counts=[
            (_("Batches"), sum(place.kind == BATCH for place in places.values())),
            (_("Lots"), sum(place.kind == LOT for place in places.values())),
        ],
    )


def _hops(session: Session, kind: str, number: str, *, ahead: bool, depth: int | None) -> list[Hop]:
    walk = genealogy.forward if ahead else genealogy.backward
    return walk(session, f"{kind}/{number}", depth=depth)


def _twig(branch: Branch, places: dict[str, Place]) -> Twig:
    return Twig(
        place=places[branch.node],
        how=states.words_of(branch.hop.kind),
        quantity=_amount(branch.hop),
        beyond=[_twig(each, places) for each in branch.beyond],
        told_elsewhere=branch.told_elsewhere,
    )


def _amount(hop: Hop) -> str:
    return filters.quantity(hop.quantity, hop.unit if hop.unit != "1" else None)


def _place(session: Session, node: str) -> Place:
    kind, _slash, number = node.partition("/")
    finder = {LOT: _lot, BATCH: _batch}.get(kind)
    found = finder(session, number) if finder else None
    return found or Place(kind=kind, number=number)


def _lot(session: Session, number: str) -> Place | None:
    lot = queries.find_lot(session, number)
    if lot is None:
        return None
    item = queries.material(session, lot.material)
    return Place(
        kind=LOT,
        number=number,
        name=f"{item.code} {item.name}",
        state=lot.status,
        address=url_for("inventory.lot", number=number),
    )


def _batch(session: Session, number: str) -> Place | None:
    try:
        batch = batches.batch(session, number)
    except NotFound:
        return None
    run = records.run_of(session, number)
    return Place(
        kind=BATCH,
        number=number,
        name=batch.product_name,
        state=batch.disposition if batch.disposition != "none" else production.state_of(batch, run),
        address=url_for("production.batch", number=number),
    )


def _table(session: Session, hops: Sequence[Hop]) -> Table:
    columns = [
        Column(key="source", label=_("Out of"), link="source_address"),
        Column(key="target", label=_("Into"), link="target_address"),
        Column(key="what", label=_("Material")),
        Column(key="how", label=_("How")),
        Column(key="quantity", label=_("Quantity"), numeric=True),
        Column(key="level", label=_("Level"), numeric=True),
    ]
    return tables.table("hops", _("Ways between lots and batches"), columns, _rows(session, hops))


def _rows(session: Session, hops: Sequence[Hop]) -> list[dict[str, Any]]:
    nodes = {node for hop in hops for node in (hop.source, hop.target)}
    places = {node: _place(session, node) for node in nodes}
    return [_row(hop, places[hop.source], places[hop.target]) for hop in hops]


def _row(hop: Hop, source: Place, target: Place) -> dict[str, Any]:
    lot = source if source.kind == LOT else target
    return {
        "level": hop.depth,
        "source": f"{source.word} {source.number}",
        "source_address": source.address,
        "target": f"{target.word} {target.number}",
        "target_address": target.address,
        "what": lot.name,
        "how": states.words_of(hop.kind),
        "quantity": _amount(hop),
    }
