"""A flow that leads nowhere goes on by a way that is proposed on the page (URS-DEV-020)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from ebr.models import RunState
from tests.integration.ebr.test_going_on import measure, recipe, weigh
from tests.integration.web.test_unplanned import BATCH, full, visitor_as
from tests.support.places import site_url
from tests.support.records import RecordPlant, make_tables, staff

WAY = f"{BATCH}/exceptions/1/way"


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[RecordPlant]:
    """The batch is HELD: too wet, and the drawing has no way for that."""
    make_tables(site_url(tmp_path / "site.db"))
    made = RecordPlant(site_url(tmp_path / "site.db"), tmp_path)
    staff(made)
    made.start(recipe())
    weigh(made)
    measure(made, "2.90")
    assert made.run().state == RunState.HELD
    yield made
    made.close()


@pytest.mark.urs("URS-DEV-020", "URS-EXE-080", "URS-SIG-020")
def test_the_supervisor_proposes_a_way_and_signs_for_it(app: Flask, plant: RecordPlant) -> None:
    supervisor = visitor_as(app, "P-105")
    asked = supervisor.send(BATCH, WAY, marker="reason", way="to:C", reason="dried once more")
    assert "dried once more" in asked.get_data(as_text=True)
    assert "exception.way_proposed" not in plant.actions(), "only shown"
    assert supervisor.sign(asked, WAY, **full("P-105")).status_code == 303
    assert "exception.way_proposed" in plant.actions()
    seen = visitor_as(app, "P-107").get(BATCH).get_data(as_text=True)
    assert "Proposed by Miriam Vogel" in seen
    assert plant.run().state == RunState.HELD, "the quality unit decides"


@pytest.mark.urs("URS-DEV-020")
def test_a_way_that_the_drawing_does_not_have_is_not_offered_for_signing(
    app: Flask, plant: RecordPlant
) -> None:
    supervisor = visitor_as(app, "P-105")
    asked = supervisor.send(BATCH, WAY, marker="reason", way="to:NOWHERE", reason="dried once more")
    assert asked.status_code == 409
    assert "exception.way_proposed" not in plant.actions()
