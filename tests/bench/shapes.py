"""Runs of any size for the measurements: units x operations x steps, each an unsigned entry step.

Five values a step, two of them with limits, so that a step is judged and recorded as in a batch.
The site is that of the tests of the record: real engine, record, audit trail, SQLite settings.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import select

from core.actors import Actor
from ebr import queries
from ebr.commands.steps import StepReference, perform_step
from ebr.entry import Entry
from ebr.models import StepRecord, StepState
from tests.support.bpmn import bpmn, call, end, process, start, step, task
from tests.support.records import RecordPlant, make_tables, staff

SIZES = {"n10": (1, 1, 10), "n1000": (10, 10, 10), "n3000": (30, 10, 10)}
"""Unit procedures, operations in each, steps in each."""
CODES = ("mass", "height", "speed", "torque", "remark")
VALUES = Entry(
    values={
        "mass": ("10.00",),
        "height": ("4.71",),
        "speed": ("40.0",),
        "torque": ("1.6",),
        "remark": ("as expected",),
    }
)


@dataclass(frozen=True)
class Next:
    """The step that a run waits for; `border` when its end also ends the operation."""

    path: str
    border: bool


@dataclass
class SizedRun:
    """A run of one shape on a site of its own."""

    plant: RecordPlant
    shape: tuple[int, int, int]
    number: str = "B-0001"
    started: int = 0

    @property
    def record(self) -> str:
        """The stream of the run."""
        return f"batch/{self.number}"

    @property
    def actor(self) -> Actor:
        """Who performs the steps."""
        return self.plant.person("P-101").actor

    def start(self) -> None:
        """Begin with a (new) run of this shape."""
        self.started += 1
        self.number = f"B-{self.started:04}"
        self.plant.start(recipe(self.shape, self.started), number=self.number)

    def next(self) -> Next | None:
        """The step that waits, or None when the run has ended."""
        with self.plant.house.reading() as session:
            run = queries.run_of(session, self.number)
            ready = select(StepRecord.path).where(
                StepRecord.run_id == run.id, StepRecord.state == StepState.READY
            )
            path = session.scalar(ready)
        if path is None:
            return None
        last = f"_S{self.shape[2] - 1}#1"
        return Next(path, path.endswith(last))

    def perform(self, path: str) -> None:
        """Perform one step: one command in a new session."""
        reference = StepReference(record=self.record, path=path)
        self.plant.house.perform(perform_step, reference, VALUES, by=self.actor, record=self.record)


def recipe(shape: tuple[int, int, int], edition: int = 1) -> bytes:
    """A procedure of that shape; `edition` only makes its bytes other than those of another run."""
    units, operations, steps = shape
    names = [f"UP_{unit}" for unit in range(units)]
    levels = [_calls(f"PROC_{edition}", names, "procedure", entry=True)]
    for name in names:
        inner = [f"{name}_OP_{number}" for number in range(operations)]
        levels.append(_calls(name, inner, "unit_procedure"))
        levels.extend(_operation(called, steps) for called in inner)
    return bpmn(*levels)


def _calls(name: str, called: list[str], level: str, *, entry: bool = False) -> str:
    ids = [f"CA_{target}" for target in called]
    nodes = [call(node, target) for node, target in zip(ids, called, strict=True)]
    return _chain(name, ids, nodes, level, entry=entry)


def _operation(name: str, steps: int) -> str:
    keys = [f"{name}_S{number}" for number in range(steps)]
    tasks = [task(key, step(key, PARAMETERS, kind="entry", mode="none")) for key in keys]
    return _chain(name, keys, tasks, "operation")


def _chain(name: str, ids: list[str], nodes: list[str], level: str, *, entry: bool = False) -> str:
    first, last = f"{name}_start", f"{name}_end"
    flows = " > ".join([first, *ids, last])
    return process(name, start(first), *nodes, end(last), flows=flows, isa88=level, entry=entry)


def _number(code: str, unit: str, decimals: int, limits: str = "") -> str:
    return (
        f'<bw:parameter code="{code}" dataType="decimal" unit="{unit}" decimals="{decimals}">'
        f"{limits}</bw:parameter>"
    )


PARAMETERS = (
    _number("mass", "kg", 2, '<bw:limit tier="action" low="9.50" high="10.50"/>')
    + _number("height", "mm", 2, '<bw:limit tier="alert" low="4.50" high="4.90"/>')
    + _number("speed", "/min", 1)
    + _number("torque", "N.m", 1)
    + '<bw:parameter code="remark" dataType="text"/>'
)


@contextmanager
def site() -> Iterator[RecordPlant]:
    """A staffed site in a folder of its own that goes with it."""
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'site.db'}"
        make_tables(url)
        plant = RecordPlant(url, Path(folder))
        try:
            staff(plant)
            yield plant
        finally:
            plant.close()
