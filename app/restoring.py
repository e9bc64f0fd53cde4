"""The way out of a restored site: two people sign what was lost; it goes on (URS-BAK-040).

The quality unit decides, with a reason; another person of the quality unit or an administrator
confirms. The confirmation opens an incident, marks every record under way, strikes the lost
positions of the log through, lets the number series jump, and gives the log a new name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import outside
from audit import log, notefile, restored, trail
from audit.anchormodels import Restoration
from audit.models import Checkpoint, Signature
from audit.signatures import SignedContent
from audit.streams import SITE, Stream
from core.actors import Actor
from core.clock import show
from core.db import site_of
from core.errors import Refusal
from core.house import moment
from core.settings import Settings
from ebr import queries as records
from ebr import rules as record_rules
from ebr.commands.steps import require_confirmation
from ebr.context import raise_exception
from ebr.models import ProcedureRun, RunState
from inventory.models import LabelSeries
from maintenance.models import WorkSeries
from personnel import permissions, signing
from personnel import queries as people
from personnel.signing import Confirmation
from production.models import NumberSeries
from quality.commands import deviations
from quality.commands.deviations import NewDeviation
from quality.models import DeviationSeries
from workflows.words import Severity

OBJECT = "restoration"
DECIDE, CONFIRM = "restore.decide", "restore.confirm"
DECIDED, CONFIRMED = "approved", "verified"
TYPE = "restored"
STANDING = (RunState.RUNNING, RunState.HELD)
RESTORER = Actor.service("restoration", trigger="two signatures")
EQUIPMENT = "site database"
AnySeries = NumberSeries | DeviationSeries | LabelSeries | WorkSeries
Notes = Sequence[tuple[str, str]]
"""Notes of the anchor file with the times at which they were written there."""


class NotRestored(Refusal):
    """There is nothing to sign: this site was not restored, or somebody has signed already."""

    rule = "site.not_restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """What was lost: positions `kept_size` to `lost_size` of the log named `former_origin`, real
    times as far as they are known; what follows stands in the log `origin`."""

    former_origin: str
    origin: str
    kept_size: int
    lost_size: int
    lost_from: datetime | None
    lost_to: datetime | None
    source: str
    problem: str
    note: str | None

    @property
    def count(self) -> int:
        """How many entries are lost: no more numbers than that can have been given."""
        return self.lost_size - self.kept_size


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """For the page: what was lost, and who has decided already."""

    lost: Lost
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None


class Restoring:
    """The service ``restoring`` of the house: what the page of a restored site asks and does."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def notes(self) -> Notes:
        """The notes kept outside, read before any transaction."""
        path = outside.anchor_file(self._settings)
        return [] if path is None else notefile.read_end(path, most_bytes=1 << 26).notes

    def standing(self, session: Session, notes: Notes) -> Standing | None:
        """What there is to sign, None for a site in order."""
        if not restored.is_restored(session):
            return None
        lost = lost_range(session, notes)
        first = _decision(session, lost)
        return Standing(
            lost=lost,
            decided_by=None if first is None else f"{first.printed_name} ({first.signer})",
            decided_at=None if first is None else first.at,
            reason=None if first is None else first.reason,
        )

    def decide(
        self,
        session: Session,
        notes: Notes,
        reason: str,
        *,
        by: Actor,
        at: datetime,
        signed_by: Confirmation | None = None,
        rehearsal: bool = False,
    ) -> SignedContent:
        """The quality unit signs that this restore is meant, and why; nothing else changes yet.

        Raises NotPermitted, NotRestored, ReasonNeeded; deciding anew replaces what was decided.
        """
        role = permissions.require(session, by, DECIDE)
        lost = lost_range(session, notes)
        words = record_rules.need_reason(reason, "the restoration of a site")
        shown = _content(session, lost, words)
        with trail.act(
            session, "site.restore_decided", stream=SITE, by=by, object=OBJECT, reason=words
        ) as act:
            if not rehearsal:
                given = require_confirmation(signed_by, OBJECT, DECIDED)
                signing.seal(
                    session, given, shown, meaning=DECIDED, role=role, reason=words, act=act
                )
        return shown

    def confirm(
        self,
        session: Session,
        notes: Notes,
        *,
        by: Actor,
        at: datetime,
        signed_by: Confirmation | None = None,
        rehearsal: bool = False,
    ) -> SignedContent:
        """A second person signs the same content, and the site goes on in a new history.

        Raises NotPermitted, NotRestored (also before the decision), NotIndependent.
        """
        role = permissions.require(session, by, CONFIRM)
        lost = lost_range(session, notes)
        first = _decision(session, lost)
        if first is None:
            raise NotRestored(
                "the quality unit has not decided about this restore yet", resolver="QA"
            )
        people.require_independent(session, by.id, [first.signer])
        words = first.reason or ""
        shown = _content(session, lost, words)
        with trail.act(
            session, "site.restored", stream=SITE, by=by, object=OBJECT, reason=words,
            facts=_facts(lost, moment(session).zone),
        ) as act:  # fmt: skip
            if not rehearsal:
                given = require_confirmation(signed_by, OBJECT, CONFIRMED)
                signing.seal(
                    session, given, shown, meaning=CONFIRMED, role=role, prior=first, act=act
                )
            incident = begin_new_history(session, lost, by=by, at=at)
            session.add(_row(lost, words, incident, first.signer, by.id, at))
        return shown


