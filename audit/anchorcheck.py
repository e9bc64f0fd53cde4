"""Verification of what vouches for the log: cosignatures, time stamps, times of entries.

Belongs to the verification of a whole site; problems are collected in its report.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.x509 import Certificate
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import cosignatures, timestamps
from audit.anchormodels import Cosignature, TimestampToken
from audit.cosignatures import WitnessKey
from audit.models import Checkpoint, Entry, LogLeaf
from audit.report import Report
from audit.verifier import CheckpointNote, Invalid
from core.db import site_of

TOLERANCE = timedelta(seconds=2)
LONGEST_COMMIT = timedelta(seconds=60)
"""On PostgreSQL writers work side by side: an entry may stand behind a checkpoint that was made
while its transaction was open, which ends after this time at the latest."""
STEPPED = "clock.stepped"
CHUNK = 2000


@dataclass(frozen=True, slots=True)
class Trusted:
    """Keys of witnesses and root certificates of authorities, from outside the database."""

    witnesses: Sequence[WitnessKey] = ()
    roots: Sequence[Certificate] = ()


def check(session: Session, report: Report, trusted: Trusted) -> None:
    """Every stored cosignature and time stamp holds over its checkpoint's note.

    Those of keys that nobody named as trusted are told as not checked.
    """
    signed = select(Checkpoint.size, Checkpoint.note).where(Checkpoint.site_id == site_of(session))
    notes: dict[int, str] = dict(iter(session.execute(signed)))
    keys = {key.hash.hex(): key for key in trusted.witnesses}
    unknown: dict[str, int] = {}
    for row in session.scalars(
        select(Cosignature).where(Cosignature.site_id == site_of(session))
    ).yield_per(CHUNK):
        if row.key_hash not in keys:
            name = f"cosignatures of {row.witness}, whose key is not in the settings"
            unknown[name] = unknown.get(name, 0) + 1
        else:
            _check_cosignature(row, notes.get(row.size), keys[row.key_hash], report)
    for stamp in session.scalars(
        select(TimestampToken).where(TimestampToken.site_id == site_of(session))
    ).yield_per(CHUNK):
        if not trusted.roots:
            unknown["time stamps: no authority is in the settings"] = 1
        else:
            _check_stamp(stamp, notes.get(stamp.size), trusted.roots, report)
    report.not_checked.extend(unknown)


def _check_cosignature(row: Cosignature, note: str | None, key: WitnessKey, report: Report) -> None:
    place = f"cosignature of {row.witness} at size {row.size}"
    if note is None:
        report.add(place, "there is no checkpoint of that size")
        return
    try:
        at = cosignatures.check(CheckpointNote(note + row.line), key, place)
    except Invalid as problem:
        report.add(place, problem.problem)
        return
    if at != row.signed_at:
        report.add(place, f"it was given at {at.isoformat()}, the row says {row.signed_at}")


def _check_stamp(
    row: TimestampToken, note: str | None, roots: Sequence[Certificate], report: Report
) -> None:
    place = f"time stamp of {row.authority} at size {row.size}"
    if note is None:
        report.add(place, "there is no checkpoint of that size")
        return
    try:
        stamped = timestamps.check(bytes(row.token), note, roots)
    except Invalid as problem:
        report.add(place, problem.problem)
        return
    if stamped.at != row.stamped_at:
        report.add(place, f"it says {stamped.at.isoformat()}, the row says {row.stamped_at}")


@dataclass(frozen=True, slots=True)
class _Moments:
    """Sizes of all checkpoints in order, when each was made, and by when it was vouched for."""

    sizes: list[int]
    made: list[datetime]
    vouched: list[datetime | None]


def check_times(session: Session, report: Report) -> None:
    """Each entry's real time lies between the checkpoint before it and the one that covers it.

    2 s either way. Where the clock of the machine was stepped, and the trail says so beside the
    entry, it is a note, as is what a long transaction of PostgreSQL may explain; anywhere else
    somebody wrote a time that was not (URS-TIM-020).
    """
    moments = _moments(session)
    steps = _steps(session)
    side_by_side = session.get_bind().dialect.name == "postgresql"
    for size, made, vouched in zip(moments.sizes, moments.made, moments.vouched, strict=True):
        if vouched is not None and made > vouched + TOLERANCE:
            report.add(f"checkpoint at size {size}", "it was vouched for before it was made")
    for idx, place, real_at in _entry_times(session):
        covering = bisect_right(moments.sizes, idx)
        problem = _outside_bracket(moments, covering, real_at)
        if problem is None:
            continue
        if side_by_side and _may_be_late_commit(moments, covering, real_at):
            report.not_checked.append(f"time of {place}: {problem}; it may be a long transaction")
        elif _is_explained(steps, moments, covering):
            report.not_checked.append(f"time of {place}: {problem}; the clock was stepped there")
        else:
            report.add(place, problem)


def _moments(session: Session) -> _Moments:
    vouched: dict[int, datetime] = {}
    for kind in (Cosignature.signed_at, TimestampToken.stamped_at):
        owner = kind.class_
        rows = session.execute(select(owner.size, kind).where(owner.site_id == site_of(session)))
        for size, at in rows:
            vouched[size] = min(at, vouched.get(size, at))
    made = session.execute(
        select(Checkpoint.size, Checkpoint.at)
        .where(Checkpoint.site_id == site_of(session))
        .order_by(Checkpoint.size)
    )
    sizes, times = [], []
    for size, at in made:
        sizes.append(size)
        times.append(at)
    return _Moments(sizes, times, [vouched.get(size) for size in sizes])


def _outside_bracket(moments: _Moments, covering: int, real_at: datetime) -> str | None:
    told = real_at.isoformat(timespec="seconds")
    if covering and real_at < moments.made[covering - 1] - TOLERANCE:
        before = moments.made[covering - 1].isoformat(timespec="seconds")
        return f"its time {told} lies before the checkpoint that it follows ({before})"
    if covering < len(moments.sizes):
        upper = moments.vouched[covering]
        latest = moments.made[covering] if upper is None else min(moments.made[covering], upper)
        if real_at > latest + TOLERANCE:
            after = latest.isoformat(timespec="seconds")
            return f"its time {told} lies after the checkpoint that covers it ({after})"
    return None


def _may_be_late_commit(moments: _Moments, covering: int, real_at: datetime) -> bool:
    return covering > 0 and (
        moments.made[covering - 1] - LONGEST_COMMIT <= real_at < moments.made[covering - 1]
    )


def _is_explained(steps: list[int], moments: _Moments, covering: int) -> bool:
    """A told step of the clock stands in the same stretch of the log or in the two after it."""
    begin = moments.sizes[covering - 1] if covering else 0
    last = min(covering + 2, len(moments.sizes) - 1)
    end = moments.sizes[last] if moments.sizes else 0
    return any(begin <= idx < end for idx in steps)


def _steps(session: Session) -> list[int]:
    return list(
        session.scalars(
            select(LogLeaf.idx)
            .join(Entry, Entry.id == LogLeaf.entry_id)
            .where(Entry.site_id == site_of(session), Entry.action == STEPPED)
        )
    )


def _entry_times(session: Session) -> Iterator[tuple[int, str, datetime]]:
    rows = session.execute(
        select(LogLeaf.idx, Entry.rec, Entry.rseq, Entry.payload)
        .join(Entry, Entry.id == LogLeaf.entry_id)
        .where(LogLeaf.site_id == site_of(session))
        .order_by(LogLeaf.idx)
        .execution_options(yield_per=CHUNK)
    )
    for idx, rec, rseq, payload in rows:
        try:
            real_at = datetime.fromisoformat(json.loads(payload)["real_at"])
        except (ValueError, KeyError, TypeError):
            continue  # what cannot be read is a problem of its chain
        yield idx, f"entry {rseq} of {rec}", real_at.astimezone(UTC)
