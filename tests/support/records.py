"""A staffed site whose record, engine and step kinds are the real ones, for tests of the record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from app import wiring
from app.acting import Person
from audit import trail
from audit.attempts import record_refusal
from audit.keys import open_or_make
from audit.streams import Stream
from audit.trail import TrailGuard
from core.actors import Actor
from core.clock import HeldClock
from core.db import Database
from core.events import EventHandlers
from core.house import House
from core.jobs import Worker
from core.settings import Settings
from core.sites import Site, SiteMode
from ebr import queries
from ebr.commands import runs
from ebr.commands.runs import NewRun
from ebr.gates import Gates
from ebr.host import RecordHost
from ebr.kinds.base import KindRegistry
from ebr.models import ProcedureRun, StepRecord
from hardware.historian import Historian
from personnel import commands, credentials, enrolment, signing
from personnel.crypto import LIGHT, Vault
from tests.support.places import lay_out, owner_url, site_url
from workflows.importing import import_procedure
from workflows.models import DefinitionFile

START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
TERMINAL = "Room 1.12"
SETUP = Actor.service("set-up", trigger="new site")
RECORD = "batch/B-2045"


@dataclass(frozen=True)
class Somebody:
    """A person of the test site."""

    name: str
    passphrase: str
    role: str


PEOPLE = {
    "A-001": Somebody("Kim Larsen", "seven quiet herons", "ADMIN"),
    "A-002": Somebody("Noor Haddad", "copper lanterns drift", "ADMIN"),
    "P-101": Somebody("Anna Kern", "barley under snowfall", "OP"),
    "P-102": Somebody("Paul Roth", "marble ticket lagoon", "OP"),
    "P-103": Somebody("Tomasz Wójcik", "gravel under starlight", "OP"),
    "P-104": Somebody("Ravi Menon", "ember lattice meadow", "DI"),
    "P-105": Somebody("Miriam Vogel", "velvet harbour clock", "SU"),
    "P-106": Somebody("Inês Duarte", "paper comet orchard", "QC"),
    "P-107": Somebody("Samuel Okafor", "ninety pale orchids", "QA"),
}
UNQUALIFIED = {"P-103"}


class RecordPlant:
    """The site under test with short words for what tests do again and again."""

    def __init__(self, url: str, folder: Path) -> None:
        self.folder = folder
        self.clock = HeldClock(START)
        self.historian = Historian(folder / "historian.db", clock=self.clock)
        self.historian.create()
        events = EventHandlers()
        self.house = House(Database(url), guards=[TrailGuard()], events=events, clock=self.clock)
        self.house.on_refusal = record_refusal
        wiring.handlers(events)
        registry, gates = KindRegistry(), Gates(wiring.EXPECTED_CHECKS)
        wiring.kinds(registry)
        wiring.checks(gates)
        self.house.services.update(
            vault=Vault(b"p" * 32, SiteMode.DEMONSTRATION, cost=LIGHT, for_tests=True),
            step_kinds=registry,
            gates=gates,
            engine_host=RecordHost(),
            historian=self.historian,
            site_keys=open_or_make(folder, "batchwright/test"),
            settings=Settings(home=folder, database_url=url, owner_url=url),
        )
        self.worker = Worker(self.house, wiring.jobs(), owner="worker-1")

    def close(self) -> None:
        """Release the database."""
        self.house.database.close()

    def person(self, badge: str, role: str | None = None) -> Person:
        """A person at the terminal."""
        who = PEOPLE[badge]
        return Person(self.house, badge, who.name, role or who.role, who.passphrase, TERMINAL)

    def ask(self, query: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        """Run a query in a reading session."""
        with self.house.reading() as session:
            return query(session, *arguments, **more)

    def later(self, **span: float) -> None:
        """Let time pass."""
        self.clock.move(timedelta(**span))

    def work(self) -> None:
        """Let the worker do what is due."""
        self.worker.run_pending()

    def entries(self, stream: str = RECORD) -> list[dict[str, Any]]:
        """The entries of a stream, read."""
        with self.house.reading() as session:
            return [entry.data for entry in trail.entries(session, Stream.parse(stream))]

    def actions(self, stream: str = RECORD) -> list[str]:
        """The actions of a stream in order."""
        return [str(entry["action"]) for entry in self.entries(stream)]

    def start(self, data: bytes, *, number: str = "B-2045", **more: Any) -> None:
        """Store a definition and start a run on it."""
        imported = import_procedure(data)
        supervisor = self.person("P-105").actor
        self.house.perform(_start, data, imported, number, by=supervisor, **more)
        self.work()

    def run(self, number: str = "B-2045") -> ProcedureRun:
        """The run, read."""
        found: ProcedureRun = self.ask(queries.run_of, number)
        return found

    def step(self, key: str, occurrence: int = -1, number: str = "B-2045") -> StepRecord:
        """The last (or another) occurrence of a step, read."""
        with self.house.reading() as session:
            run = queries.run_of(session, number)
            found = queries.steps_of_key(session, run, key)
            assert found, f"{key} was not reached"
            return found[occurrence]

    def path(self, key: str) -> str:
        """The path of the last occurrence of a step."""
        return self.step(key).path

    def texts(self, key: str) -> dict[str, list[str | None]]:
        """The values in force at a step, as text by code."""
        with self.house.reading() as session:
            run = queries.run_of(session, "B-2045")
            step = queries.steps_of_key(session, run, key)[-1]
            values = queries.current_values(session, step)
            return {code: [value.text for value in found] for code, found in values.items()}

    def exceptions(self) -> list[tuple[str, str]]:
        """Type and severity of all exceptions, in order."""
        with self.house.reading() as session:
            run = queries.run_of(session, "B-2045")
            return [(case.type, case.severity) for case in queries.exceptions(session, run)]


def _start(
    session: Session,
    data: bytes,
    imported: Any,
    number: str,
    *,
    by: Actor,
    at: datetime,
    size: Any = None,
) -> None:
    stream = Stream("batch", number)
    header = imported.procedure.header
    with trail.act(session, "batch.opened", stream=stream, by=by, object=number):
        session.add(
            DefinitionFile(
                file_digest=imported.file_digest,
                content_digest=imported.content_digest,
                body=data.decode(),
            )
        )
        session.flush()
        run = runs.open_run(
            session,
            NewRun(
                number=number,
                stream=stream,
                code=header.code,
                version_label="v1",
                title=header.title,
                language="en",
                file_digest=imported.file_digest,
                content_digest=imported.content_digest,
                size=size,
                size_unit=None if size is None else "kg",
            ),
        )
        runs.start_run(session, run, by=by, at=at)


def staffed(folder: Path) -> RecordPlant:
    """A fresh site in a folder, with its people."""
    url = site_url(folder / "site.db")
    make_tables(url)
    plant = RecordPlant(url, folder)
    staff(plant)
    return plant


def make_tables(url: str, mode: SiteMode = SiteMode.DEMONSTRATION) -> None:
    """Tables, triggers and the site's row."""
    lay_out(url)
    engine = create_engine(owner_url(url))
    with Session(engine) as session:
        site = Site(
            site_id=1, name="Werk Süd", mode=mode.value, zone="Europe/Berlin", made_at=START
        )
        session.add(site)
        session.commit()
    engine.dispose()


