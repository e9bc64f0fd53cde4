"""What a drawing implies is drawn out in the model: choices behind tasks, links, levels inside."""

from __future__ import annotations

import pytest

from tests.support.bpmn import (
    bpmn,
    end,
    exclusive,
    flow,
    inclusive,
    lane,
    lanes,
    link,
    parallel,
    process,
    start,
    step,
    subprocess,
    task,
    throw,
    wait,
)
from workflows.drawn import drawn_id
from workflows.errors import DefinitionRefused
from workflows.importing import import_procedure
from workflows.model import InclusiveGateway, Level, Procedure, SubProcess
from workflows.words import Isa88


def read(*nodes: str, flows: list[str], isa88: str = "operation") -> Procedure:
    drawn = process("OP", start(), *nodes, end(), flows=flows, isa88=isa88)
    return import_procedure(bpmn(drawn)).procedure


def codes(*nodes: str, flows: list[str]) -> set[str]:
    with pytest.raises(DefinitionRefused) as refused:
        read(*nodes, flows=flows)
    return {finding.code for finding in refused.value.findings}


def test_conditional_flows_of_a_task_stand_behind_an_inclusive_choice() -> None:
    flows = ["start > A", flow("A", "B", "A.round < 3"), flow("A", "end", flow_id="on"), "B > e2"]
    level = read(task("A", default="on"), task("B"), end("e2"), flows=flows).level("OP")
    choice = level.node("A>")
    assert isinstance(choice, InclusiveGateway)
    assert (choice.default, choice.leaves, drawn_id(choice.id)) == ("on", "A", "A")
    assert [f.target for f in level.outgoing("A")] == ["A>"]
    assert {f.id for f in level.outgoing("A>")} == {"A_B", "on"}


def test_a_link_is_a_flow_from_every_throw_to_its_catch() -> None:
    nodes = (
        task("A"),
        exclusive("X", default="X_T2"),
        throw("T1", link("on")),
        throw("T2", link("on")),
        wait("C", link("on")),
    )
    flows = ["start > A > X > T2", flow("X", "T1", "A.round < 3"), "C > end"]
    level = read(*nodes, flows=flows).level("OP")
    assert [(f.id, f.target) for f in level.incoming("C")] == [("T1>C", "C"), ("T2>C", "C")]


@pytest.mark.urs("URS-MRC-080")
def test_what_is_drawn_inside_is_a_level_of_the_same_kind() -> None:
    inner = subprocess("IN", "IN_start > B > IN_e", task("B"), end("IN_e"))
    outer = subprocess("SP", "SP_start > IN > SP_e", inner, end("SP_e"))
    procedure = read(outer, flows=["start > SP > end"])
    shape = [(each.id, each.part_of, each.isa88) for each in procedure.levels]
    assert shape == [
        ("OP", None, Isa88.OPERATION),
        ("SP", "OP", Isa88.OPERATION),
        ("IN", "OP", Isa88.OPERATION),
    ]
    assert isinstance(procedure.level("SP").node("IN"), SubProcess)


@pytest.mark.urs("URS-MRC-080")
def test_a_step_drawn_inside_a_procedure_stands_in_no_operation() -> None:
    inner = subprocess("SP", "SP_start > B > SP_e", task("B"), end("SP_e"))
    with pytest.raises(DefinitionRefused) as refused:
        read(inner, flows=["start > SP > end"], isa88="procedure")
    assert ("level.hierarchy", "B") in {(f.code, f.element) for f in refused.value.findings}


def test_a_step_inside_has_the_role_of_the_lane_around_it() -> None:
    inner = subprocess(
        "SP", "SP_start > B > SP_e", task("B", step("B").replace(' role="OP"', "")), end("SP_e")
    )
    procedure = read(lanes(lane("L", "QC", "SP")), inner, flows=["start > SP > end"])
    assert procedure.step("B").role == "QC"


def test_one_node_in_two_lanes_of_different_roles_is_refused() -> None:
    both = lanes(lane("L1", "OP", "A"), lane("L2", "QC", "A"))
    assert "lane.twice" in codes(both, task("A"), flows=["start > A > end"])


@pytest.mark.urs("URS-MRC-040")
def test_two_tokens_on_one_way_into_an_inclusive_join_are_refused() -> None:
    nodes = (
        parallel("F"),
        task("A"),
        task("B"),
        exclusive("M"),
        exclusive("X", default="X_J"),
        inclusive("J"),
    )
    way = flow("X", "M", "A.round < 3")
    flows = ["start > F > A > M > J > end", "F > B > X > J", way]
    assert codes(*nodes, flows=flows) == {"flow.doubled"}


@pytest.mark.urs("URS-MRC-040")
def test_a_branch_need_not_come_to_its_inclusive_join() -> None:
    nodes = (parallel("F"), task("A"), task("B"), exclusive("X", default="X_J"), inclusive("J"))
    way = flow("X", "C", "A.round < 3")
    flows = ["start > F > A > J > end", "F > B > X > J", way, "C > e2"]
    level: Level = read(*nodes, task("C"), end("e2"), flows=flows).level("OP")
    assert len(level.incoming("J")) == 2
