"""Material straight from stock at a charge step: drums, bags and printed components by their scans.

A material that the recipe does not weigh and that is kept in stock is taken from the scanned
containers or lots: released, unexpired, of the right item (URS-MAT-010, -020). Its `quantity` says
how much, in the unit of the material; without one, containers are taken whole. Pieces are issued
to the batch and settled when it is reconciled, masses are consumed.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from ebr.context import StepContext
from ebr.entry import Entry
from ebr.errors import ValueMissing
from ebr.kinds.base import ScanField
from inventory import filling, loose, queries, weighing
from inventory.commands import components
from inventory.errors import NotEnough, ScanMissing, ScannedTwice, WrongMaterial
from inventory.filling import Filled, Late
from inventory.kinds.weigh import place_of
from inventory.models import Container, Lot
from workflows.step import MaterialUse

Source = Container | Lot
PIECES = "1"


def is_from_stock(context: StepContext, use: MaterialUse) -> bool:
    """Whether a material of the step comes out of stock as it is, by a scan of what holds it."""
    if use.weighed_at is not None:
        return False
    known = queries.find_material(context.session, use.code)
    return known is not None and known.stocked


def take(context: StepContext, entry: Entry, uses: Sequence[MaterialUse]) -> None:
    """Record the step and take what was scanned. Raises a refusal for each scan that does not fit,
    ScanMissing, NotEnough, ValueMissing."""
    found = [_source(context, code) for code in entry.scans]
    _check(found, uses)
    before = {"containers": Filled(len(found), {"scans": list(entry.scans)})}
    filling.record(context, entry, before, lambda: _take(context, found, uses))


def fields(context: StepContext, uses: Sequence[MaterialUse]) -> list[ScanField]:
    """What to scan, first-expiring lots first: a lot of pieces, the containers of a mass."""
    return [
        ScanField(code=f"source_{place}", label=f"Container {place}", expects=text)
        for place, text in enumerate(
            [text for use in uses for text in _expected(context, use)], start=1
        )
    ]


def _expected(context: StepContext, use: MaterialUse) -> list[str]:
    known = queries.material(context.session, use.code)
    name = f"{known.code} {known.name}"
    usable = queries.fefo(context.session, use.code, at=context.at, batch=context.run.number)
    if not usable:
        return [name]
    first = usable[0]
    if known.unit == PIECES:
        return [f"{name}: {first.lot.number}, {first.on_hand:f}"]
    held = queries.containers_of(context.session, first.lot.number, with_content=True)
    return [f"{name}: {each.label} of lot {each.lot}" for each in held] or [name]


def _source(context: StepContext, code: str) -> Source:
    """What a scan names; its lot may be used, a container still holds something."""
    found = queries.scanned(context.session, code)
    lot = found if isinstance(found, Lot) else queries.lot(context.session, found.lot)
    wanted = {use.code for use in context.spec.materials}
    if lot.material not in wanted:
        raise WrongMaterial(
            f"lot {lot.number} is material {lot.material}, the step needs"
            f" {', '.join(sorted(wanted))}",
            resolver="fetch the material that the step names",
            lot=lot.number,
        )
    weighing.check_lot(context, lot, lot.material)
    if isinstance(found, Container):
        weighing.check_source(context, found)
    return found


def _check(found: Sequence[Source], uses: Sequence[MaterialUse]) -> None:
    names = [_name(each) for each in found]
    for name in names:
        if names.count(name) > 1:
            raise ScannedTwice(f"container {name} was scanned twice", resolver="scan the others")
    materials = {each.material for each in found}
    missing = [use.code for use in uses if use.code not in materials]
    if missing:
        raise ScanMissing(f"not scanned: {', '.join(missing)}", resolver="the person at this step")


def _name(source: Source) -> str:
    return source.label if isinstance(source, Container) else source.number


def _take(context: StepContext, found: Sequence[Source], uses: Sequence[MaterialUse]) -> Late:
    total = Decimal(0)
    for use in uses:
        own = [each for each in found if each.material == use.code]
        if queries.material(context.session, use.code).unit == PIECES:
            _issue(context, own, use)
        else:
            total += _consume(context, own, use)
    lots = {each.lot if isinstance(each, Container) else each.number for each in found}
    source = {"scans": [_name(each) for each in found]}
    return filling.known(
        {"charged": Filled(total, source), "lot": Filled(", ".join(sorted(lots)), source)}
    )


def _wanted(context: StepContext, use: MaterialUse, unit: str) -> Decimal | None:
    if use.quantity is None:
        return None
    wanted = context.number(use.quantity, unit)
    if wanted is None:
        raise ValueMissing(
            f"how much {use.code} is needed is not known yet: {use.quantity}",
            resolver="the steps that record it",
        )
    return wanted


def _issue(context: StepContext, own: Sequence[Source], use: MaterialUse) -> None:
    """Pieces come from the scanned lots, one after the other; nothing is used up yet."""
    left = _wanted(context, use, PIECES)
    if left is None:
        raise ValueMissing(
            f"how many pieces of {use.code} are issued is not said", resolver="the recipe author"
        )
    numbers = dict.fromkeys(e.lot if isinstance(e, Container) else e.number for e in own)
    for number in numbers:
        lot = queries.lot(context.session, number)
        there = loose.in_stock(context.session, number)
        part = left if number == list(numbers)[-1] else min(left, there)
        if part == 0:
            continue
        components.issue_pieces(
            context.session, lot, part, place_of(context), by=context.by, at=context.at
        )
        context.use_material("issued", use.code, number, part, PIECES)
        left -= part


def _consume(context: StepContext, own: Sequence[Source], use: MaterialUse) -> Decimal:
    """A mass comes from the scanned containers in their order."""
    unit = queries.material(context.session, use.code).unit
    wanted = _wanted(context, use, unit)
    taken = Decimal(0)
    for container in _containers(context, own):
        content = queries.content_of(context.session, container)
        part = None if wanted is None else min(content, wanted - taken)
        if part == 0:
            continue
        quantity = components.consume(
            context.session, container, part, place_of(context), by=context.by, at=context.at
        )
        taken += quantity
        context.use_material(
            "consumed", use.code, container.lot, quantity, unit, container=container.label
        )
    if wanted is not None and taken < wanted:
        raise NotEnough(
            f"{use.code}: {wanted:f} {unit} are needed, what was scanned holds {taken:f} {unit}",
            resolver="scan another container of the material",
        )
    return taken


def _containers(context: StepContext, own: Sequence[Source]) -> list[Container]:
    """The scanned containers; a lot stands for the only container that is left of it."""
    return [
        each if isinstance(each, Container) else weighing.only_container(context, each)
        for each in own
    ]
