"""The BPMN elements and attributes that we execute exactly; everything else is refused.

`ALLOWED` is the whole of BPMN that a file may use. What stands in `REMEDIES` is well known BPMN
that we do not execute, with what to draw instead (architecture, promise 3; notes on the engine, 1).
"""

from __future__ import annotations

from dataclasses import dataclass

MODEL = "http://www.omg.org/spec/BPMN/20100524/MODEL"
DIAGRAM = "http://www.omg.org/spec/BPMN/20100524/DI"
XSI = "http://www.w3.org/2001/XMLSchema-instance"

TASKS = ("userTask", "manualTask", "serviceTask", "businessRuleTask")
MESSENGERS = ("sendTask", "receiveTask")
NODES = (
    "startEvent",
    "endEvent",
    *TASKS,
    *MESSENGERS,
    "callActivity",
    "subProcess",
    "exclusiveGateway",
    "parallelGateway",
    "inclusiveGateway",
    "eventBasedGateway",
    "intermediateCatchEvent",
    "intermediateThrowEvent",
    "boundaryEvent",
)
BOOLEANS = frozenset(
    {
        "isExecutable",
        "cancelActivity",
        "isSequential",
        "testBefore",
        "triggeredByEvent",
        "isInterrupting",
    }
)


@dataclass(frozen=True, slots=True)
class Allowed:
    """What one BPMN element may carry besides its `id`."""

    attributes: frozenset[str] = frozenset()
    children: frozenset[str] = frozenset()


def _allow(attributes: str = "", children: str = "") -> Allowed:
    return Allowed(frozenset(attributes.split()), frozenset(children.split()))


_NODE = "extensionElements documentation incoming outgoing"
_EVENT = "timerEventDefinition conditionalEventDefinition messageEventDefinition"
_CATCH = f"{_EVENT} signalEventDefinition"
_THROW = "messageEventDefinition signalEventDefinition escalationEventDefinition"
_INSIDE = "sequenceFlow textAnnotation association " + " ".join(NODES)
_LOOPS = "multiInstanceLoopCharacteristics standardLoopCharacteristics"
_EXPRESSION = _allow(f"{{{XSI}}}type")

ALLOWED: dict[str, Allowed] = {
    "definitions": _allow(
        "name targetNamespace exporter exporterVersion",
        "process signal message error escalation documentation",
    ),
    "signal": _allow("name"),
    "message": _allow("name"),
    "error": _allow("name errorCode"),
    "escalation": _allow("name escalationCode"),
    "process": _allow("name isExecutable", f"extensionElements documentation laneSet {_INSIDE}"),
    "laneSet": _allow("name", "lane"),
    "lane": _allow("name", "extensionElements documentation flowNodeRef"),
    "startEvent": _allow(
        "name isInterrupting",
        f"{_NODE} {_CATCH} errorEventDefinition escalationEventDefinition",
    ),
    "endEvent": _allow("name", f"{_NODE} {_THROW} errorEventDefinition terminateEventDefinition"),
    **{task: _allow("name default", f"{_NODE} {_LOOPS}") for task in TASKS},
    **{task: _allow("name default messageRef", f"{_NODE} {_LOOPS}") for task in MESSENGERS},
    "callActivity": _allow("name default calledElement", f"{_NODE} {_LOOPS}"),
    "subProcess": _allow("name default triggeredByEvent", f"{_NODE} {_LOOPS} {_INSIDE}"),
    "exclusiveGateway": _allow("name default gatewayDirection", _NODE),
    "parallelGateway": _allow("name gatewayDirection", _NODE),
    "inclusiveGateway": _allow("name default gatewayDirection", _NODE),
    "eventBasedGateway": _allow("name gatewayDirection", _NODE),
    "intermediateCatchEvent": _allow("name", f"{_NODE} {_CATCH} linkEventDefinition"),
    "intermediateThrowEvent": _allow("name", f"{_NODE} {_THROW} linkEventDefinition"),
    "boundaryEvent": _allow(
        "name attachedToRef cancelActivity",
        f"{_NODE} {_CATCH} errorEventDefinition escalationEventDefinition",
    ),
    "sequenceFlow": _allow(
        "name sourceRef targetRef", "extensionElements documentation conditionExpression"
    ),
    "timerEventDefinition": _allow("", "timeDate timeDuration timeCycle"),
    "conditionalEventDefinition": _allow("", "condition"),
    "messageEventDefinition": _allow("messageRef"),
    "signalEventDefinition": _allow("signalRef"),
    "errorEventDefinition": _allow("errorRef"),
    "escalationEventDefinition": _allow("escalationRef"),
    "linkEventDefinition": _allow("name"),
    "terminateEventDefinition": _allow(),
    "multiInstanceLoopCharacteristics": _allow(
        "isSequential", "loopCardinality completionCondition"
    ),
    "standardLoopCharacteristics": _allow("testBefore loopMaximum", "loopCondition"),
    "textAnnotation": _allow("textFormat", "text"),
    "association": _allow("sourceRef targetRef associationDirection"),
    "documentation": _allow("textFormat"),
    **dict.fromkeys(("incoming", "outgoing", "text", "flowNodeRef"), _allow()),
    **dict.fromkeys(
        (
            "conditionExpression",
            "condition",
            "timeDate",
            "timeDuration",
            "timeCycle",
            "loopCardinality",
            "completionCondition",
            "loopCondition",
        ),
        _EXPRESSION,
    ),
}

REMEDIES: dict[str, str] = {
    "scriptTask": "Recipes carry no scripts: use a service task with a calculation step.",
    "task": "Say who acts: a user task for people, a service task for equipment.",
    "adHocSubProcess": "Draw the allowed orders, or steps that are skipped by a condition.",
    "transaction": "Draw a called process with an error end and a boundary event for it.",
    "complexGateway": "Use exclusive, parallel and inclusive gateways.",
    "compensateEventDefinition": "Draw the steps that undo the work as a branch of their own.",
    "conditionalEventDefinition": "A condition is waited for, never thrown: throw a signal.",
    "linkEventDefinition": "Use a pair of intermediate link events.",
    "cancelEventDefinition": "Use an error end event and an error boundary event.",
    "childLaneSet": "Draw lanes side by side, each with its role.",
    "parallelMultiple": "Draw one event for each.",
    "instantiate": "Begin by the order of the record, and wait for the message inside.",
    "collaboration": "Draw the process without a pool.",
    "dataObject": "Values live in the record: use parameters of steps.",
    "dataObjectReference": "Values live in the record: use parameters of steps.",
    "dataStoreReference": "Values live in the record: use parameters of steps.",
    "ioSpecification": "Values live in the record: use parameters of steps.",
    "property": "Values live in the record: use parameters of steps.",
    "humanPerformer": "Give the step its role.",
    "potentialOwner": "Give the step its role.",
    "isForCompensation": "Draw the steps that undo the work as a branch of their own.",
}
FALLBACK = "Leave it out; the BPMN profile reference lists what may be drawn."
