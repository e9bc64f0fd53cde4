"""Trends of a record: the points that were copied into it when their step ended (URS-PRO-040).

Between two points the earlier value holds, because points are stored when a value changes. A hole
is told by the attachment itself and stays a hole: nothing is joined or guessed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from ebr import queries
from ebr.models import Attachment
from ebr.report.model import RecordView
from ebr.report.stepmodel import AttachmentView, LimitView, StepView

MEDIA_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """Site time and value; None where the value was not good."""

    at: datetime
    value: Decimal | None


@dataclass(frozen=True, slots=True)
class TrendHole:
    """A time without data; `end` is that of the step when the data never came back."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> int:
        """Length in whole seconds."""
        return round((self.end - self.start).total_seconds())


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendView:
    """One trend with the limits of its parameter; `digest` names the attachment it comes from."""

    step: str
    path: str
    step_name: str
    label: str
    tag: str
    unit: str
    decimals: int
    start: datetime
    end: datetime
    points: tuple[TrendPoint, ...]
    holes: tuple[TrendHole, ...]
    limits: tuple[LimitView, ...]
    target: str
    digest: str


def of(session: Session, record: RecordView) -> list[TrendView]:
    """All trends of a record in the order of its steps."""
    wanted = [
        (step, file)
        for step in record.steps()
        for file in step.attachments
        if file.media_type == MEDIA_TYPE
    ]
    data = _data(session, record.number, {file.digest for _, file in wanted})
    found = [_trend(step, file, json.loads(data[file.digest])) for step, file in wanted]
    return [trend for trend in found if trend is not None]


def _data(session: Session, number: str, digests: set[str]) -> dict[str, bytes]:
    run = queries.run_of(session, number)
    rows = session.scalars(
        select(Attachment)
        .where(Attachment.run_id == run.id, Attachment.digest.in_(digests))
        .options(undefer(Attachment.data))
    )
    return {row.digest: queries.stored_file(row) for row in rows}


def _trend(step: StepView, file: AttachmentView, body: Any) -> TrendView | None:
    if not isinstance(body, dict) or not {"tag", "points", "holes"} <= body.keys():
        return None
    start = datetime.fromisoformat(body["from"])
    points = tuple(_point(at, value, start) for at, value in body["points"])
    limits, target = _limits(step, file.code)
    end = datetime.fromisoformat(body["to"])
    return TrendView(
        step=step.key,
        path=step.path,
        step_name=step.name,
        label=file.label,
        tag=body["tag"],
        unit=body.get("unit") or "",
        decimals=_decimals(points),
        start=start,
        end=end,
        points=points,
        holes=tuple(_holes(body, end)),
        limits=limits,
        target=target,
        digest=file.digest,
    )


def _point(at: str, value: str | None, start: datetime) -> TrendPoint:
    # The first point may be older than the step: it is the value in force at its start.
    moment = max(datetime.fromisoformat(at), start)
    return TrendPoint(moment, None if value is None else Decimal(value))


def _holes(body: Mapping[str, Any], end: datetime) -> list[TrendHole]:
    return [
        TrendHole(datetime.fromisoformat(start), datetime.fromisoformat(stop) if stop else end)
        for start, stop in body["holes"]
    ]


def _decimals(points: Sequence[TrendPoint]) -> int:
    """As many decimals as the points carry, at most three."""
    places = [
        max(0, -int(point.value.as_tuple().exponent)) for point in points if point.value is not None
    ]
    return min(max(places, default=0), 3)


def _limits(step: StepView, code: str) -> tuple[tuple[LimitView, ...], str]:
    for value in step.values:
        if value.code == code:
            return value.limits, value.target
    return (), ""
