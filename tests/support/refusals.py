"""What is not executed: a small file for everything that BPMN knows and we refuse.

Each is refused with this code at this element, with its line and with what to draw instead
(`tests/unit/workflows/test_refusals.py`); the profile page lists them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.support.bpmn import (
    RESULT,
    boundary,
    bpmn,
    business_rule,
    conditional,
    end,
    error,
    escalation,
    event_gateway,
    exclusive,
    extension,
    flow,
    inclusive,
    lane,
    lanes,
    link,
    message,
    messenger,
    multi_instance,
    named,
    parallel,
    process,
    signal,
    start,
    step,
    subprocess,
    task,
    throw,
    timer,
    wait,
)


@dataclass(frozen=True)
class Refusal:
    """A file, the element that is at fault, and the code of the finding."""

    data: bytes
    element: str
    code: str = "bpmn.unsupported"


ROOTS = (message("msg", "m"), signal("sig", "s"), error("err", "e"), escalation("esc", "x"))


def among(*nodes: str, flows: str | list[str] = "A > end") -> bytes:
    """A process with one step and these nodes beside it."""
    chains = [flows] if isinstance(flows, str) else flows
    parts = [start(), task("A"), end(), *nodes]
    return bpmn(*ROOTS, process("OP", *parts, flows=["start > A", *chains]))


def alone(element: str) -> Refusal:
    """An element of a kind that we do not execute."""
    return Refusal(among(element), "X")


def inside(holder: str, definition: str) -> Refusal:
    """An event with a definition that we do not execute there."""
    return Refusal(among(f'<bpmn:{holder} id="X">{definition}</bpmn:{holder}>'), "X")


def marked(marker: str) -> Refusal:
    """A task with a marker that has no bound."""
    drawn = f'<bpmn:userTask id="X">{extension(step("X"))}{marker}</bpmn:userTask>'
    return Refusal(among(drawn), "X", "loop.bound")


def attribute(text: str) -> Refusal:
    """A task with an attribute of BPMN that we do not execute."""
    drawn = f'<bpmn:userTask id="X" {text}>{extension(step("X"))}</bpmn:userTask>'
    return Refusal(among(drawn), "X", "bpmn.attribute")


def on_step(code: str, definition: str, *, interrupting: bool = True) -> Refusal:
    """A boundary event that has no meaning on a step."""
    drawn = boundary("X", "A", definition, interrupting=interrupting)
    return Refusal(among(drawn, end("e2"), flows=["A > end", "X > e2"]), "X", code)


def event_inside(begins: str, flows: str = "X_start > B > X_end") -> bytes:
    """An event subprocess with this start."""
    return among(subprocess("X", flows, task("B"), end("X_end"), begins=begins))


def beside(
    begins: str, *, flows: str | list[str] = "", extra: str = "", call: bool = False
) -> bytes:
    """A second process with this start, which the first one calls or not."""
    name = re.search('id="([^"]*)"', begins)
    drawn = flows or f"{name[1] if name else ''} > B > e2"
    called = '<bpmn:callActivity id="X" calledElement="P2"/>' if call else ""
    own = "start > A > X > end" if call else "start > A > end"
    return bpmn(
        *ROOTS,
        process("OP", start(), task("A"), called, end(), flows=own),
        process("P2", begins, extra, task("B"), end("e2"), flows=drawn, entry=False),
    )


COMPENSATION = "<bpmn:compensateEventDefinition/>"
CANCEL = "<bpmn:cancelEventDefinition/>"
HOUR = timer("duration", "PT1H")
REFUSED: dict[str, Refusal] = {
    "script task": alone('<bpmn:scriptTask id="X"/>'),
    "business rule task without a decision table": Refusal(
        among(
            task("X", step("X", RESULT, kind="calculation", mode="none"), tag="businessRuleTask")
        ),
        "X",
        "decision.place",
    ),
    "decision table on another task": Refusal(
        among(business_rule("X", "first", ("true", "1")).replace("businessRule", "service")),
        "X",
        "decision.place",
    ),
    "collecting without an aggregation": Refusal(
        among(business_rule("X", "collect", ("true", "1"))), "X", "decision.aggregation"
    ),
    "rule about a parameter that the step lacks": Refusal(
        among(
            business_rule("X", "first", ("true", "1")).replace(
                'parameter="result"', 'parameter="y"'
            )
        ),
        "X",
        "decision.output",
    ),
    "task without a kind": alone('<bpmn:task id="X"/>'),
    "ad-hoc subprocess": alone('<bpmn:adHocSubProcess id="X"/>'),
    "transaction": alone('<bpmn:transaction id="X"/>'),
    "complex gateway": alone('<bpmn:complexGateway id="X"/>'),
    "data object": alone('<bpmn:dataObject id="X"/>'),
    "reference to a data object": alone('<bpmn:dataObjectReference id="X"/>'),
    "reference to a data store": alone('<bpmn:dataStoreReference id="X"/>'),
    "pool": Refusal(
        bpmn(
            '<bpmn:collaboration id="X"/>',
            process("OP", start(), task("A"), end(), flows="start > A > end"),
        ),
        "X",
    ),
    "compensation, thrown": inside("intermediateThrowEvent", COMPENSATION),
    "compensation, at an end": inside("endEvent", COMPENSATION),
    "compensation, at a boundary": on_step("bpmn.unsupported", COMPENSATION),
    "task for compensation": attribute('isForCompensation="true"'),
    "start and completion quantities": attribute('startQuantity="2"'),
    "cancel, at an end": inside("endEvent", CANCEL),
    "cancel, at a boundary": on_step("bpmn.unsupported", CANCEL),
    "condition, thrown": inside("intermediateThrowEvent", conditional("true")),
    "condition that is no condition": Refusal(
        among(wait("X", conditional("A.round + 1")), flows="A > X > end"), "X", "expression.type"
    ),
    "several instances of a task without a bound": marked(multi_instance("3")),
    "several instances of a message task without a bound": Refusal(
        among(messenger("receive", "X", "msg", loop=multi_instance("3")), flows="A > X > end"),
        "X",
        "loop.bound",
    ),
    "receiving that begins a process": Refusal(
        among('<bpmn:receiveTask id="X" messageRef="msg" instantiate="true"/>'),
        "X",
        "bpmn.attribute",
    ),
    "parallel multiple event": Refusal(
        among(
            f'<bpmn:intermediateCatchEvent id="X" parallelMultiple="true">{HOUR}'
            "</bpmn:intermediateCatchEvent>"
        ),
        "X",
        "bpmn.attribute",
    ),
    "event with several definitions": Refusal(
        among(wait("X", HOUR + named("message", "msg"))), "X", "event.several"
    ),
    "event that would start the whole record": Refusal(
        bpmn(
            *ROOTS,
            process(
                "OP",
                start("X", named("message", "msg")),
                task("A"),
                end(),
                flows="X > A > end",
            ),
        ),
        "X",
        "start.event",
    ),
    "error that begins a process": Refusal(
        beside(start("X", named("error", "err"))), "X", "start.event"
    ),
    "start of a process that would interrupt another": Refusal(
        beside(start("X", HOUR, interrupting=False)), "X", "start.event"
    ),
    "several starts of a process": Refusal(
        beside(start("X", HOUR), extra=start("s3"), flows=["X > B > e2", "s3 > B"]),
        "P2",
        "flow.start",
    ),
    "call of a process that an event begins": Refusal(
        beside(start("s2", HOUR), call=True), "X", "call.target"
    ),
    "subprocess in the flow that an event begins": Refusal(
        among(
            subprocess("SP", "SP_start > B > SP_e", task("B"), end("SP_e"))
            .replace('<bpmn:startEvent id="SP_start"></bpmn:startEvent>', start("X", HOUR))
            .replace('"SP_start"', '"X"'),
            flows="A > SP > end",
        ),
        "X",
        "start.event",
    ),
    "event subprocess without an event": Refusal(
        event_inside(start("X_start")), "X_start", "event.none"
    ),
    "event subprocess with rounds": Refusal(
        among(
            subprocess(
                "X",
                "X_start > B > X_end",
                task("B"),
                end("X_end"),
                begins=start("X_start", HOUR),
                loop=multi_instance("2"),
                max_rounds=2,
            )
        ),
        "X",
        "loop.event",
    ),
    "event subprocess that an error leaves running": Refusal(
        event_inside(start("X_start", named("error", "err"), interrupting=False)),
        "X",
        "boundary.error",
    ),
    "flow into an event subprocess": Refusal(
        among(
            subprocess(
                "X",
                "X_start > B > X_end",
                task("B"),
                end("X_end"),
                begins=start("X_start", HOUR),
            ),
            flows=["A > X", "X > end"],
        ),
        "X",
        "flow.entering",
    ),
    "flow into what is drawn inside": Refusal(
        among(
            subprocess("SP", "SP_start > B > SP_e", task("B"), end("SP_e")),
            flows=["A > SP > end", flow("A", "B", flow_id="X")],
        ),
        "X",
        "flow.end",
    ),
    "flow to another process": Refusal(
        bpmn(
            process(
                "OP", start(), task("A"), end(), flows=["start > A", flow("A", "B", flow_id="X")]
            ),
            process("P2", start("s2"), task("B"), end("e2"), flows="s2 > B > e2", entry=False),
        ),
        "X",
        "flow.end",
    ),
    "call of what is drawn inside another process": Refusal(
        among(
            subprocess("IN", "IN_start > B > IN_end", task("B"), end("IN_end")),
            '<bpmn:callActivity id="X" calledElement="IN"/>',
            flows=["A > IN > X > end"],
        ),
        "X",
        "call.target",
    ),
    "cycle that interrupts": on_step("timer.form", timer("cycle", "R/PT5M")),
    "months and years": on_step("timer.text", timer("duration", "P1M")),
    "error at a step": on_step("boundary.error", named("error", "err")),
    "escalation at a step": on_step("boundary.escalation", named("escalation", "esc")),
    "mark without meaning": Refusal(
        among(wait("X", HOUR, correlation="A.round")), "X", "event.mark"
    ),
    "message without a name": Refusal(among(messenger("send", "X", "none")), "X", "event.name"),
    "inclusive gateway in a loop": Refusal(
        among(
            exclusive("M"),
            inclusive("X", default="X_C"),
            task("B"),
            task("C"),
            inclusive("J"),
            exclusive("L", default="L_end"),
            flows=[
                "A > M > X > C > J > L > end",
                flow("X", "B", "A.round < 3"),
                "B > J",
                flow("L", "M", "A.round < 3", max_rounds=3),
            ],
        ),
        "X",
        "gateway.inclusive_cycle",
    ),
    "more than six flows out of an inclusive choice": Refusal(
        among(
            inclusive("X", default="X_J"),
            *(task(f"B{n}") for n in range(6)),
            inclusive("J"),
            flows=[
                "A > X > J > end",
                *(flow("X", f"B{n}", "A.round < 3") for n in range(6)),
                *(f"B{n} > J" for n in range(6)),
            ],
        ),
        "X",
        "gateway.inclusive_size",
    ),
    "inclusive choice joined by a parallel gateway": Refusal(
        among(
            inclusive("S", default="S_C"),
            task("B"),
            task("C"),
            parallel("X"),
            flows=["A > S > C > X > end", flow("S", "B", "A.round < 3"), "B > X"],
        ),
        "X",
        "flow.deadlock",
    ),
    "event-based gateway before a step": Refusal(
        among(
            event_gateway("X"),
            wait("T", HOUR),
            task("B"),
            exclusive("M"),
            flows=["A > X > T > M > end", "X > B > M"],
        ),
        "X",
        "gateway.events",
    ),
    "flows out of a task that may all stay closed": Refusal(
        among(
            task("X"),
            exclusive("M"),
            flows=[
                "A > X",
                flow("X", "M", "A.round < 3"),
                flow("X", "end2", "A.round > 2"),
                "M > end",
            ],
        ).replace(
            b'<bpmn:exclusiveGateway id="M"/>',
            b'<bpmn:endEvent id="end2"/><bpmn:exclusiveGateway id="M"/>',
        ),
        "X",
        "gateway.default",
    ),
    "link without a target": Refusal(
        among(throw("X", link("on")), flows=["A > X"]), "X", "link.target"
    ),
    "link without a source": Refusal(
        among(wait("X", link("on")), end("e2"), flows=["A > end", "X > e2"]), "X", "link.catch"
    ),
    "lane without a role": Refusal(among(lanes(lane("X", None, "A"))), "X", "lane.role"),
    "lane of another role than its step": Refusal(
        among(lanes(lane("L", "QA", "A"))), "A", "lane.role"
    ),
    "lane within a lane": Refusal(
        among(lanes('<bpmn:lane id="X"><bpmn:childLaneSet id="Y"/></bpmn:lane>')), "Y"
    ),
    "step without a role": Refusal(
        among(task("X", step("X").replace(' role="OP"', ""))), "X", "step.role"
    ),
}
