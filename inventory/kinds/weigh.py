"""Weigh: from a source container of a usable lot into a labelled container of the batch.

Checked in the act itself: item, lot, expiry, first-expiring lot, scale, stable weight that fits
gross and tare; then the ledger moves, the label is printed and the record grows together
(URS-MAT-010 to -040). A net outside the recipe's limits is kept and raises its exception.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from ebr import queries, rules, values
from ebr.context import StepContext
from ebr.entry import Entry
from ebr.errors import ValueMissing
from ebr.kinds import binding
from ebr.kinds.base import Form, Kind, ScanField, UnitChoice, device_codes, live_tags
from ebr.models import Grade
from hardware import queries as plant
from hardware.models import Reading
from inventory import filling, potency, weighing
from inventory import queries as stock
from inventory import rules as inventory
from inventory.commands import dispensing, labels, scales
from inventory.commands.dispensing import Place, Portion
from inventory.errors import NotFirstToExpire, NotStable, ScanMissing, WeightsDisagree
from inventory.filling import Filled, Late, Values
from inventory.models import Container
from inventory.potency import Weighed
from inventory.weighing import Next
from workflows.durations import duration
from workflows.words import HoldAct, PotencyBasis, Severity

DISPENSED_HOLD = "dispensed_materials"
"""The hold time of the recipe that bounds the use of what was dispensed."""
WEIGHTS = ("gross", "tare")


@dataclass(frozen=True, slots=True)
class Weights:
    """What the scale showed, in kg; gross and tare are None where the recipe does not ask."""

    net: Decimal
    gross: Decimal | None
    tare: Decimal | None


class Weigh(Kind):
    """One container of a material; its target follows from the lot and what was weighed."""

    def form(self, context: StepContext) -> Form:
        """Target with its band, the container to take, and the scales with their refusals."""
        bound = queries.bound_unit(
            context.session, context.run, weighing.scale_of(context).requirement
        )
        near = weighing.scales_near(context)
        unit = bound or (near[0].number if near else None)
        found = None
        if unit is not None:
            found = weighing.proposal(context, weighing.readability_of(context.session, unit))
        low, high = _band(context, found, unit)
        return Form(
            facts=_facts(context, found),
            scans=(_scan(found),),
            live=live_tags(context),
            readings=device_codes(context),
            units=((weighing.scale_of(context).requirement, _choices(context, found)),),
            target=found.plan.target if found else None,
            low=low,
            high=high,
            unit="kg",
            blockers=_blockers(context, found),
        )

    def record(self, context: StepContext, entry: Entry) -> None:
        """Weigh one container. Raises a refusal of its own for each thing that does not fit."""
        if not entry.scans:
            raise ScanMissing(
                "the source container was not scanned", resolver="the person at this step"
            )
        source = weighing.source_of(context, entry.scans[0])
        unit = _scale(context, entry, source)
        found = weighing.next_container(
            context, source, weighing.readability_of(context.session, unit)
        )
        scales.check_scale(context, unit, found.plan.target)
        _first_expiring(context, found, entry)
        _check_readings(context, entry, unit)
        typed = _typed_beside(context, entry)
        filling.record(
            context,
            entry,
            _before(context, found),
            lambda: _dispense(context, found, unit, typed),
            recorded_elsewhere=typed,
        )

    def complete(self, context: StepContext) -> None:
        """The container was checked by a second person and carries its label (URS-MAT-040)."""
        check_containers(context)


def check_containers(context: StepContext) -> None:
    """Mark the containers of this step as checked by who signed last, with their labels on."""
    found = stock.containers_of_path(context.session, context.step.path, context.run.number)
    for container in found:
        if container.checked_at is None:
            container.checked_by, container.checked_at = context.by.id, context.at
            labels.use_label(context.session, container.label, by=context.by, at=context.at)
    context.session.flush()


def place_of(context: StepContext) -> Place:
    """The step as the commands of inventory name it."""
    return Place(
        record=context.run.stream,
        batch=context.run.number,
        step=context.spec.key,
        path=context.step.path,
    )


def _scale(context: StepContext, entry: Entry, source: Container) -> str:
    """The unit bound as scale; another one that was chosen with the entry is judged and bound."""
    requirement = weighing.scale_of(context).requirement
    chosen = entry.units.get(requirement)
    bound = queries.bound_unit(context.session, context.run, requirement)
    if chosen is None or chosen == bound:
        return context.bound(requirement)
    scales.check_scale(context, chosen, scales.target_from(context, chosen, source))
    binding.bind(context, weighing.scale_of(context), chosen)
    return chosen


def _first_expiring(context: StepContext, found: Next, entry: Entry) -> None:
    first = weighing.proposals(context)[0].lot
    if first.number == found.lot.number:
        return
    if not entry.reason.strip():
        raise NotFirstToExpire(
            f"lot {first.number} expires before {found.lot.number}",
            resolver="take the first lot, or give a reason",
            lot=first.number,
        )
    reason = rules.need_reason(entry.reason, "taking a lot that expires later")
    context.raise_exception(
        "not_first_to_expire",
        Severity.INFORMATION,
        f"lot {found.lot.number} was taken before {first.number}, which expires first",
        facts={"lot": found.lot.number, "first": first.number, "reason": reason},
    )


def _check_readings(context: StepContext, entry: Entry, unit: str) -> None:
    for code, measured in entry.measured.items():
        for each in measured:
            reading = context.session.get_one(Reading, UUID(str(each.source["reading"])))
            if not reading.tag.startswith(f"{unit}."):
                raise NotStable(
                    f"{code} was taken from {reading.tag}, the scale is {unit}",
                    resolver="take the weight again",
                )
            if not weighing.was_at_rest(context.session, reading):
                raise NotStable(
                    f"{unit} was not at rest when {code} was taken",
                    resolver="wait until it is stable and take the weight again",
                )


def _typed_beside(context: StepContext, entry: Entry) -> Mapping[str, str]:
    """Gross and tare typed together with the net: the one exception of the net is enough."""
    if "net" in entry.measured or not entry.values.get("net"):
        return {}
    known = {parameter.code for parameter in context.spec.parameters}
    return {
        code: entry.values[code][0]
        for code in WEIGHTS
        if code in known and code not in entry.measured and entry.values.get(code)
    }


def _before(context: StepContext, found: Next) -> Values:
    source = {"lot": found.lot.number, "container": found.source.label}
    plan = found.plan
    low, high = _ends(context, plan.target)
    return {
        "target": Filled(
            plan.target,
            source
            | {
                "lot_target": f"{plan.lot_target:f}",
                "exact": f"{plan.exact:f}",
                "to_the_end": plan.to_the_end,
            },
        ),
        "lot": Filled(found.lot.number, source),
        "source_container": Filled(found.source.label, source),
        "share": Filled(
            found.share,
            source
            | {
                "assay": None if found.lot.assay is None else f"{found.lot.assay:f}",
                "basis": found.lot.assay_basis,
                "loss_on_drying": None
                if found.lot.loss_on_drying is None
                else f"{found.lot.loss_on_drying:f}",
            },
        ),
        "tolerance_low": Filled(low, source),
        "tolerance_high": Filled(high, source),
        "number": Filled(found.number, source),
    }


def _ends(context: StepContext, target: Decimal) -> tuple[Decimal, Decimal]:
    tolerance = weighing.material_of(context).tolerance or Decimal(0)
    unit = context.bound(weighing.scale_of(context).requirement)
    return inventory.band(target, tolerance, weighing.readability_of(context.session, unit))


def _dispense(context: StepContext, found: Next, unit: str, typed: Mapping[str, str]) -> Late:
    _record_typed(context, typed)
    weights = _weights(context)
    made = dispensing.dispense(
        context.session,
        _portion(context, found, unit, weights),
        place_of(context),
        by=context.by,
        at=context.at,
    )
    _note_use(context, found, unit, made)
    source = {"container": made.label, "lot": made.lot}
    total = sum((each.net for each in weighing.weighed_before(context)), Decimal(0))
    return filling.known(
        {
            "pure": Filled(made.pure or Decimal(0), source | {"share": f"{found.share:f}"}),
            "counted": Filled(made.counted or Decimal(0), source),
            "container": Filled(made.label, source),
            "total": Filled(total, source),
        }
    )


def _record_typed(context: StepContext, typed: Mapping[str, str]) -> None:
    for code, text in typed.items():
        parameter = context.spec.parameter(code)
        captured = rules.capture(parameter, text)
        values.store(
            context,
            parameter,
            0,
            captured.text,
            captured.number,
            grade=Grade.MANUAL_FOR_DEVICE,
        )


def _weights(context: StepContext) -> Weights:
    """Net, gross and tare as recorded. Raises WeightsDisagree, ValueMissing."""
    numbers: dict[str, Decimal | None] = {}
    for code in ("net", *WEIGHTS):
        found = values.current(context, code)
        numbers[code] = None if found is None else found.number
    net, gross, tare = numbers["net"], numbers["gross"], numbers["tare"]
    if net is None:
        raise ValueMissing("the net weight is missing", resolver="the person at this step")
    if gross is not None and tare is not None and gross - tare != net:
        raise WeightsDisagree(
            f"gross {gross:f} less tare {tare:f} is not net {net:f} kg",
            resolver="take the weight again",
        )
    return Weights(net, gross, tare)


def _portion(context: StepContext, found: Next, unit: str, weights: Weights) -> Portion:
    use = weighing.material_of(context)
    template = context.spec.label_prints[0].template if context.spec.label_prints else None
    return Portion(
        source=found.source.label,
        number=found.number,
        target=found.plan.target,
        net=weights.net,
        gross=weights.gross,
        tare=weights.tare,
        pure=weights.net * found.share,
        counted=potency.counted_of(found.plan, weights.net),
        tolerance=use.tolerance or Decimal(0),
        to_the_end=found.plan.to_the_end,
        scale=unit,
        portion=use.portion,
        use_before=_use_before(context),
        template=template or "dispensed_container",
    )


def _use_before(context: StepContext) -> datetime | None:
    for step in context.procedure.steps():
        for hold in step.holds:
            if hold.name == DISPENSED_HOLD and hold.act is HoldAct.STARTS and hold.limit:
                return context.at + duration(hold.limit)
    return None


def _note_use(context: StepContext, found: Next, unit: str, made: Container) -> None:
    scale = plant.equipment(context.session, unit)
    due = scale.calibration_due
    checked = scale.checked_until
    context.use_equipment(
        weighing.scale_of(context).requirement,
        unit,
        "checked" if checked is not None else "calibrated",
        None if due is None else due.date().isoformat(),
    )
    context.use_material(
        "dispensed",
        made.material,
        made.lot,
        made.net or Decimal(0),
        "kg",
        container=made.label,
        portion=made.portion,
    )


def _facts(context: StepContext, found: Next | None) -> tuple[tuple[str, str], ...]:
    use = weighing.material_of(context)
    name = stock.find_material(context.session, use.code)
    facts = [("Material", f"{use.code} {name.name if name else ''}".strip())]
    if use.portion:
        facts.append(("Portion", use.portion))
    wanted = context.number(use.quantity, "kg")
    if wanted is not None:
        pure = " as 100 %" if use.potency is not PotencyBasis.NONE else ""
        facts.append(("Required", f"{wanted:f} kg{pure}"))
    earlier = weighing.weighed_before(context)
    if earlier:
        total = sum((each.net for each in earlier), Decimal(0))
        count = "1 container" if len(earlier) == 1 else f"{len(earlier)} containers"
        facts.append(("Weighed so far", f"{total:f} kg in {count}"))
        facts += _left(context, wanted, earlier)
    if found is not None:
        facts += _facts_of(found, use.potency is not PotencyBasis.NONE)
    return tuple(facts)


def _left(
    context: StepContext, wanted: Decimal | None, earlier: Sequence[Weighed]
) -> list[tuple[str, str]]:
    """What is still to be weighed after the containers before, pure where the recipe says so."""
    if wanted is None:
        return []
    pure = weighing.material_of(context).potency is not PotencyBasis.NONE
    done = sum((each.pure if pure else each.net for each in earlier), Decimal(0))
    left = max(wanted - done, Decimal(0))
    return [("Still to weigh", f"{left.normalize():f} kg{' as 100 %' if pure else ''}")]


def _facts_of(found: Next, corrected: bool) -> list[tuple[str, str]]:
    day = stock.facts_of(found.lot).last_day
    end = ", is used to the end" if found.plan.to_the_end else ""
    facts = [
        ("Container", f"number {found.number}"),
        ("Lot", f"{found.lot.number}{f', to {day}' if day else ''}{end}"),
    ]
    if corrected:
        facts.append(("Pure share", f"{found.share:f}"))
        facts.append(("Target of the lot", f"{found.plan.lot_target:f} kg"))
    return facts


def _scan(found: Next | None) -> ScanField:
    expects = f"{found.source.label} of lot {found.lot.number}" if found else "a source container"
    return ScanField(code="source", label="Source container", expects=expects)


def _band(
    context: StepContext, found: Next | None, unit: str | None
) -> tuple[Decimal | None, Decimal | None]:
    tolerance = weighing.material_of(context).tolerance
    if found is None or unit is None or tolerance is None:
        return None, None
    readability = weighing.readability_of(context.session, unit)
    return inventory.band(found.plan.target, tolerance, readability)


def _choices(context: StepContext, found: Next | None) -> tuple[UnitChoice, ...]:
    wanted = context.number(weighing.material_of(context).quantity, "kg")
    target = found.plan.target if found else wanted
    if target is None:
        return ()
    made = [
        UnitChoice(
            unit=unit.number,
            name=unit.name,
            refusal="; ".join(weighing.scale_problems(context, unit, target)) or None,
        )
        for unit in weighing.scales_near(context)
    ]
    return tuple(sorted(made, key=lambda choice: (choice.refusal is not None, choice.unit)))


def _blockers(context: StepContext, found: Next | None) -> tuple[tuple[str, str], ...]:
    use = weighing.material_of(context)
    if context.number(use.quantity, "kg") is None:
        earlier = "the steps that record what it depends on"
        return ((f"The quantity of {use.code} is not known yet", earlier),)
    if found is None:
        return ((f"No usable container of {use.code} is in stock", "stores"),)
    return ()
