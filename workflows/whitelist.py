"""The BPMN elements and attributes that we execute exactly; everything else is refused.

`ALLOWED` is the whole of BPMN that a file may use. What stands in `REMEDIES` is well known BPMN
that we do not execute, with what to draw instead (architecture, promise 3; notes on the engine, 1).
"""

from __future__ import annotations

from dataclasses import dataclass

MODEL = "http://www.omg.org/spec/BPMN/20100524/MODEL"
DIAGRAM = "http://www.omg.org/spec/BPMN/20100524/DI"
XSI = "http://www.w3.org/2001/XMLSchema-instance"

TASKS = ("userTask", "manualTask", "serviceTask")
NODES = (
    "startEvent",
    "endEvent",
    *TASKS,
    "callActivity",
    "exclusiveGateway",
    "parallelGateway",
    "intermediateCatchEvent",
    "boundaryEvent",
)
BOOLEANS = frozenset({"isExecutable", "cancelActivity", "isSequential", "testBefore"})


@dataclass(frozen=True, slots=True)
class Allowed:
    """What one BPMN element may carry besides its `id`."""

    attributes: frozenset[str] = frozenset()
    children: frozenset[str] = frozenset()


def _allow(attributes: str = "", children: str = "") -> Allowed:
    return Allowed(frozenset(attributes.split()), frozenset(children.split()))


_NODE = "extensionElements documentation incoming outgoing"
_EVENT = "timerEventDefinition conditionalEventDefinition messageEventDefinition"
_EXPRESSION = _allow(f"{{{XSI}}}type")

ALLOWED: dict[str, Allowed] = {
    "definitions": _allow(
        "name targetNamespace exporter exporterVersion",
        "process signal message error documentation",
    ),
    "signal": _allow("name"),
    "message": _allow("name"),
    "error": _allow("name errorCode"),
    "process": _allow(
        "name isExecutable",
        "extensionElements documentation sequenceFlow textAnnotation association "
        + " ".join(NODES),
    ),
    "startEvent": _allow("name", _NODE),
    "endEvent": _allow("name", f"{_NODE} errorEventDefinition terminateEventDefinition"),
    **{task: _allow("name", _NODE) for task in TASKS},
    "callActivity": _allow(
        "name calledElement",
        f"{_NODE} multiInstanceLoopCharacteristics standardLoopCharacteristics",
    ),
    "exclusiveGateway": _allow("name default gatewayDirection", _NODE),
    "parallelGateway": _allow("name gatewayDirection", _NODE),
    "intermediateCatchEvent": _allow("name", f"{_NODE} timerEventDefinition"),
    "boundaryEvent": _allow(
        "name attachedToRef cancelActivity",
        f"{_NODE} {_EVENT} signalEventDefinition errorEventDefinition",
    ),
    "sequenceFlow": _allow(
        "name sourceRef targetRef", "extensionElements documentation conditionExpression"
    ),
    "timerEventDefinition": _allow("", "timeDate timeDuration timeCycle"),
    "conditionalEventDefinition": _allow("", "condition"),
    "messageEventDefinition": _allow("messageRef"),
    "signalEventDefinition": _allow("signalRef"),
    "errorEventDefinition": _allow("errorRef"),
    "terminateEventDefinition": _allow(),
    "multiInstanceLoopCharacteristics": _allow(
        "isSequential", "loopCardinality completionCondition"
    ),
    "standardLoopCharacteristics": _allow("testBefore loopMaximum", "loopCondition"),
    "textAnnotation": _allow("textFormat", "text"),
    "association": _allow("sourceRef targetRef associationDirection"),
    "documentation": _allow("textFormat"),
    **dict.fromkeys(("incoming", "outgoing", "text"), _allow()),
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
    "sendTask": "Use a service task whose step kind does the sending.",
    "receiveTask": "Use a step of kind wait, or a message boundary event.",
    "businessRuleTask": "Use a service task with a calculation step.",
    "task": "Say who acts: a user task for people, a service task for equipment.",
    "subProcess": "Draw it as a process of its own and call it with a call activity.",
    "adHocSubProcess": "Draw the allowed orders, or steps that are skipped by a condition.",
    "transaction": "Draw a called process with an error end and a boundary event for it.",
    "complexGateway": "Use exclusive and parallel gateways.",
    "inclusiveGateway": "Use a parallel gateway with an exclusive gateway in each branch.",
    "eventBasedGateway": "Use a wait step with boundary events.",
    "compensateEventDefinition": "Draw the steps that undo the work as a branch of their own.",
    "linkEventDefinition": "Connect the two places by a sequence flow.",
    "cancelEventDefinition": "Use an error end event and an error boundary event.",
    "escalationEventDefinition": "Use a signal, or the exception policy of the step.",
    "intermediateThrowEvent": "Use a service task whose step kind does it.",
    "laneSet": "Give each step its role; lanes decide nothing.",
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
