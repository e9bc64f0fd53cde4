"""Binding: which unit the batch uses for each equipment requirement of the recipe.

A unit fits when its class and capabilities do (scaled with the batch size), and nothing stands in
its way: status, calibration, clean hold, another batch (URS-MRC-080, URS-EQP-010). Refusals name
every obstacle at once.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from ebr import gates, queries, values
from ebr.context import StepContext
from ebr.entry import Entry
from ebr.errors import UnitNotSuitable
from ebr.kinds.base import Form, Kind, UnitChoice
from ebr.models import Binding
from hardware import equipment_commands as plant_commands
from hardware import queries as plant
from hardware.models import Equipment
from hardware.rules import Obstacle, obstacles
from workflows.durations import duration
from workflows.recipe import Capability, EquipmentRequirement
from workflows.rounding import to_decimal
from workflows.scaling import Range, covers, factor
from workflows.step import EquipmentUse

GATE = "equipment.bind"


class Bind(Kind):
    """Each requirement of the step gets a suitable unit, which then belongs to the batch."""

    def form(self, context: StepContext) -> Form:
        """The units of the right class for each requirement, with the reason when refused."""
        return Form(
            units=tuple(
                (use.requirement, tuple(choices(context, use))) for use in context.spec.equipment
            )
        )

    def record(self, context: StepContext, entry: Entry) -> None:
        """Bind the chosen units. Raises UnitNotSuitable naming unit and every obstacle."""
        values.record(context, entry)
        for use in context.spec.equipment:
            unit = entry.units.get(use.requirement)
            if unit is None:
                raise UnitNotSuitable(
                    f"no unit was chosen for {use.requirement}", resolver="the person at this step"
                )
            bind(context, use, unit)


def bind(context: StepContext, use: EquipmentUse, number: str) -> None:
    """Bind one unit to a requirement, after every check."""
    found = problems(context, use, number)
    if found:
        raise UnitNotSuitable(
            f"{number} cannot be used as {use.requirement}: {'; '.join(found)}",
            resolver="maintenance, cleaning, or another unit of the class",
        )
    gates.require(
        context.session, GATE, unit=number, requirement=use.requirement, record=context.run.stream
    )
    unit = plant.equipment(context.session, number)
    _add_binding(context, use.requirement, number)
    if not requirement_of(context, use.requirement).shared:
        plant_commands.allocate(
            context.session,
            number,
            batch=context.run.number,
            must_be_clean=_must_be_clean(context, use),
            must_be_calibrated=use.calibrated,
            clean_hold_left=_hold_left(context),
            by=context.by,
            at=context.at,
        )
    due = unit.calibration_due
    context.use_equipment(
        use.requirement, number, unit.cleaning, None if due is None else due.date().isoformat()
    )


def _add_binding(context: StepContext, requirement: str, number: str) -> None:
    context.session.add(
        Binding(
            run_id=context.run.id,
            requirement=requirement,
            ordinal=queries.times_bound(context.session, context.run, requirement) + 1,
            equipment=number,
            at=context.at,
        )
    )
    context.session.flush()


def choices(context: StepContext, use: EquipmentUse) -> list[UnitChoice]:
    """All units of the required class, suitable ones first."""
    wanted = requirement_of(context, use.requirement)
    units = plant.equipment_list(context.session, equipment_class=wanted.equipment_class)
    found = [
        UnitChoice(
            unit=unit.number,
            name=unit.name,
            refusal="; ".join(_refusals(context, use, unit.number)) or None,
        )
        for unit in units
    ]
    return sorted(found, key=lambda choice: (choice.refusal is not None, choice.unit))


def _refusals(context: StepContext, use: EquipmentUse, number: str) -> list[str]:
    """Every reason why binding the unit would be refused, those of the gate included."""
    facts = {"unit": number, "requirement": use.requirement, "record": context.run.stream}
    asked = gates.conditions(context.session, GATE, **facts)
    return problems(context, use, number) + [each.fact for each in asked if not each.met]


def problems(context: StepContext, use: EquipmentUse, number: str) -> list[str]:
    """Everything that keeps a unit from serving this requirement, in words."""
    wanted = requirement_of(context, use.requirement)
    unit = plant.equipment(context.session, number)
    found = []
    if unit.equipment_class != wanted.equipment_class:
        found.append(f"its class is {unit.equipment_class}, needed {wanted.equipment_class}")
    found += [text for need in wanted.capabilities if (text := _lacks(context, unit, need))]
    standing = _obstacles_of_shared if wanted.shared else _obstacles
    return found + [obstacle.fact for obstacle in standing(context, use, number)]


def _obstacles(context: StepContext, use: EquipmentUse, number: str) -> list[Obstacle]:
    return plant.obstacles(
        context.session,
        number,
        batch=context.run.number,
        must_be_clean=_must_be_clean(context, use),
        must_be_calibrated=_must_be_calibrated(context, use),
        clean_hold_left=_hold_left(context),
    )


def _obstacles_of_shared(context: StepContext, use: EquipmentUse, number: str) -> list[Obstacle]:
    """What stands in the way of a unit that serves many batches (a scale, a room monitor).

    Its daily check belongs to its use and may come later; being blocked, in maintenance or beyond
    its calibration keeps it from being named at all (URS-EQP-040).
    """
    status = plant.status_of(plant.equipment(context.session, number))
    return obstacles(
        replace(status, check_required=False, allocated_to=None),
        context.at,
        must_be_clean=False,
        must_be_calibrated=_must_be_calibrated(context, use),
    )


def _must_be_calibrated(context: StepContext, use: EquipmentUse) -> bool:
    return use.calibrated or requirement_of(context, use.requirement).calibrated


def _must_be_clean(context: StepContext, use: EquipmentUse) -> bool:
    return "clean" in (use.states or requirement_of(context, use.requirement).states)


def _hold_left(context: StepContext) -> timedelta:
    timing = context.spec.timing
    return duration(timing.valid_for) if timing and timing.valid_for else timedelta(0)


def requirement_of(context: StepContext, key: str) -> EquipmentRequirement:
    """The equipment requirement of the recipe with this key (the profile check made sure)."""
    return next(need for need in context.procedure.header.equipment if need.key == key)


def _lacks(context: StepContext, unit: Equipment, need: Capability) -> str | None:
    own = unit.properties.get(f"{need.name}_{need.unit.lower()}")
    name = need.name.replace("_", " ")
    if own is None:
        return f"its {name} is not known"
    offered = Range(minimum=Decimal(own[0]), maximum=Decimal(own[1]))
    if covers(offered, need, _times(context)):
        return None
    low, high = (_scaled(end, need, _times(context)) for end in (need.minimum, need.maximum))
    return (
        f"{name} {offered.minimum:f}-{offered.maximum:f} {need.unit}, needed {low}-{high}"
        f" {need.unit}"
    )


def _times(context: StepContext) -> Fraction:
    size, header = context.run.size, context.procedure.header.batch_size
    return Fraction(1) if size is None or header is None else factor(size, header)


def _scaled(end: Decimal | None, need: Capability, times: Fraction) -> str:
    if end is None:
        return ""
    return f"{to_decimal(Fraction(end) * (times if need.scaled else 1)):f}"
