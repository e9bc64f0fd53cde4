"""The profile check: one wrong drawing for each rule, beside the right one."""

from __future__ import annotations

import pytest

from tests.support.bpmn import (
    boundary,
    bpmn,
    call,
    conditional,
    end,
    error,
    exclusive,
    extension,
    flow,
    multi_instance,
    named,
    parallel,
    process,
    service,
    signal,
    standard_loop,
    start,
    task,
    timer,
    wait,
)
from workflows.errors import DefinitionRefused
from workflows.importing import import_procedure
from workflows.model import BoundaryEvent, CallActivity, Named, Timer
from workflows.rules import VersionState
from workflows.step import Condition
from workflows.words import LoopKind


def codes(*parts: str) -> set[str]:
    try:
        import_procedure(bpmn(*parts))
    except DefinitionRefused as refusal:
        return {finding.code for finding in refusal.findings}
    return set()


def drawn(*nodes: str, flows: object) -> set[str]:
    return codes(process("OP", *nodes, flows=flows))  # type: ignore[arg-type]  # str or list


SUB = process("SUB", start("s"), task("S1"), end("e"), flows="s > S1 > e", entry=False)
LOOP_BACK = [
    "start > M > A > X > end",
    flow("X", "M", "A.round < 3", max_rounds=2, flow_id="back"),
]
LOOP_NODES = (start(), exclusive("M"), task("A"), exclusive("X", default="X_end"), end())


@pytest.mark.parametrize(
    ("nodes", "flows"),
    [
        ((start(), task("A"), service("B"), end()), "start > A > B > end"),
        (LOOP_NODES, LOOP_BACK),
        (
            (start(), parallel("F"), task("A"), task("B"), parallel("J"), end()),
            ["start > F > A > J > end", "F > B > J"],
        ),
        (
            (start(), exclusive("F", default="F_A"), task("A"), task("B"), exclusive("J"), end()),
            ["start > F > A > J > end", flow("F", "B", "1 = 1"), "B > J"],
        ),
        (
            (start(), task("A"), wait("T", timer("duration", "PT30M")), end()),
            "start > A > T > end",
        ),
        (
            (
                start(),
                task("A"),
                boundary("E", "A", timer("cycle", "R/PT15M"), interrupting=False),
                task("H"),
                end(),
                end("end2"),
            ),
            ["start > A > end", "E > H > end2"],
        ),
        (
            (
                start(),
                task("A"),
                boundary("E", "A", conditional("A.round > 1"), sustained="PT30S"),
                exclusive("M"),
                end(),
            ),
            ["start > A > M > end", "E > M"],
        ),
        ((start(), task("A"), end(terminate=True)), "start > A > end"),
    ],
    ids=["line", "loop", "fork", "choice", "timer", "cycle", "condition", "terminate"],
)
def test_a_right_drawing_is_accepted(nodes: tuple[str, ...], flows: object) -> None:
    assert drawn(*nodes, flows=flows) == set()


