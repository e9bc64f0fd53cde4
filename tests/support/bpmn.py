"""A small builder of BPMN files for tests: `bpmn(process(...))` gives the bytes of one file.

Nodes and flows are text snippets, so a test can also write a wrong one by hand. Example::

    data = bpmn(
        process(
            "OP",
            start(),
            task("G040", step("G040", kind="charge")),
            end(),
            flows="start > G040 > end",
        )
    )
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from xml.sax.saxutils import escape, quoteattr

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
BW = "urn:batchwright:recipe:1"
RESULT = '<bw:parameter code="result" dataType="integer" origin="calculated" expression="1"/>'
HEADER = '<bw:recipe code="TST-1" title="Test procedure" category="procedure"/>'


def bpmn(*parts: str, declarations: str = "") -> bytes:
    """One BPMN file out of processes and root elements (`signal`, `message`, `error`)."""
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{declarations}'
        f'<bpmn:definitions xmlns:bpmn="{BPMN}" xmlns:bw="{BW}"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        ' id="definitions" targetNamespace="urn:batchwright:test">\n'
        + "\n".join(parts)
        + "\n</bpmn:definitions>\n"
    )
    return text.encode()


def process(
    process_id: str,
    *nodes: str,
    flows: str | Iterable[str] = (),
    isa88: str = "operation",
    entry: bool = True,
    header: str = HEADER,
) -> str:
    """One process; `flows` is ``"a > b > c"`` or a mix of such chains and `flow(...)` snippets.

    The entry process carries the header.
    """
    chains = [flows] if isinstance(flows, str) else list(flows)
    drawn = [part if part.startswith("<") else chain(part) for part in chains]
    mark = f'<bw:level isa88="{isa88}"' + (' entry="true"/>' if entry else "/>")
    extension = (header if entry else "") + mark
    return (
        f'<bpmn:process id="{process_id}" name="{process_id}" isExecutable="true">\n'
        f"<bpmn:extensionElements>{extension}</bpmn:extensionElements>\n"
        + "\n".join([*nodes, *drawn])
        + "\n</bpmn:process>"
    )


def chain(text: str) -> str:
    """Flows along ``"a > b > c"``, with ids ``a_b`` and ``b_c``."""
    names = [name.strip() for name in text.split(">")]
    return "\n".join(flow(a, b) for a, b in pairwise(names))


def flow(
    source: str,
    target: str,
    condition: str | None = None,
    *,
    max_rounds: int | None = None,
    flow_id: str | None = None,
) -> str:
    """One sequence flow."""
    inner = extension(f'<bw:rounds maximum="{max_rounds}"/>') if max_rounds else ""
    if condition is not None:
        inner += formal("conditionExpression", condition)
    return (
        f"<bpmn:sequenceFlow id={quoteattr(flow_id or f'{source}_{target}')}"
        f" sourceRef={quoteattr(source)} targetRef={quoteattr(target)}>{inner}</bpmn:sequenceFlow>"
    )


def formal(tag: str, text: str) -> str:
    """A BPMN expression element."""
    return f'<bpmn:{tag} xsi:type="bpmn:tFormalExpression">{escape(text)}</bpmn:{tag}>'


def extension(content: str) -> str:
    """`content` as extension elements, or nothing."""
    return f"<bpmn:extensionElements>{content}</bpmn:extensionElements>" if content else ""


def start(
    node_id: str = "start", definition: str = "", *, interrupting: bool = True, **mark: str
) -> str:
    """A start event: plain, or with what an event subprocess waits for."""
    beside = "" if interrupting else ' isInterrupting="false"'
    return f'<bpmn:startEvent id="{node_id}"{beside}>{marked(mark)}{definition}</bpmn:startEvent>'


def marked(mark: Mapping[str, str]) -> str:
    """A `bw:event` with these attributes as extension elements, or nothing."""
    return extension(f"<bw:event{attributes(mark)}/>") if mark else ""


def attributes(values: Mapping[str, str]) -> str:
    """These attributes as XML."""
    return "".join(f" {name}={quoteattr(value)}" for name, value in values.items())


def end(
    node_id: str = "end",
    definition: str = "",
    *,
    error: str | None = None,
    terminate: bool = False,
    **mark: str,
) -> str:
    """An end event: plain, with the error of this root id, terminating, or with a definition."""
    inner = "<bpmn:terminateEventDefinition/>" if terminate else marked(mark) + definition
    if error is not None:
        inner = f'<bpmn:errorEventDefinition errorRef="{error}"/>'
    return f'<bpmn:endEvent id="{node_id}">{inner}</bpmn:endEvent>'


def step(
    key: str,
    content: str = "",
    *,
    kind: str = "instruction",
    role: str = "OP",
    mode: str = "performed",
    signature: str | None = None,
    before: str = "",
    **attributes: str,
) -> str:
    """A `bw:step`; `content` follows the signature, `before` (instructions) precedes it."""
    extra = "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items())
    signed = signature or f'<bw:signature mode="{mode}"/>'
    if kind == "instruction" and not before:
        before = '<bw:instruction lang="en">Do it.</bw:instruction>'
    head = f'<bw:step key="{key}" kind="{kind}" role="{role}"{extra}>'
    return f"{head}{before}{signed}{content}</bw:step>"


def task(
    node_id: str,
    step_xml: str | None = None,
    *,
    tag: str = "userTask",
    name: str | None = None,
    default: str | None = None,
    loop: str = "",
    max_rounds: int | None = None,
) -> str:
    """A task with one step; without `step_xml` a plain instruction step of the same key."""
    inner = step(node_id) if step_xml is None else step_xml
    chosen = f" default={quoteattr(default)}" if default else ""
    head = f"<bpmn:{tag} id={quoteattr(node_id)} name={quoteattr(name or node_id)}{chosen}>"
    mark = f'<bw:rounds maximum="{max_rounds}"/>' if max_rounds else ""
    return f"{head}{extension(inner + mark)}{loop}</bpmn:{tag}>"


def business_rule(
    node_id: str, policy: str, *rules: tuple[str, str], aggregation: str = "", unit: str = ""
) -> str:
    """A business rule task whose table decides the number ``result``; a rule is (when, value)."""
    kind = f'dataType="decimal" decimals="2" unit="{unit}"' if unit else 'dataType="integer"'
    rows = "".join(
        f"<bw:rule when={quoteattr(when)}>"
        f'<bw:output parameter="result" value={quoteattr(value)}/></bw:rule>'
        for when, value in rules
    )
    extra = f' aggregation="{aggregation}"' if aggregation else ""
    content = (
        f'<bw:parameter code="result" {kind} origin="calculated"/>'
        f'<bw:decision policy="{policy}"{extra}>{rows}</bw:decision>'
    )
    described = step(node_id, content, kind="calculation", mode="none")
    return task(node_id, described, tag="businessRuleTask")


def service(node_id: str, step_xml: str | None = None, *, name: str | None = None) -> str:
    """An automatic step, unsigned when `step_xml` is not given."""
    plain = step(node_id, RESULT, kind="calculation", mode="none")
    return task(node_id, step_xml or plain, tag="serviceTask", name=name)


def call(
    node_id: str, called: str, *, loop: str = "", max_rounds: int | None = None, name: str = ""
) -> str:
    """A call activity; `loop` comes from `multi_instance` or `standard_loop`."""
    mark = extension(f'<bw:rounds maximum="{max_rounds}"/>') if max_rounds else ""
    return (
        f'<bpmn:callActivity id="{node_id}" name={quoteattr(name or node_id)}'
        f' calledElement="{called}">{mark}{loop}</bpmn:callActivity>'
    )


def multi_instance(
    cardinality: str, *, sequential: bool = False, completion: str | None = None
) -> str:
    """Multi-instance characteristics."""
    done = formal("completionCondition", completion) if completion else ""
    return (
        f'<bpmn:multiInstanceLoopCharacteristics isSequential="{str(sequential).lower()}">'
        f"{formal('loopCardinality', cardinality)}{done}</bpmn:multiInstanceLoopCharacteristics>"
    )


def standard_loop(condition: str, *, maximum: int, test_before: bool = False) -> str:
    """A standard loop: goes on while `condition` is true."""
    return (
        f'<bpmn:standardLoopCharacteristics testBefore="{str(test_before).lower()}"'
        f' loopMaximum="{maximum}">{formal("loopCondition", condition)}'
        "</bpmn:standardLoopCharacteristics>"
    )


def subprocess(
    node_id: str,
    flows: str | Iterable[str],
    *nodes: str,
    loop: str = "",
    max_rounds: int | None = None,
    begins: str | None = None,
    default: str | None = None,
) -> str:
    """A process drawn inside another; with `begins` (its start event) an event subprocess."""
    chains = [flows] if isinstance(flows, str) else list(flows)
    drawn = [part if part.startswith("<") else chain(part) for part in chains]
    mark = extension(f'<bw:rounds maximum="{max_rounds}"/>') if max_rounds else ""
    by_event = ' triggeredByEvent="true"' if begins is not None else ""
    chosen = f' default="{default}"' if default else ""
    inside = [begins or start(f"{node_id}_start"), *nodes, *drawn]
    return (
        f'<bpmn:subProcess id="{node_id}" name="{node_id}"{by_event}{chosen}>{mark}{loop}\n'
        + "\n".join(inside)
        + "\n</bpmn:subProcess>"
    )


def inclusive(node_id: str, *, default: str | None = None) -> str:
    """An inclusive gateway; `default` is the id of a flow."""
    chosen = f' default="{default}"' if default else ""
    return f'<bpmn:inclusiveGateway id="{node_id}"{chosen}/>'


def event_gateway(node_id: str) -> str:
    """An event-based gateway."""
    return f'<bpmn:eventBasedGateway id="{node_id}"/>'


def throw(node_id: str, definition: str = "", **mark: str) -> str:
    """An intermediate throw event."""
    return (
        f'<bpmn:intermediateThrowEvent id="{node_id}">{marked(mark)}{definition}'
        "</bpmn:intermediateThrowEvent>"
    )


def link(name: str) -> str:
    """A link definition."""
    return f'<bpmn:linkEventDefinition name="{name}"/>'


def messenger(
    tag: str,
    node_id: str,
    message_id: str,
    *,
    loop: str = "",
    max_rounds: int | None = None,
    **mark: str,
) -> str:
    """A send or receive task of the message with this root id."""
    inner = f"<bw:event{attributes(mark)}/>" if mark else ""
    inner += f'<bw:rounds maximum="{max_rounds}"/>' if max_rounds else ""
    return (
        f'<bpmn:{tag}Task id="{node_id}" name="{node_id}" messageRef="{message_id}">'
        f"{extension(inner)}{loop}</bpmn:{tag}Task>"
    )


def lane(lane_id: str, role: str | None, *nodes: str) -> str:
    """A lane with the role of its steps."""
    inner = extension(f'<bw:lane role="{role}"/>') if role else ""
    parts = "".join(f"<bpmn:flowNodeRef>{node}</bpmn:flowNodeRef>" for node in nodes)
    return f'<bpmn:lane id="{lane_id}">{inner}{parts}</bpmn:lane>'


def lanes(*drawn: str) -> str:
    """The set of lanes of a process."""
    return f'<bpmn:laneSet id="lanes">{"".join(drawn)}</bpmn:laneSet>'


def exclusive(node_id: str, *, default: str | None = None) -> str:
    """An exclusive gateway; `default` is the id of a flow."""
    chosen = f' default="{default}"' if default else ""
    return f'<bpmn:exclusiveGateway id="{node_id}"{chosen}/>'


def parallel(node_id: str) -> str:
    """A parallel gateway."""
    return f'<bpmn:parallelGateway id="{node_id}"/>'


def timer(form: str, text: str) -> str:
    """A timer definition; `form` is date, duration or cycle."""
    return (
        "<bpmn:timerEventDefinition>"
        + formal(f"time{form.capitalize()}", text)
        + "</bpmn:timerEventDefinition>"
    )


def wait(node_id: str, definition: str, **mark: str) -> str:
    """An intermediate catch event; `mark` are attributes of `bw:event`."""
    return (
        f'<bpmn:intermediateCatchEvent id="{node_id}">{marked(mark)}{definition}'
        "</bpmn:intermediateCatchEvent>"
    )


def conditional(expression: str) -> str:
    """A conditional event definition; put `sustained` on `boundary`."""
    inner = formal("condition", expression)
    return f"<bpmn:conditionalEventDefinition>{inner}</bpmn:conditionalEventDefinition>"


def named(form: str, reference: str | None) -> str:
    """A message, signal, error or escalation definition that refers to a root element."""
    ref = f' {form}Ref="{reference}"' if reference else ""
    return f"<bpmn:{form}EventDefinition{ref}/>"


def boundary(
    node_id: str, host: str, definition: str, *, interrupting: bool = True, **mark: str
) -> str:
    """A boundary event; `mark` are attributes of `bw:event` (severity, sustained, plantWide)."""
    extra = marked(mark)
    return (
        f'<bpmn:boundaryEvent id="{node_id}" attachedToRef="{host}"'
        f' cancelActivity="{str(interrupting).lower()}">{extra}{definition}</bpmn:boundaryEvent>'
    )


def signal(root_id: str, name: str) -> str:
    """A root signal."""
    return f'<bpmn:signal id="{root_id}" name={quoteattr(name)}/>'


def message(root_id: str, name: str) -> str:
    """A root message."""
    return f'<bpmn:message id="{root_id}" name={quoteattr(name)}/>'


def escalation(root_id: str, code: str) -> str:
    """A root escalation."""
    return (
        f'<bpmn:escalation id="{root_id}" name={quoteattr(code)} escalationCode={quoteattr(code)}/>'
    )


def error(root_id: str, code: str) -> str:
    """A root error."""
    return f'<bpmn:error id="{root_id}" name={quoteattr(code)} errorCode={quoteattr(code)}/>'
