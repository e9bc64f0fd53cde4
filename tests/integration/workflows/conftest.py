"""A staffed site with an author, a checker and a quality approver, and a recipe in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
from sqlalchemy.orm import Session

from audit.signatures import SignedContent
from core.actors import Actor
from core.clock import HeldClock
from personnel import credentials, signing
from personnel.signing import Confirmation
from tests.integration.personnel.conftest import (
    PASSPHRASES,
    START,
    TERMINAL,
    Plant,
    composed,
    make_site,
    staffed,
)
from tests.support.bpmn import bpmn, end, process, start, step, task
from tests.support.places import site_url
from workflows import commands

AUTHOR, CHECKER, QUALITY = "P-109", "P-105", "P-107"
PASSPHRASE = "linen under the walnut"
WHY = {"change_reference": "CC-2026-118", "reason": "first version of the test recipe"}


def recipe(high: str = "2.5", *, code: str = "TST-1", product: str | None = None) -> bytes:
    """A small definition with one limit; with `product` it has a product and a batch size."""
    inside = ""
    if product is not None:
        inside = (
            f'<bw:product code="{product}" name="n" strength="1 mg" dosageForm="tablet"/>'
            '<bw:batchSize reference="100.000" minimum="60" maximum="120" unit="kg"/>'
        )
    header = f'<bw:recipe code="{code}" title="Test" category="procedure">{inside}</bw:recipe>'
    parameter = (
        '<bw:parameter code="lod" dataType="decimal" unit="%" decimals="2">'
        f'<bw:limit tier="action" high="{high}"/></bw:parameter>'
    )
    node = task("A", step("A", parameter, kind="entry"))
    return bpmn(process("OP", start(), node, end(), flows="start > A > end", header=header))


@dataclass
class Condition:
    met: bool
    fact: str
    resolver: str = ""


@dataclass
class Gatekeeper:
    """Stands for the gates of the composed house; tests add conditions."""

    found: list[Condition] = field(default_factory=list)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def conditions(self, session: Session, gate: str, facts: dict[str, Any]) -> list[Condition]:
        self.asked.append((gate, facts))
        return self.found


@dataclass
class Library:
    """Short words for what the tests do again and again."""

    plant: Plant
    gates: Gatekeeper = field(default_factory=Gatekeeper)

    def __post_init__(self) -> None:
        self.plant.house.services["gates"] = self.gates

    def actor(self, badge: str, role: str) -> Actor:
        return self.plant.actor(badge, role)

    def draft(self, data: bytes | None = None, **changed: str) -> None:
        """A new draft by the author; `changed` replaces change reference or reason."""
        by = self.actor(AUTHOR, "AUTHOR")
        why: dict[str, Any] = {**WHY, **changed}
        self.plant.house.perform(commands.create_draft, data or recipe(), by=by, **why)

    def signed(
        self,
        command: Callable[..., SignedContent],
        number: int = 1,
        *,
        badge: str,
        role: str,
        meaning: str,
        code: str = "TST-1",
        **more: Any,
    ) -> None:
        """Show what would be signed, confirm it with the passphrase, sign it."""
        by = self.actor(badge, role)
        house = self.plant.house
        shown = house.rehearse(command, code, number, by=by, rehearsal=True, **more)
        confirmation = self.confirm(badge, shown, meaning)
        house.perform(command, code, number, by=by, signed_by=confirmation, **more)

    def confirm(self, badge: str, shown: SignedContent, meaning: str) -> Confirmation:
        passphrase = PASSPHRASES.get(badge, PASSPHRASE)
        return signing.confirm(
            self.plant.house, badge=badge, passphrase=passphrase, digest=shown.digest(),
            meaning=meaning, terminal=TERMINAL,
        )  # fmt: skip

    def submit(self, number: int = 1, badge: str = AUTHOR, **more: Any) -> None:
        self.signed(
            commands.submit_for_review, number, badge=badge, role="AUTHOR", meaning="authored",
            **more,
        )  # fmt: skip

    def check(self, number: int = 1, badge: str = CHECKER, **more: Any) -> None:
        self.signed(
            commands.check_version, number, badge=badge, role="SU", meaning="reviewed", **more
        )

    def approve(self, number: int = 1, badge: str = QUALITY, **more: Any) -> None:
        self.signed(
            commands.approve_version, number, badge=badge, role="QA", meaning="approved",
            effective_from=more.pop("effective_from", START), **more,
        )  # fmt: skip

    def take_effect(self, number: int = 1, code: str = "TST-1") -> None:
        self.plant.house.perform(
            commands.make_effective, code, number, by=self.actor(QUALITY, "QA")
        )

    def release(self, data: bytes | None = None, number: int = 1, code: str = "TST-1") -> None:
        """A version all the way into effect."""
        self.draft(data)
        self.submit(number, code=code)
        self.check(number, code=code)
        self.approve(number, code=code)
        self.take_effect(number, code)


def with_author(plant: Plant) -> None:
    """Aino Lind writes recipes; Miriam Vogel may write them, too."""
    plant.add(AUTHOR, "Aino Lind", f"N-{AUTHOR}")
    plant.grant(AUTHOR, "AUTHOR")
    plant.grant(CHECKER, "AUTHOR")
    plant.enrol(AUTHOR, PASSPHRASE)
    plant.do(credentials.confirm_identity, AUTHOR, by="A-002")
    shown = plant.ask(signing.undertaking, AUTHOR)
    confirmation = Library(plant).confirm(AUTHOR, shown, "undertaken")
    plant.do(signing.sign_undertaking, confirmation, by=plant.actor(AUTHOR, "AUTHOR"))


@pytest.fixture(scope="session")
def library_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A staffed site with an author, made once and copied for each test."""
    path = tmp_path_factory.mktemp("library") / "site.db"
    make_site(site_url(path))
    plant = staffed(composed(site_url(path), HeldClock(START)))
    with_author(plant)
    plant.house.database.close()
    return path


@pytest.fixture
def library(library_file: Path, tmp_path: Path) -> Iterator[Library]:
    """A recipe library without recipes."""
    path = tmp_path / "site.db"
    copyfile(library_file, path)
    plant = composed(site_url(path), HeldClock(START))
    yield Library(plant)
    plant.house.database.close()


@pytest.fixture
def library_on_both(database_url: str) -> Iterator[Library]:
    """A recipe library on SQLite and on PostgreSQL."""
    make_site(database_url)
    plant = staffed(composed(database_url, HeldClock(START)))
    with_author(plant)
    yield Library(plant)
    plant.house.database.close()
