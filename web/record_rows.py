"""From the view of a record to the rows of its tables: values, materials, units, trail.

Nothing is decided here; words come from the record.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import url_for

from ebr.report.model import RecordView, TrailLine
from ebr.report.stepmodel import EquipmentView, MaterialView, SignatureView, StepView, ValueView
from web import filters, scoping
from web.i18n import gettext as _

Row = dict[str, Any]


def step_address(record: RecordView, path: str) -> str:
    """Where the evidence of a step stands."""
    return url_for("record.timeline", number=record.number, step=path) + "#evidence"


def address_of_key(record: RecordView, key: str) -> str:
    """Where the evidence of the last performance of a step stands."""
    found = [step.path for step in record.steps() if step.key == key]
    return step_address(record, found[-1]) if found else ""


def is_asked(only: str, value: ValueView) -> bool:
    """Whether the filter of the values tab lets a value through."""
    if only == "critical":
        return value.critical
    if only == "outside":
        return value.verdict not in ("", "in")
    if only == "typed":
        return value.grade == "manual_for_device"
    return True


def value_row(record: RecordView, step: StepView, value: ValueView) -> Row:
    """One value in force."""
    times = f" ({step.occurrence})" if step.occurrences > 1 else ""
    place = f" {value.position}" if value.of > 1 else ""
    return {
        "step": f"{step.key}{times}",
        "address": step_address(record, step.path),
        "label": f"{value.label}{place}" + (" · " + _("CRITICAL") if value.critical else ""),
        "text": filters.shown(value),
        "limits": "; ".join(f"{filters.worded(limit.tier)} {limit.text}" for limit in value.limits),
        "verdict": value.verdict,
        "grade": filters.worded(value.grade_words),
        "source": filters.worded(value.source)
        if value.source == value.grade_words
        else value.source,
        "at": value.at,
        "by": str(value.by),
    }


def material_row(record: RecordView, use: MaterialView) -> Row:
    """One use of material."""
    return {
        "use": filters.worded(use.use),
        "material": f"{use.material} {use.name}".strip(),
        "lot": use.lot,
        "lot_address": url_for("finding.find", q=use.lot) if scoping.opens("finding.find") else "",
        "container": " · ".join(part for part in (use.container, use.portion) if part),
        "quantity": filters.quantity(use.quantity, use.unit),
        "step": use.step,
        "address": address_of_key(record, use.step),
        "at": use.at,
    }


def equipment_row(record: RecordView, use: EquipmentView) -> Row:
    """One use of a unit."""
    return {
        "unit": use.equipment,
        "unit_address": url_for("hardware.unit", number=use.equipment)
        if scoping.opens("hardware.unit")
        else "",
        "name": use.name,
        "use": use.requirement_label,
        "state": filters.worded(use.state),
        "calibration": use.calibration_due or filters.NO_VALUE,
        "step": use.step,
        "address": address_of_key(record, use.step),
        "at": use.at,
    }


def signature_row(each: SignatureView) -> Row:
    """One signature with the elements of 21 CFR 11.50."""
    remarks = [_("superseded by a correction")] if each.superseded else []
    remarks += [_("late")] if each.late else []
    remarks += [each.reason] if each.reason else []
    return {
        "at": each.at,
        "name": each.printed_name,
        "badge": each.badge,
        "role": each.role,
        "meaning": filters.worded(each.meaning),
        "what": each.what,
        "remark": "; ".join(remarks) or filters.NO_VALUE,
    }


def trail_row(line: TrailLine) -> Row:
    """One entry of the audit trail."""
    return {
        "entry": line.entry,
        "at": line.at,
        "by": f"{line.by}, {line.role}, {line.terminal}".rstrip(", "),
        "action": line.action_words,
        "what": line.what,
        "changes": _told_once(line.changes),
        "reason": line.reason or filters.NO_VALUE,
        "digest": f"{line.digest[:12]}…",
    }


def _told_once(changes: Sequence[str]) -> tuple[str, ...]:
    """Changes of one thing one after the other name it once."""
    found: list[str] = []
    before = ""
    for change in changes:
        thing, colon, rest = change.partition(": ")
        found.append(rest if colon and thing == before else change)
        before = thing if colon else ""
    return tuple(found)
