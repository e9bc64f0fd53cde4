"""A database older than what is known outside, or another history: restored, hence read-only.

The start-up guard of URS-BAK-040. Checkpoints kept outside (anchor file, log witness) are compared
with this database's log. Where the log lacks one of them, the site only reads, until two people
have signed a restoration that names the lost range. From then on:

- the log goes on under a new origin (``.../2``, ``.../3``), so that no checkpoint of the lost
  history can pass for one of the new; its former keys still verify what was kept;
- every lost position of the log is struck through by an entry of its own, so that whatever is
  recorded afterwards stands beyond the largest size that anybody outside has seen;
- number series jump by the number of lost entries, as no more numbers can have been given.

Numbers inside a record's own stream cannot be jumped, as nobody outside knows them: there the
origin and the position in the log tell the histories apart.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Table, delete, exists, select
from sqlalchemy.orm import Session

from audit import checkpoints, log
from audit import trail as trails
from audit.anchormodels import OutsideAhead, Restoration
from audit.keys import SiteKeys
from audit.verifier import CheckpointNote, Invalid, LogKey, note_key_hash
from core.db import site_of
from core.errors import Refusal
from core.house import moment
from core.sites import the_site

_AHEAD = OutsideAhead.__table__
_ANY = select(exists().select_from(_AHEAD))
GENERATION = re.compile(r"/([2-9]|[1-9][0-9]{1,5})\Z")
PERMITTED = (
    "login.", "unlock.", "session.", "signing.", "passphrase_change.", "enrolment.",
    "credential.", "undertaking.", "account.", "anchor.", "site.restore",
)  # fmt: skip
"""Acts that a restored site still does: people come in, prove who they are, and end it."""
ATTEMPT = "attempt.refused"
LOST = "lost"
"""Kind of the streams whose entries strike lost positions of the log through."""
RESOLVER = "the quality unit and a second person, by signing the restoration"


class Restored(Refusal):
    """The database is older than a checkpoint kept outside: only reading (URS-BAK-040)."""

    rule = "site.restored"
    http_status = 503


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """A checkpoint known outside that this log does not contain; `note` None if only its size is
    known (a log witness tells no more)."""

    source: str
    origin: str
    size: int
    note: str | None
    problem: str


class RestoredGuard:
    """Refuses what a restored site must not do (a `core.house.SessionGuard`, before the trail)."""

    def begin(self, session: Session) -> None:
        """Nothing to prepare."""

    def before_commit(self, session: Session) -> None:
        """`Restored` when an act is not one of the few that are left."""
        acts = trails.trail_of(session).acts
        if all(act.action.startswith(PERMITTED) or act.action == ATTEMPT for act in acts):
            return
        if is_restored(session):
            found = findings(session)[0]
            raise Restored(
                f"this site was restored to an earlier state and only reads: {found.problem}",
                resolver=RESOLVER,
            )


def is_restored(session: Session) -> bool:
    """Whether a finding stands: one question to a table that is empty all its life."""
    return bool(session.connection().execute(_ANY).scalar_one())


def findings(session: Session) -> Sequence[OutsideAhead]:
    """What is known outside and not here, the largest first; empty for a site in order."""
    return session.scalars(
        select(OutsideAhead)
        .where(OutsideAhead.site_id == site_of(session))
        .order_by(OutsideAhead.size.desc(), OutsideAhead.source)
    ).all()


def restorations(session: Session) -> Sequence[Restoration]:
    """All restorations of this site, oldest first."""
    found = session.scalars(select(Restoration).where(Restoration.site_id == site_of(session)))
    return sorted(found, key=lambda row: generation(row.origin))


def origin_now(session: Session) -> str:
    """The name of the log: that of the site, or the one of the last restoration."""
    done = restorations(session)
    return done[-1].origin if done else checkpoints.origin(the_site(session).name)


def strikes_through(session: Session) -> bool:
    """Whether the log is still shorter than a history that was lost and signed for."""
    done = restorations(session)
    return bool(done) and log.size_of(session) < done[-1].lost_size


def generation(origin: str) -> int:
    """Which history of the site an origin names; the first has no number in its name."""
    found = GENERATION.search(origin)
    return int(found[1]) if found else 1


def next_origin(session: Session) -> str:
    """A name that neither this database nor anybody outside has seen yet."""
    base = checkpoints.origin(the_site(session).name)
    seen = [origin_now(session), *(row.origin for row in findings(session))]
    return f"{base}/{max(generation(origin) for origin in seen) + 1}"


def keys_now(session: Session, keys: SiteKeys) -> SiteKeys:
    """The site's keys as they sign now: in the name of the newest origin, former names retired."""
    done = restorations(session)
    if not done:
        return keys
    names = {checkpoints.origin(the_site(session).name), *(row.origin for row in done)}
    publics = {key.public: None for key in keys.log_keys()}
    signer = keys.log.named(done[-1].origin)
    every = [vkey_of(name, public) for name in sorted(names) for public in publics]
    known = dict.fromkeys([*keys.retired_log, *every])
    known.pop(signer.vkey, None)
    return replace(keys, log=signer, retired_log=tuple(known))


