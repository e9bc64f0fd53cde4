"""Where the engine holds a run: the ways out that people may decide on (URS-DEV-020)."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from engine import commands, detours
from engine.errors import NoSuchWay, RunHeld
from engine.replay import RecordedHost, recorded_acts, replay
from tests.support.bpmn import bpmn, call, end, error, exclusive, flow, parallel, step, task
from tests.support.places import site_url
from tests.support.running import BATCH, Plant, install, level

MEAN = '<bw:parameter code="mean" dataType="decimal" unit="%" decimals="2"/>'
DRYING = bpmn(
    error("err", "drying_failed"),
    level("PROC", "CA > LAST > end", call("CA", "OP"), task("LAST")),
    level(
        "OP",
        ["DRY > LOD > X", "COOL > end"],
        task("DRY"),
        task("LOD", step("LOD", MEAN, kind="entry")),
        exclusive("X", default="X_WET"),
        task("COOL"),
        end("WET", error="err"),
        extra=[flow("X", "COOL", "LOD.mean < 2.5 %"), flow("X", "WET")],
    ),
)
WET = "PROC/CA#1/WET#1"
CHOICE = "PROC/CA#1/X#1"


@pytest.fixture
def stuck(plant: Plant) -> Plant:
    """The run is held at an error end that nothing catches."""
    plant.host.values["LOD.mean"] = Decimal("2.9")
    plant.run(DRYING)
    plant.complete("PROC/CA#1/DRY#1", "PROC/CA#1/LOD#1")
    assert plant.state() == "held"
    return plant


def ways(plant: Plant) -> dict[str, list[str]]:
    with plant.house.reading() as session:
        found = detours.blockages(session, BATCH, at=plant.clock.now())
        return {each.path: [way.name for way in each.ways] for each in found}


@pytest.mark.urs("URS-DEV-020")
def test_behind_an_uncaught_error_stand_the_steps_of_its_level_and_its_end(stuck: Plant) -> None:
    assert ways(stuck) == {WET: ["to:DRY", "to:LOD", "to:COOL", "done"]}


@pytest.mark.urs("URS-DEV-020")
@pytest.mark.parametrize(
    ("way", "ready"),
    [
        ("to:COOL", "PROC/CA#1/COOL#1"),
        ("to:DRY", "PROC/CA#1/DRY#2"),
        ("done", "PROC/LAST#1"),
    ],
)
def test_the_run_goes_on_where_people_decided(stuck: Plant, way: str, ready: str) -> None:
    stuck.do(detours.take, WET, way)
    with pytest.raises(RunHeld):
        stuck.complete(ready)
    stuck.do(commands.restart, reason="deviation DEV-001")
    assert stuck.ready() == [ready]
    assert [f for f in stuck.journal() if f["fact"] == "way.taken"] == [
        {"fact": "way.taken", "path": WET, "way": way}
    ]


def test_after_a_detour_the_flow_ends_as_drawn(stuck: Plant) -> None:
    stuck.do(detours.take, WET, "to:COOL")
    stuck.do(commands.restart, reason="deviation DEV-001")
    stuck.complete("PROC/CA#1/COOL#1", "PROC/LAST#1")
    assert stuck.state() == "complete"


@pytest.mark.urs("URS-DEV-020")
def test_an_open_decision_can_be_taken_by_people(plant: Plant) -> None:
    plant.run(DRYING)
    plant.complete("PROC/CA#1/DRY#1", "PROC/CA#1/LOD#1")
    assert ways(plant) == {CHOICE: ["X_COOL", "X_WET"]}
    plant.do(detours.take, CHOICE, "X_COOL")
    plant.do(commands.restart, reason="value on paper")
    assert plant.ready() == ["PROC/CA#1/COOL#1"]


@pytest.mark.urs("URS-DEV-020")
@pytest.mark.parametrize(
    ("path", "way"), [(WET, "to:LAST"), (WET, "X_COOL"), (CHOICE, "X_COOL"), ("PROC", "done")]
)
def test_a_way_that_does_not_stand_there_is_refused(stuck: Plant, path: str, way: str) -> None:
    with pytest.raises(NoSuchWay):
        stuck.do(detours.take, path, way)
    assert ways(stuck) == {WET: ["to:DRY", "to:LOD", "to:COOL", "done"]}


def test_nothing_can_be_taken_twice_or_while_nothing_is_wrong(stuck: Plant) -> None:
    stuck.do(detours.take, WET, "to:COOL")
    with pytest.raises(NoSuchWay):
        stuck.do(detours.take, WET, "to:COOL")


@pytest.mark.urs("URS-EXE-090")
def test_a_detour_is_part_of_what_is_built_again_from_the_journal(
    stuck: Plant, tmp_path: Path
) -> None:
    with stuck.acting("run.restarted") as session:
        at = stuck.clock.now()
        by = detours.BY_PEOPLE
        detours.take(session, BATCH, WET, "to:COOL", by=by, at=at)
        commands.restart(session, BATCH, reason="deviation DEV-001", by=by, at=at)
    with stuck.house.reading() as session:
        acts = recorded_acts(session, BATCH)
    install(site_url(tmp_path / "again.db"))
    again = Plant(site_url(tmp_path / "again.db"))
    again.house.services["engine_host"] = RecordedHost()
    again.store(DRYING)
    replay(again.house, BATCH, acts)
    assert again.ready() == stuck.ready() == ["PROC/CA#1/COOL#1"]
    again.close()


def test_a_join_in_the_level_still_waits_for_all_its_branches(plant: Plant) -> None:
    data = bpmn(
        error("err", "failed"),
        level(
            "PROC",
            ["S > A > X", "S > B > J", "J > LAST > end"],
            parallel("S"),
            task("A", step("A", MEAN, kind="entry")),
            task("B"),
            task("C"),
            exclusive("X", default="X_BAD"),
            parallel("J"),
            end("BAD", error="err"),
            task("LAST"),
            extra=[flow("X", "C", "A.mean < 1 %"), flow("C", "J"), flow("X", "BAD")],
        ),
    )
    plant.host.values["A.mean"] = Decimal("2")
    plant.run(data)
    plant.complete("PROC/A#1")
    plant.do(detours.take, "PROC/BAD#1", "to:C")
    plant.do(commands.restart, reason="deviation DEV-001")
    plant.complete("PROC/C#1")
    assert plant.ready() == ["PROC/B#1"]
    plant.complete("PROC/B#1")
    assert plant.ready() == ["PROC/LAST#1"]


LINE = bpmn(
    level(
        "PROC",
        "A > B > CA > P1 > C > P2 > D > end",
        task("A"),
        task("B"),
        call("CA", "OP"),
        parallel("P1"),
        task("C"),
        task("E"),
        parallel("P2"),
        task("D"),
        extra=[flow("P1", "E"), flow("E", "P2")],
    ),
    level("OP", "X > end", task("X")),
)


def leave(plant: Plant, path: str, way: str) -> None:
    plant.do(detours.leave_step, path, way)


def names(plant: Plant, path: str) -> list[str]:
    with plant.house.reading() as session:
        return [w.name for w in detours.ways_from(session, BATCH, path, at=plant.clock.now())]


@pytest.mark.urs("URS-DEV-020")
def test_a_step_is_left_out_or_the_flow_goes_on_elsewhere_in_its_branch(plant: Plant) -> None:
    plant.run(LINE)
    assert names(plant, "PROC/A#1") == ["done", "to:A", "to:B", "to:CA"]
    leave(plant, "PROC/A#1", "done")
    assert plant.ready() == ["PROC/B#1"]
    assert ("cancelled", "PROC/A#1") in plant.host.told
    leave(plant, "PROC/B#1", "to:A")
    assert plant.ready() == ["PROC/A#2"]
    leave(plant, "PROC/A#2", "to:CA")
    assert plant.ready() == ["PROC/CA#1/X#1"]
    plant.complete("PROC/CA#1/X#1")
    assert names(plant, "PROC/C#1") == ["done", "to:C"], "its branch holds nothing else"
    leave(plant, "PROC/C#1", "done")
    plant.complete("PROC/E#1")
    leave(plant, "PROC/D#1", "to:D")
    plant.complete("PROC/D#2")
    assert plant.state() == "complete"


@pytest.mark.urs("URS-DEV-020", "URS-EXE-090")
def test_steps_that_were_left_are_left_again_in_replay(plant: Plant, tmp_path: Path) -> None:
    plant.run(LINE)
    plant.complete("PROC/A#1")
    leave(plant, "PROC/B#1", "to:A")
    plant.complete("PROC/A#2")
    leave(plant, "PROC/B#2", "done")
    plant.complete("PROC/CA#1/X#1")
    leave(plant, "PROC/E#1", "done")
    plant.complete("PROC/C#1", "PROC/D#1")
    assert plant.state() == "complete"
    with plant.house.reading() as session:
        acts = recorded_acts(session, BATCH)
    install(site_url(tmp_path / "again.db"))
    again = Plant(site_url(tmp_path / "again.db"))
    try:
        again.house.services["engine_host"] = RecordedHost()
        again.store(LINE)
        replay(again.house, BATCH, acts)
        assert again.journal() == plant.journal()
    finally:
        again.close()


@pytest.mark.urs("URS-DEV-020")
@pytest.mark.parametrize(
    ("path", "way"),
    [
        ("PROC/A#1", "to:D"),
        ("PROC/A#1", "to:X"),
        ("PROC/A#1", "x"),
        ("PROC/B#1", "done"),
        ("PROC/A#9", "done"),
    ],
)
def test_there_is_no_way_across_branches_nor_from_a_step_that_is_not_ready(
    plant: Plant, path: str, way: str
) -> None:
    plant.run(LINE)
    with pytest.raises(NoSuchWay):
        leave(plant, path, way)
    assert plant.ready() == ["PROC/A#1"]
