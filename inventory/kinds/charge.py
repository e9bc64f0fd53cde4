"""Charge: dispensed containers in the order of the recipe, drawn water, a bin, drums into store,
and material straight from stock (see `taking`).

Each container is scanned: of this batch, of the step and portion that the recipe names, not used,
checked by a second person, of a lot that may still be used (URS-MAT-010, -020, -040, -050). A
refused scan changes nothing.
"""

from __future__ import annotations

from decimal import Decimal

from ebr import queries, values
from ebr.context import StepContext
from ebr.entry import Entry
from ebr.errors import NotBound, ValueMissing
from ebr.kinds.base import Form, Kind, ScanField, device_codes, live_tags
from ebr.kinds.measured import measured
from hardware import queries as plant
from inventory import filling, ledger, rules, weighing
from inventory import queries as stock
from inventory.commands import dispensing
from inventory.commands import stock as stores
from inventory.errors import (
    ContainerNotChecked,
    ContainerNotDispensed,
    ContainerOfAnotherBatch,
    ContainerUsed,
    NoSuchPlace,
    ScanMissing,
)
from inventory.filling import Filled, Late
from inventory.kinds import taking
from inventory.kinds.weigh import place_of
from inventory.models import AccountKind, Container, ContainerState
from inventory.rules import Offered, Slot
from workflows.step import MaterialUse
from workflows.words import DataType, Origin, StepKind

UNITS_OF_MASS = frozenset({"kg"})


class Charge(Kind):
    """What goes in is what was scanned, and all of it."""

    def form(self, context: StepContext) -> Form:
        """The scans that are expected, in order."""
        return Form(
            facts=_facts(context),
            scans=tuple(_fields(context)),
            live=live_tags(context),
            readings=device_codes(context),
        )

    def record(self, context: StepContext, entry: Entry) -> None:
        """Charge, or refuse with a rule of its own for each wrong scan."""
        entry = measured(context, entry)
        weighed = [use for use in context.spec.materials if use.weighed_at is not None]
        drawn = [use for use in context.spec.materials if use.weighed_at is None]
        if not context.spec.materials:
            _connect(context, entry)
        elif not weighed and (stocked := _from_stock(context)):
            taking.take(context, entry, stocked)
        elif weighed and _is_store(context, weighed[0]):
            _store(context, entry, weighed)
        else:
            _charge(context, entry, weighed, drawn)
        _note_units(context)


def _from_stock(context: StepContext) -> list[MaterialUse]:
    return [use for use in context.spec.materials if taking.is_from_stock(context, use)]


def _is_store(context: StepContext, use: MaterialUse) -> bool:
    source = context.procedure.step(use.weighed_at or "")
    return source.kind is StepKind.LABEL


def slots_of(context: StepContext) -> list[Slot]:
    """One slot per container, in the order of the recipe. Raises ValueMissing."""
    found = []
    for use in context.spec.materials:
        if use.weighed_at is not None:
            slot = Slot(material=use.code, step=use.weighed_at, portion=use.portion)
            found += [slot] * _count(context, use)
    return found


def _count(context: StepContext, use: MaterialUse) -> int:
    if use.containers is None:
        return 1
    number = context.number(use.containers, None)
    if number is None:
        raise ValueMissing(
            f"how many containers of {use.code} there are is not known yet",
            resolver="the steps that weigh them",
        )
    return int(number)


def _charge(
    context: StepContext, entry: Entry, weighed: list[MaterialUse], drawn: list[MaterialUse]
) -> None:
    containers = [_container(context, code) for code in entry.scans] if weighed else []
    if weighed and not containers:
        raise ScanMissing("no container was scanned", resolver="the person at this step")
    rules.check_charge(slots_of(context), [_offered(each) for each in containers], ordered=True)
    for container in containers:
        _check_use(context, container)
    before = {"containers": Filled(len(containers), {"scans": list(entry.scans)})}
    filling.record(context, entry, before, lambda: _take_in(context, containers, drawn))


def _take_in(context: StepContext, containers: list[Container], drawn: list[MaterialUse]) -> Late:
    total = Decimal(0)
    for container in containers:
        quantity = dispensing.charge(
            context.session, container, place_of(context), by=context.by, at=context.at
        )
        total += quantity
        context.use_material(
            "consumed",
            container.material,
            container.lot,
            quantity,
            "kg",
            container=container.label,
            portion=container.portion,
        )
    for use in drawn:
        context.use_material("consumed", use.code, _point(context), _drawn(context, use), "kg")
    return filling.known({"charged": Filled(total, {"containers": len(containers)})})


