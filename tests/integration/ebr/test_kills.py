"""kill -9 while steps are completed in a loop: every acknowledged step is there, none twice, the
trail verifies (fault programme F1, promise 1). A control shows that the test can fail."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import keybook
from audit import checkpoints, keys
from audit.sequencer import sequence_pending
from audit.verifying import verify_site
from core.sites import the_site
from ebr import queries
from ebr.entry import Entry
from ebr.models import ParameterValue, StepRecord, StepSignature, StepState
from tests.support.bpmn import bpmn, end, process, start, step, task
from tests.support.places import site_url
from tests.support.records import RECORD, RecordPlant

KILLS = 10
STEPS = 56  # one level may hold 60 nodes
MASS = '<bw:parameter code="mass" dataType="decimal" unit="kg" decimals="2"/>'
FORK = multiprocessing.get_context("fork")


def recipe() -> bytes:
    """Many signed entries, one after the other."""
    names = [f"S{number:03}" for number in range(STEPS)]
    return bpmn(
        process(
            "OP",
            start(),
            *(task(name, step(name, MASS, kind="entry")) for name in names),
            end(),
            flows=" > ".join(["start", *names, "end"]),
        )
    )


@pytest.fixture
def folder(plant: RecordPlant, tmp_path: Path) -> Path:
    """A running batch, with no connection of this process left open."""
    plant.start(recipe())
    plant.house.database.close()
    return tmp_path


def opened(folder: Path) -> RecordPlant:
    """The site as a newly started process sees it."""
    return RecordPlant(site_url(folder / "site.db"), folder)


def perform_next(plant: RecordPlant) -> str:
    """Perform and sign the open step; answers its path."""
    with plant.house.reading() as session:
        (found,) = queries.open_steps(session, queries.run_of(session, "B-2045"))
    plant.person("P-101").perform(RECORD, found.path, Entry(values={"mass": ("1.00",)}))
    return found.path


def complete_steps(folder: Path, acknowledged: Connection) -> None:
    """The process to be killed: tells each step only after its commit."""
    plant = opened(folder)
    while True:
        acknowledged.send(perform_next(plant))


def acknowledge_too_early(folder: Path, acknowledged: Connection) -> None:
    """The control: tells a step before its commit and dies between the two."""
    plant = opened(folder)
    plant.house.guards = (*plant.house.guards, _Dying(acknowledged))
    perform_next(plant)


class _Dying:
    """A guard that ends the process when the signed step is about to be committed."""

    def __init__(self, acknowledged: Connection) -> None:
        self._acknowledged = acknowledged

    def begin(self, session: Session) -> None:
        """Nothing yet."""

    def before_commit(self, session: Session) -> None:
        """Acknowledge a signed step, and die."""
        signed = session.scalars(select(StepSignature.step_id)).first()
        if signed is not None:
            self._acknowledged.send(session.get_one(StepRecord, signed).path)
            os.kill(os.getpid(), signal.SIGKILL)


def killed_after(folder: Path, some: int, pause: float, target: object) -> list[str]:
    """Start the process, wait for `some` acknowledgements and `pause` seconds, kill it."""
    ours, theirs = FORK.Pipe(duplex=False)
    process = FORK.Process(target=target, args=(folder, theirs))  # type: ignore[arg-type]
    process.start()
    theirs.close()
    told: list[str] = []
    try:
        while len(told) < some:
            told.append(ours.recv())
        process.join(pause)
    finally:
        process.kill()
        process.join()
    try:
        while True:
            told.append(ours.recv())
    except EOFError:
        ours.close()
    return told


def lost(plant: RecordPlant, acknowledged: list[str]) -> set[str]:
    """Acknowledged steps that are not complete in the record."""
    with plant.house.reading() as session:
        done = set(
            session.scalars(select(StepRecord.path).where(StepRecord.state == StepState.COMPLETE))
        )
    return set(acknowledged) - done


def torn(plant: RecordPlant) -> list[str]:
    """Steps of which one part is there without the others, or a part is there twice."""
    with plant.house.reading() as session:
        paths = {row.id: row for row in session.scalars(select(StepRecord))}
        values = Counter(session.scalars(select(ParameterValue.step_id)))
        signed = Counter(session.scalars(select(StepSignature.step_id)))
    acts = Counter(
        str(entry["object"]) for entry in plant.entries() if entry["action"] == "step.performed"
    )
    wrong = []
    for key, row in paths.items():
        wanted = 1 if row.state == StepState.COMPLETE else 0
        if {values[key], signed[key], acts[row.path]} != {wanted}:
            wrong.append(row.path)
    return wrong


def problems(plant: RecordPlant, folder: Path) -> list[str]:
    """What the verification of the whole site finds."""
    with plant.house.reading() as session:
        origin = checkpoints.origin(the_site(session).name)
    site_keys = keys.open_or_make(folder / "keys", origin)
    sequence_pending(plant.house, site_keys)
    with plant.house.reading() as session:
        report = verify_site(session, keybook.of_site(session, site_keys))
    return [str(found) for found in report.problems if "table site," not in found.place]


@pytest.mark.urs("URS-EXE-090", "URS-REC-020", "URS-AUD-080")
def test_no_acknowledged_step_is_lost_or_doubled_when_the_process_is_killed(
    folder: Path,
) -> None:
    chance = random.Random(20260302)  # a fixed seed: a failure can be repeated
    acknowledged: list[str] = []
    for _ in range(KILLS):
        acknowledged += killed_after(
            folder, chance.randint(1, 2), chance.uniform(0, 0.12), complete_steps
        )
    plant = opened(folder)
    assert len(acknowledged) >= KILLS
    assert len(set(acknowledged)) == len(acknowledged), "no step was completed twice"
    assert lost(plant, acknowledged) == set()
    assert torn(plant) == []
    assert problems(plant, folder) == []
    plant.close()


def test_an_acknowledgement_before_the_commit_would_be_found(folder: Path) -> None:
    told = killed_after(folder, 1, 1.0, acknowledge_too_early)
    plant = opened(folder)
    assert lost(plant, told) == set(told)
    assert torn(plant) == []
    plant.close()
