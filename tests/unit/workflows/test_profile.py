"""The profile check: one wrong drawing for each rule, beside the right one."""

from __future__ import annotations

import pytest

from tests.support.bpmn import (
    HEADER,
    RESULT,
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
    step,
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


def one_step(step_xml: str, *, automatic: bool = False, header: str = HEADER) -> set[str]:
    node = (service if automatic else task)("A", step_xml)
    return codes(process("OP", start(), node, end(), flows="start > A > end", header=header))


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


DECIMAL = '<bw:parameter code="x" dataType="decimal" unit="kg" decimals="2" {}>{}</bw:parameter>'


def entry(attributes: str = "", limits: str = "", **kept: str) -> str:
    return step("A", DECIMAL.format(attributes, limits), kind="entry", **kept)


@pytest.mark.parametrize(
    ("code", "step_xml"),
    [
        ("parameter.critical", entry('critical="true"')),
        ("signature.critical", entry('critical="true"', mode="none")),
        ("limit.open", entry("", '<bw:limit tier="action"/>')),
        ("limit.range", entry("", '<bw:limit tier="action" low="2" high="1"/>')),
        ("limit.tier", entry("", '<bw:limit tier="alert" low="1"/>' * 2)),
        (
            "limit.order",
            entry("", '<bw:limit tier="action" high="2"/><bw:limit tier="alert" high="3"/>'),
        ),
        ("limit.target", entry('target="9"', '<bw:limit tier="action" high="2"/>')),
        ("expression.unit", entry("", '<bw:limit tier="action" high="2 s"/>')),
        ("expression.name", entry("", '<bw:limit tier="action" high="no.name"/>')),
        ("expression.value", entry("", '<bw:limit tier="action" high="1 kg / 0"/>')),
        ("parameter.expression", entry('origin="calculated"')),
        ("parameter.expression", entry('expression="1"')),
        ("parameter.order", entry('origin="calculated" expression="A.x * 2"')),
        ("parameter.source", entry('source="FBD.TI102"')),
        ("parameter.source", entry('trend="true"')),
        ("tag.unknown", entry('origin="device" source="FBD.TI102"')),
        ("parameter.replicates", entry('replicates="0"')),
        (
            "limit.type",
            step("A", '<bw:parameter code="t" dataType="text" target="1"/>', kind="entry"),
        ),
        (
            "parameter.choices",
            step("A", '<bw:parameter code="c" dataType="choice"/>', kind="entry"),
        ),
        (
            "step.code",
            step("A", '<bw:parameter code="c" dataType="text"/>' * 2, kind="entry"),
        ),
        (
            "step.code",
            step("A", '<bw:parameter code="round" dataType="text"/>', kind="entry"),
        ),
        ("step.role", step("A", role="PILOT")),
        ("step.role", step("A", role="ADMIN")),
        ("step.key", step("batch")),
        ("signature.mode", step("A", mode="automatic_confirmed")),
        (
            "signature.verifier",
            step("A", signature='<bw:signature mode="performed" verifierRole="OP"/>'),
        ),
        ("timing.order", step("A", '<bw:timing minimum="PT2H" maximum="PT1H"/>')),
        ("timer.text", step("A", '<bw:timing minimum="PT0S"/>')),
        ("timer.text", step("A", '<bw:interval after="Z" minimum="PT0S"/>')),
        ("interval.step", step("A", '<bw:interval after="Z" minimum="PT1H"/>')),
        ("interval.step", step("A", '<bw:interval after="A" minimum="PT1H"/>')),
        ("interval.empty", step("A", '<bw:interval after="Z"/>')),
        ("interval.twice", step("A", '<bw:interval after="Z" minimum="PT1H"/>' * 2)),
        ("interval.name", step("A", f'<bw:interval after="{"Z" * 40}" maximum="PT1H"/>')),
        (
            "timing.order",
            step("A", '<bw:interval after="Z" minimum="PT2H" maximum="PT1H"/>'),
        ),
        ("hold.limit", step("A", '<bw:hold name="wet" act="starts"/>')),
        ("hold.start", step("A", '<bw:hold name="wet" act="ends"/>')),
        ("equipment.unknown", step("A", '<bw:equipment requirement="GRA"/>')),
        (
            "set_point.range",
            step(
                "A",
                '<bw:setPoint tag="X.Y" value="90" unit="Cel" tolerance="1" low="20" high="80"/>',
                kind="write",
            ),
        ),
        ("material.source", step("A", '<bw:material code="1" weighedAt="D040"/>', kind="charge")),
        ("unit.unknown", step("A", '<bw:sample plan="p" quantity="1" unit="lb"/>', kind="sample")),
        ("step.automatic", step("A", RESULT, kind="calculation")),
        (
            "ipc.sample",
            step(
                "A",
                '<bw:parameter code="t" dataType="text"/>'
                '<bw:ipc method="m" specimens="1" sampledAt="Z"/>',
                kind="ipc",
            ),
        ),
    ],
)
@pytest.mark.urs("URS-MRC-030")
def test_a_wrong_step_is_refused(code: str, step_xml: str) -> None:
    assert code in one_step(step_xml)


KINDS = "entry series checklist bind weigh charge read write wait verify clearance sample ipc"


@pytest.mark.parametrize(
    "kind", [*KINDS.split(), *"yield reconcile disposition label photo hold_time".split()]
)
def test_a_step_must_hold_what_its_kind_needs(kind: str) -> None:
    assert "step.kind" in one_step(step("A", kind=kind))


def test_an_automatic_step_is_confirmed_or_unsigned() -> None:
    plain = '<bw:timing minimum="PT5M"/>'
    good = step("A", plain, kind="wait", mode="automatic_confirmed")
    assert one_step(good, automatic=True) == set()
    bad = step("A", plain, kind="wait", mode="performed")
    assert "signature.mode" in one_step(bad, automatic=True)


EQUIPPED = (
    '<bw:recipe code="T-1" title="T" category="procedure">'
    '<bw:equipmentRequirement key="FBD" class="dryer"><bw:tag name="TI102" unit="Cel"/>'
    '<bw:tag name="TC103" unit="Cel" writable="true"/></bw:equipmentRequirement></bw:recipe>'
)


def point(tag: str, unit: str = "Cel") -> str:
    content = (
        f'<bw:setPoint tag="{tag}" value="60.0" unit="{unit}" tolerance="0.5" low="20" high="80"/>'
    )
    return step("A", content, kind="write")


def test_tags_are_declared_writable_and_of_the_unit() -> None:
    assert one_step(point("FBD.TC103"), header=EQUIPPED) == set()
    assert "tag.writable" in one_step(point("FBD.TI102"), header=EQUIPPED)
    assert "tag.unknown" in one_step(point("FBD.TI999"), header=EQUIPPED)
    assert "tag.unit" in one_step(point("FBD.TC103", "kg"), header=EQUIPPED)
    waiting = '<bw:waitFor><bw:condition expression="FBD.TI102 &gt;= 40.0 {}"/></bw:waitFor>'
    good = step("A", waiting.format("Cel"), kind="wait")
    assert one_step(good, header=EQUIPPED) == set()
    bad = step("A", waiting.format("kg"), kind="wait")
    assert "expression.unit" in one_step(bad, header=EQUIPPED)


MASTER = {
    "header.product": '<bw:product code="1" name="n" strength="500 mg" dosageForm="tablet"/>',
    "header.batch_size": '<bw:batchSize reference="100" minimum="60" maximum="120" unit="kg"/>',
    "header.ingredients": '<bw:ingredient key="a" code="1" name="n" function="f" quantity="1"'
    ' unit="kg"/>',
    "header.theories": '<bw:theory key="t" quantity="97" unit="kg"/>',
    "header.packaging": '<bw:packaging code="IBC" name="Bin"/>',
    "header.equipment": '<bw:equipmentRequirement key="GRA" class="granulator"/>',
    "header.precautions": '<bw:precaution lang="en">Earth it.</bw:precaution>',
}
SAMPLING = step("A", '<bw:sample plan="p" quantity="1" unit="g"/>', kind="sample")
YIELD = step(
    "B",
    '<bw:parameter code="y" dataType="decimal" unit="%" decimals="1" origin="calculated"'
    ' expression="97 %"><bw:label lang="en">Yield</bw:label>'
    '<bw:limit tier="action" low="96" high="101"/></bw:parameter>',
    kind="yield",
)


def master(missing: str, first: str = SAMPLING, second: str = YIELD) -> set[str]:
    content = "".join(part for code, part in MASTER.items() if code != missing)
    header = f'<bw:recipe code="R-1" title="T" category="master_recipe">{content}</bw:recipe>'
    unit = call("U", "UP"), call("O", "OPER")
    return codes(
        process("PROC", start(), unit[0], end(), flows="start > U > end", isa88="procedure",
                header=header),
        process("UP", start("s1"), unit[1], end("e1"), flows="s1 > O > e1",
                isa88="unit_procedure", entry=False),
        process("OPER", start("s2"), task("A", first), task("B", second), end("e2"),
                flows="s2 > A > B > e2", entry=False),
    )  # fmt: skip


@pytest.mark.urs("URS-MRC-030", "URS-MRC-080")
def test_a_complete_master_recipe_is_accepted() -> None:
    assert master("nothing") == set()


@pytest.mark.parametrize("missing", MASTER)
@pytest.mark.urs("URS-MRC-030")
def test_a_master_recipe_that_lacks_one_element_is_refused_with_its_code(missing: str) -> None:
    assert master(missing) == {missing}


@pytest.mark.urs("URS-MRC-030")
def test_a_master_recipe_needs_sampling_yield_limits_and_words_for_people() -> None:
    assert master("nothing", first=step("A")) == {"header.sampling"}
    assert master("nothing", second=step("B")) == {"header.yield_limits"}
    unlabelled = YIELD.replace('<bw:label lang="en">Yield</bw:label>', "")
    assert master("nothing", second=unlabelled) == {"text.label"}


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
