"""Every construct goes on in a new process between every two moves (URS-EXE-090)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from engine import programs
from tests.integration.engine.test_events import SIDES
from tests.integration.engine.test_gateways import DRYING as LOOP_BACK
from tests.integration.engine.test_levels import NESTED
from tests.integration.engine.test_rounds import weighing
from tests.integration.engine.test_timers import DRYING, PRESS
from tests.support import moving
from tests.support.bpmn import bpmn, multi_instance, standard_loop
from tests.support.conformance import models as conformance
from tests.support.conformance.making import Model
from tests.support.moving import Move, Scene
from tests.support.places import site_url
from tests.support.running import Plant, install
from tests.unit.engine.test_spiff import LOOPED_JOIN
from workflows import queries as definitions


def done(*paths: str) -> list[Move]:
    return [("complete", path) for path in paths]


State = tuple[list[Mapping[str, Any]], list[str], str]
LOAD = {"D040.pure": Decimal(9), "D040.pure[]": [Decimal(9)]}
LEVELS = {
    "nested levels": Model(
        NESTED,
        done(
            *(
                f"PROC/{unit}#1/OP_DRY#1/{key}#1"
                for unit in ("UP_G", "UP_H")
                for key in ("G010", "G020")
            )
        ),
    ),
    "flow back": Model(
        LOOP_BACK,
        done("PROC/G170#1", "PROC/G180#1", "PROC/G170#2", "PROC/G180#2", "PROC/G170#3"),
        {"G170.mean": Decimal("3.1")},
        state="running",
    ),
    "join in a loop": Model(bpmn(LOOPED_JOIN), done("PROC/A#1", "PROC/B#1", "PROC/Z#1")),
    "instances at once": Model(
        weighing(multi_instance("3")),
        done(*(f"PROC/C#1.{n}/D040#1" for n in (3, 1, 2)), "PROC/LAST#1"),
    ),
    "instances in a row": Model(
        weighing(multi_instance("2", sequential=True, completion="count(D040.pure) > 5")),
        done("PROC/C#1.1/D040#1", "PROC/C#1.2/D040#1", "PROC/LAST#1"),
        LOAD,
    ),
    "loop": Model(
        weighing(standard_loop("D040.pure > 5 kg", maximum=2), most=2),
        done("PROC/C#1.1/D040#1", "PROC/C#1.2/D040#1", "PROC/LAST#1"),
        LOAD,
    ),
    "repeated checks": Model(
        PRESS,
        [
            ("minutes", 15),
            ("minutes", 15),
            *done("PROC/RUN#1/EV_IPC#1/C090#1/I010#1", "PROC/RUN#1/C080#1"),
            ("minutes", 15),
            *done("PROC/RUN#1/EV_IPC#2/C090#1/I010#1", "PROC/LAST#1"),
        ],
    ),
    "limit with a hold": Model(
        DRYING,
        [
            ("minutes", 80),
            ("hold", None),
            ("minutes", 30),
            ("restart", None),
            ("minutes", 9),
            ("minutes", 1),
            *done("PROC/OVER#1"),
        ],
    ),
    "events at two borders": Model(
        SIDES,
        [
            ("event", ("link_lost", "PROC/CA2#1/D#1")),
            *done("PROC/CA1#1/D#1", "PROC/E2#1/E2_H#1", "PROC/CA2#1/D#1", "PROC/LAST#1"),
        ],
    ),
}


MODELS = LEVELS | conformance.MODELS


def state_of(plant: Plant) -> State:
    return list(plant.journal()), plant.ready(), plant.state()


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], State]:
    """The state after the same moves in one process; each model is run once."""

    @cache
    def run(name: str) -> State:
        url = site_url(tmp_path_factory.mktemp("straight") / "site.db")
        install(url)
        plant = Plant(url)
        start(plant, MODELS[name])
        for move in MODELS[name].moves:
            moving.do(plant, move)
        found = state_of(plant)
        plant.close()
        return found

    return run


def start(plant: Plant, model: Model) -> None:
    plant.host.values.update(model.values)
    plant.run(model.data)


def each_move_elsewhere(plant: Plant, url: str, model: Model) -> State:
    start(plant, model)
    minutes = 0
    for move in model.moves:
        moving.make_elsewhere(Scene(url, model.values, minutes), move)
        minutes += move[1] if move[0] == "minutes" else 0
    return state_of(plant)


@pytest.mark.urs("URS-EXE-090")
@pytest.mark.parametrize("name", LEVELS)
def test_a_new_process_for_every_move_makes_no_difference(
    name: str, plant: Plant, database_url: str, straight: Callable[[str], State]
) -> None:
    assert each_move_elsewhere(plant, database_url, MODELS[name]) == straight(name)


@pytest.mark.urs("URS-EXE-090", "URS-EXE-010", "URS-MRC-040")
@pytest.mark.parametrize("name", conformance.MODELS)
def test_every_element_goes_on_in_a_new_process_for_every_move(
    name: str, small_plant: Plant, chosen_url: str, straight: Callable[[str], State]
) -> None:
    assert each_move_elsewhere(small_plant, chosen_url, MODELS[name]) == straight(name)


@pytest.mark.parametrize("name", MODELS)
def test_forgetting_every_cache_before_each_move_makes_no_difference(
    name: str,
    small_plant: Plant,
    straight: Callable[[str], State],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start(small_plant, MODELS[name])
    for move in MODELS[name].moves:
        programs.forget()
        monkeypatch.setattr(definitions, "_cache", type(definitions._cache)())
        moving.do(small_plant, move)
    assert state_of(small_plant) == straight(name)


@pytest.mark.urs("URS-EXE-010")
@pytest.mark.parametrize("name", MODELS)
def test_a_model_opens_what_is_drawn_and_ends_as_drawn(
    name: str, straight: Callable[[str], State]
) -> None:
    model, (journal, open_now, state) = MODELS[name], straight(name)
    opened = tuple(fact["path"] for fact in journal if fact["fact"] == "task.ready")
    assert state == model.state
    assert opened == model.opened or name in LEVELS
    assert not open_now or state != "complete"
