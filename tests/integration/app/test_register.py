"""The batch register as of a day, on a seeded site (URS-EXE-020, URS-REP-010)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.bootstrap import compose
from audit import trail
from audit.streams import SITE
from core.actors import Actor
from core.clock import local
from core.house import House, moment
from core.sites import move_clock
from ebr.report.period import NoPeriod
from personnel import queries as staff
from production.commands import SERIES, PlanBatch, cancel_batch, draw_number, plan_batch
from production.models import NumberSeries
from tests.integration.app.conftest import Command, Seeded
from tests.support import sheets
from workflows import queries as definitions

SUPERVISOR = "P-105"


@pytest.fixture
def house(site: Seeded) -> Iterator[House]:
    """A copy of the seeded site with its first batch B-2044 planned."""
    made = compose(site.settings)
    yield made
    made.database.close()


@pytest.fixture
def by(house: House) -> Actor:
    """The shift supervisor."""
    with house.reading() as session:
        return staff.actor(session, SUPERVISOR, role="SU", terminal="office")


def plan(house: House, by: Actor) -> str:
    with house.reading() as session:
        version = next(
            v for v in definitions.versions(session) if v.state == "effective" and v.product
        )
        at, size = moment(session).site, version.batch_size or Decimal(1)
    order = PlanBatch(
        order_number="PO-7777",
        recipe=version.code,
        version=version.number,
        size=size,
        due_at=at + timedelta(days=1),
    )
    number: str = house.perform(plan_batch, order, by=by, record="site")
    return number


def today(house: House) -> str:
    with house.reading() as session:
        now = moment(session)
        return f"{local(now.site, now.zone):%Y-%m-%d}"


def _skip(session: Session, count: int, *, by: Actor, at: datetime) -> None:
    series = session.scalars(select(NumberSeries).where(NumberSeries.name == SERIES)).one()
    with trail.act(session, "series.jumped", stream=SITE, by=by, object=SERIES, reason="new list"):
        series.next += count


def _lose(session: Session, *, by: Actor, at: datetime) -> None:
    with trail.act(session, "series.drawn", stream=SITE, by=by, object=SERIES) as drawn:
        drawn.facts["number"] = draw_number(session, SERIES)


@pytest.mark.urs("URS-EXE-020", "URS-REP-010")
def test_every_number_is_listed_the_cancelled_one_with_its_reason(house: House, by: Actor) -> None:
    first, second = plan(house, by), plan(house, by)
    house.perform(cancel_batch, second, "ordered twice", by=by, record=f"batch/{second}")
    made = sheets.issue(house, "register", by, day=today(house))
    rows = {row["number"]: row for row in made.rows("batches")}
    assert {first, second} <= set(rows)
    assert (rows[first]["state"], rows[second]["state"]) == ("planned", "cancelled")
    assert "Reason: ordered twice" in rows[second]["course"]
    assert "Miriam Vogel (P-105)" in rows[first]["planned"]
    assert made.rows("gaps") == []
    assert made.holds("No gap: every number that was drawn is a batch of the register.")
    assert made.data["mark"] == "DAY NOT OVER"
    assert sheets.unsaid(made) == []


@pytest.mark.urs("URS-EXE-020")
def test_numbers_without_a_batch_are_explained_by_their_entry_or_named_as_unexplained(
    house: House, by: Actor
) -> None:
    house.perform(_skip, 3, by=by)
    house.perform(_lose, by=by)
    last = plan(house, by)
    made = sheets.issue(house, "register", by, day=today(house))
    skipped, lost = made.rows("gaps")
    assert skipped["count"] == "3"
    assert " to B-" in skipped["numbers"]
    assert "“series jumped”" in skipped["explanation"]
    assert "Reason: new list" in skipped["explanation"]
    assert lost["count"] == "1"
    assert lost["explanation"].startswith("UNEXPLAINED")
    assert made.standing == "1 number unexplained"
    assert last in {row["number"] for row in made.rows("batches")}
    assert sheets.unsaid(made) == []


@pytest.mark.urs("URS-EXE-020")
def test_a_day_in_the_past_shows_what_stood_then(house: House, by: Actor) -> None:
    number = plan(house, by)
    day = today(house)
    before = sheets.issue(house, "register", by, day=day)
    with house.transaction() as session:
        move_clock(session, timedelta(days=2))
    house.perform(cancel_batch, number, "no material", by=by, record=f"batch/{number}")
    then = sheets.issue(house, "register", by, day=day)
    now = sheets.issue(house, "register", by, day=today(house))
    state = {
        name: {row["number"]: row["state"] for row in each.rows("batches")}[number]
        for name, each in (("before", before), ("then", then), ("now", now))
    }
    assert state == {"before": "planned", "then": "planned", "now": "cancelled"}
    assert then.data["mark"] == ""


def test_a_day_to_come_is_refused(house: House, by: Actor) -> None:
    with pytest.raises(NoPeriod):
        sheets.issue(house, "register", by, day="2999-01-01")


def test_a_day_before_the_first_number_says_that_there_is_none(house: House, by: Actor) -> None:
    made = sheets.issue(house, "register", by, day="2001-01-01")
    assert made.holds("No batch was planned up to then.")
    assert made.holds("No number series was set up up to then.")
    assert made.rows("series") == []


def test_the_command_line_prints_every_kind_and_names_them(
    batchwright: Command, site: Seeded, house: House
) -> None:
    told = batchwright("print", home=site.settings.home)
    assert {"exceptions", "record", "register"} <= set(told.output.split())
    out = site.settings.home / "out"
    day = today(house)
    done = batchwright("print", "register", f"day={day}", "--to", out, home=site.settings.home)
    assert done.exit_code == 0, done.output
    assert (out / f"Batch register {day}.pdf").read_bytes().startswith(b"%PDF-")
    assert batchwright("print", "register", "day", home=site.settings.home).exit_code == 2
    assert batchwright("print", "novel", home=site.settings.home).exit_code == 3
