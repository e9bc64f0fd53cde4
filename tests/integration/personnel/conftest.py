"""A small site with two administrators and four people, made through the commands themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copyfile
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from audit import trail
from audit.attempts import record_refusal
from audit.models import Signature
from audit.signatures import SignedContent
from audit.streams import Stream
from audit.trail import TrailGuard
from core.actors import Actor, ActorKind
from core.clock import HeldClock
from core.db import Database
from core.events import EventHandlers
from core.house import House
from core.sites import Site, SiteMode
from personnel import commands, credentials, enrolment, events, sessions, signing
from personnel.crypto import LIGHT, Vault
from tests.support.places import lay_out, owner_url, site_url

START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
TERMINAL = "Room 1.12"
SETUP = Actor.service("set-up", trigger="new site")
PASSPHRASES = {
    "A-001": "seven quiet herons",
    "A-002": "copper lanterns drift",
    "P-101": "barley under snowfall",
    "P-102": "marble ticket lagoon",
    "P-105": "velvet harbour clock",
    "P-107": "ninety pale orchids",
}
NAMES = {
    "A-001": "Kim Larsen",
    "A-002": "Noor Haddad",
    "P-101": "Anna Kern",
    "P-102": "Paul Roth",
    "P-105": "Miriam Vogel",
    "P-107": "Samuel Okafor",
}
ROLES = {"P-101": "OP", "P-102": "OP", "P-105": "SU", "P-107": "QA"}
CONTENT = SignedContent(
    record="batch/B-2045", object="G170#1", version=1, content={"lod": "2.70", "unit": "%"}
)


@dataclass
class Plant:
    """The site under test, with short words for what tests do again and again."""

    house: House
    clock: HeldClock
    heard: list[object] = field(default_factory=list)

    def actor(self, badge: str, role: str | None = None) -> Actor:
        role = role or ROLES.get(badge, "ADMIN")
        return Actor(
            kind=ActorKind.PERSON,
            id=badge,
            name=NAMES.get(badge, badge),
            role=role,
            terminal=TERMINAL,
        )

    def do(self, command: Callable[..., Any], *arguments: Any, by: str | Actor, **more: Any) -> Any:
        actor = by if isinstance(by, Actor) else self.actor(by)
        return self.house.perform(command, *arguments, by=actor, **more)

    def ask(self, query: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        with self.house.reading() as session:
            return query(session, *arguments, **more)

    def now(self) -> datetime:
        return self.clock.now()

    def later(self, **span: float) -> None:
        self.clock.move(timedelta(**span))

    def entries(self, stream: str) -> list[dict[str, Any]]:
        with self.house.reading() as session:
            return [entry.data for entry in trail.entries(session, Stream.parse(stream))]

    def actions(self, stream: str) -> list[str]:
        return [entry["action"] for entry in self.entries(stream)]

    def login(self, badge: str, terminal: str = TERMINAL) -> str:
        return sessions.login(self.house, badge, PASSPHRASES[badge], terminal=terminal).token

    def confirm(self, badge: str, meaning: str = "performed", **more: Any) -> signing.Confirmation:
        wanted = {
            "passphrase": PASSPHRASES[badge],
            "digest": CONTENT.digest(),
            "terminal": TERMINAL,
            **more,
        }
        return signing.confirm(self.house, badge=badge, meaning=meaning, **wanted)

    def seal(self, confirmation: signing.Confirmation, **more: Any) -> Signature:
        """Seal in a transaction of its own, as a command of the record would."""
        badge = confirmation.badge
        role = more.pop("role", ROLES.get(badge, "ADMIN"))
        content = more.pop("content", CONTENT)
        by = self.actor(more.pop("by", badge), role)
        wanted = {"meaning": confirmation.meaning, "role": role, **more}
        with self.house.transaction() as session:
            with trail.act(
                session,
                "step.completed",
                stream=Stream.parse(content.record),
                by=by,
                object=content.object,
            ) as act:
                signature = signing.seal(session, confirmation, content, act=act, **wanted)
            session.flush()
            session.expunge(signature)
        return signature

    def add(self, badge: str, name: str, natural_key: str, by: str | Actor = "A-001") -> None:
        self.do(commands.add_person, badge, name, natural_key=natural_key, by=by)

    def grant(self, badge: str, role: str, **more: Any) -> UUID:
        """Asked by one administrator, granted by the other; the grant's id."""
        asked = self.do(commands.request_role, badge, role, reason="shift plan", by="A-001", **more)
        granted: UUID = self.do(commands.grant_role, asked, by="A-002")
        return granted

    def enrol(self, badge: str, passphrase: str, by: str | Actor = "A-001") -> None:
        secret = self.do(credentials.issue_secret, badge, reason="new colleague", by=by)
        enrolment.set_passphrase(
            self.house, badge=badge, secret=secret, passphrase=passphrase, terminal=TERMINAL
        )

    def undertake(self, badge: str) -> None:
        digest = self.ask(signing.undertaking, badge).digest()
        confirmation = self.confirm(badge, "undertaken", digest=digest)
        self.do(signing.sign_undertaking, confirmation, by=badge)


