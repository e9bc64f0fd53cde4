"""A staffed site with one long record of signed entries, for faults below the application: the
same on SQLite and on PostgreSQL, without processes of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import keybook
from audit.sequencer import sequence_pending
from audit.verifying import verify_site
from ebr import queries
from ebr.entry import Entry
from ebr.models import ParameterValue, StepRecord, StepSignature, StepState
from tests.support.bpmn import bpmn, end, process, start, step, task
from tests.support.faultcheck import Findings
from tests.support.records import RECORD, RecordPlant, make_tables, staff
from workflows.words import StepKind

STEPS = 56  # one level may hold 60 nodes
MASS = '<bw:parameter code="mass" dataType="decimal" unit="kg" decimals="2"/>'
ENTRY = Entry(values={"mass": ("1.00",)})


def long_recipe() -> bytes:
    """Many signed entries, one after the other."""
    names = [f"S{number:03}" for number in range(STEPS)]
    steps = [task(name, step(name, MASS, kind="entry")) for name in names]
    return bpmn(process("OP", start(), *steps, end(), flows=" > ".join(["start", *names, "end"])))


def build(url: str, recipe: bytes | None = None) -> None:
    """Make the site and start its batch (of the long recipe); for `Templates.fill`."""
    make_tables(url)
    with TemporaryDirectory() as folder:
        plant = RecordPlant(url, Path(folder))
        staff(plant)
        plant.start(recipe or long_recipe())
        plant.historian.close()
        plant.close()


def open_step(plant: RecordPlant) -> str:
    """The path of the step that waits for somebody."""
    with plant.house.reading() as session:
        (found,) = queries.open_steps(session, queries.run_of(session, "B-2045"))
        return str(found.path)


def perform_next(plant: RecordPlant) -> str:
    """Perform and sign the open step; answers its path."""
    path = open_step(plant)
    plant.person("P-101").perform(RECORD, path, ENTRY)
    return path


def check(plant: RecordPlant, acknowledged: Iterable[str]) -> Findings:
    """Lost, doubled and torn steps, and what the verification of the whole site finds."""
    told = Counter(acknowledged)
    with plant.house.reading() as session:
        lost = set(told) - set(_complete(session))
    lost |= {path for path, times in told.items() if times > 1}  # done again: it was gone between
    with plant.house.reading() as session:
        torn, doubled = _torn(session, _acts(plant))
    return Findings(lost=sorted(lost), doubled=doubled, broken=[*torn, *_problems(plant)])


def _complete(session: Session) -> Iterator[str]:
    yield from session.scalars(
        select(StepRecord.path).where(StepRecord.state == StepState.COMPLETE)
    )


def _acts(plant: RecordPlant) -> Counter[str]:
    performed = (entry for entry in plant.entries() if entry["action"] == "step.performed")
    return Counter(str(entry["object"]) for entry in performed)


def _torn(session: Session, acts: Counter[str]) -> tuple[list[str], list[str]]:
    """Steps of which one part is there without the others, and steps with a part twice."""
    values = Counter(session.scalars(select(ParameterValue.step_id)))
    signed = Counter(session.scalars(select(StepSignature.step_id)))
    torn, doubled = [], []
    entries = select(StepRecord).where(StepRecord.kind == StepKind.ENTRY.value)
    for row in session.scalars(entries):
        parts = {values[row.id], signed[row.id], acts[row.path]}
        if max(parts) > 1:
            doubled.append(row.path)
        elif parts != {int(row.state == StepState.COMPLETE)}:
            torn.append(f"{row.path} is torn")
    return torn, doubled


def _problems(plant: RecordPlant) -> list[str]:
    site_keys = plant.house.services["site_keys"]
    while sequence_pending(plant.house, site_keys):
        pass
    with plant.house.reading() as session:
        report = verify_site(session, keybook.of_site(session, site_keys))
    # The row of the site was inserted by the test itself, without an entry.
    return [str(found) for found in report.problems if "table site," not in found.place]
