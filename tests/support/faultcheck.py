"""What a crash may not leave behind: the one checker of the fault programme.

Every test and every control of the programme asks the same questions, so that a control which is
found shows that the tests could have failed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app import keybook, serving
from app.backup.scheduled import BACKUP_JOB, DRILL_JOB
from audit import standing, trail
from audit.sequencer import sequence_pending
from audit.streams import Stream
from audit.verifying import verify_site
from core.house import House
from core.jobs import Job
from core.settings import Settings
from ebr import issuing, queries
from ebr.models import (
    ExceptionCase,
    ParameterValue,
    ProcedureRun,
    RunState,
    StepRecord,
    StepSignature,
    StepState,
)
from hardware.models import LogbookLine, WriteRequest
from hardware.words import WriteState
from quality.models import Deviation
from tests.support.faultdriver import Act
from tests.support.faultrecipe import MASSES

STANDING = {standing.VERIFY_JOB, issuing.RENEW_JOB, BACKUP_JOB, DRILL_JOB}
"""Jobs that ask for their own return: one of them always waits."""
ONCE = ("step.started", "step.performed", "step.verified", "step.completed", "step.commented")


@dataclass
class Findings:
    """What is wrong; nothing should be."""

    lost: list[str] = field(default_factory=list)
    """Acknowledged acts that the record does not hold."""
    doubled: list[str] = field(default_factory=list)
    """Acts, results of jobs and spawned work that are there more than once."""
    broken: list[str] = field(default_factory=list)
    """Torn steps, chains that do not verify, work that was asked for and never done."""

    @property
    def any(self) -> bool:
        """Whether anything was found."""
        return bool(self.lost or self.doubled or self.broken)


def check(
    house: House, settings: Settings, acknowledged: Iterable[Act], *, by_command: bool = False
) -> Findings:
    """Ask everything about a site whose processes have stopped or stand idle.

    With `by_command` the command line is asked to verify the site, too.
    """
    found = Findings()
    told = Counter(acknowledged)
    with house.reading() as session:
        acts = Counter(_acts(session))
        # What was acknowledged twice was done again: it was gone in between.
        found.lost += [str(act) for act, times in told.items() if not acts[act] or times > 1]
        found.doubled += [str(act) for act, times in acts.items() if times > 1]
        found.broken += _torn(session, acts)
        found.doubled += _spawned(session)
        found.broken += _left_over(session)
        found.broken += _damaged(session)
    found.broken += _unverified(house)
    if by_command:
        found.broken += _not_verified_by_command(settings)
    return found


def _acts(session: Session) -> Iterator[Act]:
    for run in session.scalars(select(ProcedureRun)):
        for entry in trail.entries(session, Stream.parse(run.stream)):
            data = entry.data
            if data["action"] in (*ONCE, "exception.released", "timer.fired"):
                yield Act(run.number, str(data["action"]), _object(session, data))


def _object(session: Session, data: dict[str, Any]) -> str:
    if data["action"] == "step.commented":
        (row,) = (row for row in data["changes"] if row["table"] == "remark")
        return str(row["after"]["text"])
    return str(data["object"])


def _torn(session: Session, acts: Counter[Act]) -> Iterator[str]:
    """Steps of which one part is there without the others."""
    values = Counter(session.scalars(select(ParameterValue.step_id)))
    signed = Counter(session.scalars(select(StepSignature.step_id)))
    for step in session.scalars(select(StepRecord).where(StepRecord.key.in_(MASSES))):
        done = step.state in (StepState.PERFORMED, StepState.HELD, StepState.COMPLETE)
        verified = step.state in (StepState.HELD, StepState.COMPLETE)
        performed = acts[Act(step.run.number, "step.performed", step.path)]
        if (values[step.id], performed, signed[step.id]) != (done, done, done + verified):
            yield f"{step.run.number} {step.path} is torn: {step.state}"


def _spawned(session: Session) -> Iterator[str]:
    """One deviation per critical exception, one line in the logbook per unit and batch."""
    critical = session.scalar(
        select(func.count()).select_from(ExceptionCase).where(ExceptionCase.severity == "critical")
    )
    opened = session.scalar(
        select(func.count()).select_from(Deviation).where(Deviation.exception.is_not(None))
    )
    if opened != critical:
        yield f"{opened} deviations for {critical} critical exceptions"
    ended = session.scalars(
        select(ProcedureRun.number).where(ProcedureRun.state == RunState.COMPLETE)
    )
    lines = Counter(session.scalars(select(LogbookLine.batch)))
    yield from (f"{lines[number]} log lines of {number}" for number in ended if lines[number] != 1)


def left_over(house: House) -> list[str]:
    """Work that was asked for and is not done."""
    with house.reading() as session:
        return list(_left_over(session))


def _left_over(session: Session) -> Iterator[str]:
    """Jobs laid aside, jobs never done, writes without an end in a batch that is complete."""
    for job in session.scalars(select(Job).where(Job.state.in_(("ready", "running", "dead")))):
        if job.kind in STANDING and job.state != "dead":
            continue
        yield f"job {job.kind} is {job.state}: {job.problem}"
    complete = {
        run.stream
        for run in session.scalars(select(ProcedureRun))
        if run.state == RunState.COMPLETE
    }
    for request in session.scalars(select(WriteRequest)):
        if request.record in complete and not WriteState(request.state).final:
            yield f"write {request.key} is {request.state}"
    waiting = session.scalars(select(Job).where(Job.state == "waiting")).first()
    for run in session.scalars(select(ProcedureRun).where(ProcedureRun.state == RunState.RUNNING)):
        if waiting is None and not queries.open_steps(session, run):
            yield f"{run.number} runs and nothing is open"


def _damaged(session: Session) -> Iterator[str]:
    if session.get_bind().dialect.name == "sqlite":
        answer = str(session.scalar(text("PRAGMA integrity_check")))
        if answer != "ok":
            yield f"the file is damaged: {answer}"


def _unverified(house: House) -> Iterator[str]:
    """What the verification of the whole site finds."""
    keys = house.services["site_keys"]
    while sequence_pending(house, keys):
        pass
    with house.reading() as session:
        report = verify_site(session, keybook.of_site(session, keys))
    yield from (str(problem) for problem in report.problems)


def _not_verified_by_command(settings: Settings) -> Iterator[str]:
    """The same by the command of the product, as an administrator would ask after a crash."""
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "verify"],
        env={**os.environ, **serving.environment(settings)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        yield f"batchwright verify: {done.stdout[-500:]} {done.stderr[-500:]}"
