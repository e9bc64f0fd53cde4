"""REC-0017 v3 on the engine: the clean batch, the planned detours, and what ends a batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from engine import commands, queries
from tests.support.running import Plant, install
from tests.support.walking import key_of, path_of, walk
from workflows.importing import import_procedure

FILE = Path(__file__).parents[4] / "workflows" / "production" / "rec-0017-v3.bpmn"
PURE = [Decimal(text) for text in ("24.775450", "11.396707", "21.912088", "21.912088")]


@pytest.fixture
def plant(chosen_url: str) -> Iterator[Plant]:
    """A site on which the recipe has just been started, with the values of a clean batch."""
    install(chosen_url)
    made = Plant(chosen_url)
    made.host.values |= {
        "formula.paracetamol": Decimal(80),
        "D040.pure[]": [],
        "G110.power": Decimal("14.0"),
        "G120.round": 0,
        "G170.mean": Decimal("1.90"),
        "G170.round": 1,
        "C060.failures": 0,
        "C060.round": 1,
        "C090.failures": 0,
        "C100.failures": 0,
    }
    made.run(FILE.read_bytes())
    yield made
    made.close()


def weigh(plant: Plant) -> Callable[[str], None]:
    """Each container adds its pure share, as the record would."""

    def told(key: str) -> None:
        if key == "D040":
            weighed = plant.host.values["D040.pure[]"]
            assert isinstance(weighed, list)
            plant.host.values["D040.pure[]"] = PURE[: len(weighed) + 1]

    return told


def compress(plant: Plant) -> Counter[str]:
    """The 111 minutes of the press, with the controls as they fall due."""
    run = path_of(plant, "C080")
    done: Counter[str] = Counter()
    for _ in range(111):
        plant.pass_time(timedelta(minutes=1))
        for path in plant.ready():
            if path != run:
                plant.complete(path)
                done[key_of(path)] += 1
    plant.complete(run)
    done["C080"] += 1
    return done


@pytest.mark.urs("URS-EXE-010")
def test_a_clean_batch_runs_to_its_end_with_102_signed_acts(plant: Plant) -> None:
    done = walk(plant, until="C080", before=weigh(plant))
    done += compress(plant)
    done += walk(plant)
    signed = {
        step.key: step.signature.signed_acts
        for step in import_procedure(FILE.read_bytes()).procedure.steps()
    }
    assert plant.state() == "complete"
    assert done["D040"] == 4
    assert (done["C090"], done["C110"], done["C100"]) == (7, 7, 1)
    assert set(signed) - set(done) == {"G120", "G180", "C120", "H150"}
    assert sum(times * signed[key] for key, times in done.items()) == 102


@pytest.mark.urs("URS-EXE-030")
def test_granules_that_stay_wet_are_dried_twice_more_and_then_the_batch_is_held(
    plant: Plant,
) -> None:
    def still_wet(key: str) -> None:
        weigh(plant)(key)
        plant.host.values["G170.mean"] = Decimal("2.70")
        if key == "G160":
            rounds = sum(fact["fact"] == "task.completed" for fact in facts_of(plant, "G160"))
            plant.host.values["G170.round"] = rounds + 1

    done = walk(plant, before=still_wet)
    assert (done["G170"], done["G180"], done["G190"]) == (3, 2, 0)
    assert plant.state() == "held"
    assert "drying_failed" in plant.host.problems[0].fact


def facts_of(plant: Plant, key: str) -> list[dict[str, object]]:
    """The engine's facts about one step."""
    return [dict(fact) for fact in plant.journal() if key_of(str(fact.get("path", ""))) == key]


@pytest.mark.urs("URS-EXE-030")
def test_too_little_power_asks_for_water_once(plant: Plant) -> None:
    plant.host.values["G110.power"] = Decimal("11.5")

    def watered(key: str) -> None:
        weigh(plant)(key)
        if key == "G120":
            plant.host.values |= {"G110.power": Decimal("13.0"), "G120.round": 1}

    done = walk(plant, until="G140", before=watered)
    assert (done["G110"], done["G120"], done["G130"]) == (2, 1, 1)


@pytest.mark.urs("URS-PRO-020")
@pytest.mark.parametrize("key", ["G150", "G180"])
def test_over_temperature_breaks_drying_off_lowers_the_inlet_and_holds(
    plant: Plant, key: str
) -> None:
    plant.host.values["G170.mean"] = Decimal("2.70")
    walk(plant, until=key, before=weigh(plant))
    with plant.house.reading() as session:
        watched = queries.watched(session)
    assert [(each.condition.expression, each.condition.sustained) for each in watched] == [
        ("FBD.TI102 > 48.0 Cel", "PT30S")
    ]
    plant.do(commands.condition_met, watched[0].subscription, inputs={"FBD.TI102": "48.3"})
    assert [key_of(path) for path in plant.ready()] == ["H150"]
    walk(plant)
    assert plant.state() == "held"
    assert "product_over_temperature" in plant.host.problems[0].fact


@pytest.mark.urs("URS-EXE-030")
def test_a_bad_control_at_the_press_leads_to_stop_and_adjust(plant: Plant) -> None:
    walk(plant, until="C080", before=weigh(plant))
    plant.host.values["C090.failures"] = 1
    plant.pass_time(timedelta(minutes=15))
    plant.complete(path_of(plant, "C090"))
    assert {key_of(path) for path in plant.ready()} == {"C080", "C110", "C120"}


def test_the_tool_counter_is_told_once_and_the_press_runs_on(plant: Plant) -> None:
    walk(plant, until="C080", before=weigh(plant))
    run = path_of(plant, "C080")
    fired = plant.do(commands.raise_event, "tool_counter_over_limit", origin_path=run)
    assert fired == ["EV_TOOL"]
    assert plant.ready() == [run]


def test_binder_and_powders_are_prepared_at_the_same_time(plant: Plant) -> None:
    walk(plant, until="G030", before=weigh(plant))
    assert {key_of(path) for path in plant.ready()} == {"G030", "G060"}


def test_the_press_is_set_up_while_the_granules_are_milled(plant: Plant) -> None:
    walk(plant, until="B010", before=weigh(plant))
    assert {key_of(path) for path in plant.ready()} == {"B010", "C010"}
