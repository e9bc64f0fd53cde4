"""The rotation of a key of the site: decided and confirmed by two people, then carried out.

The entry names the old and the new key, each signed over both by both, so that who trusts the old
one can follow (URS-SIG-100, URS-AUD-070). It stands in the log, signed by the old key, before the
new one takes over. Nothing that was signed before changes its meaning: former public parts stay
published.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app import keyfiles, seal
from app.keyfiles import Kind
from audit import checkpoints, restored, trail
from audit import keys as site_keys
from audit.keys import SiteKeys
from audit.sequencer import oldest_pending_age, sequence_pending
from audit.signatures import SignedContent
from audit.streams import SITE
from core.actors import Actor
from core.errors import NotFound, Refusal
from core.house import House
from core.settings import Settings
from core.sites import the_site
from documents.sealing import certificate_digest
from ebr import rules as record_rules
from ebr.commands.steps import require_confirmation
from ebr.issuing import SEAL_KEY
from personnel import permissions, signing
from personnel.signing import Confirmation

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
    """A key of the site for people: its kind, its name, what it signs, whether it is in use."""

    kind: str
    name: str
    signs: str
    current: bool


def kind_of(name: str) -> Kind:
    """Raises NoSuchKey."""
    found = keyfiles.kinds().get(name)
    if found is None:
        known = ", ".join(keyfiles.kinds())
        raise NoSuchKey(f"there is no key of the kind {name}", resolver=f"you: {known}")
    return found


def listed(house: House, settings: Settings) -> list[Line]:
    """Every key in use and every former public part, without anything secret."""
    site = _site(house)
    lines = []
    for kind in keyfiles.kinds().values():
        file = settings.keys / kind.file
        names = [kind.public(file, site)] if file.exists() else []
        names += _former(house, kind.name)
        lines += [
            Line(kind=kind.name, name=name, signs=kind.signs, current=place == 0)
            for place, name in enumerate(names)
        ]
    return lines


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

    Raises NotPermitted, NotIndependent, SignatureNeeded.
    """
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

    Raises LogBehind when something keeps the log from being signed; nothing has changed then, and
    the rotation is gone on with by asking again.
    """
    sequence_pending(house, house.services[SERVICE])
    with house.reading() as session:
        if oldest_pending_age(session) is not None:
            raise LogBehind(
                "the log is behind: the announcement of the new key is not signed yet",
                resolver="the administrator, by asking again when the worker has caught up",
            )
    keyfiles.put_in_place(settings, kind, _site(house))
    renew(house, settings)


def announced(session: Session, kind: Kind, new: str) -> bool:
    """Whether two people have signed already that this key takes over."""
    return any(
        entry.action == "key.rotation_announced" and entry.data["facts"]["new"] == new
        for entry in trail.entries(session, SITE)
    )


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
        """Looks at three files; a few microseconds when nothing has changed."""
        mark = keyfiles.mark_of(self._settings)
        if mark != self._mark:
            self._mark = mark
            renew(self._house, self._settings)


def renew(house: House, settings: Settings) -> None:
    """Read the keys of the site again."""
    before: SiteKeys = house.services[SERVICE]
    with house.reading() as session:
        origin = checkpoints.origin(the_site(session).name)
        found = restored.keys_now(session, site_keys.open_or_make(settings.keys, origin))
    house.services[SERVICE] = replace(found, witness=before.witness)
    house.services[SEAL_KEY] = seal.read(settings.keys / seal.FILE)
