"""Definitions of the demonstration site: the effective recipe, drawn, checked and approved."""

from __future__ import annotations

from datetime import datetime
from importlib import resources

from app.acting import Person
from core.house import House
from workflows import commands as definitions

RECIPE = "REC-0017"
VERSION = 3
FILE = "rec-0017-v3.bpmn"
PACKAGING = "REC-0021"
PACKAGING_VERSION = 2
PACKAGING_FILE = "rec-0021-v2.bpmn"
PROPOSED = 4
PROPOSED_FILE = "rec-0017-v4.bpmn"


def recipe_file(name: str = FILE) -> bytes:
    """A recipe of the product, as stored in its package."""
    return (resources.files("workflows") / "production" / name).read_bytes()


def seed(house: House, people: dict[str, Person], at: datetime) -> None:
    """REC-0017 v3 and REC-0021 v2 through their whole life cycle with three people."""
    release(people, recipe_file(), RECIPE, VERSION, change="CC-2026-104", at=at)
    packaging = recipe_file(PACKAGING_FILE)
    release(people, packaging, PACKAGING, PACKAGING_VERSION, change="CC-2026-105", at=at)


def release(
    people: dict[str, Person],
    body: bytes,
    code: str,
    number: int,
    *,
    change: str,
    at: datetime,
    reason: str = "transfer of the approved paper record to the electronic one",
) -> None:
    """A definition drawn, checked, approved and made effective from `at` on."""
    author, checker, approver = people["P-109"], people["P-105"], people["P-107"]
    record = f"recipe/{code}"
    author.do(
        definitions.create_draft,
        body,
        number=number,
        change_reference=change,
        reason=reason,
        record=record,
    )
    author.sign(definitions.submit_for_review, code, number, meaning="authored", record=record)
    checker.sign(definitions.check_version, code, number, meaning="reviewed", record=record)
    approver.sign(
        definitions.approve_version,
        code,
        number,
        effective_from=at,
        meaning="approved",
        record=record,
    )
    approver.do(definitions.make_effective, code, number, record=record)


def propose(house: House, people: dict[str, Person]) -> None:
    """REC-0017 v4 as its author proposes it: submitted, checked and approved by nobody yet."""
    author, record = people["P-109"], f"recipe/{RECIPE}"
    author.do(
        definitions.create_draft,
        recipe_file(PROPOSED_FILE),
        number=PROPOSED,
        change_reference="CC-2026-119",
        reason="limit of loss on drying as validated; lumps are held back by a check sieve",
        record=record,
    )
    author.sign(definitions.submit_for_review, RECIPE, PROPOSED, meaning="authored", record=record)
