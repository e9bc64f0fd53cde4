"""Every construct goes on in a new process between every two moves (URS-EXE-090)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
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
from tests.support.moving import Move, Scene
from tests.support.places import site_url
from tests.support.running import Plant, install
from tests.unit.engine.test_spiff import LOOPED_JOIN
from workflows import queries as definitions


@dataclass(frozen=True)
class Model:
    """A procedure, what happens in it, and what must be open after that (None: complete)."""

    data: bytes
    moves: list[Move]
    values: Mapping[str, Any] = field(default_factory=dict)


def done(*paths: str) -> list[Move]:
    return [("complete", path) for path in paths]


LOAD = {"D040.pure": Decimal(9), "D040.pure[]": [Decimal(9)]}
MODELS = {
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


def state_of(plant: Plant) -> tuple[list[Mapping[str, Any]], list[str], str]:
    return list(plant.journal()), plant.ready(), plant.state()


def straight(model: Model, folder: Path) -> tuple[list[Mapping[str, Any]], list[str], str]:
    """The same moves in one process."""
    url = site_url(folder / "straight.db")
    install(url)
    plant = Plant(url)
    plant.host.values.update(model.values)
    plant.run(model.data)
    for move in model.moves:
        moving.do(plant, move)
    found = state_of(plant)
    plant.close()
    return found


@pytest.mark.urs("URS-EXE-090")
@pytest.mark.parametrize("name", MODELS)
def test_a_new_process_for_every_move_makes_no_difference(
    name: str, plant: Plant, database_url: str, tmp_path: Path
) -> None:
    model = MODELS[name]
    plant.host.values.update(model.values)
    plant.run(model.data)
    minutes = 0
    for move in model.moves:
        moving.make_elsewhere(Scene(database_url, model.values, minutes), move)
        minutes += move[1] if move[0] == "minutes" else 0
    assert state_of(plant) == straight(model, tmp_path)


@pytest.mark.parametrize("name", MODELS)
def test_forgetting_every_cache_before_each_move_makes_no_difference(
    name: str, small_plant: Plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = MODELS[name]
    small_plant.host.values.update(model.values)
    small_plant.run(model.data)
    for move in model.moves:
        programs.forget()
        monkeypatch.setattr(definitions, "_cache", type(definitions._cache)())
        moving.do(small_plant, move)
    assert state_of(small_plant) == straight(model, tmp_path)


def test_the_models_end_where_they_should(tmp_path: Path) -> None:
    ends = {}
    for number, (name, model) in enumerate(MODELS.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        ends[name] = straight(model, folder)[2]
    assert ends == dict.fromkeys(MODELS, "complete") | {"flow back": "running"}
