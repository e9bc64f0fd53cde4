"""Views of records kept by their last entry, the verification badge, and trends with their gaps.

A record whose stream has not grown looks the same, so its view is made once per entry number. The
badge is kept the same way: what was verified up to an entry needs no second look before the next.
"""

from __future__ import annotations

import csv
import io
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from threading import Lock
from typing import Any, TypeVar
from uuid import UUID

from flask import current_app
from sqlalchemy.orm import Session

from audit import chain, restored, verifying
from audit.keys import KeyBook
from audit.streams import Stream
from core.clock import show
from core.house import moment
from core.jobs import Job
from documents.units import symbol
from ebr import queries as records
from ebr import record as documents
from ebr.bundle import PEOPLE_KEYS, SITE_KEYS
from ebr.kinds.base import resolve_tag
from ebr.models import ProcedureRun, StepRecord, StepState
from ebr.opening import context_of
from ebr.report import trends as kept_trends
from ebr.report.model import RecordView
from ebr.report.trends import TrendHole, TrendPoint, TrendView
from hardware import queries as plant
from web import filters, identity

KEPT = 8
T = TypeVar("T")


class Kept:
    """The last few answers by key; shared by the threads of this process."""

    def __init__(self) -> None:
        self._answers: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The answer kept under the key, else a new one."""
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
                found: T = self._answers[key]
                return found
        made = make()
        with self._lock:
            self._answers[key] = made
            while len(self._answers) > KEPT:
                self._answers.popitem(last=False)
        return made


def _kept() -> Kept:
    kept: Kept = current_app.extensions.setdefault("kept_views", Kept())
    return kept


def view_of(session: Session, number: str) -> RecordView:
    """The view of a record as of its last entry. Raises NoSuchRun."""
    run = records.run_of(session, number)
    last = chain.head(session, run.stream)[0]
    return _kept().get(("view", run.stream, last), lambda: documents.view(session, number))


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """What the verification of one record found, as of an entry."""

    ok: bool
    entries: int
    signatures: int
    at: datetime
    problems: tuple[str, ...]


def badge_of(session: Session, stream: str) -> Badge | None:
    """Verify the record up to its last entry; None where this installation holds no site keys."""
    services = identity.house().services
    if SITE_KEYS not in services or PEOPLE_KEYS not in services:
        return None
    keys = restored.keys_now(session, services[SITE_KEYS])
    book = KeyBook.of(keys, services[PEOPLE_KEYS](session))
    last = chain.head(session, stream)[0]

    def verify() -> Badge:
        report = verifying.verify_record(session, Stream.parse(stream), book)
        return Badge(
            ok=not report.problems,
            entries=report.entries,
            signatures=report.signatures,
            at=moment(session).site,
            problems=tuple(str(problem) for problem in report.problems),
        )

    return _kept().get(("badge", stream, last), verify)


@dataclass(frozen=True, slots=True)
class Trend:
    """A trend as its tab shows it: kept in the record, or still being recorded."""

    view: TrendView
    running: bool

    @property
    def name(self) -> str:
        """What it is called in lists and file names."""
        return f"{self.view.step} {self.view.label}"

    def as_json(self) -> dict[str, Any]:
        """What the chart draws; seconds and numbers for the eye, the table has the exact text."""
        view = self.view
        return {
            "label": view.label,
            "unit": symbol(view.unit),
            "points": [[point.at.timestamp(), _height(point.value)] for point in view.points],
            "holes": [[hole.start.timestamp(), hole.end.timestamp()] for hole in view.holes],
            "limits": list(_lines(view)),
            "from": view.start.timestamp(),
            "to": view.end.timestamp(),
        }

    def rows(self) -> list[tuple[datetime, str, str]]:
        """Time, value and remark of every point and hole, in order."""
        found = [
            (point.at, "" if point.value is None else f"{point.value:f}", "")
            for point in self.view.points
        ]
        found += [(hole.start, "", _until(hole)) for hole in self.view.holes]
        return sorted(found, key=lambda row: row[0])

    def as_csv(self) -> str:
        """Site time, value, unit of every point, and the holes as rows of their own."""
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(["site time", "value", "unit", "remark"])
        for at, value, remark in self.rows():
            writer.writerow([show(at, filters.zone()), value, self.view.unit, remark])
        return "\ufeff" + text.getvalue()


def _until(hole: TrendHole) -> str:
    return f"no data until {show(hole.end, filters.zone())} ({hole.seconds} s)"


def _lines(view: TrendView) -> list[dict[str, Any]]:
    return [
        {"label": f"{limit.tier} {end}", "value": float(end), "tier": limit.tier}
        for limit in view.limits
        for end in (limit.low, limit.high)
        if end is not None
    ]


def _height(value: Decimal | None) -> float | None:
    # Pixels need no exact decimals: only the drawing uses this, never a decision.
    return None if value is None else float(value)


def trends(session: Session, run: ProcedureRun, record: RecordView) -> list[Trend]:
    """Every trend kept in the record, and those that are being recorded now."""
    kept = [Trend(view, running=False) for view in kept_trends.of(session, record)]
    return kept + _running(session, run)


def _running(session: Session, run: ProcedureRun) -> list[Trend]:
    found: list[Trend] = []
    for step in records.open_steps(session, run):
        if step.state == StepState.STARTED and step.started_at is not None:
            found += _of_step(session, run, step, step.started_at)
    return found


def _of_step(
    session: Session, run: ProcedureRun, step: StepRecord, started: datetime
) -> list[Trend]:
    now = moment(session).site
    context = context_of(session, run, step, by=identity.actor(), at=now)
    found = []
    for parameter in context.spec.parameters:
        tag = resolve_tag(context, parameter.source) if parameter.source else None
        if not parameter.trend or tag is None:
            continue
        seen = plant.historian(session).trend(tag, started, now)
        view = TrendView(
            step=step.key,
            path=step.path,
            step_name=context.spec.name,
            label=parameter.code.replace("_", " "),
            tag=tag,
            unit=parameter.unit or "",
            decimals=parameter.decimals or 0,
            start=started,
            end=now,
            points=tuple(TrendPoint(point.at, point.value) for point in seen.points),
            holes=tuple(TrendHole(hole.start, hole.end or now) for hole in seen.holes),
            limits=(),
            target="",
            digest="",
        )
        found.append(Trend(view, running=True))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """How far the making of a copy is: `state` is ready, running, done or dead."""

    id: UUID
    state: str
    progress: int
    problem: str

    @property
    def ended(self) -> bool:
        """Nothing more will change."""
        return self.state in ("done", "dead", "cancelled")


def job_of(session: Session, given: str, stream: str) -> JobView | None:
    """The job of that id when it is about this record; None for anything else."""
    found = _job(session, given)
    if found is None or found.payload.get("record") not in (stream, stream.rpartition("/")[2]):
        return None
    return _job_view(found)


def job_with(session: Session, given: str) -> JobView | None:
    """The job of that id, whatever it is about; None when there is none."""
    found = _job(session, given)
    return None if found is None else _job_view(found)


def _job(session: Session, given: str) -> Job | None:
    try:
        return session.get(Job, UUID(given))
    except ValueError:
        return None


def _job_view(found: Job) -> JobView:
    return JobView(
        id=found.id, state=found.state, progress=found.progress, problem=found.problem or ""
    )
