"""The rotation of a key of the site: decided and confirmed by two people, then carried out.

The entry names the old and the new key, each signed over both by both, so that who trusts the old
one can follow (URS-SIG-100, URS-AUD-070). It stands in the log, signed by the old key, before the
new one takes over. Nothing that was signed before changes its meaning: former public parts stay
published.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import keyfiles, seal
from app.keyfiles import Kind
from audit import checkpoints, restored, trail
from audit import keys as site_keys
from audit.keys import SiteKeys
from audit.models import Entry
from audit.sequencer import oldest_pending_age, sequence_pending
from audit.signatures import SignedContent
from audit.streams import SITE
from core import logs
from core.actors import Actor
from core.db import site_of
from core.errors import BrokenPromise, NotFound, Refusal
from core.house import House
from core.settings import Settings
from core.sites import the_site
from documents.sealing import certificate_digest
from ebr import rules as record_rules
from ebr.commands.steps import require_confirmation
from ebr.issuing import SEAL_KEY
from personnel import permissions, signing
from personnel.signing import Confirmation

log = logs.logger(__name__)
SERVICE = "site_keys"
DECIDE, CONFIRM = "keys.decide", "keys.confirm"
DECIDED, CONFIRMED = "approved", "verified"
STATEMENT = "batchwright-key-rotation-v1"


class NoSuchKey(NotFound):
    """There is no such kind of key."""

    rule = "keys.kind"


class LogBehind(Refusal):
    """The announcement of a new key is not in the log yet, and the old key must sign it."""

    rule = "keys.announced"


class AlreadySigned(Refusal):
    """Two people have signed for this new key already; the rotation is open and is gone on with."""

    rule = "keys.open"


class NotSignedFor(Refusal):
    """There is no new key aside that two people have signed for, so none takes over."""

    rule = "keys.signed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One key exchanged for another, by the names under which others know them.

    `proofs` are the signatures of the old and the new key over `statement`, in base64; empty for
    keys that have no public part.
    """

    kind: str
    old: str
    new: str
    proofs: tuple[str, ...]
    reason: str

    @property
    def statement(self) -> bytes:
        """What both keys sign."""
        return f"{STATEMENT}\n{self.kind}\n{self.old}\n{self.new}\n".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Second:
    """The person who confirms, with the confirmation that was given."""

    actor: Actor
    confirmation: Confirmation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A key of the site for people.

    `state` is "in use", "former", "signed for" (two people decided, it has not taken over) or
    "aside" (made and nothing more). `since` is when it was announced, aware; None for a key as old
    as the site.
    """

    kind: str
    name: str
    signs: str
    state: str
    since: datetime | None


def kind_of(name: str) -> Kind:
    """Raises NoSuchKey."""
    found = keyfiles.kinds().get(name)
    if found is None:
        known = ", ".join(keyfiles.kinds())
        raise NoSuchKey(f"there is no key of the kind {name}", resolver=f"you: {known}")
    return found


def listed(house: House, settings: Settings) -> list[Line]:
    """Every key in use, those that wait aside and former public parts; nothing secret."""
    site = _site(house)
    with house.reading() as session:
        since = _announcements(session)
    return [
        Line(kind=kind.name, name=name, signs=kind.signs, state=state, since=since.get(name))
        for kind in keyfiles.kinds().values()
        for name, state in _states(house, settings, kind, site, since)
    ]


def _states(
    house: House, settings: Settings, kind: Kind, site: keyfiles.Site, since: dict[str, datetime]
) -> Iterator[tuple[str, str]]:
    file, aside = settings.keys / kind.file, keyfiles.aside_of(settings, kind)
    if file.exists():
        yield kind.public(file, site), "in use"
    if aside.exists():
        name = kind.public(aside, site)
        yield name, "signed for" if name in since else "aside"
    for name in _former(house, kind.name):
        yield name, "former"


def _former(house: House, kind: str) -> list[str]:
    keys: SiteKeys = house.services[SERVICE]
    if kind == "log":
        return list(keys.retired_log)
    if kind == "export":
        return [str(each["key_id"]) for each in keys.published()["export"][1:]]
    if kind == "seal":
        sealing = house.services[SEAL_KEY]
        return [
            certificate_digest(replace(sealing, certificate_pem=each))
            for each in sealing.former_pem
        ]
    return []


def prepared(house: House, settings: Settings, kind: Kind, reason: str) -> Change:
    """The change that two people are asked to sign; the new key lies aside from now on."""
    site = _site(house)
    old, new = settings.keys / kind.file, keyfiles.next_of(settings, kind, site)
    change = Change(
        kind=kind.name,
        old=kind.public(old, site),
        new=kind.public(new, site),
        proofs=(),
        reason=record_rules.need_reason(reason, "the rotation of a key"),
    )
    if kind.endorse is None:
        return change
    signed = (kind.endorse(file, change.statement) for file in (old, new))
    return replace(change, proofs=tuple(base64.b64encode(each).decode("ascii") for each in signed))


def announce(
    session: Session,
    change: Change,
    second: Second,
    *,
    by: Actor,
    at: datetime,
    signed_by: Confirmation | None = None,
    rehearsal: bool = False,
) -> SignedContent:
    """Two people sign the change: one decides (`by`), another confirms.

    Raises AlreadySigned, NotPermitted, NotIndependent, SignatureNeeded.
    """
    if change.new in _announcements(session):
        raise AlreadySigned(
            "two people have signed for this new key already",
            resolver="the administrator, by asking for the same rotation again",
        )
    role = permissions.require(session, by, DECIDE)
    second_role = permissions.require(session, second.actor, CONFIRM)
    shown = _content(change)
    given = first = None
    with _act(session, "key.rotation_decided", change, by) as act:
        if not rehearsal:
            given = require_confirmation(signed_by, shown.object, DECIDED)
            first = signing.seal(
                session, given, shown, meaning=DECIDED, role=role, reason=change.reason, act=act
            )
            session.flush()
    with _act(session, "key.rotation_announced", change, second.actor) as act:
        if not rehearsal:
            given = require_confirmation(second.confirmation, shown.object, CONFIRMED)
            signing.seal(
                session, given, shown, meaning=CONFIRMED, role=second_role, prior=first, act=act
            )
    return shown


def _act(session: Session, action: str, change: Change, by: Actor) -> Any:
    return trail.act(
        session, action, stream=SITE, by=by, object=f"{change.kind} key", reason=change.reason,
        facts={"kind": change.kind, "old": change.old, "new": change.new,
               "proofs": list(change.proofs)},
    )  # fmt: skip


def _content(change: Change) -> SignedContent:
    return SignedContent(
        record=str(SITE),
        object=f"{change.kind} key",
        version=1,
        content={
            "kind": "key_rotation",
            "of": change.kind,
            "old": change.old,
            "new": change.new,
            "reason": change.reason,
        },
    )


def carry_out(house: House, settings: Settings, kind: Kind) -> None:
    """The announced key takes over, once the old one has signed the log with its announcement.

    One process at a time. Raises NotSignedFor when no key lies aside that two people have signed
    for, LogBehind when something keeps the log from being signed; nothing has changed then, and
    the rotation is gone on with by asking again.
    """
    with keyfiles.alone(settings):
        site = _site(house)
        _check_signed_for(house, settings, kind, site)
        sequence_pending(house, house.services[SERVICE])
        _check_in_log(house)
        keyfiles.put_in_place(settings, kind, site)
    renew(house, settings)


def _check_signed_for(house: House, settings: Settings, kind: Kind, site: keyfiles.Site) -> None:
    aside = keyfiles.aside_of(settings, kind)
    with house.reading() as session:
        if aside.exists() and announced(session, kind, kind.public(aside, site)):
            return
    raise NotSignedFor(
        "no new key waits that two people have signed for",
        resolver="the administrator, by looking at the list of keys and asking for a rotation",
    )


def _check_in_log(house: House) -> None:
    with house.reading() as session:
        if oldest_pending_age(session) is not None:
            raise LogBehind(
                "the log is behind: the announcement of the new key is not signed yet",
                resolver="the administrator, by asking again when the worker has caught up",
            )


def announced(session: Session, kind: Kind, new: str) -> bool:
    """Whether two people have signed already that this key of this kind takes over."""
    return any(
        facts["kind"] == kind.name and facts["new"] == new
        for facts, _at in _announced_facts(session)
    )


def _announcements(session: Session) -> dict[str, datetime]:
    return {facts["new"]: at for facts, at in _announced_facts(session)}


def _announced_facts(session: Session) -> Iterator[tuple[dict[str, Any], datetime]]:
    # Asked by action: the stream of the site is long.
    query = (
        select(Entry)
        .where(Entry.site_id == site_of(session), Entry.rec == str(SITE))
        .where(Entry.action == "key.rotation_announced")
        .order_by(Entry.rseq)
    )
    for entry in session.scalars(query):
        yield entry.data["facts"], datetime.fromisoformat(entry.data["at"])


def _site(house: House) -> keyfiles.Site:
    with house.reading() as session:
        origin = house.services[SERVICE].log.origin
        return keyfiles.Site(origin=origin, name=the_site(session).name, at=house.clock.now())


class Watch:
    """Makes the keys of a house anew when another process has rotated one."""

    def __init__(self, house: House, settings: Settings) -> None:
        self._house, self._settings = house, settings
        self._mark = keyfiles.mark_of(settings)

    def __call__(self) -> None:
        """Looks at three files; a few microseconds when nothing has changed.

        A file that is gone or spoilt is told in the log file, and never made anew: the process goes
        on with the keys that it holds, and looks again the next time.
        """
        before = self._mark
        try:
            self._mark = keyfiles.mark_of(self._settings)
            if before != self._mark:
                renew(self._house, self._settings)
        except (OSError, BrokenPromise) as problem:
            self._mark = before
            log.error("keys.unreadable", problem=str(problem))


def renew(house: House, settings: Settings) -> None:
    """Read the keys of the site again."""
    before: SiteKeys = house.services[SERVICE]
    with house.reading() as session:
        origin = checkpoints.origin(the_site(session).name)
        found = restored.keys_now(session, site_keys.open_or_make(settings.keys, origin))
    house.services[SERVICE] = replace(found, witness=before.witness)
    house.services[SEAL_KEY] = seal.read(settings.keys / seal.FILE)
