"""What a weigh step needs to know: source, share, target, scales. Reads only (URS-MAT-030)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from sqlalchemy.orm import Session

from ebr import gates, queries
from ebr.context import StepContext
from ebr.errors import ValueMissing
from ebr.kinds.binding import requirement_of
from hardware import queries as plant
from hardware import series
from hardware.models import Equipment, Reading
from inventory import potency, rules
from inventory import queries as stock
from inventory.errors import (
    ContainerOfAnotherBatch,
    ContainerUsed,
    LotNotAssayed,
    NoSuchContainer,
    NothingToWeigh,
)
from inventory.models import AssayBasis, Container, ContainerState, Lot
from inventory.potency import Plan, Source, Weighed
from inventory.queries import LotStock
from inventory.rules import ScaleFacts
from workflows.step import EquipmentUse, MaterialUse
from workflows.words import PotencyBasis

USE_GATE = "lot.use"
STABLE = "XS501"
"""The name of the tag that says that a scale is at rest, alike on all scales."""
LOOK_BACK = timedelta(seconds=15)
"""How far back the last known state of the stable bit may lie; the historian stores at least every
10 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """The next container of a weigh step: where it comes from, and how much of it."""

    source: Container
    lot: Lot
    share: Decimal
    plan: Plan
    number: int


def material_of(context: StepContext) -> MaterialUse:
    """The material that the step weighs."""
    return context.spec.materials[0]


def scale_of(context: StepContext) -> EquipmentUse:
    """The equipment use that is the step's scale."""
    return context.spec.equipment[0]


def required(context: StepContext) -> Decimal:
    """The mass to weigh in kg, pure where the recipe says so. Raises ValueMissing."""
    use = material_of(context)
    found = context.number(use.quantity, "kg")
    if found is None:
        raise ValueMissing(
            f"how much {use.code} is needed is not known yet: {use.quantity}",
            resolver="the steps that record it",
        )
    return found


def share_of(context: StepContext, lot: Lot) -> Decimal:
    """Pure substance per weighed substance of a lot; 1 where the recipe does not correct.

    Raises LotNotAssayed when it is needed and not known.
    """
    if material_of(context).potency is PotencyBasis.NONE:
        return potency.WHOLE
    if lot.assay is None:
        raise LotNotAssayed(
            f"the assay of lot {lot.number} is not known",
            resolver="quality control",
            lot=lot.number,
        )
    dried = lot.assay_basis == AssayBasis.DRIED
    return potency.pure_share(lot.assay, lot.loss_on_drying, dried_basis=dried)


def weighed_before(context: StepContext) -> list[Weighed]:
    """The containers that the batch has from this step of the recipe."""
    found = stock.containers_of_batch(context.session, context.run.number, step=context.spec.key)
    return [
        Weighed(
            lot=container.lot,
            net=container.net or Decimal(0),
            pure=container.pure or Decimal(0),
            counted=container.counted or Decimal(0),
        )
        for container in found
    ]


def source_of(context: StepContext, code: str) -> Container:
    """The source container that a scan names, checked: right material, usable lot, content.

    A goods label names only the lot: it is taken where one container of it is left. Raises
    CodeUnreadable, NoSuchContainer, WrongMaterial, LotNotReleased, LotExpired, ContainerUsed,
    ContainerOfAnotherBatch, GateClosed (URS-MAT-010, -020).
    """
    found = stock.scanned(context.session, code)
    number = found.lot if isinstance(found, Container) else found.number
    check_lot(context, stock.lot(context.session, number), material_of(context).code)
    container = found if isinstance(found, Container) else only_container(context, found)
    check_source(context, container)
    return container


def check_lot(context: StepContext, lot: Lot, material: str) -> None:
    """The lot may be used now, for this batch; also checked again at charging (URS-MAT-010)."""
    day = stock.today(context.session, context.at)
    rules.check_usable(stock.facts_of(lot), material=material, today=day)
    gates.require(
        context.session, USE_GATE, lot=lot.number, material=material, record=context.run.stream
    )


def only_container(context: StepContext, lot: Lot) -> Container:
    """The one container of a lot that still holds something. Raises NoSuchContainer."""
    left = stock.containers_of(context.session, lot.number, with_content=True)
    if len(left) != 1:
        raise NoSuchContainer(
            f"lot {lot.number} stands in {len(left)} containers: scan the container itself",
            resolver="the person at this step",
        )
    return left[0]


def check_source(context: StepContext, container: Container) -> None:
    """The container can be weighed from by this batch."""
    if container.state not in stock.SOURCE_STATES:
        raise ContainerUsed(
            f"container {container.label} is {container.state.replace('_', ' ')}",
            resolver="scan another container of the lot",
        )
    account, amount = stock.place_of(context.session, container.label)
    if amount == 0:
        raise ContainerUsed(
            f"container {container.label} is empty", resolver="scan another container of the lot"
        )
    kind, _, key = account.partition("/")
    if kind == "batch" and key != context.run.number:
        raise ContainerOfAnotherBatch(
            f"container {container.label} is at batch {key}", resolver="the people of that batch"
        )


