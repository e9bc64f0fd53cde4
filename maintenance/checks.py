"""Conditions that maintenance puts to the gates of the house."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sqlalchemy.orm import Session

from ebr import queries as records
from ebr.gates import Condition, Gates
from ebr.models import ProcedureRun
from hardware import queries as units
from hardware.models import Equipment
from maintenance import queries
from maintenance.models import CleaningRecord
from workflows import queries as definitions
from workflows.recipe import Capability, EquipmentRequirement, Header
from workflows.scaling import Range, covers, factor


def register(gates: Gates) -> None:
    """Add the checks of maintenance under the names that `app.wiring` expects."""
    gates.register("equipment.bind", "maintenance", no_open_order)
    gates.register("equipment.bind", "cleaning", the_unit_to_be_cleaned)
    gates.register("batch.start", "equipment", suitable_units)


def no_open_order(session: Session, facts: Mapping[str, Any]) -> list[Condition]:
    """No order that came from another batch keeps the unit from being bound (URS-EQP-050)."""
    unit = facts["unit"]
    own = str(facts["record"]).rpartition("/")[2]
    blocking = [
        order for order in queries.open_orders(session, unit) if order.blocks and order.batch != own
    ]
    rule = "maintenance.open_order"
    if not blocking:
        return [Condition(rule=rule, met=True, fact=f"no open order keeps {unit} from use")]
    named = "; ".join(f"{order.number} ({order.title})" for order in blocking)
    return [Condition(rule=rule, met=False, fact=f"{unit}: {named}", resolver="maintenance")]


def the_unit_to_be_cleaned(session: Session, facts: Mapping[str, Any]) -> list[Condition]:
    """A cleaning takes the unit that it was begun for; what it is cleaned with is of another
    class (a wash skid) or shared."""
    found = queries.cleaning_of_record(session, str(facts["record"]))
    if found is None or _cleans_with(session, facts, found):
        return []
    rule, unit = "cleaning.unit", facts["unit"]
    if unit == found.equipment:
        return [Condition(rule=rule, met=True, fact=f"{found.number} cleans {unit}")]
    fact = f"{found.number} was begun for {found.equipment}, not for {unit}"
    return [Condition(rule=rule, met=False, fact=fact, resolver="begin a cleaning of that unit")]


def _cleans_with(session: Session, facts: Mapping[str, Any], found: CleaningRecord) -> bool:
    """Whether the requirement is a tool of the cleaning. In a procedure that asks for no unit of
    the class to be cleaned, none is: it is the wrong procedure."""
    run = records.run_of(session, facts["record"])
    needs = {need.key: need for need in definitions.load(session, run.file_digest).header.equipment}
    need, cleaned = needs[facts["requirement"]], units.equipment(session, found.equipment)
    fits = any(each.equipment_class == cleaned.equipment_class for each in needs.values())
    return need.shared or (fits and need.equipment_class != cleaned.equipment_class)


def suitable_units(session: Session, facts: Mapping[str, Any]) -> list[Condition]:
    """For each equipment requirement of the recipe some unit is free, clean, able and calibrated.

    Units that many batches share are judged when they are used, not at the start.
    """
    run = records.run_of(session, facts["record"])
    header = definitions.load(session, run.file_digest).header
    return [_condition(session, run, header, need) for need in header.equipment if not need.shared]


def _condition(
    session: Session, run: ProcedureRun, header: Header, need: EquipmentRequirement
) -> Condition:
    rule = f"equipment.{need.key}"
    told = []
    for unit in units.equipment_list(session, equipment_class=need.equipment_class):
        problems = _problems(session, run, header, need, unit)
        if not problems:
            return Condition(rule=rule, met=True, fact=f"{need.key}: {unit.number} is suitable")
        told.append(f"{unit.number} {', '.join(problems)}")
    fact = f"{need.key}: " + ("; ".join(told) or f"there is no {need.equipment_class}")
    return Condition(
        rule=rule, met=False, fact=fact, resolver="maintenance, cleaning, or shift supervisor"
    )


def _problems(
    session: Session,
    run: ProcedureRun,
    header: Header,
    need: EquipmentRequirement,
    unit: Equipment,
) -> list[str]:
    times = _times(run, header)
    found = [
        f"lacks {capability.name.replace('_', ' ')}"
        for capability in need.capabilities
        if not _can(unit, capability, times)
    ]
    obstacles = units.obstacles(
        session,
        unit.number,
        batch=run.number,
        must_be_clean="clean" in need.states,
        must_be_calibrated=need.calibrated,
    )
    found += [obstacle.fact for obstacle in obstacles]
    gate = no_open_order(session, {"unit": unit.number, "record": run.stream})
    return found + [condition.fact for condition in gate if not condition.met]


def _can(unit: Equipment, capability: Capability, times: Fraction) -> bool:
    own = unit.properties.get(f"{capability.name}_{capability.unit.lower()}")
    if own is None:
        return False
    return covers(Range(minimum=Decimal(own[0]), maximum=Decimal(own[1])), capability, times)


def _times(run: ProcedureRun, header: Header) -> Fraction:
    if run.size is None or header.batch_size is None:
        return Fraction(1)
    return factor(run.size, header.batch_size)