def make_site(url: str, mode: SiteMode = SiteMode.DEMONSTRATION) -> None:
    lay_out(url)
    engine = create_engine(owner_url(url))
    with Session(engine) as session:
        session.add(
            Site(site_id=1, name="Werk Süd", mode=mode, zone="Europe/Berlin", made_at=START)
        )
        session.commit()
    engine.dispose()


def staffed(plant: Plant) -> Plant:
    """Two administrators by set-up, four people by the administrators."""
    for badge in ("A-001", "A-002"):
        plant.add(badge, NAMES[badge], f"N-{badge}", by=SETUP)
        reason = "first administrators"
        asked = plant.do(commands.request_role, badge, "ADMIN", reason=reason, by=SETUP)
        plant.do(commands.grant_role, asked, by=SETUP)
    for badge in ("A-001", "A-002"):
        plant.enrol(badge, PASSPHRASES[badge], by=SETUP)
    for badge, role in ROLES.items():
        plant.add(badge, NAMES[badge], f"N-{badge}")
        plant.grant(badge, role)
        plant.enrol(badge, PASSPHRASES[badge])
        plant.do(credentials.confirm_identity, badge, by="A-002")
        plant.undertake(badge)
    return plant


def composed(url: str, clock: HeldClock) -> Plant:
    handlers = EventHandlers()
    house = House(
        Database(url), guards=[TrailGuard(software="batchwright test")], events=handlers,
        clock=clock,
    )  # fmt: skip
    house.services["vault"] = Vault(b"p" * 32, SiteMode.DEMONSTRATION, cost=LIGHT, for_tests=True)
    house.on_refusal = record_refusal
    plant = Plant(house=house, clock=clock)
    for kind in (events.AccountLocked, events.CredentialReset, events.PersonDeactivated):
        handlers.on(kind, lambda session, event: plant.heard.append(event))
    return plant


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock(START)


@pytest.fixture
def bare(chosen_url: str, clock: HeldClock) -> Iterator[Plant]:
    """A new site with nobody in it."""
    make_site(chosen_url)
    plant = composed(chosen_url, clock)
    yield plant
    plant.house.database.close()


@pytest.fixture(scope="session")
def staffed_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A staffed site, made once and copied for each test."""
    path = tmp_path_factory.mktemp("staffed") / "site.db"
    make_site(site_url(path))
    plant = staffed(composed(site_url(path), HeldClock(START)))
    plant.house.database.close()
    return path


@pytest.fixture
def plant(staffed_file: Path, tmp_path: Path, clock: HeldClock) -> Iterator[Plant]:
    """A staffed site of its own for each test."""
    path = tmp_path / "site.db"
    copyfile(staffed_file, path)
    plant = composed(site_url(path), clock)
    yield plant
    plant.house.database.close()


@pytest.fixture
def plant_on_both(database_url: str, clock: HeldClock) -> Iterator[Plant]:
    """A staffed site on SQLite and on PostgreSQL."""
    make_site(database_url)
    plant = composed(database_url, clock)
    yield staffed(plant)
    plant.house.database.close()
