"""The composed application and its one way to write.

`House.transaction` gives a session whose commit is all or nothing: queue for writing, fix the
moment, let the guards (the audit trail) add their part, commit. `House.perform` runs one command
in it, with an actor and, for requests that may come twice, an idempotency key.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol, TypeVar, cast

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from core import writeguard
from core.actors import Actor
from core.clock import Moment, RealClock, SystemClock
from core.db import Database
from core.errors import BrokenPromise, Busy, NoRoom, Refusal, Stale, Unreachable
from core.events import EventHandlers
from core.idempotency import Once, answer_given, keep_answer
from core.sites import SiteFacts, facts_of, moment_now
from core.steady import Steady

T = TypeVar("T")
RETRIES = 5
RETRY_STATES = {"40001", "40P01", "23505"}
"""Serialization failure, deadlock, and a unique key that another writer took meanwhile (a number
drawn twice): done again, each sees what the other has committed."""
LOCK_TIMEOUT = "55P03"
NO_ROOM_STATES = {"53100", "58030"}
"""Disk full, input or output error."""
GONE_STATES = ("08", "57P")
"""Connection lost or refused; the server is shutting down or starting up."""
FULL_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class _Undone(Exception):
    """Ends a rehearsal so that nothing is kept."""


class SessionGuard(Protocol):
    """Watches every writing session; `before_commit` runs last, so that its locks are short."""

    def begin(self, session: Session) -> None:
        """The transaction has begun; the moment is known."""

    def before_commit(self, session: Session) -> None:
        """All changes are flushed; add what must stand beside them, or raise to refuse them."""


class RefusalRecorder(Protocol):
    """Writes down that somebody tried what a rule forbids."""

    def __call__(
        self, house: House, refusal: Refusal, *, command: str, record: str, by: Actor
    ) -> None:
        """Record the attempt; must not raise a Refusal itself."""


class House:
    """Database, clock, event handlers and guards of one site."""

    def __init__(
        self,
        database: Database,
        *,
        guards: Sequence[SessionGuard],
        events: EventHandlers | None = None,
        clock: RealClock | None = None,
        steady: Steady | None = None,
    ) -> None:
        if not guards:
            raise BrokenPromise("a house without an audit guard keeps no trail")
        self.database = database
        self.guards = tuple(guards)
        self.events = events or EventHandlers()
        self.clock = clock or SystemClock()
        self.steady = steady or Steady(self.clock)
        self._site: SiteFacts | None = None
        self.services: dict[str, Any] = {}
        """Things that commands of upper packages need (registries, vaults), by name."""
        self.on_refusal: RefusalRecorder | None = None
        """Records refused attempts, in a transaction of its own (URS-AUD-010)."""

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A writing session; commits at the end of the block, rolls back on any error."""
        with (
            _speaking_errors(),
            self.database.turn_to_write(),
            Session(self.database.writer) as session,
            writeguard.watching(session),
        ):
            self._furnish(session)
            for guard in self.guards:
                guard.begin(session)
            yield session
            session.flush()
            for guard in self.guards:
                guard.before_commit(session)
            with writeguard.flushing(session):
                session.commit()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one consistent state and cannot write."""
        with _speaking_errors(), Session(self.database.reader, autoflush=False) as session:
            self._furnish(session)
            yield session

    def perform(
        self,
        command: Callable[..., T],
        *arguments: Any,
        by: Actor,
        record: str = "site",
        once: Once | None = None,
        attempt: bool = True,
        **keywords: Any,
    ) -> T:
        """Run ``command(session, *arguments, by=by, at=site time, **keywords)`` and commit.

        With `once`, a repeated key with equal content gets the first answer back and nothing is
        done twice; the answer must be JSON. Serialization failures are tried again. A refusal is
        recorded as an attempt on `record` (a stream such as ``batch/B-2045``) and raised again;
        a service that only looks again and again gives `attempt` False: nobody attempted anything.
        """
        if keywords.get("rehearsal"):
            raise BrokenPromise(f"{command.__name__}: a rehearsal is never committed")
        with self._recording(command, record, by, attempt):
            return _persistently(lambda: self._perform(command, arguments, keywords, by, once))

    @contextmanager
    def _recording(
        self, command: Callable[..., Any], record: str, by: Actor, attempt: bool = True
    ) -> Iterator[None]:
        try:
            yield
        except Refusal as refusal:
            if attempt:
                self.keep_attempt(refusal, command=command.__name__, record=record, by=by)
            raise

    def keep_attempt(self, refusal: Refusal, *, command: str, record: str, by: Actor) -> None:
        """Record a refused attempt on `record`, once, wherever on its way it was refused.

        `Busy` is none: no rule was broken, and writing that down would wait as long again.
        """
        if self.on_refusal is None or refusal.recorded or isinstance(refusal, Busy):
            return
        self.on_refusal(self, refusal, command=command, record=record, by=by)
        refusal.recorded = True

    def rehearse(
        self,
        command: Callable[..., T],
        *arguments: Any,
        by: Actor,
        record: str = "site",
        **keywords: Any,
    ) -> T:
        """Run a command like `perform`, return its answer and undo everything.

        Shows a person what a command would do (and would be signed for) by the same code that
        will do it. A refusal is an attempt like any other and recorded as such.
        """
        with self._recording(command, record, by):
            return _persistently(lambda: self._rehearse(command, arguments, keywords, by))

    def _rehearse(
        self,
        command: Callable[..., T],
        arguments: tuple[Any, ...],
        keywords: dict[str, Any],
        by: Actor,
    ) -> T:
        answers: list[T] = []
        with suppress(_Undone), self.transaction() as session:
            answers.append(command(session, *arguments, by=by, at=moment(session).site, **keywords))
            session.flush()
            raise _Undone
        return answers[0]

    def _perform(
        self,
        command: Callable[..., T],
        arguments: tuple[Any, ...],
        keywords: dict[str, Any],
        by: Actor,
        once: Once | None,
    ) -> T:
        with self.transaction() as session:
            if once is not None and (given := answer_given(session, once)) is not None:
                return cast(T, given.answer)
            answer = command(session, *arguments, by=by, at=moment(session).site, **keywords)
            if once is not None:
                keep_answer(session, once, answer)
            return answer

    def _furnish(self, session: Session) -> None:
        session.info.update(events=self.events, services=self.services)
        site = self._site or facts_of(session)
        self._site = site
        session.info.update(site_id=site.site_id, moment=self._moment(session, site))

    def _moment(self, session: Session, site: SiteFacts) -> Moment:
        return moment_now(session, site, self.clock, self.steady)


def moment(session: Session) -> Moment:
    """Site time, real time and zone of this transaction."""
    known: Moment = session.info["moment"]
    return known


def service(session: Session, name: str) -> Any:
    """A thing that the house provides to commands, by name; `BrokenPromise` when it is missing."""
    try:
        return session.info["services"][name]
    except KeyError:
        raise BrokenPromise(f"the house was composed without {name}") from None


@contextmanager
def _speaking_errors() -> Iterator[None]:
    try:
        yield
    except StaleDataError as error:
        raise Stale("somebody else changed this meanwhile", resolver="look again") from error
    except DBAPIError as error:
        words = _in_words(error)
        if words is None:
            raise
        raise words from error
    except OSError as error:
        if error.errno in FULL_DISK:
            raise _no_room() from error
        raise


def _in_words(error: DBAPIError) -> Refusal | None:
    """What the trouble of the database means to a person; None for a fault of ours."""
    name, state = str(getattr(error.orig, "sqlite_errorname", "")), _state(error)
    if "database is locked" in str(error) or state == LOCK_TIMEOUT:
        return Busy("another writer holds the database", resolver="try again")
    if name == "SQLITE_FULL" or name.startswith("SQLITE_IOERR") or state in NO_ROOM_STATES:
        return _no_room()
    if error.connection_invalidated or _is_gone(error, state):
        return Unreachable("the database does not answer", resolver="the administrator")
    return None


def _is_gone(error: DBAPIError, state: str | None) -> bool:
    """A server that does not even listen gives no state."""
    if state is not None:
        return state.startswith(GONE_STATES)
    by_driver = type(error.orig).__module__.startswith("psycopg")
    return by_driver and isinstance(error, OperationalError)


def _no_room() -> NoRoom:
    return NoRoom(
        "the disk of the database takes nothing more",
        resolver="the administrator, by making room; then send the same form again",
    )


def _persistently(attempt: Callable[[], T]) -> T:
    """Try again what only other writers prevented; `Busy` when they prevail."""
    for _ in range(RETRIES - 1):
        try:
            return attempt()
        except DBAPIError as error:
            if _state(error) not in RETRY_STATES:
                raise
    try:
        return attempt()
    except OperationalError as error:
        if _state(error) in RETRY_STATES:
            raise Busy("the database could not order the writers", resolver="try again") from error
        raise


def _state(error: DBAPIError) -> str | None:
    """The SQLSTATE, which only PostgreSQL gives."""
    return getattr(error.orig, "sqlstate", None)