@pytest.mark.parametrize(
    ("code", "nodes", "flows"),
    [
        ("flow.start", (task("A"), end()), "A > end"),
        ("flow.start", (start(), start("s2"), task("A"), end()), "start > A > end"),
        ("flow.no_end", (start(), task("A")), "start > A"),
        ("flow.empty", (start(), end()), "start > end"),
        ("flow.end", (start(), task("A"), end()), "start > A > nowhere"),
        ("flow.leaving", (start(), task("A"), end()), ["start > A > end", "A > end"]),
        ("flow.leaving", (start(), task("A"), task("B"), end()), ["start > A > B"]),
        (
            "flow.entering",
            (start(), parallel("F"), task("A"), end()),
            ["start > F > A > end", flow("F", "A", flow_id="twice")],
        ),
        ("flow.unreachable", (start(), task("A"), task("B"), end()), "start > A > end"),
        (
            "flow.endless",
            (start(), exclusive("M"), task("A"), exclusive("X", default="b"), end()),
            ["start > M > A > X", flow("X", "M", flow_id="b", max_rounds=2)],
        ),
        (
            "gateway.shape",
            (start(), exclusive("X", default="X_A"), task("A"), end()),
            "start > X > A > end",
        ),
        (
            "gateway.default",
            (start(), exclusive("X"), task("A"), end(), end("e2")),
            ["start > X > A > end", flow("X", "e2", "1 = 1")],
        ),
        (
            "gateway.default",
            (start(), exclusive("X", default="X_e2"), task("A"), end(), end("e2")),
            ["start > X", flow("X", "A", "1 = 1"), "A > end", flow("X", "e2", "1 = 2")],
        ),
        (
            "gateway.condition",
            (start(), exclusive("X", default="X_A"), task("A"), end(), end("e2")),
            ["start > X > A > end", "X > e2"],
        ),
        (
            "flow.condition",
            (start(), task("A"), end()),
            ["start > A", flow("A", "end", "1 = 1")],
        ),
        (
            "expression.name",
            (start(), exclusive("X", default="X_A"), task("A"), end(), end("e2")),
            ["start > X > A > end", flow("X", "e2", "Z9.value > 1")],
        ),
        (
            "expression.type",
            (start(), exclusive("X", default="X_A"), task("A"), end(), end("e2")),
            ["start > X > A > end", flow("X", "e2", "A.round + 1")],
        ),
        (
            "flow.unbounded",
            LOOP_NODES,
            ["start > M > A > X > end", flow("X", "M", "A.round < 3")],
        ),
        (
            "flow.rounds",
            LOOP_NODES,
            ["start > M > A > X > end", flow("X", "M", "A.round < 3", max_rounds=201)],
        ),
        (
            "flow.rounds",
            (start(), task("A"), end()),
            ["start > A", flow("A", "end", max_rounds=2)],
        ),
        (
            "flow.deadlock",
            (start(), exclusive("F", default="F_A"), task("A"), task("B"), parallel("J"), end()),
            ["start > F > A > J > end", flow("F", "B", "1 = 1"), "B > J"],
        ),
        (
            "flow.doubled",
            (start(), parallel("F"), task("A"), task("B"), exclusive("J"), end()),
            ["start > F > A > J > end", "F > B > J"],
        ),
        (
            "flow.deadlock",
            (
                start(),
                parallel("F"),
                task("A"),
                boundary("E", "A", timer("duration", "PT5M")),
                task("B"),
                parallel("J"),
                end(),
                end("e2"),
            ),
            ["start > F > A > J > end", "F > B > J", "E > e2"],
        ),
        (
            "boundary.merges",
            (
                start(),
                task("A"),
                boundary("E", "A", timer("cycle", "R/PT15M"), interrupting=False),
                exclusive("M"),
                end(),
            ),
            ["start > A > M > end", "E > M"],
        ),
        (
            "boundary.host",
            (
                start(),
                task("A"),
                boundary("E", "start", timer("duration", "PT5M")),
                end(),
                end("x"),
            ),
            ["start > A > end", "E > x"],
        ),
        (
            "timer.form",
            (start(), task("A"), boundary("E", "A", timer("cycle", "R/PT5M")), end(), end("x")),
            ["start > A > end", "E > x"],
        ),
        (
            "timer.text",
            (start(), task("A"), boundary("E", "A", timer("duration", "5 min")), end(), end("x")),
            ["start > A > end", "E > x"],
        ),
        (
            "timer.text",
            (start(), task("A"), boundary("E", "A", timer("date", "2026-11-22")), end(), end("x")),
            ["start > A > end", "E > x"],
        ),
        ("timer.form", (start(), wait("T", timer("cycle", "R/PT5M")), end()), "start > T > end"),
        (
            "event.name",
            (start(), task("A"), boundary("E", "A", named("signal", None)), end(), end("x")),
            ["start > A > end", "E > x"],
        ),
        (
            "event.none",
            (start(), task("A"), boundary("E", "A", ""), end(), end("x")),
            ["start > A > end", "E > x"],
        ),
        (
            "boundary.error",
            (start(), task("A"), boundary("E", "A", named("error", None)), end(), end("x")),
            ["start > A > end", "E > x"],
        ),
        (
            "level.size",
            (start(), *(task(f"A{n}") for n in range(60)), end()),
            " > ".join(["start", *(f"A{n}" for n in range(60)), "end"]),
        ),
    ],
)
@pytest.mark.urs("URS-MRC-040")
def test_a_wrong_drawing_is_refused(code: str, nodes: tuple[str, ...], flows: object) -> None:
    assert code in drawn(*nodes, flows=flows)


def calling(node: str, *more: str, isa88: str = "operation") -> set[str]:
    return codes(process("OP", start(), node, end(), flows="start > C > end", isa88=isa88), *more)


def test_a_call_with_a_bounded_loop_is_accepted() -> None:
    assert calling(call("C", "SUB"), SUB) == set()
    many = call("C", "SUB", loop=multi_instance("S1.round + 3"), max_rounds=9)
    assert calling(many, SUB) == set()
    again = call("C", "SUB", loop=standard_loop("S1.round < 3", maximum=3))
    assert calling(again, SUB) == set()


@pytest.mark.parametrize(
    ("code", "node", "others"),
    [
        ("call.target", call("C", "ELSEWHERE"), [SUB]),
        ("call.target", call("C", ""), [SUB]),
        ("call.cycle", call("C", "OP"), []),
        ("level.unused", task("C"), [SUB]),
        ("loop.bound", call("C", "SUB", loop=multi_instance("3")), [SUB]),
        ("loop.bound", call("C", "SUB", loop=standard_loop("true", maximum=2001)), [SUB]),
        ("loop.none", call("C", "SUB", max_rounds=3), [SUB]),
        ("expression.type", call("C", "SUB", loop=multi_instance("true"), max_rounds=3), [SUB]),
        (
            "expression.name",
            call("C", "SUB", loop=multi_instance("3", completion="no.name"), max_rounds=3),
            [SUB],
        ),
        ("level.hierarchy", call("C", "SUB"), [SUB.replace("operation", "unit_procedure")]),
    ],
)
@pytest.mark.urs("URS-MRC-040", "URS-MRC-060")
def test_a_wrong_call_is_refused(code: str, node: str, others: list[str]) -> None:
    assert code in calling(node, *others)