def staff(plant: RecordPlant, *, subject: str = "TST-1 v1") -> None:
    """Two administrators by set-up, everybody else by them; all but one are qualified."""
    house = plant.house
    for badge in ("A-001", "A-002"):
        _add(house, badge, SETUP)
        _grant(house, badge, "ADMIN", SETUP, SETUP)
    for badge in ("A-001", "A-002"):
        _enrol(house, badge, SETUP)
    first, second = plant.person("A-001").actor, plant.person("A-002").actor
    for badge, who in PEOPLE.items():
        if who.role == "ADMIN":
            continue
        _add(house, badge, first)
        _grant(house, badge, who.role, first, second)
        _enrol(house, badge, first)
        house.perform(credentials.confirm_identity, badge, by=second)
        _undertake(plant, badge)
    qualify(plant, {badge: subject for badge in PEOPLE if badge not in UNQUALIFIED})


def qualify(plant: RecordPlant, subjects: Mapping[str, str]) -> None:
    """Record that people are qualified on a subject, from a year ago for two years."""
    supervisor = plant.person("P-105").actor
    quality = plant.person("P-107").actor
    for badge, subject in subjects.items():
        if PEOPLE[badge].role == "ADMIN":
            continue
        plant.house.perform(
            commands.record_qualification,
            badge,
            subject,
            valid_from=START - timedelta(days=365),
            valid_until=START + timedelta(days=365),
            evidence="test record 1",
            by=quality if badge == "P-105" else supervisor,
        )


def _add(house: House, badge: str, by: Actor) -> None:
    house.perform(commands.add_person, badge, PEOPLE[badge].name, natural_key=f"N-{badge}", by=by)


def _grant(house: House, badge: str, role: str, asks: Actor, grants: Actor) -> None:
    asked = house.perform(commands.request_role, badge, role, reason="shift plan", by=asks)
    house.perform(commands.grant_role, asked, by=grants)


def _enrol(house: House, badge: str, by: Actor) -> None:
    secret = house.perform(credentials.issue_secret, badge, reason="new colleague", by=by)
    enrolment.set_passphrase(
        house, badge=badge, secret=secret, passphrase=PEOPLE[badge].passphrase, terminal=TERMINAL
    )


def _undertake(plant: RecordPlant, badge: str) -> None:
    with plant.house.reading() as session:
        content = signing.undertaking(session, badge)
    who = plant.person(badge)
    confirmation = who.confirm(content, "undertaken")
    plant.house.perform(signing.sign_undertaking, confirmation, by=who.actor)
