"""REC-0021 v2 on the engine: the packaging of a lot, its controls, and its three numbers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.running import Plant, install
from tests.support.walking import key_of, path_of, walk
from workflows.expressions.language import compile
from workflows.expressions.types import Given
from workflows.importing import import_procedure
from workflows.names import declared_names
from workflows.scaling import scaled_formula

FILE = Path(__file__).parents[4] / "workflows" / "production" / "rec-0021-v2.bpmn"


@pytest.fixture
def plant(chosen_url: str) -> Iterator[Plant]:
    """A site on which the order stands before its filling."""
    install(chosen_url)
    made = Plant(chosen_url)
    made.host.values |= {"F055.failures": 0}
    made.run(FILE.read_bytes())
    before = walk(made, until="F050")
    assert list(before) == ["F001", "F005", "F010", "F020", "F030", "F040", "F060"]
    yield made
    made.close()


def calculated(key: str, code: str, values: dict[str, Given], bottles: int = 1600) -> Decimal:
    """A calculated parameter of the recipe, rounded as it says."""
    procedure = import_procedure(FILE.read_bytes()).procedure
    parameter = next(s for s in procedure.steps() if s.key == key).parameter(code)
    scaled: dict[str, Given] = dict(scaled_formula(procedure.header, Decimal(bottles)))
    asked = compile(parameter.expression or "", declared_names(procedure), unit=parameter.unit)
    outcome = asked.evaluate(scaled | values)
    return outcome.rounded(parameter.decimals or 0, parameter.rounding)


@pytest.mark.urs("URS-EXE-010")
def test_a_control_falls_due_every_half_hour_while_the_line_runs(plant: Plant) -> None:
    line = path_of(plant, "F050")
    plant.pass_time(timedelta(minutes=29))
    assert plant.ready() == [line]
    for _ in range(2):
        plant.pass_time(timedelta(minutes=30))
        plant.complete(path_of(plant, "F055"))
    plant.complete(line)
    rest = ["F061", "F070", "F072", "F075", "F080", "F085", "F090", "F092", "F095"]
    assert list(walk(plant)) == rest
    assert plant.state() == "complete"


@pytest.mark.urs("URS-EXE-030")
def test_a_control_that_fails_segregates_what_was_made_since_the_last(plant: Plant) -> None:
    plant.host.values["F055.failures"] = 1
    plant.pass_time(timedelta(minutes=30))
    plant.complete(path_of(plant, "F055"))
    assert {key_of(path) for path in plant.ready()} == {"F050", "F056"}


@pytest.mark.urs("URS-EXE-010")
def test_a_control_that_is_open_outlives_the_run(plant: Plant) -> None:
    plant.pass_time(timedelta(minutes=30))
    plant.complete(path_of(plant, "F050"))
    assert "F055" in {key_of(path) for path in plant.ready()}
    walk(plant)
    assert plant.state() == "complete"


def test_the_golden_order_accounts_for_every_bottle_label_and_tablet() -> None:
    given: dict[str, Given] = {
        "F020.labels": 1650,
        "F070.applied": 1561,
        "F070.spoiled": 12,
        "F070.destroyed": 77,
        "F080.packed": 1555,
        "F080.laboratory": 2,
        "F080.reserve": 4,
        "F080.left": 8,
        "F040.tablets": 156108,
    }
    given["F080.bottles"] = calculated("F080", "bottles", given)
    assert given["F080.bottles"] == 1561
    assert calculated("F070", "difference", given) == Decimal("0.00")
    assert calculated("F080", "percent", given) == Decimal("97.56")
    assert calculated("F080", "accountability", given) == Decimal("100.00")


def test_a_label_too_few_is_outside_its_limit() -> None:
    given: dict[str, Given] = {
        "F020.labels": 1650,
        "F070.applied": 1561,
        "F070.spoiled": 12,
        "F070.destroyed": 73,
    }
    assert calculated("F070", "difference", given) == Decimal("0.24")


@pytest.mark.parametrize(
    ("torque", "short", "seal", "failures"),
    [
        ("1.20", 0, "conforms", 0),
        ("1.19", 0, "conforms", 1),
        ("1.20", 1, "conforms", 1),
        ("1.20", 0, "fails", 1),
    ],
)
def test_a_control_fails_when_one_of_its_tests_does(
    torque: str, short: int, seal: str, failures: int
) -> None:
    given: dict[str, Given] = {
        "F055.net_low": Decimal("61.3"),
        "F055.net_high": Decimal("63.8"),
        "F055.short": short,
        "F055.torque_low": Decimal(torque),
        "F055.torque_high": Decimal("2.20"),
        "F055.seal": seal,
        "F055.legible": "conforms",
    }
    assert calculated("F055", "failures", given) == failures
