"""The typed diff that reviewers see and approve."""

from __future__ import annotations

import dataclasses

import pytest

from tests.support.bpmn import bpmn, end, process, start, step, task
from workflows.differences import Change, Weight, differences
from workflows.importing import import_procedure
from workflows.model import Flow, Procedure


def made(high: str = "2.5", *, role: str = "QC", sieve: bool = False, note: str = "") -> Procedure:
    parameter = (
        '<bw:parameter code="lod" dataType="decimal" unit="%" decimals="2" critical="true">'
        f'<bw:limit tier="alert" high="2.2"/><bw:limit tier="action" low="1.0" high="{high}"/>'
        '</bw:parameter><bw:ipc method="drying" specimens="2"/>'
    )
    ipc = task("T1", step("G170", parameter, kind="ipc", role=role))
    more = (task("T2", step("G175")),) if sieve else ()
    flows = "start > T1 > T2 > end" if sieve else "start > T1 > end"
    data = bpmn(process("OP", start(), ipc, *more, end(), flows=flows))
    return import_procedure(data + note.encode()).procedure


@pytest.mark.urs("URS-MRC-020")
def test_one_changed_limit_is_exactly_one_line() -> None:
    (line,) = differences(made("2.5"), made("2.8"))
    assert line.path == "levels/OP/nodes/T1/step/parameters/lod/limits/action/high"
    assert (line.change, line.before, line.after) == (Change.CHANGED, "2.5", "2.8")
    assert (line.step, line.critical) == ("G170", True)


@pytest.mark.urs("URS-MRC-020")
def test_a_moved_shape_is_no_difference() -> None:
    assert differences(made(), made(note="<!-- moved -->")) == []


@pytest.mark.urs("URS-MRC-020")
def test_an_added_step_and_its_flow_are_named() -> None:
    lines = differences(made(), made(sieve=True))
    added = [line for line in lines if line.change is Change.ADDED]
    assert "levels/OP/nodes/T2" in [line.path for line in added]
    assert {"T1_T2", "T2_end"} <= {line.path.split("/")[-1] for line in added}
    assert [line.path for line in lines if line.change is Change.REMOVED] == [
        "levels/OP/flows/T1_end"
    ]
    (backwards,) = [
        line for line in differences(made(sieve=True), made()) if line.path == "levels/OP/nodes/T2"
    ]
    assert (backwards.change, backwards.step) == (Change.REMOVED, "G175")


def test_a_change_beside_the_critical_parameter_is_not_called_critical() -> None:
    (line,) = differences(made(), made(role="OP"))
    assert (line.path.split("/")[-1], line.before, line.after) == ("role", "QC", "OP")
    assert not line.critical


@pytest.mark.urs("URS-MRC-020")
def test_a_step_that_comes_in_changes_the_way_and_is_more_than_minor() -> None:
    lines = differences(made(), made(sieve=True))
    assert {line.weight for line in lines} == {Weight.MAJOR}


@pytest.mark.urs("URS-MRC-020")
def test_a_changed_condition_of_a_branch_changes_the_way_and_its_name_does_not() -> None:
    before = made()
    first = before.levels[0].flows[0]
    (asked,) = differences(before, _with_flow(before, dataclasses.replace(first, condition="x")))
    (named,) = differences(before, _with_flow(before, dataclasses.replace(first, name="dry")))
    assert (asked.path.split("/")[-1], asked.weight) == ("condition", Weight.MAJOR)
    assert (named.path.split("/")[-1], named.weight) == ("name", Weight.MINOR)


def _with_flow(procedure: Procedure, flow: Flow) -> Procedure:
    (level,) = procedure.levels
    changed = dataclasses.replace(level, flows=(flow, *level.flows[1:]))
    return dataclasses.replace(procedure, levels=(changed,))


def test_codes_of_an_added_step_are_words() -> None:
    (added,) = [line for line in differences(made(), made(sieve=True)) if line.path.endswith("/T2")]
    assert added.after is not None
    assert "_" not in added.after
