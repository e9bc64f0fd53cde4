"""Shortest times, and times between steps: kept by persistent timers in UTC (URS-EXE-070)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from ebr import intervals, record
from ebr.entry import Entry
from ebr.errors import TooEarly
from ebr.models import RunState, StepState
from ebr.opening import open_step
from tests.support.bpmn import (
    bpmn,
    end,
    exclusive,
    flow,
    process,
    service,
    start,
    step,
    task,
)
from tests.support.records import RECORD, START, RecordPlant

MIX = '<bw:timing minimum="PT10M"/>'
BETWEEN = '<bw:interval after="A" minimum="PT30M" maximum="PT1H" severity="major"/>'
ALLOWED = '<bw:exception occasion="too_early" severity="minor"/>'


def recipe(first: str = "", second: str = BETWEEN, *more: str) -> bytes:
    """A, then B, with these times."""
    steps = [task("A", step("A", first)), task("B", step("B", second)), *more]
    return bpmn(process("OP", start(), *steps, end(), flows="start > A > B > end"))


def perform(plant: RecordPlant, key: str, entry: Entry | None = None) -> None:
    plant.person("P-101").perform(RECORD, plant.path(key), entry or Entry())
    plant.work()


def begin(plant: RecordPlant, key: str) -> None:
    plant.person("P-101").start(RECORD, plant.path(key))


def holds(plant: RecordPlant) -> Sequence[tuple[str, bool, bool]]:
    """Name, ended, exceeded of each time of the record."""
    shown = plant.ask(record.view, "B-2045").holds
    return [(each.name, each.ended_at is not None, each.exceeded) for each in shown]


@pytest.mark.urs("URS-EXE-070")
def test_a_step_is_not_performed_before_its_shortest_time(plant: RecordPlant) -> None:
    plant.start(recipe(MIX, ""))
    with pytest.raises(TooEarly, match="A takes until 2026-03-02 07:10"):
        perform(plant, "A")
    assert plant.step("A").state == StepState.READY
    begin(plant, "A")
    plant.later(minutes=9, seconds=59)
    with pytest.raises(TooEarly):
        perform(plant, "A")
    plant.later(seconds=1)
    perform(plant, "A")
    assert plant.exceptions() == []


@pytest.mark.urs("URS-EXE-070", "URS-DEV-010")
def test_where_the_recipe_says_how_grave_too_early_is_recorded_with_its_exception(
    plant: RecordPlant,
) -> None:
    plant.start(recipe(MIX + ALLOWED, BETWEEN + ALLOWED))
    begin(plant, "A")
    plant.later(minutes=5)
    perform(plant, "A")
    perform(plant, "B")
    assert plant.exceptions() == [("too_early", "minor"), ("too_early", "minor")]
    assert plant.run().state == RunState.COMPLETE


@pytest.mark.urs("URS-EXE-070")
def test_a_step_starts_within_the_times_after_the_one_before(plant: RecordPlant) -> None:
    plant.start(recipe())
    perform(plant, "A")
    assert holds(plant) == [("A to B", False, False)]
    with pytest.raises(TooEarly, match=r"B starts at 2026-03-02 07:30.* PT30M after the end of A"):
        begin(plant, "B")
    plant.later(minutes=30)
    begin(plant, "B")
    assert holds(plant) == [("A to B", True, False)]
    perform(plant, "B")
    assert plant.run().state == RunState.COMPLETE


@pytest.mark.urs("URS-EXE-070")
@pytest.mark.parametrize(("seconds", "exceeded"), [(3600, False), (3601, True)])
def test_a_step_that_starts_too_late_is_an_exception_that_holds_the_flow(
    plant: RecordPlant, seconds: int, exceeded: bool
) -> None:
    plant.start(recipe())
    perform(plant, "A")
    plant.later(seconds=seconds)
    perform(plant, "B")
    assert holds(plant) == [("A to B", True, exceeded)]
    assert plant.exceptions() == ([("hold_time", "major")] if exceeded else [])
    held = StepState.HELD if exceeded else StepState.COMPLETE
    assert plant.step("B").state == held


@pytest.mark.urs("URS-EXE-070")
def test_the_exception_comes_with_nobody_logged_in_and_says_that_it_came_late(
    plant: RecordPlant,
) -> None:
    plant.start(recipe())
    perform(plant, "A")
    plant.later(hours=3, minutes=5)
    plant.work()
    (case,) = plant.ask(record.view, "B-2045").exceptions
    facts = {pair.name: pair.text for pair in case.facts}
    assert case.text == "Hold time “A to B” was over at 2026-03-02 08:00:00 +01:00"
    assert facts["found late by"] == "2 h 5 min"
    assert facts["due at"].startswith("2026-03-02 08:00:00")
    assert facts["found at"].startswith("2026-03-02 10:05:00")
    perform(plant, "B")
    assert len(plant.exceptions()) == 1, "once is enough"


@pytest.mark.urs("URS-EXE-070")
def test_in_time_nothing_is_said_to_be_late(plant: RecordPlant) -> None:
    plant.start(recipe())
    perform(plant, "A")
    plant.later(hours=1, seconds=1)
    plant.work()
    (case,) = plant.ask(record.view, "B-2045").exceptions
    assert "found late by" not in {pair.name for pair in case.facts}


@pytest.mark.urs("URS-EXE-070")
@pytest.mark.parametrize(
    "begins",
    [datetime(2026, 3, 28, 23, 30, tzinfo=UTC), datetime(2026, 10, 24, 23, 30, tzinfo=UTC)],
)
def test_lengths_are_the_same_across_a_change_of_summer_time(
    plant: RecordPlant, begins: datetime
) -> None:
    day = '<bw:interval after="A" minimum="PT24H" maximum="P2D"/>'
    plant.start(recipe("", day))
    plant.later(seconds=(begins - START).total_seconds())
    perform(plant, "A")
    plant.later(hours=24, seconds=-1)
    with pytest.raises(TooEarly):
        begin(plant, "B")
    plant.later(seconds=1)
    begin(plant, "B")
    assert plant.exceptions() == []


@pytest.mark.urs("URS-EXE-070")
def test_a_time_may_count_from_the_start_and_each_time_is_told(plant: RecordPlant) -> None:
    both = '<bw:interval after="A" since="start" maximum="PT2H"/>' + BETWEEN
    plant.start(recipe("", both))
    begin(plant, "A")
    plant.later(minutes=15)
    perform(plant, "A")
    assert holds(plant) == [("A start to B", False, False), ("A to B", False, False)]
    with plant.house.reading() as session:
        at = START + timedelta(minutes=15)
        by = plant.person("P-101").actor
        context = open_step(session, RECORD, plant.path("B"), by=by, at=at, lock=False)
        first, second = intervals.before(context)
    assert (first.since, first.earliest, first.latest) == (
        START,
        None,
        START + timedelta(hours=2),
    )
    assert (second.earliest, second.latest) == (
        START + timedelta(minutes=45),
        START + timedelta(minutes=75),
    )


@pytest.mark.urs("URS-EXE-070")
def test_an_automatic_step_waits_for_its_earliest_start(plant: RecordPlant) -> None:
    content = '<bw:parameter code="n" dataType="integer" origin="calculated" expression="1"/>'
    later = step(
        "S",
        '<bw:interval after="A" minimum="PT30M"/>',
        kind="calculation",
        mode="none",
        before="",
        signature='<bw:signature mode="none"/>' + content,
    )
    data = bpmn(
        process("OP", start(), task("A"), service("S", later), end(), flows="start > A > S > end")
    )
    plant.start(data)
    perform(plant, "A")
    assert plant.step("S").state == StepState.READY
    plant.later(minutes=31)
    plant.work()
    assert plant.run().state == RunState.COMPLETE


def looped() -> bytes:
    """A and B again and again, until somebody says that it is enough."""
    more = '<bw:parameter code="more" dataType="boolean"/>'
    return bpmn(
        process(
            "OP",
            start(),
            task("A"),
            task("M", step("M", more, kind="entry")),
            exclusive("J"),
            exclusive("X", default="X_B"),
            task("B", step("B", '<bw:interval after="A" maximum="PT1H"/>')),
            end(),
            flows=[
                "start > J > A > M > X",
                flow("X", "J", "M.more", max_rounds=5),
                flow("X", "B", flow_id="X_B"),
                "B > end",
            ],
        )
    )


@pytest.mark.urs("URS-EXE-070")
def test_a_repeated_step_counts_anew_and_the_end_of_the_batch_ends_all(plant: RecordPlant) -> None:
    plant.start(looped())
    perform(plant, "A")
    perform(plant, "M", Entry(values={"more": ("yes",)}))
    plant.later(minutes=50)
    perform(plant, "A")
    perform(plant, "M", Entry(values={"more": ("no",)}))
    assert holds(plant) == [("A to B", True, False), ("A to B", False, False)]
    plant.later(minutes=50)
    perform(plant, "B")
    assert holds(plant) == [("A to B", True, False)] * 2
    assert plant.exceptions() == []


@pytest.mark.urs("URS-EXE-070")
def test_a_time_before_a_step_that_never_comes_ends_with_the_batch(plant: RecordPlant) -> None:
    data = bpmn(
        process(
            "OP",
            start(),
            task("A"),
            exclusive("X", default="X_C"),
            task("B", step("B", '<bw:interval after="A" maximum="PT1H"/>')),
            task("C"),
            end(),
            end("END2"),
            flows=[
                "start > A > X",
                flow("X", "B", "A.round > 1"),
                flow("X", "C", flow_id="X_C"),
                "B > end",
                "C > END2",
            ],
        )
    )
    plant.start(data)
    perform(plant, "A")
    perform(plant, "C")
    assert plant.run().state == RunState.COMPLETE
    assert holds(plant) == [("A to B", True, False)]
    plant.later(hours=2)
    plant.work()
    assert plant.exceptions() == []
