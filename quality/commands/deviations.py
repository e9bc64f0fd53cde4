"""Deviations: opened by the system or a person, closed by the quality unit, never deleted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import trail
from audit.signatures import SignedContent
from audit.streams import SITE, Stream
from core.actors import Actor, ActorKind
from core.events import publish
from ebr import rules as record_rules
from ebr.commands.steps import require_confirmation
from personnel import permissions, signing
from personnel import queries as people
from personnel.signing import Confirmation
from quality import queries, rules
from quality.errors import DeviationClosed
from quality.events import DeviationOpened, DeviationWasClosed
from quality.models import Deviation, DeviationSeries, DeviationState

PREFIX = "DEV-"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDeviation:
    """What is known when a deviation is opened; `exception` is its number within `record`."""

    title: str
    severity: str
    record: str | None = None
    exception: int | None = None
    equipment: str | None = None


def make_series(
    session: Session, *, first: int, prefix: str = PREFIX, by: Actor, at: datetime
) -> None:
    """Set up the number series of deviations, beginning with `first`."""
    with trail.act(session, "series.made", stream=SITE, by=by, object="deviation"):
        session.add(DeviationSeries(prefix=prefix, next=first))


def open_deviation(session: Session, new: NewDeviation, *, by: Actor, at: datetime) -> str:
    """Open a deviation by a person's hand; answers its number. Raises NotPermitted."""
    permissions.require(session, by, "exception.raise")
    record_rules.need_reason(new.title, "a deviation")
    return open_by_system(session, new, by=by, at=at)


def open_by_system(session: Session, new: NewDeviation, *, by: Actor, at: datetime) -> str:
    """Open a deviation as the consequence of another fact, in the transaction of that fact."""
    number = _draw(session, by)
    with trail.act(
        session,
        "deviation.opened",
        stream=Stream("deviation", number),
        by=by,
        object=number,
        facts={"record": new.record or "", "exception": new.exception or 0},
    ):
        session.add(
            Deviation(
                number=number,
                title=new.title,
                severity=new.severity,
                state=DeviationState.OPEN,
                record=new.record,
                exception=new.exception,
                equipment=new.equipment,
                found_at=at,
                opened_by=by.id,
            )
        )
    publish(
        session,
        DeviationOpened(number=number, record=new.record, exception=new.exception, by=by, at=at),
    )
    return number


def _draw(session: Session, by: Actor) -> str:
    with trail.act(session, "series.drawn", stream=SITE, by=by, object="deviation") as drawn:
        series = session.scalars(
            select(DeviationSeries).order_by(DeviationSeries.id).limit(1).with_for_update()
        ).one_or_none()
        if series is None:
            series = DeviationSeries(prefix=PREFIX, next=1)
            session.add(series)
        number = rules.deviation_number(series.prefix, series.next)
        series.next += 1
        session.flush()
        drawn.facts["number"] = number
    return number


def closing(found: Deviation, conclusion: str) -> SignedContent:
    """What the signature on a closed deviation covers."""
    return SignedContent(
        record=f"deviation/{found.number}",
        object=found.number,
        version=found.version,
        content={
            "kind": "deviation",
            "number": found.number,
            "title": found.title,
            "severity": found.severity,
            "record": found.record,
            "exception": found.exception,
            "conclusion": conclusion,
        },
    )


def close_deviation(
    session: Session,
    number: str,
    conclusion: str,
    *,
    by: Actor,
    at: datetime,
    signed_by: Confirmation | None = None,
    rehearsal: bool = False,
) -> SignedContent:
    """Close a deviation, signed ``approved``, with its conclusion (URS-DEV-030).

    Raises NotPermitted, NotIndependent for whoever opened it, DeviationClosed, ReasonNeeded.
    """
    role = permissions.require(session, by, "deviation.manage")
    found = queries.deviation(session, number)
    if found.state != DeviationState.OPEN:
        raise DeviationClosed(
            f"{number} is closed already", resolver="quality unit: open a new one for what is new"
        )
    if by.kind is ActorKind.PERSON and people.find(session, found.opened_by) is not None:
        people.require_independent(session, by.id, [found.opened_by])
    words = record_rules.need_reason(conclusion, "closing a deviation")
    shown = closing(found, words)
    stream = Stream("deviation", number)
    with trail.act(
        session, "deviation.closed", stream=stream, by=by, object=number, reason=words
    ) as act:
        if not rehearsal:
            given = require_confirmation(signed_by, number, "approved")
            signing.seal(
                session, given, shown, meaning="approved", role=role, reason=words, act=act
            )
        found.state, found.conclusion = DeviationState.CLOSED, words
        found.closed_at, found.closed_by = at, by.id
    publish(session, DeviationWasClosed(number=number, record=found.record, by=by, at=at))
    return shown
