"""The audit trail of a writing session: every change stands in an act, every act is an entry.

`act` says who does what to which record and why; changes flushed inside belong to it. At commit
each act becomes one entry of its record's stream, in the same transaction (URS-AUD-080). A change
outside any act, a missing reason or an act left half done refuses the commit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from typing import Any

import structlog
from sqlalchemy import event, select
from sqlalchemy.orm import Session, SessionTransaction

from audit import canonical, chain, rules
from audit.changes import Change, FlushReader, image_of
from audit.errors import ActIncomplete, ReasonMissing, UnattributedChange
from audit.models import Entry, Signature
from audit.signatures import SignedContent
from audit.streams import Stream
from core.actors import Actor
from core.clock import local
from core.errors import BrokenPromise
from core.house import moment
from core.ids import new_id

FORMAT = 1
INFO = "trail"


class Act:
    """One act under way. `facts` (lower-case keys) and `journal` may grow until the commit."""

    def __init__(
        self,
        session: Session,
        action: str,
        *,
        stream: Stream,
        by: Actor,
        object: str,
        reason: str | None,
        facts: Mapping[str, Any],
    ) -> None:
        self._session = session
        self.action = action
        self.stream = stream
        self.by = by
        self.object = object
        self.reason = reason
        self.facts: dict[str, Any] = dict(facts)
        self.journal: list[dict[str, Any]] = []
        self.signed: list[dict[str, Any]] = []
        self.half_done = False

    def sign(self, signature: Signature, content: SignedContent) -> None:
        """Add a person's signature with the content that was signed (URS-SIG-050).

        `content` must hash to the signature's digest and the signature must name this act's
        record, else `ActIncomplete`.
        """
        if signature.record != str(self.stream):
            raise ActIncomplete(f"a signature on {signature.record} in an act on {self.stream}")
        if content.digest() != signature.content_digest:
            raise ActIncomplete("the signed content is not the content that was digested")
        self._session.add(signature)
        self.signed.append({"nonce": signature.nonce, "content": content.as_dict()})

    def attest(self, row: object) -> None:
        """Put the image of a row that stood before the trail could see it (the site itself)."""
        trail_of(self._session).keep(self, image_of(self._session, row))


class Trail:
    """Acts and changes of one writing session."""

    def __init__(self, session: Session) -> None:
        self.acts: list[Act] = []
        self.open: list[Act] = []
        self.changes: list[tuple[Act, Change]] = []
        self._born: set[tuple[str, str]] = set()
        self._savepoints: dict[SessionTransaction, tuple[int, int]] = {}
        self._reader = FlushReader()
        event.listen(session, "before_flush", lambda s, *_: self._reader.before(s))
        event.listen(session, "after_flush", lambda s, *_: self._collect(s))
        event.listen(session, "after_transaction_create", self._mark)
        event.listen(session, "after_soft_rollback", self._forget)

    def keep(self, act: Act, change: Change) -> None:
        """Attribute a change; `ReasonMissing` when it needs a reason that the act lacks."""
        row = (change.table, change.id)
        if change.before is None:
            self._born.add(row)
        first_entry = change.before is not None and row in self._born
        if change.needs_reason and not act.reason and not first_entry:
            raise ReasonMissing(
                f"a change of {change.table} needs a reason",
                resolver="the person who makes the change",
                table=change.table,
            )
        self.changes.append((act, change))

    def _collect(self, session: Session) -> None:
        for change in self._reader.after(session):
            if not self.open:
                raise UnattributedChange(
                    f"row {change.id} of {change.table} changed outside any act"
                )
            self.keep(self.open[-1], change)

    def _mark(self, session: Session, transaction: SessionTransaction) -> None:
        if transaction.nested:
            self._savepoints[transaction] = (len(self.acts), len(self.changes))

    def _forget(self, session: Session, transaction: SessionTransaction) -> None:
        # A savepoint was rolled back: what happened since never happened.
        if transaction in self._savepoints:
            acts, changes = self._savepoints.pop(transaction)
            del self.acts[acts:]
            del self.changes[changes:]


class TrailGuard:
    """Makes every writing session keep its trail (a `core.house.SessionGuard`).

    `software` names product and version, `configuration` the state of its settings; both stand
    in each entry (URS-AUD-020).
    """

    def __init__(self, *, software: str | None = None, configuration: str = "default") -> None:
        self._software = {
            "name": software or installed_software(),
            "configuration": configuration,
        }

    def begin(self, session: Session) -> None:
        """Watch the session from now on."""
        session.info[INFO] = Trail(session)

    def before_commit(self, session: Session) -> None:
        """Write one entry for each act; the heads of the streams are locked only now."""
        trail = trail_of(session)
        if trail.open or any(act.half_done for act in trail.acts):
            raise BrokenPromise("an act was left half done; its changes must not be committed")
        if not trail.acts:
            return
        chain.append(session, self._drafts(session, trail))

    def _drafts(self, session: Session, trail: Trail) -> list[chain.Draft]:
        changes: dict[Act, list[Change]] = {act: [] for act in trail.acts}
        for act, change in trail.changes:
            changes[act].append(change)
        common = self._common(session)
        return [
            chain.Draft(str(act.stream), {**common, **_own_part(act, changes[act])})
            for act in trail.acts
        ]

    def _common(self, session: Session) -> dict[str, Any]:
        now = moment(session)
        return {
            "v": FORMAT,
            "site": session.info["site_id"],
            "at": local(now.site, now.zone).isoformat(timespec="microseconds"),
            "tz": now.zone,
            "real_at": canonical.moment_text(now.real),
            "software": self._software,
            "request": request_id(),
        }


@contextmanager
def act(
    session: Session,
    action: str,
    *,
    stream: Stream,
    by: Actor,
    object: str = "",
    reason: str | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Iterator[Act]:
    """One act: ``with act(session, "step.completed", stream=..., by=actor) as this:``.

    Changes flushed inside the block (on entry and exit it flushes itself) are its changes; nested
    acts make entries of their own, in order of their beginning. `object` names the part of the
    record (a step, a value); without one the record itself is meant. Raises `ActIncomplete` when
    actor or action are not complete, `ReasonMissing` for a placeholder.
    """
    rules.check_action(action)
    rules.check_actor(by)
    rules.check_reason(reason)
    trail = trail_of(session)
    session.flush()
    this = Act(
        session,
        action,
        stream=stream,
        by=by,
        object=object or str(stream),
        reason=reason,
        facts=facts or {},
    )
    trail.acts.append(this)
    trail.open.append(this)
    try:
        yield this
        session.flush()
    except BaseException:
        this.half_done = True
        raise
    finally:
        trail.open.remove(this)


def current(session: Session) -> Act | None:
    """The innermost act under way, or None."""
    trail: Trail | None = session.info.get(INFO)
    return trail.open[-1] if trail and trail.open else None


def trail_of(session: Session) -> Trail:
    """The trail of a writing session; `BrokenPromise` when it keeps none."""
    trail: Trail | None = session.info.get(INFO)
    if trail is None:
        raise BrokenPromise("this session keeps no audit trail")
    return trail


def entries(session: Session, stream: Stream, *, after: int = 0) -> list[Entry]:
    """Committed entries of a stream in their order, those beyond sequence number `after`."""
    query = (
        select(Entry)
        .where(Entry.site_id == session.info["site_id"])
        .where(Entry.rec == str(stream), Entry.rseq > after)
        .order_by(Entry.rseq)
    )
    return list(session.scalars(query))


def installed_software() -> str:
    """Name and version of the installed product."""
    try:
        return f"batchwright {metadata.version('batchwright')}"
    except metadata.PackageNotFoundError:
        return "batchwright (from a checkout)"


def request_id() -> str:
    """The id that log lines and entries of one request share; a new one where none was given."""
    return str(structlog.contextvars.get_contextvars().get("request_id") or new_id())


def _own_part(act: Act, changes: list[Change]) -> dict[str, Any]:
    return {
        "actor": {
            "kind": act.by.kind.value,
            "id": act.by.id,
            "name": act.by.name,
            "role": act.by.role,
            "terminal": act.by.terminal,
        },
        "action": act.action,
        "object": act.object,
        "reason": act.reason,
        "changes": [change.payload() for change in merged(changes)],
        "facts": canonical.plain(act.facts),
        "journal": canonical.plain(act.journal),
        "signed": act.signed,
    }


def merged(changes: list[Change]) -> list[Change]:
    """One change for each row: first former values, last after-image, in order of first touch."""
    rows: dict[tuple[str, str], Change] = {}
    for change in changes:
        earlier = rows.get((change.table, change.id))
        if earlier is None:
            rows[change.table, change.id] = change
            continue
        before = None
        if earlier.before is not None:
            before = {**(change.before or {}), **earlier.before}
        rows[change.table, change.id] = Change(
            change.table, change.id, before, change.after, change.needs_reason
        )
    return list(rows.values())
