"""One command's work on one run, inside one transaction.

The run's row is locked first, so two people in one run queue up and the second sees what the
first did (URS-EXE-090). What has to happen waits in one queue and is done in order; the host is
told at the end, when every row stands.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, bindparam, func, select
from sqlalchemy.orm import Session

from audit.streams import Stream
from core.actors import Actor
from core.db import site_of
from core.house import service
from engine import journal, programs
from engine.errors import RunawayRun, RunHeld, UnknownPath, UnknownRun
from engine.host import SERVICE, Host, Problem
from engine.models import Instance, Run, StateChange, Task
from engine.programs import Executable
from engine.rules import Command, CommandState, can_follow, effective_state, next_state
from workflows.model import Level

# Asked in every move, so built once: building costs as much as asking.
_FRESH = {"populate_existing": True}
_LOCKED = select(Run).with_for_update().execution_options(**_FRESH)
_LOCK_BY_ID = _LOCKED.where(Run.id == bindparam("id"))
# The key begins with the site: without it all runs would be read.
_LOCK_BY_RECORD = _LOCKED.where(Run.site_id == bindparam("site"), Run.record == bindparam("record"))
AT_ONCE = 6
"""Paths of instances in one question: levels are seldom deeper, and a list of one length is not
written anew each time."""
_LINEAGE = (
    Instance.site_id == bindparam("site"),
    Instance.run_id == bindparam("run"),
    Instance.path.in_([bindparam(f"path{place}") for place in range(AT_ONCE)]),
)
_INSTANCES = select(Instance).where(*_LINEAGE).execution_options(**_FRESH)
_TASK = (
    select(Task, Instance)
    .join(Instance, and_(*_LINEAGE))
    .where(
        Task.site_id == bindparam("site"),
        Task.run_id == bindparam("run"),
        Task.path == bindparam("task"),
    )
    .execution_options(**_FRESH)
)
MOST_MOVES = 20_000
"""More moves than any procedure makes in one command; a run that needs more never rests."""

PROBLEM = "held by the engine"


class Move:
    """The rows of one run that a command works on, and what it still has to do."""

    def __init__(self, session: Session, run: Run, *, by: Actor, at: datetime) -> None:
        self.session = session
        self.run = run
        self.by = by
        self.at = at
        self.program = programs.program(session, run.procedure)
        self.host: Host = service(session, SERVICE)
        self.ending: set[tuple[str, str]] = set()
        """Instance and host path of what an event of this command ends, before it is carried out:
        nothing else may be given to it."""
        self._instances: dict[str, Instance] = {}
        self._changes: int | None = None
        self._todo: deque[Callable[[], None]] = deque()
        self._told: list[Callable[[], None]] = []

    @classmethod
    def lock(
        cls, session: Session, record: Stream | str | UUID, *, by: Actor, at: datetime
    ) -> Move:
        """Take the run of a record (or of that id) for this transaction. Raises UnknownRun."""
        return cls(session, locked_run(session, record), by=by, at=at)

    @classmethod
    def look(
        cls, session: Session, record: Stream | str | UUID, *, by: Actor, at: datetime
    ) -> Move:
        """The run of a record for reading only: nothing is locked. Raises UnknownRun."""
        query = select(Run).where(Run.site_id == site_of(session), Run.record == str(record))
        run = session.scalars(query).one_or_none()
        if run is None:
            raise _unknown(record)
        return cls(session, run, by=by, at=at)

    def note(self, fact: str, path: str, **details: Any) -> None:
        """Append a fact to the journal of the open act."""
        journal.note(self.session, fact, path, **details)

    def later(self, action: Callable[[], None]) -> None:
        """Do this after what is already waiting."""
        self._todo.append(action)

    def tell(self, word: Callable[[], None]) -> None:
        """Tell the host once all rows stand."""
        self._told.append(word)

    def work(self) -> None:
        """Do what waits until nothing does, then tell the host."""
        for _ in range(MOST_MOVES):
            if not self._todo:
                break
            self._todo.popleft()()
        else:
            raise RunawayRun(f"{self.run.record}: more than {MOST_MOVES} moves in one command")
        self.session.flush()
        told, self._told = self._told, []
        for word in told:
            word()

    def add(self, instance: Instance) -> Instance:
        """Keep a new instance."""
        self.session.add(instance)
        self._instances[instance.path] = instance
        return instance

    def load(self, path: str) -> Instance:
        """The instance of that path with all its ancestors. Raises UnknownPath."""
        wanted = [part for part in lineage(path) if part not in self._instances]
        for start in range(0, len(wanted), AT_ONCE):
            asked = self._asked(wanted[start : start + AT_ONCE])
            for found in self.session.scalars(_INSTANCES, asked):
                self._instances[found.path] = found
        if path not in self._instances:
            raise UnknownPath(f"{self.run.record} has no {path}", resolver="look at the open steps")
        return self._instances[path]

    def task(self, path: str) -> Task | None:
        """The step of that path, fresh, or None; the instances that it stands in come with it."""
        around = lineage(path)[:-1]
        if not around:
            return None
        asked = {**self._asked(around[-AT_ONCE:]), "task": path}
        found = self.session.execute(_TASK, asked).all()
        self._instances.update({instance.path: instance for _, instance in found})
        return found[0][0] if found else None

    def _asked(self, paths: list[str]) -> dict[str, Any]:
        every = paths + paths[-1:] * (AT_ONCE - len(paths))
        asked = {f"path{place}": path for place, path in enumerate(every)}
        return {"site": self.run.site_id, "run": self.run.id, **asked}

    def find(self, path: str) -> Instance | None:
        """The instance of that path, or None (a task's own path names no instance)."""
        try:
            return self.load(path)
        except UnknownPath:
            return None

    def children(self, path: str, *, border: str | None = None) -> Sequence[Instance]:
        """The open instances right below an instance, or those of one of its borders."""
        query = select(Instance).where(
            Instance.run_id == self.run.id, Instance.parent_path == path, Instance.open
        )
        if border is not None:
            query = query.where(Instance.border_path == border)
        found = self.session.scalars(query.order_by(Instance.round, Instance.path)).all()
        self._instances.update({instance.path: instance for instance in found})
        return found

    def level(self, instance: Instance) -> Level:
        """The level that an instance runs."""
        return self.program.level(instance.level)

    def executable(self, instance: Instance) -> Executable:
        """The graph that an instance runs, with its specification."""
        return self.program.executable(instance.level, instance.handler)

    def effective(self, path: str) -> CommandState:
        """The effective command state of an instance."""
        self.load(path)
        own = [CommandState(self._instances[part].state) for part in lineage(path)]
        return effective_state([CommandState(self.run.state), *own])

    def check_running(self, path: str) -> None:
        """The instance runs, and so does everything above it; else RunHeld."""
        state = self.effective(path)
        if state is not CommandState.RUNNING:
            problem = "; ".join(found["fact"] for found in self.run.problems)
            raise RunHeld(
                f"{path} is {state}" + (f": {problem}" if problem else ""),
                resolver="the shift supervisor",
            )

    def change_state(self, target: Run | Instance, command: Command, reason: str) -> None:
        """One ISA-88 transition of the run or of an instance. Raises TransitionRefused."""
        before = CommandState(target.state)
        target.state = next_state(before, command)
        path = target.path if isinstance(target, Instance) else None
        self.session.add(
            StateChange(
                run_id=self.run.id,
                number=self._next_change(),
                path=path,
                command=command,
                before=before,
                after=target.state,
                reason=reason,
                at=self.at,
            )
        )
        self.note(
            "state.changed",
            path or self.run.root,
            scope="run" if path is None else "instance",
            command=command.value,
            before=before.value,
            after=str(target.state),
            reason=reason,
        )

    def _next_change(self) -> int:
        if self._changes is None:
            query = select(func.max(StateChange.number)).where(StateChange.run_id == self.run.id)
            with self.session.no_autoflush:
                self._changes = self.session.scalar(query) or 0
        self._changes += 1
        return self._changes

    def hold_for(self, problem: Problem) -> None:
        """Put the run on hold because it cannot go on; it never ends like this (promise 3)."""
        self.run.problems = [*self.run.problems, problem.to_json()]
        self.note("run.held", problem.path, problem=problem.to_json())
        if can_follow(CommandState(self.run.state), Command.HOLD):
            self.change_state(self.run, Command.HOLD, f"{PROBLEM}: {problem.fact}")
            self.change_state(self.run, Command.DONE, f"{PROBLEM}: {problem.fact}")
        self.tell(lambda: self.host.run_failed(self.session, self.run, problem))


def locked_run(session: Session, record: Stream | str | UUID) -> Run:
    """The run of a record, locked and fresh. Raises UnknownRun."""
    if isinstance(record, UUID):
        run = session.scalars(_LOCK_BY_ID, {"id": record}).one_or_none()
    else:
        asked = {"site": site_of(session), "record": str(record)}
        run = session.scalars(_LOCK_BY_RECORD, asked).one_or_none()
    if run is None:
        raise _unknown(record)
    return run


def _unknown(record: Stream | str | UUID) -> UnknownRun:
    return UnknownRun(f"no procedure runs for {record}", resolver="who issues the record")


def lineage(path: str) -> list[str]:
    """The path of an instance and those of all instances above it, root first."""
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
