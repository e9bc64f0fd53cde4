"""A house with a running engine for tests: a scripted host stands for the record."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from audit import trail
from audit.streams import SITE, Stream
from core.actors import Actor, ActorKind
from core.clock import HeldClock
from core.db import Database
from core.house import House, moment
from core.jobs import Worker
from core.sites import Site
from engine import commands, handlers, queries
from engine.host import EventInfo, Problem, TaskInfo
from engine.models import Run
from tests.support.bpmn import end, process, start
from tests.support.places import lay_out, owner_url
from workflows.expressions.types import Given
from workflows.importing import import_procedure
from workflows.models import DefinitionFile

START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
OPERATOR = Actor(kind=ActorKind.PERSON, id="P-101", name="Ola Berg", role="OP", terminal="T-1")
BATCH = Stream("batch", "B-2045")


@dataclass
class ScriptedHost:
    """Answers `values` by name, or by ``instance path`` and name; remembers what it was told."""

    values: dict[str | tuple[str, str], Given] = field(default_factory=dict)
    told: list[tuple[str, str]] = field(default_factory=list)
    events: list[EventInfo] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def task_ready(self, session: Session, run: Run, task: TaskInfo) -> None:
        self.told.append(("ready", task.path))

    def task_cancelled(self, session: Session, run: Run, task: TaskInfo) -> None:
        self.told.append(("cancelled", task.path))

    def instance_started(
        self, session: Session, run: Run, instance_path: str, level_id: str
    ) -> None:
        self.told.append(("started", instance_path))

    def instance_completed(
        self, session: Session, run: Run, instance_path: str, level_id: str
    ) -> None:
        self.told.append(("completed", instance_path))

    def event_fired(self, session: Session, run: Run, event: EventInfo) -> None:
        self.told.append(("event", event.element))
        self.events.append(event)

    def run_completed(self, session: Session, run: Run) -> None:
        self.told.append(("run completed", run.record))

    def run_failed(self, session: Session, run: Run, problem: Problem) -> None:
        self.told.append(("run failed", problem.path))
        self.problems.append(problem)

    def value(self, session: Session, run: Run, instance_path: str, name: str) -> Given:
        return self.values.get((instance_path, name), self.values.get(name))


class Plant:
    """A house in which one procedure runs; short words for what the tests do all the time."""

    def __init__(self, url: str, host: ScriptedHost | None = None) -> None:
        self.host = host or ScriptedHost()
        self.clock = HeldClock(START)
        self.house = House(Database(url), guards=[trail.TrailGuard()], clock=self.clock)
        self.house.services["engine_host"] = self.host
        self.worker = Worker(self.house, handlers.JOBS, owner="worker-1")

    def close(self) -> None:
        """Release the database."""
        self.house.database.close()

    @contextmanager
    def acting(self, action: str = "step.completed", record: Stream = BATCH) -> Iterator[Session]:
        """A transaction with an open act."""
        with (
            self.house.transaction() as session,
            trail.act(session, action, stream=record, by=OPERATOR),
        ):
            yield session

    def store(self, data: bytes) -> str:
        """Import a file and store it; answers its digest."""
        imported = import_procedure(data)
        with self.acting("definition.imported", SITE) as session:
            session.add(
                DefinitionFile(
                    file_digest=imported.file_digest,
                    content_digest=imported.content_digest,
                    body=data.decode(),
                )
            )
        return imported.file_digest

    def run(self, data: bytes, record: Stream = BATCH) -> None:
        """Store a file and start its run."""
        self.start(self.store(data), record)

    def start(self, digest: str, record: Stream = BATCH) -> None:
        """Start the run of a record."""
        with self.acting("batch.started", record) as session:
            commands.start_run(
                session,
                record=record,
                procedure_digest=digest,
                by=OPERATOR,
                at=moment(session).site,
            )

    def complete(self, *paths: str, record: Stream = BATCH) -> None:
        """Complete steps, one transaction each."""
        for path in paths:
            self.do(commands.complete_task, path, record=record)

    def do(self, command: Any, *arguments: Any, record: Stream = BATCH, **more: Any) -> Any:
        """Run an engine command of one record in an act of its own."""
        with self.acting("run.commanded", record) as session:
            return command(
                session, record, *arguments, by=OPERATOR, at=moment(session).site, **more
            )

    def ready(self, record: Stream = BATCH) -> list[str]:
        """Paths of the open steps."""
        with self.house.reading() as session:
            return [task.path for task in queries.open_tasks(session, record)]

    def state(self, record: Stream = BATCH) -> str:
        """Command state of the run."""
        with self.house.reading() as session:
            return str(queries.run_of(session, record).state)

    def pass_time(self, by: timedelta) -> int:
        """Let time pass and timers fire; answers how many jobs ran."""
        self.clock.move(by)
        return self.worker.run_pending()

    def journal(self, record: Stream = BATCH) -> list[Mapping[str, Any]]:
        """All facts of the engine in the record's stream, in order."""
        with self.house.reading() as session:
            return queries.journal_of(session, record)


def install(url: str) -> None:
    """Make the schema and the one site of a fresh database."""
    lay_out(url)
    database = Database(owner_url(url))
    with Session(database.writer) as session, session.begin():
        session.add(
            Site(site_id=1, name="Test", mode="DEMONSTRATION", zone="Europe/Berlin", made_at=START)
        )
    database.close()


def level(
    level_id: str,
    flows: str | list[str],
    *nodes: str,
    isa88: str = "operation",
    extra: Iterable[str] = (),
    **more: Any,
) -> str:
    """One process with a start before its first chain, ids unique in the file.

    ``end`` in a chain is its end; when no chain says so, the first one leads there. The level
    ``PROC`` is the entry.
    """
    first, *others = [flows] if isinstance(flows, str) else flows
    drawn = [f"{level_id}_start > {first}", *others]
    if " > end" not in f"{drawn}":
        drawn[0] += " > end"
    drawn = [
        part if part.startswith("<") else re.sub(r"\bend\b", f"{level_id}_end", part)
        for part in drawn
    ]
    parts = [start(f"{level_id}_start"), *nodes, end(f"{level_id}_end")]
    return process(
        level_id, *parts, flows=[*drawn, *extra], isa88=isa88, entry=level_id == "PROC", **more
    )
