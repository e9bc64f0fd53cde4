"""Checklist and verification: named points, each confirmed by itself."""

from __future__ import annotations

from dataclasses import replace

from ebr import values
from ebr.context import StepContext
from ebr.entry import Entry
from ebr.errors import CheckMissing
from ebr.kinds.base import Kind
from ebr.models import Grade, ParameterValue
from workflows.step import CheckPoint, in_language
from workflows.words import DataType, Origin


class Checklist(Kind):
    """Every point of the list is confirmed; a point with a photo needs the photo."""

    def record(self, context: StepContext, entry: Entry) -> None:
        """Record points and parameters. Raises CheckMissing naming the first missing point."""
        for point in context.spec.checks:
            _record_point(context, entry, point)
        points = {point.code for point in context.spec.checks}
        files = {code: file for code, file in entry.files.items() if code not in points}
        values.record(context, replace(entry, files=files))


def _record_point(context: StepContext, entry: Entry, point: CheckPoint) -> None:
    name = in_language(point.labels, context.run.language) or point.code
    photo = entry.files.get(point.code)
    if point.code not in entry.checks:
        raise _missing(point, f"not confirmed: {name}")
    if point.photo and photo is None:
        raise _missing(point, f"a photo is missing: {name}")
    attached = values.attach(context, point.code, photo) if photo else None
    context.session.add(
        ParameterValue(
            step_id=context.step.id,
            code=point.code,
            position=0,
            revision=context.step.revision,
            text="yes",
            data_type=DataType.BOOLEAN.value,
            origin=Origin.MANUAL.value,
            grade=Grade.MANUAL.value,
            source={"attachment": attached.digest} if attached else None,
            performed_at=context.at,
            recorded_at=context.at,
            recorded_by=context.by.id,
        )
    )


def _missing(point: CheckPoint, fact: str) -> CheckMissing:
    return CheckMissing(fact, resolver="the person at this step", field=point.code)
