"""A wrong clock is an incident that the quality unit closes, and a mark in each record it concerns
(URS-TIM-020)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from app import clockincident
from app.clockwatch import ASK_SECONDS, ClockWatch
from core.errors import Unreachable
from core.sites import SiteMode
from core.steady import Steady
from ebr import queries as records
from ebr.models import ExceptionCase
from quality import queries
from quality.commands import deviations
from quality.models import Deviation
from tests.support import faultplant
from tests.support.bpmn import bpmn, end, process, start, step, task
from tests.support.faultplant import ENTRY, MASS
from tests.support.records import RECORD, RecordPlant, make_tables
from tests.support.templates import Templates

HOUR = timedelta(hours=1)
STEPS = bpmn(
    process("OP", start(), task("A", step("A", MASS, kind="entry")), end(), flows="start > A > end")
)


def staffed(url: str) -> None:
    """A site with one batch that runs."""
    faultplant.build(url, recipe=STEPS)


def gmp(url: str) -> None:
    """A GMP site without anybody."""
    make_tables(url, SiteMode.GMP)


@pytest.fixture
def plant(database_url: str, templates: Templates, tmp_path: Path) -> Iterator[RecordPlant]:
    """The staffed site on both databases."""
    templates.fill(database_url, staffed)
    made = RecordPlant(database_url, tmp_path)
    yield made
    made.close()


@pytest.fixture
def gmp_plant(database_url: str, templates: Templates, tmp_path: Path) -> Iterator[RecordPlant]:
    """The GMP site on both databases."""
    templates.fill(database_url, gmp)
    made = RecordPlant(database_url, tmp_path)
    yield made
    made.close()


def incidents(plant: RecordPlant) -> list[Deviation]:
    found: list[Deviation] = plant.ask(queries.deviations)
    return found


def marks(plant: RecordPlant, number: str = "B-2045") -> list[ExceptionCase]:
    with plant.house.reading() as session:
        run = records.run_of(session, number)
        return [case for case in records.exceptions(session, run) if case.type == "clock"]


def close(plant: RecordPlant, number: str) -> None:
    plant.person("P-107").sign(
        deviations.close_deviation,
        number,
        "time server was wrong; times compared with the paper log",
        meaning="approved",
        record=f"deviation/{number}",
    )


@pytest.mark.urs("URS-TIM-020")
@pytest.mark.parametrize(("jump", "way"), [(-HOUR, "back"), (HOUR, "forward")])
def test_a_step_of_the_clock_opens_an_incident_and_marks_what_runs(
    plant: RecordPlant, jump: timedelta, way: str
) -> None:
    watch = ClockWatch(plant.house)
    assert watch.look() is None
    plant.clock.step(jump)
    assert watch.look() == jump
    (incident,) = incidents(plant)
    assert f"went {way} by 1 h:" in incident.title
    assert (incident.state, incident.severity) == ("open", "major")
    (mark,) = marks(plant)
    assert incident.number in mark.text
    assert (mark.severity, mark.state, mark.released) == ("minor", "open", True)
    assert plant.actions("site").count("clock.stepped") == 1
    assert plant.actions()[-1] == "clock.doubted"


@pytest.mark.urs("URS-TIM-020")
def test_the_work_goes_on_and_its_entries_keep_their_order(plant: RecordPlant) -> None:
    """Pitfall 21: the clock is set back in the middle; order comes from the sequence."""
    watch = ClockWatch(plant.house)
    plant.later(hours=2)  # roles were given at the start; nobody holds them before
    plant.person("P-101").start(RECORD, "OP/A#1")
    plant.clock.step(-HOUR)
    watch.look()
    plant.person("P-101").perform(RECORD, "OP/A#1", ENTRY)
    entries = plant.entries()
    assert [int(entry["rseq"]) for entry in entries] == list(range(1, len(entries) + 1))
    at = [entry["real_at"] for entry in entries]
    assert at != sorted(at), "the clock does go back"


@pytest.mark.urs("URS-TIM-020")
@pytest.mark.parametrize("seconds", [-2.0, 2.0])
def test_two_seconds_are_no_incident_and_a_little_more_are(
    plant: RecordPlant, seconds: float
) -> None:
    watch = ClockWatch(plant.house)
    plant.clock.step(timedelta(seconds=seconds))
    assert watch.look() is None
    assert incidents(plant) == []
    plant.clock.step(timedelta(seconds=seconds / 100))
    assert watch.look() is not None
    assert len(incidents(plant)) == 1


@pytest.mark.urs("URS-TIM-020")
def test_a_clock_that_creeps_away_is_found_as_one_that_jumps(plant: RecordPlant) -> None:
    watch = ClockWatch(plant.house)
    for _ in range(25):
        plant.later(seconds=30)
        plant.clock.step(timedelta(milliseconds=100))
        watch.look()
    assert [found.title.partition(":")[0] for found in incidents(plant)] == [
        f"The clock of {watch._machine} went forward by 2 s"
    ]


@pytest.mark.urs("URS-TIM-020")
def test_each_step_is_told_once_by_whichever_process_sees_it(
    plant: RecordPlant, tmp_path: Path
) -> None:
    watches = []
    for _ in range(2):
        plant.house.steady = Steady(plant.clock, tmp_path / "clock.json")
        watches.append(ClockWatch(plant.house))
    for jump in (HOUR, -HOUR):
        plant.clock.step(jump)
        for watch in watches:
            watch.look()
    assert len(incidents(plant)) == len(marks(plant)) == 2
    plant.house.steady = Steady(plant.clock, tmp_path / "clock.json")
    assert ClockWatch(plant.house).look() is None, "nor by one that is started later"


def test_a_step_while_nobody_watched_is_found_at_the_start(
    plant: RecordPlant, tmp_path: Path
) -> None:
    plant.house.steady = Steady(plant.clock, tmp_path / "clock.json")
    plant.clock.step(HOUR)
    plant.house.steady = Steady(plant.clock, tmp_path / "clock.json")
    assert ClockWatch(plant.house).look() == HOUR


def test_a_step_that_cannot_be_written_down_is_told_later(
    plant: RecordPlant, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = ClockWatch(plant.house)
    plant.clock.step(HOUR)
    with monkeypatch.context() as broken:
        broken.setattr(clockincident, "open_for_step", gone)
        with pytest.raises(Unreachable):
            watch.look()
    assert incidents(plant) == []
    assert watch.look() == HOUR
    assert len(incidents(plant)) == 1


def gone(*given: object, **more: object) -> None:
    raise Unreachable("the database does not answer", resolver="the administrator")


@pytest.mark.urs("URS-TIM-020")
def test_what_starts_in_doubt_is_marked_until_the_quality_unit_has_closed_the_incident(
    plant: RecordPlant,
) -> None:
    watch = ClockWatch(plant.house)
    plant.later(hours=2)
    plant.clock.step(-HOUR)
    watch.look()
    plant.start(renamed("X1"), number="B-2046")
    (incident,) = incidents(plant)
    assert [case.facts["deviation"] for case in marks(plant, "B-2046")] == [incident.number]
    close(plant, incident.number)
    plant.start(renamed("X2"), number="B-2047")
    assert marks(plant, "B-2047") == []
    assert plant.actions()[-1] == "clock.trusted"
    assert plant.actions("batch/B-2046")[-1] == "clock.trusted"
    assert len(marks(plant)) == 1, "the mark stays for ever"


def renamed(key: str) -> bytes:
    return STEPS.replace(b"TST-1", key.encode())


@pytest.mark.urs("URS-TIM-020")
def test_a_time_server_that_is_lost_is_an_incident(plant: RecordPlant) -> None:
    watch = ClockWatch(plant.house)
    watch.look()
    plant.clock.time_server = False
    watch.look()
    assert incidents(plant) == [], "it is asked every few seconds only"
    plant.later(seconds=ASK_SECONDS)
    watch.look()
    (incident,) = incidents(plant)
    assert "not kept right by a time server" in incident.title
    assert len(marks(plant)) == 1
    plant.clock.time_server = True
    plant.later(seconds=ASK_SECONDS)
    watch.look()
    told = [action for action in plant.actions("site") if action.startswith("clock.")]
    assert told == ["clock.unsynchronised", "clock.synchronised"]
    assert len(incidents(plant)) == 1


@pytest.mark.urs("URS-TIM-020")
def test_a_gmp_site_needs_a_time_server_from_the_start(gmp_plant: RecordPlant) -> None:
    gmp_plant.clock.time_server = False
    watch = ClockWatch(gmp_plant.house)
    watch.look()
    gmp_plant.later(seconds=ASK_SECONDS)
    watch.look()
    assert len(incidents(gmp_plant)) == 1


@pytest.mark.parametrize("answer", [False, None])
def test_a_demonstration_need_not_have_one(plant: RecordPlant, answer: bool | None) -> None:
    plant.clock.time_server = answer
    ClockWatch(plant.house).look()
    assert incidents(plant) == []
