"""Leaving the plan on the pages: proposed at the step, decided at the batch (URS-DEV-020)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from flask import Flask

from ebr.models import RunState, StepState
from tests.integration.ebr.test_unplanned import WHY, propose, recipe
from tests.support.places import site_url
from tests.support.records import PEOPLE, RECORD, RecordPlant, make_tables, staff
from tests.support.web import Visitor

BATCH = "/records/B-2045"
STEP = f"{BATCH}/steps/B/1"


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[RecordPlant]:
    """A is complete, B is ready."""
    make_tables(site_url(tmp_path / "site.db"))
    made = RecordPlant(site_url(tmp_path / "site.db"), tmp_path)
    staff(made)
    made.start(recipe())
    made.person("P-101").perform(RECORD, made.path("A"))
    yield made
    made.close()


def visitor_as(app: Flask, badge: str) -> Visitor:
    """Somebody signed in."""
    visitor = Visitor(app)
    assert visitor.login(badge).status_code == 303
    return visitor


def full(badge: str) -> dict[str, str]:
    return {"badge": badge, "passphrase": PEOPLE[badge].passphrase}


@pytest.mark.urs("URS-DEV-020", "URS-SIG-020")
def test_the_supervisor_proposes_and_the_quality_unit_lets_it_happen(
    app: Flask, plant: RecordPlant
) -> None:
    supervisor = visitor_as(app, "P-105")
    asked = supervisor.send(STEP, f"{STEP}/leave", marker="reason", way="done", reason=WHY)
    assert "leave out Sieve" in asked.get_data(as_text=True)
    assert plant.exceptions() == [], "only rehearsed"
    assert supervisor.sign(asked, f"{STEP}/leave", **full("P-105")).status_code == 303
    assert plant.run().state == RunState.HELD
    quality = visitor_as(app, "P-107")
    page = quality.get(BATCH).get_data(as_text=True)
    for words in ("Proposed by Miriam Vogel", "leave out Sieve", "Refuse it"):
        assert words in page, words
    to = f"{BATCH}/exceptions/1/go-on"
    asked = quality.send(BATCH, to, marker="reason", reason="assessed, no influence")
    assert quality.sign(asked, to, **full("P-107")).status_code == 303
    assert plant.step("B").state == StepState.CANCELLED
    assert plant.step("C").state == StepState.READY
    chosen = quote(plant.path("B"))
    timeline = quality.get(f"/batches/B-2045/record?step={chosen}", follow_redirects=True)
    assert "left as decided in exception 1" in timeline.get_data(as_text=True)


@pytest.mark.urs("URS-DEV-020")
def test_the_quality_unit_refuses_on_the_page(app: Flask, plant: RecordPlant) -> None:
    propose(plant, "to:C")
    quality = visitor_as(app, "P-107")
    to = f"{BATCH}/exceptions/1/refuse"
    asked = quality.send(BATCH, to, marker="reason", reason="the product needs it")
    assert quality.sign(asked, to, **full("P-107")).status_code == 303
    assert plant.run().state == RunState.RUNNING
    assert plant.step("B").state == StepState.READY


@pytest.mark.urs("URS-DEV-020", "URS-IAM-020")
@pytest.mark.parametrize("badge", ["P-101", "P-107"])
def test_others_are_offered_nothing_and_refused(app: Flask, plant: RecordPlant, badge: str) -> None:
    visitor = visitor_as(app, badge)
    assert "Leave the plan" not in visitor.get(STEP).get_data(as_text=True)
    form = visitor.forms(STEP).with_field("_key")
    answer = visitor.client.post(f"{STEP}/leave", data={**form, "way": "done", "reason": WHY})
    assert answer.status_code == 403
    assert plant.exceptions() == []


@pytest.mark.urs("URS-DEV-020")
def test_no_other_page_moves_the_flow(app: Flask) -> None:
    moving = ("skip", "retry", "repeat", "move", "leave", "way", "go-on", "refuse")
    found = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if any(word in rule.rule.split("/") for word in moving)
    }
    assert found == {"run.propose", "run.let_go_on", "unplanned.propose", "unplanned.refuse"}
