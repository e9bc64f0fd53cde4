"""From device readings to values of a step, with the whole provenance (URS-REC-010, URS-PRO-010).

A reading is a fact of `hardware`, taken before the transaction of the step. It counts for a
parameter only when it comes from the tag that the recipe names, of the unit that is bound, and was
taken for this step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from ebr.context import StepContext
from ebr.entry import Entry, Measured
from ebr.errors import ValueRefused
from ebr.kinds.base import resolve_tag
from hardware.models import Reading


def with_readings(
    context: StepContext, entry: Entry, readings: Mapping[str, Sequence[UUID]]
) -> Entry:
    """The entry with its device readings as measured values. Raises ValueRefused."""
    measured = dict(entry.measured)
    for code, ids in readings.items():
        if len(set(ids)) != len(ids):
            raise _refused(code, "one reading was given twice")
        rows = [context.session.get(Reading, reading_id) for reading_id in ids]
        measured[code] = tuple(_measured(context, code, row) for row in rows)
    return replace(entry, measured=measured)


def _measured(context: StepContext, code: str, reading: Reading | None) -> Measured:
    if reading is None:
        raise _refused(code, "there is no such reading")
    if reading.record != context.run.stream or reading.step != context.step.path:
        raise _refused(code, "the reading was taken for another step")
    wanted = _wanted_tag(context, code)
    if wanted is not None and reading.tag != wanted:
        raise _refused(code, f"the reading is from {reading.tag}, the recipe names {wanted}")
    return as_measured(reading)


def _wanted_tag(context: StepContext, code: str) -> str | None:
    for parameter in context.spec.parameters:
        if parameter.code == code and parameter.source is not None:
            tag = resolve_tag(context, parameter.source)
            if tag is None:
                raise _refused(code, f"no unit is bound for {parameter.source}")
            return tag
    return None


def as_measured(reading: Reading) -> Measured:
    """A reading as a value; an uncertain one counts when a person accepted it with reason."""
    good = reading.quality == "GOOD" or reading.accepted_because is not None
    return Measured(
        text=reading.value_text,
        number=reading.value,
        unit=reading.unit,
        quality="GOOD" if good else reading.quality,
        source=provenance(reading),
    )


def provenance(reading: Reading) -> dict[str, Any]:
    """What the record keeps beside the value, so that the number can be traced to its wire."""
    return {
        "reading": str(reading.id),
        "tag": reading.tag,
        "map_version": reading.map_version,
        "statistic": reading.statistic,
        "window_from": _iso(reading.window_from),
        "window_to": _iso(reading.window_to),
        "samples": reading.samples,
        "raw": reading.raw,
        "status": reading.status_name,
        "quality": reading.quality,
        "source_at": _iso(reading.source_at),
        "received_at": _iso(reading.received_at),
        "device": reading.device,
        "address": reading.address,
        "instrument": reading.instrument,
        "calibration_due": _iso(reading.calibration_due),
        "simulated": reading.simulated,
    }


def _iso(moment: Any) -> str | None:
    return None if moment is None else moment.isoformat()


def _refused(code: str, fact: str) -> ValueRefused:
    return ValueRefused(f"{code}: {fact}", resolver="take the reading again", field=code)
