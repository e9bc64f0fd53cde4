"""The control recipe of the seeded batch: checked, signed and issued before anything else starts.

Bad input is refused with rule, fact and who resolves it, and changes nothing (URS-AUD-010).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from app.acting import Person
from app.bootstrap import compose
from app.seed import definitions as seeded_definitions
from app.seed import people
from core.errors import NotPermitted
from core.house import House
from ebr import queries
from ebr.entry import Entry
from ebr.errors import NoSuchStep, NotQualified, ValueRefused, WrongRole
from production import commands as production
from tests.integration.app.conftest import Seeded
from tests.support.untouched import refused
from workflows import commands as definitions
from workflows import queries as versions
from workflows.errors import DefinitionRefused, DefinitionTampered

RECORD = "batch/B-2044"
ISSUE = {"size": ("100.000",), "order": ("PO-7731",), "batch": ("B-2044",)}
VOGEL, KERN, WOJCIK, LIND = "P-105", "P-101", "P-103", "P-109"


@dataclass(frozen=True)
class Office:
    """The seeded site, and its people by badge."""

    house: House
    passphrases: dict[str, str]

    def person(self, badge: str, role: str) -> Person:
        name = next(who.name for who in people.STAFF if who.badge == badge)
        return Person(self.house, badge, name, role, self.passphrases[badge], "Room 1.04")

    def open(self) -> None:
        """The supervisor opens the control recipe."""
        self.person(VOGEL, "SU").do(production.open_batch, "B-2044", record=RECORD)

    def steps(self) -> list[str]:
        """Keys of the open steps."""
        with self.house.reading() as session:
            run = queries.run_of(session, RECORD)
            return [step.key for step in queries.open_steps(session, run)]

    def path(self, key: str) -> str:
        """The path of a step."""
        with self.house.reading() as session:
            run = queries.run_of(session, RECORD)
            return queries.steps_of_key(session, run, key)[-1].path

    def checked(self, **changed: tuple[str, ...]) -> Entry:
        """All points of P010 confirmed, its values typed."""
        with self.house.reading() as session:
            run = queries.run_of(session, RECORD)
            (step,) = (
                step
                for step in versions.load(session, run.file_digest).steps()
                if step.key == "P010"
            )
        return Entry(checks=tuple(point.code for point in step.checks), values={**ISSUE, **changed})


@pytest.fixture
def office(site: Seeded) -> Iterator[Office]:
    house = compose(site.settings)
    yield Office(house, site.passphrases())
    house.database.close()


@pytest.mark.urs("URS-MRC-070", "URS-EXE-020")
def test_nothing_is_open_before_the_supervisor_has_issued_the_control_recipe(
    office: Office,
) -> None:
    assert office.steps() == []
    office.open()
    assert office.steps() == ["P010"]
    office.person(VOGEL, "SU").perform(RECORD, office.path("P010"), office.checked())
    assert office.steps() == ["P020"]
    with office.house.reading() as session:
        step = queries.steps_of_key(session, queries.run_of(session, RECORD), "P010")[0]
        (signature,) = queries.signatures(session, step)
        assert signature.signer == VOGEL


@pytest.mark.urs("URS-MRC-070", "URS-EXE-010", "URS-AUD-010")
def test_a_step_after_the_issue_is_not_reached_and_an_operator_does_not_issue(
    office: Office,
) -> None:
    office.open()
    later = office.path("P010").replace("P010", "P020")
    with refused(office.house, NoSuchStep):
        office.person(KERN, "OP").start(RECORD, later)
    with refused(office.house, WrongRole):
        office.person(KERN, "OP").perform(RECORD, office.path("P010"), office.checked())


@pytest.mark.urs("URS-MRC-070", "URS-AUD-010")
def test_only_a_supervisor_opens_the_control_recipe(office: Office) -> None:
    with refused(office.house, NotPermitted):
        office.person(KERN, "OP").do(production.open_batch, "B-2044", record=RECORD)


@pytest.mark.urs("URS-IAM-110", "URS-AUD-010")
def test_an_unqualified_person_claims_no_step(office: Office) -> None:
    office.open()
    office.person(VOGEL, "SU").perform(RECORD, office.path("P010"), office.checked())
    with refused(office.house, NotQualified) as attempt:
        office.person(WOJCIK, "OP").start(RECORD, office.path("P020"))
    assert "REC-0017 v3" in attempt.facts["fact"]
    assert "Anna Kern" in attempt.facts["resolver"]


def tamper(seeded: Seeded) -> None:
    """Widen a limit in the stored recipe, as somebody with the file of the database would."""
    with sqlite3.connect(seeded.settings.home / "site.db") as raw:
        triggers = raw.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'definition_file'"
        ).fetchall()
        for (name,) in triggers:
            raw.execute(f'DROP TRIGGER "{name}"')
        raw.execute(
            """UPDATE definition_file SET body = replace(body, 'high="2.5"', 'high="9.5"')"""
        )
    raw.close()


@pytest.mark.sqlite("edits the file with a client of its own")
@pytest.mark.urs("URS-MRC-070", "URS-AUD-010")
def test_no_batch_starts_on_a_tampered_recipe(office: Office, site: Seeded) -> None:
    tamper(site)
    with refused(office.house, DefinitionTampered) as attempt:
        office.open()
    assert "quality assurance" in attempt.facts["resolver"]


@pytest.mark.sqlite("edits the file with a client of its own")
@pytest.mark.urs("URS-MRC-070", "URS-MRC-060", "URS-AUD-010")
def test_a_running_batch_does_not_go_on_along_a_tampered_recipe(
    office: Office, site: Seeded
) -> None:
    office.open()
    path, entry = office.path("P010"), office.checked()
    tamper(site)
    with refused(office.house, DefinitionTampered):
        office.person(VOGEL, "SU").start(RECORD, path)
    with pytest.raises(DefinitionTampered):
        office.person(VOGEL, "SU").perform(RECORD, path, entry)


MALFORMED = {
    "no XML": (b"\x00\xffnot a drawing", "xml."),
    "cut off": (seeded_definitions.recipe_file()[:5000], "xml.malformed"),
    "an element that we do not execute": (
        seeded_definitions.recipe_file()
        .replace(b"<bpmn:parallelGateway", b"<bpmn:complexGateway")
        .replace(b"</bpmn:parallelGateway", b"</bpmn:complexGateway"),
        "complexGateway",
    ),
    "an entity": (
        b'<!DOCTYPE x [<!ENTITY a "ha">]>' + seeded_definitions.recipe_file(),
        "xml.",
    ),
}


@pytest.mark.urs("URS-MRC-040", "URS-MRC-090", "URS-AUD-010")
@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_bpmn_is_not_stored(office: Office, name: str) -> None:
    data, told = MALFORMED[name]
    why = {"change_reference": "CC-2026-200", "reason": "a new recipe for the press"}
    with refused(office.house, DefinitionRefused) as attempt:
        author = office.person(LIND, "AUTHOR")
        author.do(definitions.create_draft, data, record="recipe/REC-0017", **why)
    assert isinstance(attempt.refusal, DefinitionRefused)
    found = attempt.refusal.findings
    assert any(told in f"{finding.code} {finding}" for finding in found)


@pytest.mark.urs("URS-EXE-060", "URS-AUD-010")
@pytest.mark.parametrize("size", ["59.999", "120.001", "100,0", "much"])
def test_a_batch_size_out_of_range_or_in_the_wrong_form_is_not_issued(
    office: Office, size: str
) -> None:
    office.open()
    supervisor, path = office.person(VOGEL, "SU"), office.path("P010")
    if size in ("59.999", "120.001"):
        supervisor.perform(RECORD, path, office.checked(size=(size,)))
        assert office.steps() == ["P010"], "P020 waits for a decision"
        with office.house.reading() as session:
            (case,) = queries.exceptions(session, queries.run_of(session, RECORD))
            assert (case.type, case.state) == ("out_of_limit", "open")
    else:
        with refused(office.house, ValueRefused):
            supervisor.perform(RECORD, path, office.checked(size=(size,)))
