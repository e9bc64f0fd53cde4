"""Proving identity: look up, derive outside any transaction, remember what went wrong.

A wrong secret is counted and recorded in a transaction of its own, so that it survives whatever
the caller does then (URS-IAM-080, URS-SIG-080). Unknown badge, wrong secret, locked and deactivated
account cost the same time and get the same answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import trail
from audit.streams import SITE, Stream
from core.actors import Actor, ActorKind
from core.errors import Invalid, Refusal
from core.events import publish
from core.house import House, moment
from core.sites import SiteMode, the_site
from personnel import queries, rules
from personnel.commands import stream_of
from personnel.crypto import SERVICE, Queue, Sealed, Vault
from personnel.errors import TooManyTries, WrongCredentials, WrongSecret
from personnel.events import AccountLocked
from personnel.models import Credential, Person, TerminalTries

CLAIMED = "claimed"
"""The role in entries about somebody who has not proved who they are."""

PERSON_ROLE = "person"
"""The role in entries of somebody known who holds none yet, or needs none."""


class Purpose(StrEnum):
    """What the secret is given for; the first word of the failed attempt's action."""

    LOGIN = "login"
    UNLOCK = "unlock"
    CHANGE = "passphrase_change"
    ENROLMENT = "enrolment"
    SIGNING = "signing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Somebody at a terminal says who they are; `facts` go into the entry of a failure.

    `own_session`: the person is signed in here, so the answer may tell how many tries are left.
    """

    badge: str
    passphrase: str = field(repr=False)
    terminal: str
    purpose: Purpose
    own_session: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """The secret was right: the person's key is open. `sealed` is what it was opened from."""

    badge: str
    key: Ed25519PrivateKey = field(repr=False)
    sealed: Sealed = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Known:
    badge: str
    sealed: Sealed | None
    usable: bool


def vault_of(house: House) -> Vault:
    """The vault that the house was composed with."""
    vault: Vault = house.services[SERVICE]
    return vault


def prove(house: House, claim: Claim) -> Proved:
    """Open the person's key with the secret, or record the failure and refuse.

    Raises `WrongCredentials` (at signing `WrongSecret`), `TooManyTries`, `Invalid` without a
    terminal. Success changes nothing: the caller calls `accept` in its own transaction.
    """
    if not claim.terminal.strip():
        raise Invalid("the terminal is not known", resolver="the operator of this interface")
    known = _look_up(house, claim)
    queue = Queue.SIGNING if claim.purpose is Purpose.SIGNING else Queue.LOGIN
    sealed = known.sealed if known else None
    badge = known.badge if known else claim.badge
    key = vault_of(house).open(badge, claim.passphrase, sealed, queue)
    if known is None or sealed is None or key is None or not known.usable:
        raise _failed(house, claim, known, right=key is not None)
    return Proved(badge=badge, key=key, sealed=sealed)


def accept(session: Session, proved: Proved) -> Credential:
    """In the caller's transaction and act: nothing changed since the proof; failures forgotten.

    `WrongCredentials` when the account was locked, reset or deactivated in between.
    """
    credential = queries.credential_of(session, proved.badge, lock=True)
    who = queries.person(session, proved.badge)
    if (
        credential is None
        or credential.verifier_hash != proved.sealed.verifier_hash
        or not _usable(who, credential, moment(session).steady)
    ):
        raise refusal()
    if credential.failed_count:
        credential.failed_count = 0
        credential.locked_until = None
    return credential


def record_failure(house: House, claim: Claim, why: str | None = None) -> None:
    """Record a failed claim that counts at the terminal only, with the reason where one is known.

    No passphrase was tested for it, or a right one that opens nothing any more.
    """
    with house.reading() as session:
        who = queries.find(session, claim.badge)
        known = None if who is None else _Known(who.badge, None, False)
    _failed(house, claim, known, right=False, why=why)


@contextmanager
def remembering(house: House, claim: Claim) -> Iterator[None]:
    """Record it, too, when an account was withdrawn between proof and acceptance."""
    try:
        yield
    except WrongCredentials as refused:
        record_failure(house, claim, refused.why)
        refused.recorded = True
        raise


def pause_terminal(session: Session, terminal: str) -> None:
    """`TooManyTries` while the terminal has to wait after many failures."""
    tries = _tries(session, terminal)
    now = moment(session).steady
    if tries and rules.terminal_paused(tries.failures, tries.window_start, now):
        raise TooManyTries(
            "Too many wrong passphrases were given at this terminal",
            resolver="wait five minutes, or use another terminal",
        )


