"""The whole history of section 11, made once (nightly): its stories, and the state at S."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal as D
from itertools import pairwise

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.history.batches import BATCHES
from ebr import gates, queries
from ebr.models import RunState, StepState
from hardware import queries as plant
from inventory import genealogy
from inventory import queries as stock
from maintenance import queries as maintenance
from production import queries as production
from production.models import Batch, Disposition
from quality import queries as quality
from tests.support import arithmetic
from tests.support.history import Past, made

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(7200), pytest.mark.xdist_group("whole past")]
NUMBERS = [batch.name for batch in BATCHES]
MADE = [*NUMBERS, "B-2039", "B-2040"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    """The site at S."""
    folder = tmp_path_factory.mktemp("whole")
    with made(folder, [batch.number for batch in BATCHES], first_state=True) as found:
        yield found


def batches(whole: Past) -> dict[str, Batch]:
    found: dict[str, Batch] = whole.ask(
        lambda session: {row.number: row for row in session.scalars(select(Batch))}
    )
    return found


@pytest.mark.urs("URS-REL-030")
def test_all_were_released_but_the_one_that_disintegrated_too_slowly(whole: Past) -> None:
    found = batches(whole)
    decided = {number: found[number].disposition for number in [*NUMBERS, "B-2039"]}
    rejected = [n for n, disposition in decided.items() if disposition == Disposition.REJECTED]
    assert rejected == ["B-2026"]
    assert whole.ask(stock.lot, "B-2026").status == "blocked"
    assert whole.text("B-2026", "C130", "disintegration") == "17.0"


@pytest.mark.parametrize("number", MADE)
def test_every_record_adds_up(whole: Past, number: str) -> None:
    assert whole.ask(arithmetic.problems, f"batch/{number}") == []


def test_exceptions_are_those_of_the_stories(whole: Past) -> None:
    found = {
        number: [(case.type, case.severity) for case in whole.exceptions(number)] for number in MADE
    }
    again = [("out_of_limit", "information")]
    assert {number: cases for number, cases in found.items() if cases} == {
        "B-2023": again,
        "B-2026": [("out_of_limit", "critical")],
        "B-2029": [("manual_value", "major")],
        "B-2031": again,
        "B-2033": [("data_gap", "major")],
        "B-2036": [("late_verification", "major")],
        "B-2037": [("out_of_limit", "major")],
        "B-2038": again,
        "B-2040": [("hold_time", "major")],
    }


@pytest.mark.parametrize(
    ("number", "mean"), [("B-2023", "2.60"), ("B-2031", "2.70"), ("B-2038", "2.60")]
)
def test_three_were_dried_again(whole: Past, number: str, mean: str) -> None:
    assert whole.text(number, "G170", "mean", 0) == mean
    assert whole.text(number, "G170", "mean", 1) == "1.88"


def test_eight_mean_masses_in_a_row_lie_above_the_centre(whole: Past) -> None:
    means = {number: D(whole.text(number, "C140", "mean_mass")) for number in NUMBERS}
    above = [number for number in NUMBERS if means[number] > D("625.0")]
    assert set(above) >= {f"B-{number}" for number in range(2030, 2038)}
    assert means["B-2029"] < D("625.0")
    assert means["B-2038"] < D("625.0")


@pytest.mark.urs("URS-EQP-050")
def test_the_filter_clogs_from_batch_to_batch(whole: Past) -> None:
    highest = []
    for number in MADE:

        def drop(session: Session, number: str = number) -> D:
            run = queries.run_of(session, number)
            step = queries.steps_of_key(session, run, "G150")[-1]
            (value,) = queries.current_values(session, step)["filter"]
            assert value.number is not None
            return value.number

        highest.append(whole.ask(drop))
    assert highest[0] < 1000
    assert 1700 < highest[-1] < 2000
    assert all(later > earlier - 30 for earlier, later in pairwise(highest))


@pytest.mark.urs("URS-EQP-040")
def test_the_bench_scale_names_four_batches_to_look_at(whole: Past) -> None:
    (failed,) = [c for c in whole.ask(maintenance.calibrations) if c.as_found == "fail"]
    assert failed.equipment == "WGH-02"
    assert failed.affected == [f"batch/B-{number}" for number in range(2032, 2036)]


@pytest.mark.urs("URS-MAT-060")
def test_the_recalled_lot_is_in_four_batches(whole: Past) -> None:
    assert whole.ask(stock.lot, "CC-0771").status == "blocked"
    (drum,) = whole.ask(stock.containers_of, "CC-0771", with_content=True)
    assert whole.ask(stock.content_of, drum) == D("6.000")
    used = whole.ask(genealogy.where_used, "CC-0771")
    assert used == [f"B-{number}" for number in range(2019, 2023)]


def test_deviations_are_closed_but_the_two_of_these_days(whole: Past) -> None:
    found = {each.number: each for each in whole.ask(quality.deviations)}
    assert [number for number in sorted(found) if found[number].state == "closed"] == [
        f"DEV-{number}" for number in range(306, 311)
    ]
    assert found["DEV-311"].record == "batch/B-2040"
    assert found["DEV-312"].equipment == "WGH-02"


def test_b_2039_is_released_and_b_2040_under_review(whole: Past) -> None:
    found = batches(whole)
    assert found["B-2039"].disposition == Disposition.RELEASED_FOR_PACKAGING
    assert found["B-2040"].disposition == Disposition.NONE
    reviews = whole.ask(quality.reviews, "batch/B-2040")
    assert [(each.kind, each.state) for each in reviews] == [
        ("production", "signed"),
        ("quality", "open"),
    ]


def test_b_2041_waits_for_the_verification_of_its_loss_on_drying(whole: Past) -> None:
    with whole.house.reading() as session:
        run = queries.run_of(session, "B-2041")
        open_ = [(step.key, step.state) for step in queries.open_steps(session, run)]
        assert (run.state, open_) == (RunState.RUNNING, [("G170", StepState.PERFORMED)])
    assert whole.text("B-2041", "G170", "mean") == "2.70"


@pytest.mark.urs("URS-EXE-020")
def test_b_2044_cannot_be_started_because_the_granulator_is_in_use(whole: Past) -> None:
    assert whole.ask(queries.run_of, "B-2044").state == RunState.PLANNED
    closed = [
        c for c in whole.ask(gates.conditions, "batch.start", record="batch/B-2044") if not c.met
    ]
    assert any("GRA-01 in use by B-2041" in condition.fact for condition in closed)


def test_the_next_numbers_are_those_of_the_plant(whole: Past) -> None:
    def following(session: Session) -> tuple[int, str]:
        series = production.series(session, "batch")
        assert series is not None
        last = maintenance.cleanings(session)[-1]
        return series.next, last.number

    assert whole.ask(following) == (2045, "CL-0311")


def test_stock_and_tools_are_as_at_the_first_start(whole: Past) -> None:
    left = {
        lot.number: sum(
            whole.ask(stock.content_of, each)
            for each in whole.ask(stock.containers_of, lot.number, with_content=True)
        )
        for lot in whole.ask(stock.lots)
        if not lot.number.startswith(("B-", "LBL"))
    }
    assert {number: mass for number, mass in left.items() if mass} == {
        "PA-0411": D("36.50"), "PA-0457": D("175.00"), "PA-0463": D("200.00"),
        "MC-2210": D("40.000"), "MC-2188": D("12.000"), "ST-0907": D("25.000"),
        "PV-3301": D("15.000"), "SI-0119": D("3.000"), "CC-0771": D("6.000"),
        "CC-0802": D("15.000"), "MG-0552": D("3.200"),
    }  # fmt: skip
    counter = whole.ask(plant.current, "TAB-01.KQ203")
    assert abs(counter.value - 4_900_000) < 20_000
    assert whole.ended - whole.s < timedelta(minutes=1)
