"""REC-0030 v1 on the engine: fourteen days of culture with samples, feeds and a watch beside."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from engine import commands, queries
from tests.support.running import Plant, install
from tests.support.walking import key_of, path_of, walk

FILE = Path(__file__).parents[4] / "workflows" / "production" / "rec-0030-v1.bpmn"
PREPARED = ["R005", "R010", "R020", "R030", "R040", "R050", "R060", "R070"]
HARVESTED = ["R140", "R150", "R160", "R170", "R175", "R180"]


@pytest.fixture
def plant(chosen_url: str) -> Iterator[Plant]:
    """A site with the recipe and a seed that is fit."""
    install(chosen_url)
    made = Plant(chosen_url)
    made.host.values |= {
        "R060.viability": Decimal("97.5"),
        "R060.purity": "pure",
        "R090.feed": Decimal(0),
    }
    made.run(FILE.read_bytes())
    yield made
    made.close()


def open_keys(plant: Plant) -> list[str]:
    """The keys of the open steps, in order."""
    return sorted(key_of(path) for path in plant.ready())


def happens(plant: Plant, element: str) -> None:
    """The condition of a boundary event holds."""
    with plant.house.reading() as session:
        (found,) = [w for w in queries.watched(session) if w.element == element]
    plant.do(commands.condition_met, found.subscription, inputs={})


@pytest.mark.urs("URS-EXE-010")
def test_culture_and_watch_run_side_by_side_and_the_harvest_waits_for_both(plant: Plant) -> None:
    assert list(walk(plant, until="R080")) == PREPARED
    assert open_keys(plant) == ["R080", "R130"]
    plant.complete(path_of(plant, "R080"))
    assert open_keys(plant) == ["R130"]
    plant.complete(path_of(plant, "R130"))
    assert list(walk(plant)) == HARVESTED
    assert plant.state() == "complete"


@pytest.mark.urs("URS-EXE-030")
def test_each_day_brings_a_sample_and_low_glucose_a_feed(plant: Plant) -> None:
    walk(plant, until="R080")
    fed = 0
    for day in range(1, 15):
        plant.pass_time(timedelta(days=1))
        plant.host.values["R090.feed"] = Decimal(8) if day in (4, 7, 10) else Decimal(0)
        plant.complete(path_of(plant, "R090"))
        for path in [path for path in plant.ready() if key_of(path) == "R100"]:
            plant.complete(path)
            fed += 1
    assert fed == 3
    assert open_keys(plant) == ["R080", "R130"]


@pytest.mark.urs("URS-EXE-030")
def test_low_oxygen_and_high_ph_open_a_step_each_and_the_culture_goes_on(plant: Plant) -> None:
    walk(plant, until="R080")
    happens(plant, "EV_OXYGEN")
    happens(plant, "EV_PH")
    assert open_keys(plant) == ["R080", "R110", "R120", "R130"]
    plant.complete(path_of(plant, "R110"), path_of(plant, "R120"))
    assert open_keys(plant) == ["R080", "R130"]


@pytest.mark.urs("URS-EXE-030")
@pytest.mark.parametrize(
    ("name", "value"), [("R060.viability", Decimal("89.9")), ("R060.purity", "foreign")]
)
def test_a_seed_that_is_not_fit_holds_the_batch(
    plant: Plant, name: str, value: str | Decimal
) -> None:
    plant.host.values[name] = value
    assert list(walk(plant))[-1] == "R060"
    assert plant.state() == "held"
    assert "seed_unfit" in str(plant.host.problems)