@pytest.mark.urs("URS-MRC-040")
def test_a_recipe_of_3000_steps_fits_and_one_of_501_levels_does_not() -> None:
    def called(count: int) -> set[str]:
        levels = [SUB.replace('"SUB"', f'"SUB{n}"') for n in range(count)]
        return codes(process("OP", start(), task("A"), end(), flows="start > A > end"), *levels)

    assert "level.count" not in called(330)
    assert "level.count" in called(500)


@pytest.mark.urs("URS-MRC-080")
def test_levels_follow_isa_88() -> None:
    assert "level.hierarchy" in codes(
        process("P", start(), task("A"), end(), flows="start > A > end", isa88="procedure")
    )
    assert "level.hierarchy" in calling(call("C", "SUB"), SUB, isa88="procedure")
    assert calling(call("C", "SUB"), SUB, isa88="unit_procedure") == set()


def test_a_boundary_on_a_call_catches_the_error_of_the_called_level() -> None:
    sub = process("SUB", start("s"), task("S1"), end("e", error="err"), flows="s > S1 > e",
                  entry=False)  # fmt: skip
    data = bpmn(
        error("err", "end_point_missed"),
        signal("sig", "power lost"),
        process(
            "OP",
            start(),
            call("C", "SUB", loop=multi_instance("2", sequential=True), max_rounds=2),
            boundary("E", "C", named("error", "err"), severity="critical"),
            boundary("S", "C", named("signal", "sig"), interrupting=False, plantWide="true"),
            end(),
            end("x"),
            end("y"),
            flows=["start > C > end", "E > x", "S > y"],
        ),
        sub,
    )
    level = import_procedure(data).procedure.level("OP")
    caught, heard = level.boundaries("C")
    assert isinstance(caught.trigger, Named)
    assert caught.trigger.name == "end_point_missed"
    assert isinstance(heard.trigger, Named)
    assert heard.trigger.plant_wide
    assert not heard.interrupting
    node = level.node("C")
    assert isinstance(node, CallActivity)
    assert node.loop is not None
    assert (node.loop.kind, node.loop.max_rounds) == (LoopKind.SEQUENTIAL, 2)


@pytest.mark.urs("URS-MRC-040")
@pytest.mark.parametrize(("condition", "accepted"), [("S1.round > 1", True), ("S1.round", False)])
def test_a_condition_is_watched_at_a_call_and_is_one(condition: str, accepted: bool) -> None:
    nodes = start(), call("C", "SUB"), boundary("W", "C", conditional(condition)), end()
    found = codes(process("OP", *nodes, end("x"), flows=["start > C > end", "W > x"]), SUB)
    assert ("expression.type" not in found) is accepted


def test_triggers_keep_their_plain_text() -> None:
    nodes = (
        start(),
        task("A"),
        boundary("T", "A", timer("cycle", "R3/PT15M"), interrupting=False),
        boundary("W", "A", conditional("A.round > 1"), sustained="PT30S"),
        end(),
        end("x"),
        end("y"),
    )
    flows = ["start > A > end", "T > x", "W > y"]
    level = import_procedure(bpmn(process("OP", *nodes, flows=flows))).procedure.level("OP")
    timed, watched = level.node("T"), level.node("W")
    assert isinstance(timed, BoundaryEvent)
    assert isinstance(timed.trigger, Timer)
    assert timed.trigger.text == "R3/PT15M"
    assert isinstance(watched, BoundaryEvent)
    assert watched.trigger == Condition(expression="A.round > 1", sustained="PT30S")


def test_a_refused_task_is_not_reported_again_as_a_gap_in_the_flow() -> None:
    nodes = (start(), '<bpmn:scriptTask id="A"/>', end())
    assert drawn(*nodes, flows="start > A > end") == {"bpmn.unsupported"}


def test_rounds_without_way_out_are_refused() -> None:
    back = extension('<bw:rounds maximum="2"/>')
    flows = ["start > M > A", f'<bpmn:sequenceFlow id="b" sourceRef="A" targetRef="M">{back}'
             "</bpmn:sequenceFlow>"]  # fmt: skip
    assert "flow.rounds" in drawn(start(), exclusive("M"), task("A"), end(), flows=flows)


def test_states_of_a_version_are_spelled_once() -> None:
    assert {state.value for state in VersionState} == {
        "draft", "in_review", "approved", "effective", "superseded", "withdrawn",
    }  # fmt: skip
