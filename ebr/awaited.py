"""What running batches wait for, worked out once for each state of their records.

It is looked at in each step of the clock and several times a second, and next to nothing changes
between two looks. What decides it (the steps, bound units and open boundaries of a batch, and its
own state) changes only in acts on the record of the batch, and each act moves the head of its
stream: what was worked out for one head counts until it moves. The time and the values of the
machines are looked at anew.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import TypeAlias, TypeVar
from uuid import UUID

from sqlalchemy import and_, bindparam, inspect, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from audit import trail
from audit.models import StreamHead
from core import logs
from core.actors import Actor
from core.db import Base, site_of
from core.errors import Refusal
from ebr import definitions as known
from ebr import queries
from ebr.context import StepContext
from ebr.models import ProcedureRun, RunState, StepRecord, StepState
from ebr.watching import Outlook
from engine import queries as flow
from engine.host import Watched
from workflows import queries as definitions
from workflows.model import Procedure
from workflows.step import Step
from workflows.words import StepKind

log = logs.logger(__name__)
CACHED = 64
Key = tuple[UUID, int, bytes | None]
"""The run, its version, and the hash at the head of its record's stream."""
Row = TypeVar("Row", bound=Base)
_HEADS = (
    select(ProcedureRun.id, ProcedureRun.version, StreamHead.hash)
    .join(
        StreamHead,
        and_(StreamHead.site_id == ProcedureRun.site_id, StreamHead.rec == ProcedureRun.stream),
    )
    .where(ProcedureRun.site_id == bindparam("site"), ProcedureRun.state == RunState.RUNNING.value)
    .order_by(ProcedureRun.number)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaited:
    """Something that a running batch waits for, with the units that are bound.

    The rows belong to no session: they are read, never changed.
    """

    run: ProcedureRun
    procedure: Procedure
    units: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitedStep(Awaited):
    """An automatic wait that is started."""

    step: StepRecord
    spec: Step

    @property
    def key(self) -> str:
        """The key of the step."""
        return self.step.key

    def context(self, session: Session, *, by: Actor, at: datetime) -> StepContext:
        """The step as it is to be looked at in this session, at that site time."""
        return StepContext(
            session, self.run, self.step, self.spec, self.procedure, by, at, self.units
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitedCondition(Awaited):
    """A condition at a step (`step`), in the flow or at a level; the engine waits for it."""

    watched: Watched
    step: StepRecord | None = None

    @property
    def key(self) -> str:
        """The key of the step that it stands at, else the element that waits for it."""
        return self.step.key if self.step is not None else self.watched.element

    def outlook(self, session: Session, *, at: datetime) -> Outlook:
        """The condition as it is to be looked at in this session, at that site time.

        At a step it counts from when that is started, elsewhere from when the flow came there.
        """
        step, watched = self.step, self.watched
        return Outlook(
            session=session,
            run=self.run,
            procedure=self.procedure,
            path=step.path if step is not None else f"{watched.instance_path}/{watched.element}",
            since=step.started_at if step is not None else watched.since,
            at=at,
            step=step,
            units=self.units,
        )


Found: TypeAlias = tuple[AwaitedStep | AwaitedCondition, ...]


def state(session: Session) -> tuple[Key, ...]:
    """How the records of the running batches stand: equal to an earlier answer as long as nothing
    was done on any of them, and none has begun or ended."""
    rows = session.execute(_HEADS, {"site": site_of(session)})
    return tuple((run, version, head) for run, version, head in rows)


def everywhere(session: Session) -> Iterator[AwaitedStep | AwaitedCondition]:
    """What the running batches of the site wait for; of each its waits, then its conditions.

    A batch that is refused where its record has moved (its definition was tampered with,
    URS-MRC-070) is logged and left out: nothing of it goes on, and no other batch waits for that.
    """
    # A writing session has changes that its head does not tell of.
    writing = trail.INFO in session.info
    for key in state(session):
        found = None if writing else _known.get(key)
        if found is None:
            run = queries.run_by_id(session, key[0])
            try:
                found = _worked_out(session, run)
            except Refusal as refusal:
                log.warning(
                    "watch.refused", record=run.stream, rule=refusal.rule, fact=refusal.fact
                )
                continue
            if not writing:
                _known.keep(key, found)
        yield from found


def conditions_of(session: Session, run: ProcedureRun) -> list[AwaitedCondition]:
    """The conditions that one batch waits for now, at its steps, in its flow and at its levels.

    Raises DefinitionTampered as a look at its definition does.
    """
    found = _worked_out(session, run)
    return [each for each in found if isinstance(each, AwaitedCondition)]


class _Known:
    """What was worked out in this process, by state of the record."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._found: OrderedDict[Key, Found] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Key) -> Found | None:
        """What was kept, if it still is."""
        with self._lock:
            found = self._found.get(key)
            if found is not None:
                self._found.move_to_end(key)
            return found

    def keep(self, key: Key, found: Found) -> None:
        """Keep it until enough others came."""
        with self._lock:
            self._found[key] = found
            while len(self._found) > self._most:
                self._found.popitem(last=False)


_known = _Known(CACHED)


def _worked_out(session: Session, run: ProcedureRun) -> Found:
    apart, units = _apart(run), queries.bindings(session, run)
    procedure = definitions.load(session, run.file_digest)
    definition = known.of(run.file_digest, procedure)

    def step_apart(row: StepRecord) -> StepRecord:
        step = _apart(row)
        set_committed_value(step, "run", apart)
        return step

    waits = (
        AwaitedStep(
            run=apart,
            procedure=procedure,
            units=units,
            step=step_apart(row),
            spec=definition.step(row.key),
        )
        for row in _started_waits(session, run)
    )
    conditions = (
        AwaitedCondition(
            run=apart,
            procedure=procedure,
            units=units,
            watched=each,
            step=step_apart(queries.step_of(session, run, each.host_path))
            if each.at_step
            else None,
        )
        for each in flow.watched(session, run.stream)
    )
    return (*(wait for wait in waits if wait.spec.automatic), *conditions)


def _started_waits(session: Session, run: ProcedureRun) -> list[StepRecord]:
    return list(
        session.scalars(
            select(StepRecord)
            .where(
                StepRecord.run_id == run.id,
                StepRecord.kind == StepKind.WAIT.value,
                StepRecord.state == StepState.STARTED,
            )
            .order_by(StepRecord.ordinal)
        )
    )


def _apart(row: Row) -> Row:
    """A copy of a row as it stands, which belongs to no session."""
    names = [column.key for column in inspect(type(row)).column_attrs]
    return type(row)(**{name: getattr(row, name) for name in names})
