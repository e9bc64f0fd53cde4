"""The master recipe as an approved document, on a seeded site (URS-MRC-010, URS-MRC-080)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from app.bootstrap import compose
from audit import signatures
from core.actors import Actor
from core.errors import NotFound, NotPermitted
from core.house import House
from personnel import queries as staff
from production.masterrecipe import NotARecipe, mark_of
from tests.integration.app.conftest import Seeded
from tests.support import sheets
from workflows import queries as definitions
from workflows.rules import VersionState
from workflows.step import in_language


@pytest.fixture(scope="module")
def house(seeded: Seeded) -> Iterator[House]:
    """The seeded site."""
    made = compose(seeded.settings)
    yield made
    made.database.close()


@pytest.fixture(scope="module")
def by(house: House) -> Actor:
    """The quality unit."""
    with house.reading() as session:
        return staff.actor(session, "P-107", role="QA", terminal="office")


@pytest.fixture(scope="module")
def made(house: House, by: Actor) -> sheets.Issued:
    """REC-0017 v3, printed once."""
    return sheets.issue(house, "recipe", by, code="REC-0017", number="3")


@pytest.mark.urs("URS-MRC-010", "URS-REP-010", "URS-SIG-090")
def test_the_three_signatures_stand_on_it_with_name_meaning_and_time(
    house: House, made: sheets.Issued
) -> None:
    with house.reading() as session:
        signed = [
            row
            for row in signatures.of_record(session, "recipe/REC-0017")
            if row.object == "REC-0017 v3"
        ]
    rows = made.rows("approvals")
    assert len(rows) == len(signed) == 3
    for row, signature in zip(rows, signed, strict=True):
        assert row["signed"].startswith(f"{signature.printed_name} ({signature.signer})\n")
        assert f"{signature.meaning} · {signature.role}" in row["signed"]
    assert made.data["mark"] == ""
    assert made.standing == "effective"


@pytest.mark.urs("URS-MRC-080", "URS-MRC-030", "URS-REP-030")
def test_every_step_parameter_and_limit_of_the_recipe_is_printed(
    house: House, made: sheets.Issued
) -> None:
    with house.reading() as session:
        version = definitions.version(session, "REC-0017", 3)
        procedure = definitions.load(session, version.file_digest)
    rows = {
        row["step"].split()[0]: row
        for table in made.data["tables"]
        if table["code"].startswith("steps:")
        for row in table["rows"]
    }
    assert set(rows) == {step.key for step in procedure.steps()}
    language = procedure.header.language
    for step in procedure.steps():
        assert in_language(step.instructions, language) in rows[step.key]["does"]
        told = rows[step.key]["parameters"]
        for parameter in step.parameters:
            assert (
                in_language(parameter.labels, language) or parameter.code.replace("_", " ")
            ) in told
            assert all(
                (limit.low or "") in told and (limit.high or "") in told
                for limit in parameter.limits
            )
    assert len(made.rows("formula")) == len(procedure.header.ingredients)
    assert len(made.rows("flows")) == sum(len(level.flows) for level in procedure.levels)
    assert sheets.unsaid(made) == []


def test_the_drawings_are_on_it_and_their_digest_in_the_content(made: sheets.Issued) -> None:
    drawn = {each["table"] for each in made.data["drawings"]}
    assert "steps:REC_0017" in drawn
    assert len(drawn) > 3
    assert all(len(each["sha256"]) == 64 for each in made.data["drawings"])


@pytest.mark.urs("URS-IAM-020")
def test_who_may_not_read_recipes_gets_none(house: House, by: Actor) -> None:
    with pytest.raises(NotPermitted):
        sheets.issue(house, "recipe", replace(by, id="P-999"), code="REC-0017", number="3")


@pytest.mark.parametrize("number", ["", "three", "-1", "9999999"])
def test_what_is_no_version_is_refused(house: House, by: Actor, number: str) -> None:
    with pytest.raises(NotARecipe):
        sheets.issue(house, "recipe", by, code="REC-0017", number=number)


def test_a_version_that_there_is_not_is_not_found(house: House, by: Actor) -> None:
    with pytest.raises(NotFound):
        sheets.issue(house, "recipe", by, code="REC-0017", number="77")


@pytest.mark.urs("URS-MRC-010")
@pytest.mark.parametrize(
    ("state", "mark"),
    [
        ("draft", "NOT APPROVED"),
        ("in_review", "NOT APPROVED"),
        ("approved", ""),
        ("effective", ""),
        ("superseded", "SUPERSEDED"),
        ("withdrawn", "WITHDRAWN"),
    ],
)
def test_every_state_has_its_mark(state: str, mark: str) -> None:
    assert mark_of(VersionState(state)) == mark