def proposals(context: StepContext) -> list[LotStock]:
    """Usable lots of the step's material, first-expiring first."""
    return stock.fefo(
        context.session, material_of(context).code, at=context.at, batch=context.run.number
    )


def next_container(context: StepContext, source: Container, readability: Decimal) -> Next:
    """What to weigh from `source`. Raises NothingToWeigh, LotNotAssayed, ValueMissing."""
    lot = stock.lot(context.session, source.lot)
    share = share_of(context, lot)
    earlier = weighed_before(context)
    found = next((each for each in proposals(context) if each.lot.number == lot.number), None)
    plan = potency.plan_container(
        required(context),
        earlier,
        Source(
            lot=lot.number,
            share=share,
            lot_on_hand=Decimal(0) if found is None else found.available,
            content=stock.content_of(context.session, source),
        ),
        readability=readability,
        containers=_planned(context),
    )
    return Next(source=source, lot=lot, share=share, plan=plan, number=len(earlier) + 1)


def _planned(context: StepContext) -> int | None:
    text = material_of(context).containers
    found = context.number(text, None)
    return None if found is None else int(found)


def proposal(context: StepContext, readability: Decimal) -> Next | None:
    """The container to take next, first-expiring and already opened ones first; None when there is
    none or nothing is left to weigh."""
    for each in proposals(context):
        containers = stock.containers_of(context.session, each.lot.number, with_content=True)
        usable = [one for one in containers if _is_free(context, one)]
        usable.sort(key=lambda one: (one.state != ContainerState.IN_USE, one.label))
        if usable:
            try:
                return next_container(context, usable[0], readability)
            except NothingToWeigh:
                return None
    return None


def _is_free(context: StepContext, container: Container) -> bool:
    try:
        check_source(context, container)
    except (ContainerUsed, ContainerOfAnotherBatch):
        return False
    return True


def is_scale(unit: Equipment) -> bool:
    """Whether a unit has what a weighing needs to know of its scale."""
    return {"readability", "capacity", "minimum_net"} <= set(unit.properties or {})


def scale_facts(context: StepContext, unit: Equipment) -> ScaleFacts:
    """A scale as the rules see it, with what stands in its way now."""
    found = plant.obstacles(
        context.session,
        unit.number,
        batch=context.run.number,
        must_be_clean=False,
        must_be_calibrated=True,
    )
    return ScaleFacts(
        number=unit.number,
        equipment_class=unit.equipment_class,
        capacity=Decimal(unit.properties["capacity"]),
        readability=Decimal(unit.properties["readability"]),
        minimum_net=Decimal(unit.properties["minimum_net"]),
        obstacles=[obstacle.fact for obstacle in found],
    )


def scale_problems(context: StepContext, unit: Equipment, target: Decimal) -> list[str]:
    """Every reason why the step's next container cannot be weighed on a unit."""
    if not is_scale(unit):
        return [f"{unit.number} is no scale"]
    use = scale_of(context)
    return rules.scale_problems(
        scale_facts(context, unit),
        target,
        wanted_class=requirement_of(context, use.requirement).equipment_class,
        tolerance=material_of(context).tolerance,
        minimum_load=use.minimum_load,
    )


def readability_of(session: Session, number: str) -> Decimal:
    """The readability of a scale in kg."""
    return Decimal(plant.equipment(session, number).properties["readability"])


def scales_near(context: StepContext) -> list[Equipment]:
    """The scales that a person at this step may think of: those of the room, and those of the
    class that the recipe asks for."""
    wanted = requirement_of(context, scale_of(context).requirement).equipment_class
    bound = queries.bound_unit(context.session, context.run, scale_of(context).requirement)
    rooms = {context.spec.room}
    if bound is not None:
        rooms.add(plant.equipment(context.session, bound).room)
    return [
        unit
        for unit in plant.equipment_list(context.session)
        if is_scale(unit) and (unit.equipment_class == wanted or unit.room in rooms - {None})
    ]


def was_at_rest(session: Session, reading: Reading) -> bool:
    """Whether the scale was stable when a reading was taken, by its own stable bit.

    The bit was read together with the weight, or the historian knows it for that moment, or it is
    set now and the scale still shows the same weight. A scale without such a tag cannot tell: its
    readings count as they are.
    """
    unit, _, _ = reading.tag.rpartition(".")
    if STABLE not in {tag.name for tag in plant.tags(session, unit=unit)}:
        return True
    bit = f"{unit}.{STABLE}"
    beside = [
        each
        for each in plant.readings_between(session, unit, reading.taken_at, reading.taken_at)
        if each.tag == bit and each.step == reading.step and each.record == reading.record
    ]
    if beside:
        return all(each.value == 1 for each in beside)
    start = reading.taken_at - LOOK_BACK
    points = plant.historian(session).points(bit, start, reading.taken_at)
    known = series.value_at(points, reading.taken_at)
    return known == 1 if known is not None else _unchanged(session, bit, reading)


def _unchanged(session: Session, bit: str, reading: Reading) -> bool:
    now = plant.current_of(session, [bit, reading.tag])
    return all(each.good for each in now.values()) and (
        now[bit].value == 1 and now[reading.tag].value == reading.value
    )