def _container(context: StepContext, code: str) -> Container:
    """The scanned container: of this batch and not used yet."""
    found = stock.scanned(context.session, code)
    if not isinstance(found, Container):
        raise ContainerNotDispensed(
            f"{code} names a lot, not a dispensed container",
            resolver="scan the label of the container",
        )
    if found.batch is None:
        raise ContainerNotDispensed(
            f"container {found.label} was not dispensed for a batch",
            resolver="scan a dispensed container",
        )
    if found.batch != context.run.number:
        raise ContainerOfAnotherBatch(
            f"container {found.label} belongs to batch {found.batch}",
            resolver="bring it back to its batch",
        )
    if found.state in (ContainerState.CHARGED, ContainerState.EMPTY, ContainerState.DESTROYED):
        at = f" at {found.charged_at}" if found.charged_at else ""
        raise ContainerUsed(
            f"container {found.label} is {found.state}{at}", resolver="scan another container"
        )
    return found


def _offered(container: Container) -> Offered:
    return Offered(
        label=container.label,
        material=container.material,
        step=container.step,
        portion=container.portion,
    )


def _check_use(context: StepContext, container: Container) -> None:
    """Checked by a second person, and of a lot that may still be used."""
    if container.checked_at is None:
        raise ContainerNotChecked(
            f"container {container.label} was not checked by a second person",
            resolver=f"a verifier at {container.step}",
        )
    weighing.check_lot(context, stock.lot(context.session, container.lot), container.material)


def _point(context: StepContext) -> str:
    """The unit that a drawn material comes from: the first that the step names."""
    if not context.spec.equipment:
        raise NotBound("the step names no water point", resolver="the recipe author")
    return context.bound(context.spec.equipment[0].requirement)


def _drawn(context: StepContext, use: MaterialUse) -> Decimal:
    """What was drawn: the first mass that the step records. Raises ValueMissing."""
    for parameter in context.spec.parameters:
        if parameter.unit in UNITS_OF_MASS and parameter.origin is not Origin.LABEL:
            found = values.current(context, parameter.code)
            if found is not None and found.number is not None:
                return found.number
    raise ValueMissing(
        f"the mass of {use.code} was not recorded", resolver="the person at this step"
    )


def _connect(context: StepContext, entry: Entry) -> None:
    """A bin is connected to a unit: both are scanned and must be the bound ones."""
    wanted = {use.requirement: context.bound(use.requirement) for use in context.spec.equipment}
    scanned = [stock_code(code) for code in entry.scans]
    scanned += [texts[0] for code, texts in entry.values.items() if _is_scan(context, code)]
    for code in scanned:
        if code not in wanted.values():
            raise ContainerNotDispensed(
                f"{code} is not bound to this batch here; wanted: {', '.join(wanted.values())}",
                resolver="fetch the unit that the batch uses",
            )
    missing = [unit for unit in wanted.values() if unit not in scanned]
    if missing:
        raise ScanMissing(f"not scanned: {', '.join(missing)}", resolver="the person at this step")
    before = {key.lower(): Filled(unit, {"requirement": key}) for key, unit in wanted.items()}
    filling.record(context, entry, before, dict)


def stock_code(code: str) -> str:
    """A plain code as scanned, without the blanks that a scanner may add."""
    return code.strip()


def _is_scan(context: StepContext, code: str) -> bool:
    return any(
        parameter.code == code
        and parameter.origin is Origin.LABEL
        and parameter.data_type is DataType.SCAN
        for parameter in context.spec.parameters
    )


def _store(context: StepContext, entry: Entry, uses: list[MaterialUse]) -> None:
    """Drums of the batch go into store, all of them, in any order."""
    location, drums = _split(context, entry)
    containers = [_container(context, code) for code in drums]
    rules.check_charge(slots_of(context), [_offered(each) for each in containers], ordered=False)
    for container in containers:
        if container.checked_at is None:
            _check_use(context, container)
    before = {
        "location": Filled(location, {"scans": list(drums)}),
        "containers": Filled(len(containers), {"location": location}),
    }
    filling.record(context, entry, before, lambda: _put_away(context, containers, location))


