"""The whole history of section 11, made once (nightly): its stories, and the state at S."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal as D
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import exporting, keybook
from app.demo import closing
from app.history.batches import BATCHES
from audit.models import Entry
from audit.sequencer import sequence_pending
from audit.verifying import verify_site
from ebr import gates, queries
from ebr.models import RunState, StepRecord, StepState
from hardware import queries as plant
from hardware.simulators.models.press import PackState
from inventory import genealogy
from inventory import queries as stock
from maintenance import queries as maintenance
from production import queries as production
from production.models import Batch, Disposition
from quality import queries as quality
from tests.support import arithmetic, history
from tests.support.history import Past

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.timeout(14_400),
    pytest.mark.xdist_group("whole past"),
    pytest.mark.sqlite("a kept history is a file that is copied whole"),
]
NUMBERS = [batch.name for batch in BATCHES]
MADE = [*NUMBERS, "B-2039", "B-2040"]
PRESS_STATE, PRESS_REASON = "TAB-01.XS201", "TAB-01.XS202"
PERSON_PRESSED_STOP = D(1)
FILTER_ALERT = 2000


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    """A copy of the site at S, as `make history` leaves it."""
    with history.whole(tmp_path_factory.mktemp("whole")) as found:
        yield found


def step_of(session: Session, number: str, key: str) -> StepRecord:
    """The latest occurrence of a step of a batch."""
    return queries.steps_of_key(session, queries.run_of(session, number), key)[-1]


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
    assert whole.ask(stock.lot, "B-2026").status == "rejected"
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
    assert 1700 < highest[-1] < FILTER_ALERT
    assert all(later > earlier - 30 for earlier, later in pairwise(highest))
    a_batch = (highest[-1] - highest[0]) / (len(highest) - 1)
    reached = 2040 + (FILTER_ALERT - highest[-1]) / a_batch
    assert abs(reached - 2045) < 3


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


@pytest.mark.urs("URS-DEV-010", "URS-DEV-030")
@pytest.mark.parametrize(
    ("number", "batch", "title"),
    [
        ("DEV-306", "B-2026", "Longest disintegration 17.0 min"),
        ("DEV-307", "B-2029", "Weight of povidone typed"),
        ("DEV-308", "B-2033", "Line to the dryer lost for 95 s"),
        ("DEV-309", "B-2036", "Charging of magnesium stearate verified late"),
        ("DEV-310", "B-2037", "Tablet yield 95.60 %"),
    ],
)
def test_a_deviation_of_the_past_is_closed_with_its_reason_and_linked_to_its_exception(
    whole: Past, number: str, batch: str, title: str
) -> None:
    found = whole.ask(quality.deviation, number)
    assert (found.record, found.state, found.closed_by) == (f"batch/{batch}", "closed", "P-107")
    assert found.title.startswith(title)
    assert found.conclusion
    (case,) = [case for case in whole.exceptions(batch) if case.number == found.exception]
    assert case.severity == found.severity


def test_two_deviations_of_these_days_are_open(whole: Past) -> None:
    found = {each.number: each for each in whole.ask(quality.deviations)}
    assert [n for n in sorted(found) if found[n].state == "open"] == ["DEV-311", "DEV-312"]
    assert found["DEV-311"].record == "batch/B-2040"
    assert found["DEV-312"].equipment == "WGH-02"
    assert len(found) == 7


@pytest.mark.urs("URS-PRO-070")
def test_the_weight_that_was_typed_says_so(whole: Past) -> None:
    def typed(session: Session) -> dict[str, tuple[str, str | None]]:
        run = queries.run_of(session, "B-2029")
        (step,) = queries.steps_of_key(session, run, "D100")
        values = queries.current_values(session, step)
        return {code: (values[code][0].grade, values[code][0].text) for code in ("net", "tare")}

    assert whole.ask(typed) == {
        "net": ("manual_for_device", "3.000"),
        "tare": ("manual_for_device", "0.400"),
    }


@pytest.mark.urs("URS-PRO-040")
def test_95_s_without_the_dryer_are_a_hole_in_its_trend(whole: Past) -> None:
    with whole.house.reading() as session:
        step = step_of(session, "B-2033", "G150")
        assert step.started_at is not None
        assert step.performed_at is not None
        start, end = step.started_at, step.performed_at
        (gap,) = plant.gaps(session, "FBD-01", start, end)
        assert gap.ended_at is not None
        assert timedelta(seconds=95) <= gap.ended_at - gap.started_at <= timedelta(seconds=115)
        trend = plant.historian(session).trend("FBD-01.TI102", start, end)
    assert len(trend.holes) == 1
    inside = [p.at for p in trend.points if p.value and gap.started_at < p.at < gap.ended_at]
    assert inside == []


@pytest.mark.urs("URS-SIG-030")
def test_one_charge_was_verified_late(whole: Past) -> None:
    def late(session: Session, number: str) -> dict[str, bool]:
        step = step_of(session, number, "B040")
        return {each.part: each.late for each in queries.signatures(session, step)}

    assert whole.ask(late, "B-2036") == {"performer": False, "verifier": True}
    assert whole.ask(late, "B-2035") == {"performer": False, "verifier": False}


def test_one_yield_was_below_its_limit(whole: Past) -> None:
    yields = {number: D(whole.text(number, "C160", "percent")) for number in NUMBERS}
    assert yields.pop("B-2037") == D("95.60")
    assert min(yields.values()) >= D("96.0")


@pytest.mark.parametrize(("number", "minutes"), [("B-2024", 6), ("B-2034", 9)])
def test_a_press_stood_and_nobody_said_why(whole: Past, number: str, minutes: int) -> None:
    with whole.house.reading() as session:
        step = step_of(session, number, "C080")
        assert step.started_at is not None
        assert step.performed_at is not None
        span = step.started_at, step.performed_at
        states = plant.historian(session).points(PRESS_STATE, *span)
        reasons = plant.historian(session).points(PRESS_REASON, *span)
    running = [point.at for point in states if point.value == PackState.EXECUTE]
    stood = max(after - before for before, after in pairwise(running))
    assert abs(stood - timedelta(minutes=minutes)) <= timedelta(seconds=30)
    assert PERSON_PRESSED_STOP in {point.value for point in reasons}
    assert whole.exceptions(number) == []


def test_b_2039_is_released_and_b_2040_under_review(whole: Past) -> None:
    found = batches(whole)
    assert found["B-2039"].disposition == Disposition.RELEASED_FOR_PACKAGING
    assert found["B-2040"].disposition == Disposition.NONE
    reviews = whole.ask(quality.reviews, "batch/B-2040")
    assert [(each.kind, each.state) for each in reviews] == [
        ("production", "signed"),
        ("quality", "open"),
    ]


@pytest.mark.urs("URS-REL-010")
def test_b_2039_is_packed_and_reviewed_and_waits_for_the_qualified_person(whole: Past) -> None:
    packed = batches(whole)["PK-2039"]
    assert (packed.order_number, packed.disposition) == ("PO-7728", Disposition.NONE)
    reviews = whole.ask(quality.reviews, "batch/PK-2039")
    assert [(each.kind, each.state) for each in reviews] == [
        ("production", "signed"),
        ("quality", "signed"),
    ]
    assert whole.ask(stock.lot, "PK-2039").status == "quarantine"
    assert whole.exceptions("PK-2039") == []


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
        if not lot.number.startswith(("B-", "LBL", "PK-"))
    }
    assert {number: mass for number, mass in left.items() if mass} == {
        "PA-0411": D("36.50"), "PA-0457": D("175.00"), "PA-0463": D("200.00"),
        "MC-2210": D("40.000"), "MC-2188": D("12.000"), "ST-0907": D("25.000"),
        "PV-3301": D("15.000"), "SI-0119": D("3.000"), "CC-0771": D("6.000"),
        "CC-0802": D("15.000"), "MG-0552": D("3.200"),
    }  # fmt: skip
    recent = whole.s - timedelta(days=1), whole.s
    made = whole.ask(lambda session: plant.historian(session).points("TAB-01.KQ203", *recent))
    assert abs(max(point.value for point in made if point.value) - 4_900_000) < 20_000
    assert timedelta(0) <= whole.ended - whole.s < timedelta(minutes=5)


@pytest.mark.urs("URS-AUD-050")
def test_the_whole_site_verifies_and_nothing_waits_for_the_log(whole: Past) -> None:
    def problems(session: Session) -> list[str]:
        book = keybook.of_site(session, whole.house.services["site_keys"])
        return [str(problem) for problem in verify_site(session, book).problems]

    sequence_pending(whole.house, whole.house.services["site_keys"])
    assert whole.ask(problems) == []
    times = whole.ask(lambda s: list(s.scalars(select(Entry.at).order_by(Entry.id))))
    assert times == sorted(times)


@pytest.mark.urs("URS-REC-070")
@pytest.mark.parametrize("number", ["B-2017", "B-2026"])
def test_the_bundle_of_an_old_batch_is_valid_for_a_bare_python(
    whole: Past, tmp_path: Path, number: str
) -> None:
    sequence_pending(whole.house, whole.house.services["site_keys"])
    exported = exporting.write(whole.house, number, tmp_path)
    valid, told = closing.verify(exported.bundle, exported.trust)
    assert valid, told
