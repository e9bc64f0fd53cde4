"""What SpiffWorkflow does wrong without a word, and no test of a single element shows.

The page `docs/explanation/spiffworkflow.md` lists all of it with the test for each.
"""

from __future__ import annotations

import pytest
from sqlalchemy import Text, select
from sqlalchemy.orm import Session

from core.errors import Refusal
from core.types import JsonText
from engine.host import TaskInfo
from engine.models import Instance, Run
from engine.replay import state_of
from tests.integration.engine.test_flatness import counted
from tests.integration.engine.test_rounds import weighing
from tests.support.bpmn import multi_instance, start, timer
from tests.support.conformance.scopes import beside
from tests.support.running import BATCH, Plant, ScriptedHost


@pytest.mark.urs("URS-EXE-010")
def test_an_event_subprocess_whose_time_never_comes_lets_its_level_end(small_plant: Plant) -> None:
    small_plant.run(beside(start("ESP_start", timer("duration", "PT1H"))))
    small_plant.complete("PROC/OP#1/A#1", "PROC/OP#1/B#1")
    assert small_plant.ready() == ["PROC/LAST#1"]
    small_plant.complete("PROC/LAST#1")
    assert small_plant.state() == "complete"


class Refusing(ScriptedHost):
    """A record that takes no further step."""

    def task_ready(self, session: Session, run: Run, task: TaskInfo) -> None:
        raise Refusal(f"{task.path} cannot be opened", resolver="whoever mends the record")


@pytest.mark.urs("URS-EXE-090")
def test_a_refused_step_leaves_nothing_behind_and_can_be_done_again(small_plant: Plant) -> None:
    small_plant.run(weighing(multi_instance("2", sequential=True)))
    with small_plant.house.reading() as session:
        before = state_of(session, BATCH)
    facts = len(small_plant.journal())
    small_plant.house.services["engine_host"] = Refusing()
    with pytest.raises(Refusal, match="cannot be opened"):
        small_plant.complete("PROC/C#1.1/D040#1")
    with small_plant.house.reading() as session:
        assert state_of(session, BATCH) == before
    assert len(small_plant.journal()) == facts
    small_plant.house.services["engine_host"] = small_plant.host
    small_plant.complete("PROC/C#1.1/D040#1", "PROC/C#1.2/D040#1", "PROC/LAST#1")
    assert small_plant.state() == "complete"


def test_a_step_of_one_of_many_branches_costs_what_one_of_few_does(small_plant: Plant) -> None:
    costs = []
    for number in (3, 60):
        plant = small_plant
        record = type(BATCH)("batch", f"B-{number}")
        plant.run(weighing(multi_instance(str(number)), most=60), record)
        with counted(plant) as cost:
            plant.complete("PROC/C#1.2/D040#1", record=record)
        costs.append(cost)
    assert costs[0].statements == costs[1].statements
    assert abs(costs[0].bytes - costs[1].bytes) <= 16


def test_the_state_of_a_level_is_text_and_no_json_of_the_database(small_plant: Plant) -> None:
    columns = Instance.__table__.columns
    assert type(columns["tree"].type) is Text
    assert isinstance(columns["counts"].type, JsonText)
    small_plant.run(weighing(multi_instance("2")))
    with small_plant.house.reading() as session:
        assert all(isinstance(tree, str) for tree in session.scalars(select(Instance.tree)))
