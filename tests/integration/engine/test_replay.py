"""A run built again from its journal is the same run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.models import Border, Instance, Run, StateChange, Subscription, Task
from engine.replay import RecordedAct, RecordedHost, ReplayDiffers, recorded_acts, replay
from tests.integration.engine.test_resume import MODELS
from tests.support import moving
from tests.support.places import site_url
from tests.support.running import BATCH, Plant, install

OWN = {"id", "run_id", "site_id", "job_id", "version"}


def rows(session: Session) -> dict[str, list[str]]:
    """All rows of the engine without the keys that differ by nature."""
    found = {}
    for kind in (Run, Instance, Task, Border, Subscription, StateChange):
        table: Any = kind.__table__
        columns = [column for column in table.columns if column.name not in OWN]
        found[table.name] = sorted(str(tuple(row)) for row in session.execute(select(*columns)))
    return found


@pytest.fixture
def empty(tmp_path: Path) -> Callable[[bytes], Plant]:
    """An empty house that holds the definition only."""

    def make(data: bytes) -> Plant:
        url = site_url(tmp_path / "again.db")
        install(url)
        plant = Plant(url)
        plant.house.services["engine_host"] = RecordedHost()
        plant.store(data)
        return plant

    return make


def lived(plant: Plant, name: str) -> list[RecordedAct]:
    model = MODELS[name]
    plant.host.values.update(model.values)
    plant.run(model.data)
    for move in model.moves:
        moving.do(plant, move)
    with plant.house.reading() as session:
        return recorded_acts(session, BATCH)


@pytest.mark.urs("URS-EXE-090")
@pytest.mark.parametrize("name", MODELS)
def test_a_run_is_built_again_from_its_journal(
    name: str, small_plant: Plant, empty: Callable[[bytes], Plant]
) -> None:
    acts = lived(small_plant, name)
    again = empty(MODELS[name].data)
    replay(again.house, BATCH, acts)
    with small_plant.house.reading() as first, again.house.reading() as second:
        assert rows(first) == rows(second)
    again.close()


def test_a_journal_that_was_changed_does_not_follow(
    small_plant: Plant, empty: Callable[[bytes], Plant]
) -> None:
    acts = lived(small_plant, "flow back")
    changed = [{**fact, "flow": "X_N"} if "flow" in fact else fact for fact in acts[1].facts]
    again = empty(MODELS["flow back"].data)
    with pytest.raises(ReplayDiffers, match=r"act 2: .*X_G180"):
        replay(again.house, BATCH, [acts[0], RecordedAct(acts[1].at, changed)])
    again.close()
