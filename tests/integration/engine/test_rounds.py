"""Loops and several instances: rounds are child levels that the engine counts."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine import commands
from tests.support.bpmn import bpmn, call, multi_instance, standard_loop, step, task
from tests.support.running import Plant, level

PURE = '<bw:parameter code="pure" dataType="decimal" unit="kg" decimals="3"/>'


def weighing(loop: str, *, most: int = 12) -> bytes:
    return bpmn(
        level(
            "PROC",
            "C > LAST",
            call("C", "W", loop=loop, max_rounds=most),
            task("LAST"),
        ),
        level("W", "D040", task("D040", step("D040", PURE, kind="entry"))),
    )


def test_several_instances_at_once_end_in_any_order(plant: Plant) -> None:
    plant.run(weighing(multi_instance("3")))
    assert plant.ready() == [f"PROC/C#1.{n}/D040#1" for n in (1, 2, 3)]
    for n in (2, 3, 1):
        assert plant.state() == "running"
        plant.complete(f"PROC/C#1.{n}/D040#1")
    assert plant.ready() == ["PROC/LAST#1"]


def test_one_after_the_other_knows_its_round(plant: Plant) -> None:
    plant.run(weighing(multi_instance("2", sequential=True)))
    assert plant.ready() == ["PROC/C#1.1/D040#1"]
    plant.complete("PROC/C#1.1/D040#1")
    assert plant.ready() == ["PROC/C#1.2/D040#1"]
    plant.complete("PROC/C#1.2/D040#1")
    assert plant.ready() == ["PROC/LAST#1"]


def test_no_round_at_all_is_over_at_once(small_plant: Plant) -> None:
    small_plant.run(weighing(multi_instance("0")))
    assert small_plant.ready() == ["PROC/LAST#1"]


def test_a_completion_condition_ends_the_rounds_and_cancels_the_rest(plant: Plant) -> None:
    loop = multi_instance("4", completion="sum(D040.pure) >= 79.84 kg")
    plant.host.values["D040.pure[]"] = [Decimal("40.0")]
    plant.run(weighing(loop))
    plant.complete("PROC/C#1.1/D040#1")
    assert len(plant.ready()) == 3
    plant.host.values["D040.pure[]"] = [Decimal("40.0"), Decimal("39.9")]
    plant.complete("PROC/C#1.3/D040#1")
    assert plant.ready() == ["PROC/LAST#1"]
    assert [path for word, path in plant.host.told if word == "cancelled"] == [
        "PROC/C#1.2/D040#1",
        "PROC/C#1.4/D040#1",
    ]


def test_more_rounds_than_allowed_hold_the_run(plant: Plant) -> None:
    plant.run(weighing(multi_instance("13")))
    assert plant.state() == "held"
    assert "at most 12" in plant.host.problems[0].fact


def test_an_unknown_completion_condition_holds_the_run_until_it_is_known(plant: Plant) -> None:
    loop = multi_instance("3", sequential=True, completion="sum(D040.pure) >= 10 kg")
    plant.run(weighing(loop))
    plant.complete("PROC/C#1.1/D040#1")
    assert plant.state() == "held"
    plant.host.values["D040.pure[]"] = [Decimal("4")]
    plant.do(commands.restart, reason="value recorded")
    assert plant.ready() == ["PROC/C#1.2/D040#1"]


@pytest.mark.parametrize(("test_before", "rounds"), [(False, 1), (True, 0)])
def test_a_loop_asks_before_or_after_its_first_round(
    small_plant: Plant, test_before: bool, rounds: int
) -> None:
    loop = standard_loop("D040.pure > 5 kg", maximum=3, test_before=test_before)
    small_plant.host.values["D040.pure"] = Decimal("5")
    small_plant.run(weighing(loop, most=3))
    for _ in range(rounds):
        small_plant.complete("PROC/C#1.1/D040#1")
    assert small_plant.ready() == ["PROC/LAST#1"]


def test_a_loop_goes_on_while_its_condition_is_true_up_to_its_maximum(plant: Plant) -> None:
    plant.host.values["D040.pure"] = Decimal("9")
    plant.run(weighing(standard_loop("D040.pure > 5 kg", maximum=3), most=3))
    for n in (1, 2, 3):
        plant.complete(f"PROC/C#1.{n}/D040#1")
    assert plant.ready() == ["PROC/LAST#1"]


def test_the_round_can_be_asked_for_in_a_condition(small_plant: Plant) -> None:
    small_plant.run(
        bpmn(
            level(
                "PROC",
                "C > LAST",
                call("C", "W", loop=multi_instance("2"), max_rounds=2),
                task("LAST"),
            ),
            level("W", "I", call("I", "V", loop=multi_instance("round"), max_rounds=9)),
            level("V", "D", task("D")),
        )
    )
    assert small_plant.ready() == [
        "PROC/C#1.1/I#1.1/D#1",
        "PROC/C#1.2/I#1.1/D#1",
        "PROC/C#1.2/I#1.2/D#1",
    ]


@pytest.mark.urs("URS-EXE-050")
def test_every_decision_on_rounds_stands_in_the_journal_with_its_inputs(plant: Plant) -> None:
    loop = multi_instance("D040.wanted", sequential=True, completion="sum(D040.pure) >= 10 kg")
    wanted = '<bw:parameter code="wanted" dataType="integer"/>'
    plant.host.values["D040.wanted"] = 3
    plant.host.values["D040.pure[]"] = [Decimal("4.2")]
    plant.run(weighing(loop).replace(PURE.encode(), (PURE + wanted).encode()))
    plant.complete("PROC/C#1.1/D040#1")
    plant.host.values["D040.pure[]"] = [Decimal("4.2"), Decimal("6.0")]
    plant.complete("PROC/C#1.2/D040#1")
    asked = {
        (fact["fact"], question["expression"], question["result"]): question["inputs"]
        for fact in plant.journal()
        for question in fact.get("asked", ())
    }
    assert asked == {
        ("rounds.planned", "D040.wanted", "3"): [{"name": "D040.wanted", "value": "3"}],
        ("rounds.asked", "sum(D040.pure) >= 10 kg", False): [
            {"name": "D040.pure[]", "value": ["4.2"]}
        ],
        ("rounds.asked", "sum(D040.pure) >= 10 kg", True): [
            {"name": "D040.pure[]", "value": ["4.2", "6.0"]}
        ],
    }
    assert plant.ready() == ["PROC/LAST#1"]