def _split(context: StepContext, entry: Entry) -> tuple[str, list[str]]:
    """Location and drums of what was scanned; without a scan the room of the step counts."""
    codes = {place.code for place in stock.locations(context.session)}
    typed = [texts[0].strip() for code, texts in entry.values.items() if _is_scan(context, code)]
    places = [code for code in entry.scans if stock_code(code) in codes] + typed
    location = stock_code(places[-1]) if places else context.spec.room
    if location is None or location not in codes:
        raise NoSuchPlace(
            f"there is no location {location or 'scanned'}", resolver="scan the location's label"
        )
    wanted = context.spec.room
    if wanted is not None and location != wanted:
        raise NoSuchPlace(
            f"{location} was scanned, the recipe stores in {wanted}",
            resolver="bring the drums to the location that the step names",
        )
    return location, [code for code in entry.scans if stock_code(code) not in codes]


def _put_away(context: StepContext, containers: list[Container], location: str) -> Late:
    account = ledger.account(AccountKind.LOCATION, location)
    total = Decimal(0)
    for container in containers:
        quantity = stock.content_of(context.session, container)
        total += quantity
        stores.relocate(
            context.session,
            container.label,
            account,
            key=f"store/{context.run.number}/{context.step.path}/{container.label}",
            kind="move",
            record=context.run.stream,
            step=context.step.path,
            by=context.by,
            at=context.at,
        )
        context.use_material(
            "stored",
            container.material,
            container.lot,
            quantity,
            stock.material(context.session, container.material).unit,
            container=container.label,
        )
    return filling.known({"stored": Filled(total, {"location": location})})


def _note_units(context: StepContext) -> None:
    for use in context.spec.equipment:
        unit = plant.equipment(context.session, context.bound(use.requirement))
        due = unit.calibration_due
        context.use_equipment(
            use.requirement, unit.number, unit.cleaning, None if due is None else f"{due:%F}"
        )


def _fields(context: StepContext) -> list[ScanField]:
    if not context.spec.materials:
        return [
            ScanField(
                code=use.requirement.lower(),
                label="Unit",
                expects=queries.bound_unit(context.session, context.run, use.requirement)
                or use.requirement,
            )
            for use in context.spec.equipment
        ]
    stocked = _from_stock(context)
    if stocked and not any(use.weighed_at for use in context.spec.materials):
        return taking.fields(context, stocked)
    try:
        slots = slots_of(context)
    except ValueMissing:
        return []
    return [
        ScanField(code=f"container_{place}", label=f"Container {place}", expects=text)
        for place, text in enumerate(_expected(context, slots), start=1)
    ]


def _expected(context: StepContext, slots: list[Slot]) -> list[str]:
    """For each slot the label of a container that fits, as far as there is one."""
    left = [
        each
        for each in stock.containers_of_batch(context.session, context.run.number)
        if each.state in (ContainerState.DISPENSED, ContainerState.FULL)
    ]
    found = []
    for slot in slots:
        fitting = next((each for each in left if _slot_of(each) == slot), None)
        name = f"{_named(context, slot.material)}{f', {slot.portion}' if slot.portion else ''}"
        if fitting is None:
            found.append(name)
            continue
        left.remove(fitting)
        found.append(f"{name}: {fitting.label} of lot {fitting.lot}")
    return found


def _slot_of(container: Container) -> Slot:
    return Slot(material=container.material, step=container.step, portion=container.portion)


def _facts(context: StepContext) -> tuple[tuple[str, str], ...]:
    facts = []
    for use in context.spec.materials:
        if use.weighed_at is None and use.quantity is not None:
            quantity = context.number(use.quantity, use.unit or "kg")
            if quantity is not None:
                facts.append((_named(context, use.code), f"{quantity:f} {_unit(use)}".strip()))
    return tuple(facts)


def _unit(use: MaterialUse) -> str:
    """The unit as people read it: pieces have none."""
    return "" if use.unit == taking.PIECES else use.unit or "kg"


def _named(context: StepContext, code: str) -> str:
    """A material by code and name, as its label shows it."""
    known = stock.find_material(context.session, code)
    return f"{code} {known.name}" if known is not None else code
