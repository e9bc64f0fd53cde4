"""The stage of the headless batch: who acts, on which step, and how time passes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.orm import Session

from app import clock
from app.acting import Person
from app.demo.script import Script
from app.worker import SiteWorker
from audit.sequencer import sequence_pending
from core.actors import Actor
from core.errors import BatchwrightError, Refusal
from core.house import House
from core.settings import Settings
from ebr import queries
from ebr.commands.exceptions import ExceptionReference, release_exception
from ebr.entry import NOTHING, Entry
from ebr.models import StepRecord, StepState
from hardware import commands as plant
from hardware.gateway import gateway_place
from hardware.gateway_control import GatewayClient
from workflows.words import Severity

CLOCK = Actor.service("demo", trigger="time of the process passes")


VOGEL, OKAFOR = "P-105", "P-107"
GONE_ON = {
    "late_verification": "the second person was called away; charging was seen on the camera"
}


class Cell(Protocol):
    """What people do at the machines, as `ControlClient` and `LocalCell` offer it."""

    def place(self, scale: str, mass: float, label: str = "") -> None:
        """Put a container of that gross mass (kg) on a scale."""

    def remove(self, scale: str) -> None:
        """Take the container off a scale."""

    def tare(self, scale: str) -> float:
        """Press the tare key of a scale."""

    def start(self, unit: str, **settings: object) -> None:
        """Press the start button of a machine."""

    def stop(self, unit: str) -> None:
        """Press the stop button of a machine."""

    def charge(self, unit: str, material: str, mass: float) -> None:
        """Bring material (kg) into a unit."""

    def cut(self, device: str, seconds: float | None = None) -> None:
        """Cut the line to a device for seconds of site time."""


class StoryBroken(BatchwrightError):
    """The story did not go as written; the batch stays as it is for inspection."""


@dataclass
class Stage:
    """Everything that a scene needs. `say` shows progress."""

    house: House
    settings: Settings
    worker: SiteWorker
    people: Mapping[str, Person]
    cell: Cell
    record: str
    say: Callable[[str], None]
    script: Script
    refusals: list[str] = field(default_factory=list)

    @property
    def number(self) -> str:
        """The batch number."""
        return self.record.rpartition("/")[2]

    def ask(self, query: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        """Run a query in a reading session."""
        with self.house.reading() as session:
            return query(session, *arguments, **more)

    def step(self, key: str) -> StepRecord:
        """The latest occurrence of a step. Raises StoryBroken when the flow is elsewhere."""
        self.worker.settle()
        with self.house.reading() as session:
            run = queries.run_of(session, self.record)
            found = queries.steps_of_key(session, run, key)
            if not found:
                raise StoryBroken(f"{key} was not reached; open: {self._open(session)}")
            return found[-1]

    def _open(self, session: Session) -> str:
        run = queries.run_of(session, self.record)
        steps = [f"{step.key} {step.state}" for step in queries.open_steps(session, run)]
        return f"{', '.join(steps) or 'nothing'}; the batch is {run.state} {run.problem or ''}"

    def path(self, key: str) -> str:
        """The path of the latest occurrence of a step."""
        return self.step(key).path

    def do(
        self,
        badge: str,
        key: str,
        entry: Entry = NOTHING,
        *,
        verifier: str | None = None,
        approver: str | None = None,
        readings: Mapping[str, Iterable[UUID]] | None = None,
    ) -> None:
        """One person performs a step, another verifies it, a third approves it."""
        step = self.step(key)
        taken = {code: list(ids) for code, ids in (readings or {}).items()}
        person = self.acting(badge, step.role)
        person.perform(self.record, step.path, entry, revision=step.revision, readings=taken)
        if verifier is not None:
            self.sign(verifier, key, "verifier")
        if approver is not None:
            self.sign(approver, key, "approver")

    def sign(self, badge: str, key: str, part: str) -> None:
        """Verify, confirm or approve the latest occurrence of a step."""
        step = self.step(key)
        role = step.role if part == "confirmer" else None
        person = self.acting(badge, role)
        person.sign_part(self.record, step.path, part, revision=step.revision)

    def acting(self, badge: str, role: str | None = None) -> Person:
        """A person in the role that the step asks for, when it is one of theirs."""
        person = self.people[badge]
        if role is None or role == person.role:
            return person
        return Person(
            person.house, person.badge, person.name, role, person.passphrase, person.terminal
        )

    def go_on(self) -> None:
        """Where exceptions hold the flow, who may lets it go on: the supervisor after a major,
        the quality unit after a critical one."""
        self.worker.settle()
        for number, type_, severity in self.ask(_holding, self.record):
            self.acting(OKAFOR if severity == Severity.CRITICAL else VOGEL).sign(
                release_exception,
                ExceptionReference(record=self.record, number=number),
                self.script.told.get(type_, GONE_ON.get(type_, "seen; the flow may go on")),
                meaning="approved",
                record=self.record,
            )

    def start(self, badge: str, key: str) -> None:
        """Begin with a step without performing it yet."""
        step = self.step(key)
        self.acting(badge, step.role).start(self.record, step.path)

    def take(self, badge: str, key: str, tag: str) -> UUID:
        """Take the value that a device shows now into the record."""
        step = self.step(key)
        self.sweep()
        person = self.acting(badge, step.role)
        found: UUID = self.house.perform(
            take, tag, self.record, step.path, by=person.actor, record=self.record
        )
        return found

    def sweep(self) -> None:
        """Let the gateway look at every device now."""
        with GatewayClient(gateway_place(self.settings)) as link:
            link.sweep(clock.site_now(self.house))

    def sequence(self) -> None:
        """Bring every entry into the log, so that it can be proven."""
        sequence_pending(self.house, self.house.services["site_keys"])

    def writes(self) -> None:
        """Let the gateway carry out open writes now, and the worker take their results."""
        with GatewayClient(gateway_place(self.settings)) as link:
            link.write_now()
        self.worker.settle()

    def refused(self, why: str, rule: str, act: Callable[[], object]) -> None:
        """The act must be refused by that rule; anything else breaks the story."""
        try:
            act()
        except Refusal as refusal:
            if refusal.rule != rule:
                raise StoryBroken(f"{why}: refused by {refusal.rule}, not {rule}") from refusal
            self.refusals.append(f"{why}: {refusal.fact}")
            self.say(f"  refused as it must be: {refusal.fact}")
            return
        raise StoryBroken(f"{why} was not refused")

    def wait(self, minutes: float, why: str, until: Callable[[], bool] | None = None) -> None:
        """Let site time pass, with the plant and the gateway in step."""
        to = clock.site_now(self.house) + timedelta(minutes=minutes)
        clock.advance(
            self.house, self.settings, to, reason=why, by=CLOCK, worker=self.worker, until=until
        )

    def wait_for(self, key: str, *, most: float, why: str) -> None:
        """Let time pass until a step that runs by itself has ended. Raises StoryBroken."""
        path = self.path(key)
        self.writes()
        self.wait(most, why, until=lambda: self.is_over(path))
        if not self.is_over(path):
            raise StoryBroken(f"{key} did not end within {most:g} min")

    def is_open(self, key: str) -> bool:
        """Whether the latest occurrence of a step waits for somebody to perform it."""
        with self.house.reading() as session:
            run = queries.run_of(session, self.record)
            found = queries.steps_of_key(session, run, key)
            return bool(found) and found[-1].state in (StepState.READY, StepState.STARTED)

    def is_over(self, path: str) -> bool:
        """Whether a step that runs by itself has ended."""
        with self.house.reading() as session:
            run = queries.run_of(session, self.record)
            step = queries.step_of(session, run, path)
            return step.state != StepState.STARTED


def _holding(session: Session, record: str) -> list[tuple[int, str, str]]:
    run = queries.run_of(session, record)
    return [
        (case.number, case.type, case.severity)
        for case in queries.exceptions(session, run)
        if not case.released
    ]


def take(session: Session, tag: str, record: str, step: str, *, by: Actor, at: datetime) -> UUID:
    """Take a reading for a step of a record; answers its id."""
    reading = plant.take_reading(session, tag, in_record=record, step=step, by=by, at=at)
    session.flush()
    return reading.id
