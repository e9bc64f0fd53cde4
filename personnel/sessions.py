"""Login, lock, unlock, logout: who is at which terminal.

Sessions end on idleness and at an absolute age, both counted by the server in steady time, so that
setting the clock makes none longer; a client that polls extends nothing (URS-IAM-100). A new token
is given at each authentication. Login is not a signing: the first signing in a session, also after
each lock, takes badge and passphrase (URS-SIG-030).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import trail
from core.actors import Actor, ActorKind
from core.clock import show
from core.house import House, moment
from personnel import queries, rules
from personnel.authentication import (
    PERSON_ROLE,
    Claim,
    Proved,
    Purpose,
    accept,
    prove,
    remembering,
    vault_of,
)
from personnel.commands import stream_of
from personnel.credentials import hash_of
from personnel.crypto import Sealed
from personnel.errors import AccessEnded, NotSignedIn, SessionLocked
from personnel.models import LoginSession, Person

TOUCH_EVERY = timedelta(seconds=15)
"""Activity is written at most this often: a request must not queue as a writer each time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn:
    """A session just opened; `token` is the only copy, the database holds its hash."""

    token: str = field(repr=False)
    badge: str
    must_change: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """The person behind a living session, with the roles held now. Times are steady.

    `products`: the products whose records these roles may read; None: all of the site.
    """

    session_id: UUID
    badge: str
    name: str
    language: str
    terminal: str
    roles: tuple[str, ...]
    products: frozenset[str] | None
    locks_at: datetime
    ends_at: datetime
    first_signing_done: bool
    must_change: bool

    def actor(self, role: str | None = None) -> Actor:
        """The person as the one who acts, in that role (else the first held)."""
        return Actor(
            kind=ActorKind.PERSON,
            id=self.badge,
            name=self.name,
            role=role or (self.roles[0] if self.roles else PERSON_ROLE),
            terminal=self.terminal,
            session=str(self.session_id),
        )


def login(
    house: House, badge: str, passphrase: str, *, terminal: str, replaces: str | None = None
) -> LoggedIn:
    """Open a session; `replaces` is the token of one at this terminal that ends with it.

    Raises `WrongCredentials` (the same for every reason), `TooManyTries`, and `AccessEnded` for a
    right passphrase of somebody whose time is over.
    """
    claim = Claim(badge=badge, passphrase=passphrase, terminal=terminal, purpose=Purpose.LOGIN)
    proved = prove(house, claim)
    renewed = vault_of(house).renewed(proved.badge, passphrase, proved.sealed, proved.key)
    token = secrets.token_urlsafe(32)
    with remembering(house, claim), house.transaction() as session:
        _end(session, replaces)
        must_change = _opened(session, proved, "session.opened", terminal, renewed)
        _add(session, proved.badge, token, terminal)
    return LoggedIn(token=token, badge=proved.badge, must_change=must_change)


def unlock(house: House, token: str, passphrase: str, *, terminal: str) -> LoggedIn:
    """The same person goes on after a lock, with a new token; the old one is dead.

    The absolute age goes on counting. Another person does not unlock: that is a login.
    """
    with house.reading() as session:
        badge = _living(session, token, terminal).badge
    claim = Claim(badge=badge, passphrase=passphrase, terminal=terminal, purpose=Purpose.UNLOCK)
    proved = prove(house, claim)
    fresh = secrets.token_urlsafe(32)
    with remembering(house, claim), house.transaction() as session:
        row = _living(session, token, terminal)
        must_change = _opened(session, proved, "session.unlocked", terminal)
        row.token_hash = hash_of(fresh).hex()
        row.last_activity_at = moment(session).steady
        row.locked_at = None
        row.first_signing_done = False
    return LoggedIn(token=fresh, badge=badge, must_change=must_change)


def lock(house: House, token: str, *, terminal: str) -> None:
    """Lock the session; nothing happens when it is locked or ended already."""
    with house.transaction() as session:
        row = _find(session, token)
        if row is None or row.ended_at is not None or row.locked_at is not None:
            return
        lock_row(session, row)


def lock_row(session: Session, row: LoginSession) -> None:
    """Lock that session in this transaction."""
    with trail.act(session, "session.locked", stream=stream_of(row.badge), by=_owner(session, row)):
        row.locked_at = moment(session).steady
        row.first_signing_done = False


def logout(house: House, token: str) -> None:
    """End the session everywhere; nothing happens when it has ended."""
    with house.transaction() as session:
        _end(session, token)