def refusal() -> WrongCredentials:
    """The one answer to every login that fails, whatever the reason."""
    return WrongCredentials(
        "Badge or passphrase is wrong, or the account is locked or not active. After "
        f"{rules.LOGIN_TRIES} wrong passphrases in a row an account locks for 15 minutes or longer",
        resolver="you, by trying again later; an administrator, by unlocking the account",
    )


def _look_up(house: House, claim: Claim) -> _Known | None:
    with house.reading() as session:
        vault_of(house).check(SiteMode(the_site(session).mode))
        pause_terminal(session, claim.terminal)
        now = moment(session).steady
        who = queries.find(session, claim.badge)
        credential = queries.credential_of(session, who.badge) if who else None
        if who is None or credential is None:
            return None if who is None else _Known(who.badge, None, False)
        public = queries.public_key(session, credential.key_id) if credential.key_id else b""
        return _Known(who.badge, credential.sealed(public), _usable(who, credential, now))


def _usable(who: Person, credential: Credential, now: datetime) -> bool:
    locked = credential.locked_until is not None and credential.locked_until > now
    return who.active and not locked


def _failed(
    house: House, claim: Claim, known: _Known | None, *, right: bool, why: str | None = None
) -> Refusal:
    with house.transaction() as session:
        _count_at_terminal(session, claim.terminal)
        stream, by = claimant(session, claim.badge, claim.terminal)
        action = f"{claim.purpose}.failed"
        with trail.act(session, action, stream=stream, by=by, facts=claim.facts) as act:
            credential = queries.credential_of(session, known.badge, lock=True) if known else None
            if credential is not None and known is not None and known.usable and not right:
                _count(session, credential, claim)
            act.facts["why"] = why or _why(known)
            act.facts["failures"] = credential.failed_count if credential else 0
        answer = _answer(session, claim, credential)
    answer.recorded = True
    return answer


def claimant(session: Session, badge: str, terminal: str) -> tuple[Stream, Actor]:
    """The claimed identity, as the stream and the actor of what failed.

    People type passphrases into the badge field: of an unknown one only the length is kept.
    """
    who = queries.find(session, badge)
    if who is not None:
        actor = queries.actor(session, who.badge, role=CLAIMED, terminal=terminal)
        return stream_of(who.badge), actor
    nobody = f"unknown badge of {len(badge)} characters"
    return SITE, Actor(
        kind=ActorKind.PERSON, id="unknown", name=nobody, role=CLAIMED, terminal=terminal
    )


def _why(known: _Known | None) -> str:
    if known is None:
        return "unknown badge"
    return "wrong secret" if known.usable else "account locked, not active or not enrolled"


def _count(session: Session, credential: Credential, claim: Claim) -> None:
    credential.failed_count += 1
    signing = claim.purpose is Purpose.SIGNING
    lasting = rules.lock_time(credential.failed_count, signing=signing)
    if lasting is not None:
        until = moment(session).steady + lasting
        credential.locked_until = until
        publish(
            session, AccountLocked(badge=credential.badge, terminal=claim.terminal, until=until)
        )


def _answer(session: Session, claim: Claim, credential: Credential | None) -> Refusal:
    if claim.purpose is not Purpose.SIGNING:
        return refusal()
    if credential is None or not claim.own_session:
        return WrongSecret(
            "Badge or passphrase is wrong, or the account is locked or not active; "
            "nothing was signed",
            resolver="the signer; once locked, time or an administrator",
        )
    left = rules.tries_left(credential.failed_count, signing=True)
    locked = queries.lock_in_words(session, credential)
    words = f"the account is locked until {locked}" if locked else f"{left} tries left"
    return WrongSecret(
        f"The passphrase was not accepted; nothing was signed ({words})",
        resolver="the signer; once locked, time or an administrator",
        tries_left=str(left),
    )


def _tries(session: Session, terminal: str) -> TerminalTries | None:
    return session.scalars(
        select(TerminalTries).where(TerminalTries.terminal == terminal)
    ).one_or_none()


def _count_at_terminal(session: Session, terminal: str) -> None:
    now = moment(session).steady
    tries = _tries(session, terminal)
    if tries is None:
        tries = TerminalTries(terminal=terminal, window_start=now, failures=0)
        session.add(tries)
    if now >= tries.window_start + rules.TERMINAL_WINDOW:
        tries.window_start = now
        tries.failures = 0
    tries.failures += 1
