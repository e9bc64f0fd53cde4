"""Decisions on recorded values and loops back (URS-EXE-050)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine import commands, queries
from engine.errors import ProblemPersists
from engine.routes import Mark
from tests.support.bpmn import bpmn, exclusive, flow, parallel, step, task
from tests.support.running import BATCH, Plant, level

MEAN = '<bw:parameter code="mean" dataType="decimal" unit="%" decimals="2"/>'
DRYING = bpmn(
    level(
        "PROC",
        ["M > G170 > X", "G180 > Y", "N > G190 > end"],
        exclusive("M"),
        task("G170", step("G170", MEAN, kind="entry")),
        exclusive("X", default="X_N"),
        task("G180"),
        exclusive("Y", default="Y_M"),
        exclusive("N"),
        task("G190"),
        extra=[
            flow("X", "G180", "G170.mean > 2.5 %"),
            flow("X", "N"),
            flow("Y", "N", "G170.mean > 9 %"),
            flow("Y", "M", max_rounds=2),
        ],
    ),
)


@pytest.mark.urs("URS-EXE-050")
def test_a_decision_stands_in_the_journal_with_expression_inputs_and_result(plant: Plant) -> None:
    plant.host.values["G170.mean"] = Decimal("2.61")
    plant.run(DRYING)
    plant.complete("PROC/G170#1")
    made = [fact for fact in plant.journal() if fact["fact"] == "decision.made"]
    assert made == [
        {
            "fact": "decision.made",
            "path": "PROC/X#1",
            "flow": "X_G180",
            "asked": [
                {
                    "flow": "X_G180",
                    "expression": "G170.mean > 2.5 %",
                    "inputs": [{"name": "G170.mean", "value": "2.61"}],
                    "result": True,
                    "problems": [],
                }
            ],
        }
    ]
    assert plant.ready() == ["PROC/G180#1"]


def test_the_boundary_value_takes_the_default(small_plant: Plant) -> None:
    small_plant.host.values["G170.mean"] = Decimal("2.50")
    small_plant.run(DRYING)
    small_plant.complete("PROC/G170#1")
    assert small_plant.ready() == ["PROC/G190#1"]


def test_a_missing_value_holds_the_run_and_a_restart_asks_again(plant: Plant) -> None:
    plant.run(DRYING)
    plant.complete("PROC/G170#1")
    assert plant.state() == "held"
    assert plant.ready() == []
    assert [p.kind for p in plant.host.problems] == ["value_unknown"]
    assert "G170.mean has no value" in plant.host.problems[0].fact
    with pytest.raises(ProblemPersists, match="G170"):
        plant.do(commands.restart, reason="looked at it")
    assert plant.state() == "held"
    plant.host.values["G170.mean"] = Decimal("1.80")
    plant.do(commands.restart, reason="value recorded")
    assert (plant.state(), plant.ready()) == ("running", ["PROC/G190#1"])
    plant.complete("PROC/G190#1")
    assert plant.state() == "complete"


def test_a_flow_back_is_taken_as_often_as_the_recipe_allows_then_the_run_is_held(
    plant: Plant,
) -> None:
    plant.host.values["G170.mean"] = Decimal("3.0")
    plant.run(DRYING)
    for number in (1, 2, 3):
        plant.complete(f"PROC/G170#{number}", f"PROC/G180#{number}")
    assert plant.state() == "held"
    assert [p.kind for p in plant.host.problems] == ["rounds_exhausted"]
    assert plant.ready() == []


@pytest.mark.urs("URS-EXE-030")
def test_what_was_not_executed_names_the_gateway_that_decided(plant: Plant) -> None:
    plant.host.values["G170.mean"] = Decimal("1.80")
    plant.run(DRYING)
    plant.complete("PROC/G170#1", "PROC/G190#1")
    with plant.house.reading() as session:
        missing = queries.not_executed(session, BATCH)
        walk = queries.route(session, BATCH)[0]
    assert [(m.step.key, str(m.cause)) for m in missing] == [("G180", "gateway X")]
    marks = {element.id: element.mark for element in walk.elements}
    assert marks["G190"] is Mark.DONE
    assert marks["Y"] is Mark.NOT_TAKEN


def test_parallel_branches_may_be_done_in_any_order_and_meet(plant: Plant) -> None:
    plant.run(
        bpmn(
            level(
                "PROC",
                ["S > A > J", "S > B > C > J", "J > D > end"],
                parallel("S"),
                task("A"),
                task("B"),
                task("C"),
                parallel("J"),
                task("D"),
            )
        )
    )
    assert sorted(plant.ready()) == ["PROC/A#1", "PROC/B#1"]
    plant.complete("PROC/B#1", "PROC/A#1")
    assert plant.ready() == ["PROC/C#1"]
    plant.complete("PROC/C#1")
    assert plant.ready() == ["PROC/D#1"]
    plant.complete("PROC/D#1")
    assert plant.state() == "complete"