def touch(house: House, token: str, *, terminal: str) -> Presence:
    """The person did something: the idle time starts again. Polling must call `current`."""
    with house.reading() as session:
        known = presence(session, token, terminal=terminal)
        fresh = known.locks_at - rules.IDLE_LIMIT + TOUCH_EVERY > moment(session).steady
    if fresh:
        return known
    with house.transaction() as session:
        row = open_row(session, token, terminal)
        row.last_activity_at = moment(session).steady
        session.flush()
        return presence(session, token, terminal=terminal)


def current(house: House, token: str, *, terminal: str) -> Presence:
    """Who is behind the token, without counting as activity.

    Raises `NotSignedIn`, or its kind `SessionLocked` when the person may unlock it.
    """
    with house.reading() as session:
        return presence(session, token, terminal=terminal)


def presence(session: Session, token: str, *, terminal: str) -> Presence:
    """As `current`, inside a session that is open already."""
    row = open_row(session, token, terminal)
    who = queries.person(session, row.badge)
    credential = queries.credential_of(session, row.badge)
    held = queries.grants(session, at=moment(session).site, badge=who.badge)
    return Presence(
        session_id=row.id,
        badge=who.badge,
        name=who.name,
        language=who.language,
        terminal=row.terminal,
        roles=tuple(dict.fromkeys(grant.role for grant in held)),
        products=rules.reach(grant.scope for grant in held),
        locks_at=row.last_activity_at + rules.IDLE_LIMIT,
        ends_at=row.created_at + rules.ABSOLUTE_LIMIT,
        first_signing_done=row.first_signing_done,
        must_change=credential is not None and credential.must_change,
    )


def open_row(session: Session, token: str, terminal: str) -> LoginSession:
    """The living, unlocked session behind the token, else `NotSignedIn` or `SessionLocked`."""
    row = _living(session, token, terminal)
    if row.locked_at is not None or rules.idle(row.last_activity_at, moment(session).steady):
        who = queries.person(session, row.badge)
        raise SessionLocked(
            f"the session of {queries.called(who)} is locked", resolver=f"{who.name}, by unlocking"
        )
    return row


def _living(session: Session, token: str, terminal: str) -> LoginSession:
    row = _find(session, token)
    if (
        row is None
        or row.ended_at is not None
        or row.terminal != terminal
        or rules.too_old(row.created_at, moment(session).steady)
        or not queries.person(session, row.badge).active
        or queries.access_ended(session, row.badge, moment(session).site) is not None
    ):
        raise NotSignedIn("you are not signed in at this terminal", resolver="you, by signing in")
    return row


def _find(session: Session, token: str) -> LoginSession | None:
    return session.scalars(
        select(LoginSession).where(LoginSession.token_hash == hash_of(token).hex())
    ).one_or_none()


def _opened(
    session: Session, proved: Proved, action: str, terminal: str, renewed: Sealed | None = None
) -> bool:
    who = queries.person(session, proved.badge)
    by = queries.actor(session, who.badge, role=_first_role(session, who.badge), terminal=terminal)
    with trail.act(session, action, stream=stream_of(who.badge), by=by):
        credential = accept(session, proved)
        _check_access(session, who)
        if renewed is not None:
            credential.hold(renewed)
        return credential.must_change


def _check_access(session: Session, who: Person) -> None:
    now = moment(session)
    ended = queries.access_ended(session, who.badge, now.site)
    if ended is not None:
        raise AccessEnded(
            f"the access of {queries.called(who)} ended on {show(ended, now.zone)}",
            resolver="an administrator, by another invitation",
        )


def _add(session: Session, badge: str, token: str, terminal: str) -> None:
    now = moment(session).steady
    session.add(
        LoginSession(
            token_hash=hash_of(token).hex(),
            badge=badge,
            terminal=terminal,
            created_at=now,
            last_activity_at=now,
        )
    )


def _end(session: Session, token: str | None) -> None:
    row = _find(session, token) if token else None
    if row is None or row.ended_at is not None:
        return
    with trail.act(session, "session.ended", stream=stream_of(row.badge), by=_owner(session, row)):
        row.ended_at = moment(session).steady


def _owner(session: Session, row: LoginSession) -> Actor:
    role = _first_role(session, row.badge)
    return queries.actor(session, row.badge, role=role, terminal=row.terminal)


def _first_role(session: Session, badge: str) -> str:
    held = queries.roles_of(session, badge, moment(session).site)
    return held[0] if held else PERSON_ROLE
