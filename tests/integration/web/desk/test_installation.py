"""The page of the installation says what runs and what somebody has to look after (W23)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from tests.integration.web.desk.conftest import Enter, text_of
from tests.support.records import RecordPlant
from web import installation


@dataclass
class Key:
    kind: str = "log"
    name: str = "batchwright/werk-sud+1a2b3c4d+AAAA"
    state: str = "in use"
    since: datetime | None = None


class Installed:
    """What the composition answers."""

    problem = ""
    free = 5 << 30

    def database(self) -> tuple[str, str]:
        return "sqlite", self.problem

    def keys(self) -> Sequence[Key]:
        return [Key(), Key(state="former")]

    def free_bytes(self) -> int:
        return self.free


@pytest.fixture
def installed(plant: RecordPlant) -> Installed:
    """A house that was composed with it."""
    made = Installed()
    plant.house.services[installation.SERVICE] = made
    return made


def lines(enter: Enter) -> dict[str, dict[str, Any]]:
    told = enter("P-107").get("/installation?form=json").get_json()
    return {line["name"]: line for line in told}


@pytest.mark.urs("URS-VAL-050", "URS-TIM-020")
def test_every_part_says_how_it_stands(installed: Installed, enter: Enter) -> None:
    page = text_of(enter("P-107").get("/installation"))
    for words in (
        "a checkout, not a release", "Werk Süd", "kept by a time server", "sqlite: all hold",
        "log, in use", "log, former", "Nothing outside vouches for this log", "none yet", "5.0 GiB",
    ):  # fmt: skip
        assert words in page, words
    assert {line["state"] for line in lines(enter).values()} <= {"good", "watch", "bad", "plain"}


@pytest.mark.urs("URS-VAL-050", "URS-SEC-050")
def test_what_is_not_in_order_stands_at_the_top_with_who_resolves_it(
    installed: Installed, enter: Enter
) -> None:
    installed.problem, installed.free = "append-only triggers are missing", 1 << 20
    page = text_of(enter("P-107").get("/installation"))
    assert "append-only triggers are missing" in page[: page.index("<section")]
    found = lines(enter)
    assert found["Promises, schema and triggers"]["resolver"] == "the administrator of the database"
    assert found["Room for the site"]["state"] == "bad"


@pytest.mark.urs("URS-SEC-040")
def test_an_operator_reads_it_too_and_nobody_without_signing_in(
    installed: Installed, enter: Enter, plant: RecordPlant
) -> None:
    assert enter("P-101").get("/installation").status_code == 200
    app = enter("P-101").client.application
    assert app.test_client().get("/installation").status_code in (302, 303, 401)