def lost_range(session: Session, notes: Notes) -> Lost:
    """What the findings say was lost; `NotRestored` when there is none."""
    found = restored.findings(session)
    if not found:
        raise NotRestored("this site was not restored", resolver="nobody: it is in order")
    largest = found[0]
    kept = restored.kept_size(session, largest.size, [note for _at, note in notes])
    written = [at for at, note in notes if note == largest.note]
    return Lost(
        former_origin=restored.origin_now(session),
        origin=restored.next_origin(session),
        kept_size=kept,
        lost_size=max(largest.size, kept),
        lost_from=_checkpoint_time(session, kept),
        lost_to=datetime.fromisoformat(written[-1]) if written else None,
        source=largest.source,
        problem=largest.problem,
        note=largest.note,
    )


def _checkpoint_time(session: Session, size: int) -> datetime | None:
    return session.scalar(
        select(func.max(Checkpoint.at)).where(
            Checkpoint.site_id == site_of(session), Checkpoint.size <= size
        )
    )


def _content(session: Session, lost: Lost, reason: str) -> SignedContent:
    return SignedContent(
        record=str(SITE),
        object=OBJECT,
        version=restored.generation(lost.origin),
        content={**_facts(lost, moment(session).zone), "reason": reason},
    )


def _facts(lost: Lost, zone: str) -> dict[str, Any]:
    return {
        "former_log": lost.former_origin,
        "new_log": lost.origin,
        "kept_entries": lost.kept_size,
        "known_entries": lost.lost_size,
        "lost_from": _time(lost.lost_from, zone),
        "lost_to": _time(lost.lost_to, zone),
        "known_from": lost.source,
        "finding": lost.problem,
    }


def _time(told: datetime | None, zone: str) -> str:
    return "not known" if told is None else show(told, zone)


def _decision(session: Session, lost: Lost) -> Signature | None:
    """The newest decision about exactly this restore: of a change of the finding none is left."""
    signed = session.scalars(
        select(Signature)
        .where(Signature.site_id == site_of(session), Signature.record == str(SITE))
        .where(Signature.object == OBJECT, Signature.meaning == DECIDED)
        .where(Signature.record_version == restored.generation(lost.origin))
        .order_by(Signature.real_at.desc(), Signature.id.desc())
        .limit(1)
    ).one_or_none()
    if (
        signed is None
        or _content(session, lost, signed.reason or "").digest() != signed.content_digest
    ):
        return None
    return signed


def _row(
    lost: Lost, reason: str, incident: str, decided_by: str, confirmed_by: str, at: datetime
) -> Restoration:
    return Restoration(
        former_origin=lost.former_origin,
        origin=lost.origin,
        kept_size=lost.kept_size,
        lost_size=lost.lost_size,
        lost_from=lost.lost_from,
        lost_to=lost.lost_to,
        outside_note=lost.note,
        source=lost.source,
        incident=incident,
        reason=reason,
        decided_by=decided_by,
        confirmed_by=confirmed_by,
        restored_at=at,
    )


def begin_new_history(session: Session, lost: Lost, *, by: Actor, at: datetime) -> str:
    """Everything that makes the new history another one; answers the number of the incident."""
    _jump_numbers(session, lost.count)
    incident = _open_incident(session, lost, at=at)
    for run in records.runs(session, states=STANDING):
        _mark(session, run, lost, incident, at=at)
    _strike_through(session, lost)
    restored.forget(session)
    return incident


def _jump_numbers(session: Session, by_count: int) -> None:
    """No number that the lost history may have given is given again: one entry, one number."""
    for row in _every_series(session):
        row.next += by_count
    session.flush()


def _every_series(session: Session) -> Iterator[AnySeries]:
    for kind in (NumberSeries, DeviationSeries, LabelSeries, WorkSeries):
        query = select(kind).where(kind.site_id == site_of(session)).order_by(kind.id)
        yield from cast(Iterable[AnySeries], session.scalars(query.with_for_update()))


def _open_incident(session: Session, lost: Lost, *, at: datetime) -> str:
    zone = moment(session).zone
    since, until = _time(lost.lost_from, zone), _time(lost.lost_to, zone)
    title = (
        f"The site was restored to an earlier state: {lost.count} entries of the log are lost"
        f" (from: {since}, to: {until})"
    )
    new = NewDeviation(title=title, severity=Severity.CRITICAL.value, equipment=EQUIPMENT)
    return deviations.open_by_system(session, new, by=RESTORER, at=at)


def _mark(session: Session, run: ProcedureRun, lost: Lost, incident: str, *, at: datetime) -> None:
    """A record under way says that its end was lost, and from where its numbers begin anew."""
    facts = {"deviation": incident, "log": lost.origin, "kept_entries": lost.kept_size}
    with trail.act(
        session, "record.restored", stream=Stream.parse(run.stream), by=RESTORER,
        object=run.number, facts=facts,
    ):  # fmt: skip
        raise_exception(
            session,
            run,
            None,
            TYPE,
            Severity.MAJOR,
            f"Entries of this record may be lost ({incident}): the site was restored to an"
            f" earlier state. What follows stands in the log {lost.origin}.",
            facts={"deviation": incident},
            by=RESTORER,
            at=at,
        )


def _strike_through(session: Session, lost: Lost) -> None:
    """One entry for each position of the log that the lost history had taken.

    The sequencer takes them before anything else that waits, so that no other entry, be it of the
    backup or of this restoration, gets a position that was given once already.
    """
    missing = lost.lost_size - log.size_of(session)
    stream = Stream(restored.LOST, f"{lost.kept_size}-{lost.lost_size}")
    for number in range(1, missing + 1):
        facts = {"log": lost.former_origin, "number": number, "of": missing}
        with trail.act(session, "log.position_lost", stream=stream, by=RESTORER, facts=facts):
            pass  # The entry is all: it takes the place of one that is lost.