def vkey_of(origin: str, public: bytes) -> str:
    """The verifier key of a log key in the name of an origin."""
    encoded = base64.b64encode(b"\x01" + public).decode("ascii")
    return f"{origin}+{note_key_hash(origin, public).hex()}+{encoded}"


def compare(
    session: Session, keys: SiteKeys, notes: Iterable[str], source: str
) -> tuple[Ahead | None, list[str]]:
    """The largest note that this log lacks, if any, and what is wrong with notes as such.

    Notes inside the lost range of a signed restoration are accounted for. Notes that the site's
    own keys did not sign prove nothing; they are told.
    """
    publics = {key.public for key in keys.log_keys()}
    lacking: Ahead | None = None
    problems = []
    for text in notes:
        try:
            note = _own_note(text, publics, checkpoints.origin(the_site(session).name))
        except Invalid as wrong:
            problems.append(str(wrong))
            continue
        why = _lacks(session, note)
        if why is not None and (lacking is None or note.size > lacking.size):
            lacking = Ahead(
                source=source, origin=note.origin, size=note.size, note=text, problem=why
            )
    return lacking, problems


def newest_of_each(notes: Iterable[str]) -> list[str]:
    """The largest note of each origin: what contains it contains the smaller ones."""
    best: dict[str, tuple[int, str]] = {}
    for text in notes:
        try:
            note = CheckpointNote(text)
        except Invalid:
            continue
        if note.size > best.get(note.origin, (0, ""))[0]:
            best[note.origin] = (note.size, text)
    return [text for _size, text in best.values()]


def _own_note(text: str, publics: Iterable[bytes], base: str) -> CheckpointNote:
    note = CheckpointNote(text, "checkpoint kept outside")
    if note.origin != base and not re.match(rf"{re.escape(base)}/[0-9]+\Z", note.origin):
        raise Invalid("checkpoint kept outside", f"it is of another log, {note.origin}")
    keys = [LogKey(vkey_of(note.origin, public)) for public in publics]
    note.check(keys, "checkpoint kept outside")
    return note


def _lacks(session: Session, note: CheckpointNote) -> str | None:
    """Why the log does not contain the note; None when it does, or its loss is documented."""
    if _is_documented(restorations(session), note):
        return None
    theirs = generation(note.origin)
    if theirs > generation(origin_now(session)):
        return f"a checkpoint of {note.origin} is known outside, a later history than this one"
    size = log.size_of(session)
    if note.size > size:
        return f"a checkpoint of {note.size} entries is known outside, here are only {size}"
    if log.root(log.StoredTree(session).read, note.size) != note.root:
        return f"the {note.size} entries known outside are not the first {note.size} here"
    return None


def _is_documented(done: Iterable[Restoration], note: CheckpointNote) -> bool:
    """The note lies in the lost range of a restoration that two people signed."""
    theirs = generation(note.origin)
    return any(
        row.kept_size < note.size <= row.lost_size and theirs < generation(row.origin)
        for row in done
    )


def still_valid(session: Session, notes: Iterable[str]) -> list[str]:
    """The notes that the log has to contain: all but those of a loss that was signed."""
    done = restorations(session)
    found = []
    for text in notes:
        try:
            documented = bool(done) and _is_documented(done, CheckpointNote(text))
        except Invalid:
            documented = False  # whoever verifies says what is wrong with it
        if not documented:
            found.append(text)
    return found


def kept_size(session: Session, lost_size: int, notes: Iterable[str]) -> int:
    """Up to which size this log is the one known outside: the largest note of it that fits.

    Without any note to compare, a log that is only shorter counts as kept, another one as lost.
    """
    size = log.size_of(session)
    read = log.StoredTree(session).read
    told = sorted(_sizes(notes, size), reverse=True)
    for noted, root in told:
        if log.root(read, noted) == root:
            return noted
    return size if size < lost_size and not told else 0


def _sizes(notes: Iterable[str], most: int) -> set[tuple[int, bytes]]:
    found = set()
    for text in notes:
        try:
            note = CheckpointNote(text)
        except Invalid:
            continue
        if 0 < note.size <= most:
            found.add((note.size, note.root))
    return found


def remember(session: Session, found: Ahead) -> bool:
    """Keep a finding, so that every process of the site knows it; False if it stands already."""
    row = session.scalars(
        select(OutsideAhead).where(
            OutsideAhead.site_id == site_of(session), OutsideAhead.source == found.source
        )
    ).one_or_none()
    if row is not None and row.size >= found.size:
        return False
    if row is None:
        row = OutsideAhead(source=found.source)
        session.add(row)
    row.origin, row.size, row.note = found.origin, found.size, found.note
    row.problem, row.found_at = found.problem, moment(session).real
    return True


def forget(session: Session) -> None:
    """The restoration is signed: the findings it names stand no more."""
    table: Table = _AHEAD  # type: ignore[assignment]
    session.execute(delete(table).where(table.c.site_id == site_of(session)))
