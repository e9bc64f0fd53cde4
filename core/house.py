"""The composed application and its one way to write.

`House.transaction` gives a session whose commit is all or nothing: queue for writing, fix the
moment, let the guards (the audit trail) add their part, commit. `House.perform` runs one command
in it, with an actor and, for requests that may come twice, an idempotency key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, Protocol, TypeVar, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from core import trouble, writeguard
from core.actors import Actor
from core.clock import Moment, RealClock, SystemClock
from core.db import Database, gate_path
from core.errors import BrokenPromise, Busy, Refusal
from core.events import EventHandlers
from core.idempotency import Once, answer_given, keep_answer
from core.sites import SiteFacts, facts_of, moment_now
from core.steady import Steady

T = TypeVar("T")
RETRIES = 5
RETRY_STATES = {"40001", "40P01", "23505"}
"""Serialization failure, deadlock, and a unique key that another writer took meanwhile (a number
drawn twice): done again, each sees what the other has committed."""


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
        self.renewals: list[Callable[[], None]] = []
        """Asked before each session: a service that somebody changed meanwhile (a rotated key) is
        made anew there, so that no process goes on with what counts no longer."""
        self.on_refusal: RefusalRecorder | None = None
        """Records refused attempts, in a transaction of its own (URS-AUD-010)."""

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A writing session; commits at the end of the block, rolls back on any error."""
        self._renew()
        with (
            self._trouble(writing=True),
            self.database.turn_to_write(),
            self._writing(self.database.writer) as session,
        ):
            yield session

    @contextmanager
    def within(self, connection: Connection) -> Iterator[Session]:
        """A writing session inside a transaction that the caller commits or undoes (migrations)."""
        with self._writing(connection) as session:
            yield session

    @contextmanager
    def _writing(self, bind: Engine | Connection) -> Iterator[Session]:
        with Session(bind) as session, writeguard.watching(session):
            self._furnish(session)
            for guard in self.guards:
                guard.begin(session)
            yield session
            session.flush()
            for guard in self.guards:
                guard.before_commit(session)
            with writeguard.flushing(session):
                session.commit()

    def _renew(self) -> None:
        for renew in self.renewals:
            renew()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one consistent state and cannot write."""
        self._renew()
        with (
            self._trouble(writing=False),
            Session(self.database.reader, autoflush=False) as session,
        ):
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

    def _trouble(self, *, writing: bool) -> AbstractContextManager[None]:
        embedded = self.database.dialect == "sqlite"
        folder = gate_path(self.database.url).parent if embedded else None
        return trouble.told(folder, writing=writing)

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


def _persistently(attempt: Callable[[], T]) -> T:
    """Try again what only other writers prevented; `Busy` when they prevail."""
    for _ in range(RETRIES - 1):
        try:
            return attempt()
        except DBAPIError as error:
            if trouble.state_of(error) not in RETRY_STATES:
                raise
    try:
        return attempt()
    except OperationalError as error:
        if trouble.state_of(error) in RETRY_STATES:
            raise Busy("the database could not order the writers", resolver="try again") from error
        raise
