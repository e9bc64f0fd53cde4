"""Handing checkpoints to whoever vouches for them outside: witness, file, time-stamp authority.

Runs beside the worker in a thread of its own, so that a silent witness holds nobody up, and never
inside a transaction: look, ask outside, then store what came back (URS-AUD-060). What was stored
twice by two workers is one row; what was received and not stored before a crash is asked for again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from cryptography.x509 import Certificate
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import outside
from audit import anchors, checkpoints, cosignatures, log, notefile, timestamps, trail
from audit.anchorcheck import Trusted
from audit.anchormodels import AnchorState, Cosignature, TimestampToken
from audit.cosignatures import WitnessKey
from audit.models import Checkpoint, Entry, LogLeaf
from audit.restored import Ahead
from audit.streams import SITE
from audit.verifier import CheckpointNote, Invalid
from audit.witnessclient import Answer, NoAnswer, add_checkpoint, post
from core import logs
from core.actors import Actor
from core.db import site_of
from core.errors import BatchwrightError, BrokenPromise
from core.house import House, moment
from core.settings import Settings

EVERY_SECONDS = 2.0
RELEASES = ("batch.released", "batch.decided")
ANCHORING = Actor.service("anchoring", trigger="a new checkpoint of the log")
TRIES = 3
logger = logs.logger(__name__)


class Failed(BatchwrightError):
    """One attempt with one anchor went wrong; the text says why."""


@dataclass(frozen=True, slots=True)
class Newest:
    """A checkpoint as read before anything is sent."""

    size: int
    note: str
    origin: str
    at: datetime


@dataclass(frozen=True, slots=True)
class WitnessAt:
    """A log witness of the settings."""

    url: str
    key: WitnessKey


@dataclass(frozen=True, slots=True)
class AuthorityAt:
    """A time-stamp authority of the settings."""

    url: str
    roots: Sequence[Certificate]


@dataclass(frozen=True, slots=True)
class Configured:
    """The anchors that the settings name."""

    witnesses: tuple[WitnessAt, ...] = ()
    file: Path | None = None
    authority: AuthorityAt | None = None

    @classmethod
    def of(cls, settings: Settings) -> Configured:
        """Read the settings; BrokenPromise naming the one that is not as it must be."""
        try:
            witnesses = [_witness(part) for part in settings.log_witness.split(",") if part.strip()]
            authority = _authority(settings.time_authority)
        except (ValueError, OSError, Invalid) as problem:
            raise BrokenPromise(
                f"BATCHWRIGHT_LOG_WITNESS is 'URL KEY' and BATCHWRIGHT_TIME_AUTHORITY 'URL FILE':"
                f" {problem}"
            ) from None
        return cls(tuple(witnesses), outside.anchor_file(settings), authority)

    @property
    def trusted(self) -> Trusted:
        """The keys and certificates by which stored cosignatures and time stamps are verified."""
        roots = self.authority.roots if self.authority else ()
        return Trusted(tuple(at.key for at in self.witnesses), tuple(roots))

    @property
    def names(self) -> set[tuple[str, str]]:
        """Kind and name of each anchor."""
        found = {(anchors.WITNESS, at.key.name) for at in self.witnesses}
        if self.file is not None:
            found.add((anchors.FILE, str(self.file)))
        if self.authority is not None:
            found.add((anchors.AUTHORITY, self.authority.url))
        return found


def _witness(text: str) -> WitnessAt:
    url, vkey = text.split()
    return WitnessAt(url, WitnessKey(vkey))


def _authority(text: str) -> AuthorityAt | None:
    if not text.strip():
        return None
    url, file = text.split(maxsplit=1)
    return AuthorityAt(url, tuple(timestamps.roots_of(Path(file).read_bytes())))


class Anchoring:
    """All anchors of one site, one round at a time; `run` does rounds until told to stop."""

    def __init__(self, house: House, settings: Settings) -> None:
        self._house = house
        self._settings = settings
        self._configured = Configured.of(settings)
        self._told = False
        self._asked: set[str] = set()

    @property
    def is_needed(self) -> bool:
        """Whether anything is configured, or was before and has to be told off."""
        with self._house.reading() as session:
            return bool(self._configured.names or anchors.standing(session))

    def run(self, stop: threading.Event) -> None:
        """Rounds, `EVERY_SECONDS` apart; what goes wrong is logged and tried again."""
        while not stop.wait(EVERY_SECONDS):
            self.safe_round()

    def safe_round(self) -> None:
        """One round; what goes wrong is logged.

        A worker does the first one before all else: the witness may know more than this database.
        """
        try:
            self.round()
        except Exception:
            logger.error("anchoring.round_failed", exc_info=True)

    def round(self) -> None:
        """Hand the newest checkpoint to every anchor that lacks it; alarm for the silent ones."""
        if not self._told:
            self._tell_configuration()
            self._told = True
        if (newest := self._newest()) is None:
            return
        for at in self._configured.witnesses:
            self._attempt(anchors.WITNESS, at.key.name, partial(self._witness, at, newest))
        if (file := self._configured.file) is not None:
            self._attempt(anchors.FILE, str(file), partial(self._append, file, newest))
        if (authority := self._configured.authority) is not None:
            self._attempt(anchors.AUTHORITY, authority.url, partial(self._stamp, authority, newest))
        self._alarm()

    def _newest(self) -> Newest | None:
        with self._house.reading() as session:
            found = checkpoints.latest(session)
            if found is None or outside.is_restored(session):
                return None
            return Newest(found.size, found.note, CheckpointNote(found.note).origin, found.at)

    # --- log witness ---

    def _witness(self, at: WitnessAt, newest: Newest) -> int:
        """The witness cosigns the newest checkpoint, however far behind it is."""
        old = self._cosigned(at, newest)
        if old == newest.size and at.url in self._asked:
            return old  # at the first time it is asked all the same: it may know more
        for _ in range(TRIES):
            answer = self._submit(at, old, newest)
            self._asked.add(at.url)
            if answer.told_size is None:
                return self._take(at, answer, newest)
            told = answer.told_size
            if told > newest.size or told == old:
                return self._ahead(at, told, newest)
            old = told
        raise Failed("the witness contradicts itself about the size that it cosigned last")

    def _cosigned(self, at: WitnessAt, newest: Newest) -> int:
        """The largest size of this log that the witness is known to have cosigned."""
        with self._house.reading() as session:
            size, note = session.execute(
                select(Cosignature.size, Checkpoint.note)
                .join(Checkpoint, (Checkpoint.size == Cosignature.size))
                .where(
                    Cosignature.site_id == site_of(session), Checkpoint.site_id == site_of(session)
                )
                .where(Cosignature.key_hash == at.key.hash.hex())
                .order_by(Cosignature.size.desc())
                .limit(1)
            ).one_or_none() or (0, "")
        return size if note and CheckpointNote(note).origin == newest.origin else 0

    def _submit(self, at: WitnessAt, old: int, newest: Newest) -> Answer:
        proof: list[bytes] = []
        if 0 < old <= newest.size:
            with self._house.reading() as session:
                proof = log.consistency_proof(log.StoredTree(session).read, old, newest.size)
        return add_checkpoint(at.url, old, proof, newest.note)

    def _ahead(self, at: WitnessAt, told: int, newest: Newest) -> int:
        """The witness has cosigned more than there is here, or another tree of this size."""
        again = self._newest()
        if again is not None and again.size >= told > newest.size:
            raise Failed("another worker hands over newer checkpoints")
        problem = (
            f"the log witness cosigned {told} entries, here are only {newest.size}"
            if told > newest.size
            else f"the log witness cosigned another log of {told} entries"
        )
        self._found(at, told, newest, problem)
        raise Failed(problem)

    def _found(self, at: WitnessAt, size: int, newest: Newest, problem: str) -> None:
        found = Ahead(
            source=f"log witness {at.key.name}",
            origin=newest.origin,
            size=size,
            note=None,
            problem=problem,
        )
        outside.tell(self._house, found)

    def _take(self, at: WitnessAt, answer: Answer, newest: Newest) -> int:
        text = answer.body.decode("utf-8", "replace").strip()
        if answer.status == 422:
            problem = "the log witness cosigned entries that are not the first ones here"
            self._found(at, newest.size, newest, problem)
            raise Failed(problem)
        if answer.status != 200:
            hint = " (it does not follow this log: log-witness trust, or new-history)"
            raise Failed(f"answer {answer.status}: {text[:200]}{hint * (answer.status == 404)}")
        lines = [line for line in text.split("\n") if line.startswith(f"\u2014 {at.key.name} ")]
        try:
            note = CheckpointNote(newest.note + "".join(f"{line}\n" for line in lines))
            signed_at = cosignatures.check(note, at.key)
        except Invalid as problem:
            raise Failed(f"its cosignature does not hold: {problem}") from None
        self._store_once(
            Cosignature,
            size=newest.size,
            witness=at.key.name,
            key_hash=at.key.hash.hex(),
            line=f"{lines[0]}\n",
            signed_at=signed_at,
        )
        return newest.size

    # --- file ---

    def _append(self, file: Path, newest: Newest) -> int:
        """The note is in the file, on its disk."""
        try:
            held = notefile.read_end(file).notes
            if not held or held[-1][1] != newest.note:
                notefile.append(file, newest.note, at=self._house.clock.now())
        except OSError as problem:
            raise Failed(f"the file cannot be written ({problem.strerror})") from None
        return newest.size

    # --- time stamps ---

    def _stamp(self, at: AuthorityAt, newest: Newest) -> int:
        """Today's time stamp, and one over every release that has none yet."""
        wanted = self._wanted(at, newest)
        if not wanted:
            return newest.size
        asked = timestamps.request_for(newest.note)
        answer = post(at.url, asked.as_bytes(), "application/timestamp-query")
        if answer.status != 200:
            raise Failed(f"answer {answer.status}")
        try:
            stamped = timestamps.check(answer.body, newest.note, at.roots, asked)
        except Invalid as problem:
            raise Failed(str(problem)) from None
        for purpose, subject in wanted:
            self._store_once(
                TimestampToken,
                size=newest.size,
                purpose=purpose,
                subject=subject,
                authority=at.url,
                token=stamped.token,
                stamped_at=stamped.at,
            )
        return newest.size

    def _wanted(self, at: AuthorityAt, newest: Newest) -> list[tuple[str, str]]:
        with self._house.reading() as session:
            today = moment(session).real.date().isoformat()
            released = session.scalar(
                select(func.max(LogLeaf.idx))
                .join(Entry, Entry.id == LogLeaf.entry_id)
                .where(Entry.site_id == site_of(session), Entry.action.in_(RELEASES))
                .where(LogLeaf.idx < newest.size)
            )
            wished = [(timestamps.DAILY, today)]
            if released is not None:
                wished.append((timestamps.RELEASE, str(released)))
            return [wish for wish in wished if not _is_stamped(session, at.url, *wish)]

    # --- what went well and what did not ---

    def _attempt(self, kind: str, name: str, act: Callable[[], int]) -> None:
        try:
            size, problem = act(), None
        except (Failed, NoAnswer) as failure:
            size, problem = 0, str(failure)
        self._note(kind, name, size, problem)

    def _note(self, kind: str, name: str, size: int, problem: str | None) -> None:
        with self._house.reading() as session:
            row = _state(session, kind, name)
            if row is not None and problem is not None and row.problem == problem:
                return
            if row is not None and problem is None and not row.problem and row.size == size:
                return
        with self._house.transaction() as session:
            row = _state(session, kind, name)
            if row is None:
                return
            row.problem = problem
            if problem is None:
                row.size, row.succeeded_at = size, moment(session).steady
                if row.alarmed:
                    row.alarmed = False
                    self._tell(session, "anchor.answers", row)

    def _alarm(self) -> None:
        with self._house.reading() as session:
            rows = [at for at in anchors.standing(session) if at.silent]
            new = [at for at in rows if not _alarmed(session, at)]
        for at in new:
            logger.error("anchor.silent", kind=at.kind, seconds=int(at.age.total_seconds()))
            with self._house.transaction() as session:
                row = _state(session, at.kind, at.name)
                if row is not None and not row.alarmed:
                    row.alarmed = True
                    self._tell(session, "anchor.silent", row)

    def _tell(self, session: Session, action: str, row: AnchorState) -> None:
        facts = {"kind": row.kind, "size": row.size, "problem": row.problem or ""}
        with trail.act(session, action, stream=SITE, by=ANCHORING, object=row.name, facts=facts):
            pass  # The entry is all.

    def _tell_configuration(self) -> None:
        """Anchors that come and go leave entries: nobody takes the witness away in silence."""
        with self._house.reading() as session:
            known = {(at.kind, at.name) for at in anchors.standing(session)}
        if known == self._configured.names:
            return
        with self._house.transaction() as session:
            for kind, name in sorted(self._configured.names - known):
                row = AnchorState(kind=kind, name=name, size=0, alarmed=False)
                row.known_since = moment(session).steady
                session.add(row)
                self._tell(session, "anchor.added", row)
            for kind, name in sorted(known - self._configured.names):
                gone = _state(session, kind, name)
                if gone is not None:
                    self._tell(session, "anchor.removed", gone)
                    session.delete(gone)

    def _store_once(self, kind: type[Cosignature | TimestampToken], **told: Any) -> None:
        try:
            with self._house.transaction() as session:
                anchors.store(session, kind, **told)
        except IntegrityError:
            logger.info("anchoring.stored_already", table=kind.__tablename__)


def _state(session: Session, kind: str, name: str) -> AnchorState | None:
    return session.scalars(
        select(AnchorState).where(
            AnchorState.site_id == site_of(session),
            AnchorState.kind == kind,
            AnchorState.name == name,
        )
    ).one_or_none()


def _alarmed(session: Session, at: anchors.Standing) -> bool:
    row = _state(session, at.kind, at.name)
    return row is not None and row.alarmed


def _is_stamped(session: Session, authority: str, purpose: str, subject: str) -> bool:
    found = session.scalar(
        select(func.count())
        .select_from(TimestampToken)
        .where(
            TimestampToken.site_id == site_of(session),
            TimestampToken.authority == authority,
            TimestampToken.purpose == purpose,
            TimestampToken.subject == subject,
        )
    )
    return bool(found)
