"""Reads one BPMN node at a time into the typed model: tasks, gateways and events.

What a node refers to (a message, the lane it stands in) is known before; what is wrong with it is
noted and the node left out, so that one mistake is reported once.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeAlias

from lxml import etree

from workflows import whitelist
from workflows.decisions import decided
from workflows.drawn import Drawn
from workflows.errors import Finding
from workflows.model import (
    BoundaryEvent,
    CallActivity,
    CatchEvent,
    EndEvent,
    EventGateway,
    EventSubProcess,
    ExclusiveGateway,
    InclusiveGateway,
    LinkEvent,
    Loop,
    Named,
    Node,
    ParallelGateway,
    ReceiveTask,
    SendTask,
    StartEvent,
    StepTask,
    SubProcess,
    ThrowEvent,
    Timer,
    Trigger,
)
from workflows.safexml import line_of
from workflows.schema.definition import NAMESPACE
from workflows.schema.marks import EventMark, RoundsMark
from workflows.schema.reading import read_element
from workflows.step import Condition, Step
from workflows.words import EndKind, LoopKind, NamedForm, TimerForm

Common: TypeAlias = dict[str, Any]
B = f"{{{whitelist.MODEL}}}"
START = "startEvent"
PLAIN: dict[str, type[StartEvent | ParallelGateway | EventGateway]] = {
    START: StartEvent,
    "parallelGateway": ParallelGateway,
    "eventBasedGateway": EventGateway,
}
CODES = {"error": "errorCode", "escalation": "escalationCode"}
"""By which attribute a root element is known; the others by their name."""


class NodeReader:
    """Reads single nodes; `drawn` collects what is wrong with them."""

    def __init__(self, root: etree._Element) -> None:
        self._root = root
        self.drawn = Drawn()
        self._names: dict[str, str | None] = {}
        self._refused: set[etree._Element] = set()
        self._roles: dict[str, str] = {}

    def found(
        self, code: str, message: str, remedy: str, element: etree._Element | None = None
    ) -> None:
        """Note one mistake at an element of the file."""
        self.drawn.findings.append(
            Finding(
                code=code,
                message=message,
                remedy=remedy,
                element=owner(element) if element is not None else "",
                line=line_of(element),
            )
        )

    def know_names(self) -> None:
        """Learn the names of the messages, signals, errors and escalations of the file."""
        for form in NamedForm:
            for element in self._root.iterfind(f"{B}{form.value}"):
                name = element.get(CODES.get(form.value, "name"))
                self._names[element.get("id", "")] = name

    def extension(self, host: etree._Element, name: str) -> Any:
        """The `bw:` element of that name that stands on a node; None when there is none."""
        found = host.find(f"{B}extensionElements/{{{NAMESPACE}}}{name}")
        return None if found is None or found in self._refused else read_element(found)

    def text(self, element: etree._Element, name: str) -> str | None:
        """The text of a child element."""
        part = element.find(f"{B}{name}")
        return None if part is None else (part.text or "").strip()

    def node(self, element: etree._Element) -> Node | None:
        """The node that an element draws; None (with a finding) when it cannot be read."""
        common: Common = {"id": element.get("id", ""), "name": element.get("name", "")}
        match local(element):
            case "startEvent" | "parallelGateway" | "eventBasedGateway" as plain:
                return PLAIN[plain](**common)
            case "endEvent":
                return self._end(element, common)
            case "callActivity":
                return self._call(element, common)
            case "subProcess":
                return self._inside(element, common)
            case "exclusiveGateway":
                return ExclusiveGateway(**common, default=element.get("default"))
            case "inclusiveGateway":
                return InclusiveGateway(**common, default=element.get("default"))
            case "boundaryEvent":
                return self._boundary(element, common)
            case "intermediateCatchEvent" | "intermediateThrowEvent" as kind:
                return self._intermediate(element, common, catches=kind.endswith("CatchEvent"))
            case "sendTask" | "receiveTask" as kind:
                return self._messenger(element, common, kind)
            case _:
                return self._task(element, common)

    # Tasks

    def _task(self, element: etree._Element, common: Common) -> StepTask | None:
        described = element.find(f"{B}extensionElements/{{{NAMESPACE}}}step")
        if described is None:
            remedy = "Add a bw:step with kind, role and signature."
            self.found("step.missing", "the task describes no step", remedy, element)
        role = self._role(element, described)
        if described is None or described in self._refused or role is None:
            return None
        decides = local(element) == "businessRuleTask"
        automatic = decides or local(element) == "serviceTask"
        given = {"name": common["name"], "automatic": automatic, "role": role}
        step: Step = read_element(described, **given)
        if (step.decision is not None) is not decides:
            message = "a business rule task has a decision table, and only that"
            self.found("decision.place", message, "Add or move bw:decision.", element)
        return StepTask(**common, step=decided(step))

    def _role(self, element: etree._Element, described: etree._Element | None) -> str | None:
        """Who performs a step: as the step says, else its lane, where both the same."""
        own = None if described is None else described.get("role")
        lane = self._lane_role(element)
        if described is not None and own is None and lane is None:
            remedy = "Give the step a role, or draw it in a lane with bw:lane."
            self.found("step.role", "the step names no role and stands in no lane", remedy, element)
        if own and lane and own != lane:
            message = f"the step is for {own}, its lane for {lane}"
            self.found("lane.role", message, "Move the step, or correct its role.", element)
        return own or lane

    def _lane_role(self, element: etree._Element) -> str | None:
        at: etree._Element | None = element
        while at is not None and local(at) != "process":
            if (role := self._roles.get(at.get("id", ""))) is not None:
                return role
            at = at.getparent()
        return None

    def _messenger(
        self, element: etree._Element, common: Common, kind: str
    ) -> SendTask | ReceiveTask | None:
        name = self._names.get(element.get("messageRef", ""))
        if not name:
            remedy = "Refer to a message of this file that has a name."
            self.found("event.name", "the task names no message", remedy, element)
            return None
        named = Named(form=NamedForm.MESSAGE, name=name, correlation=self.mark(element).correlation)
        if kind == "sendTask":
            return SendTask(**common, throws=named)
        return ReceiveTask(**common, trigger=named)

    # Calls and what is drawn inside

    def _call(self, element: etree._Element, common: Common) -> CallActivity | None:
        called = element.get("calledElement")
        if not called:
            remedy = "Set calledElement to the id of a process of this file."
            self.found("call.target", "the call activity calls nothing", remedy, element)
            return None
        return CallActivity(**common, called=called, loop=self.loop(element))

    def _inside(self, element: etree._Element, common: Common) -> SubProcess | None:
        if element.get("triggeredByEvent") != "true":
            return SubProcess(**common, called=common["id"], loop=self.loop(element))
        starts = [start for start in element.iterfind(f"{B}{START}") if start not in self._refused]
        if len(starts) != 1:
            remedy = "Draw exactly one start event, with what it waits for."
            self.found("event.start", f"{len(starts)} events start it", remedy, element)
            return None
        if self.loop(element) is not None:
            remedy = "Remove the marker; it begins as often as its event happens."
            self.found("loop.event", "an event begins it, so it has no rounds", remedy, element)
        mark = self.mark(starts[0])
        trigger = self.trigger(starts[0], mark)
        if trigger is None:
            return None
        return EventSubProcess(
            **common,
            called=common["id"],
            interrupting=starts[0].get("isInterrupting", "true") == "true",
            trigger=trigger,
            severity=mark.severity,
        )

    def loop(self, element: etree._Element) -> Loop | None:
        """How a task, call or subprocess repeats; None when it does not."""
        rounds: RoundsMark | None = self.extension(element, "rounds")
        multi = element.find(f"{B}multiInstanceLoopCharacteristics")
        standard = element.find(f"{B}standardLoopCharacteristics")
        if standard is not None:
            return self._standard(standard)
        if multi is None:
            if rounds:
                remedy = "Remove bw:rounds, or add a loop marker."
                self.found("loop.none", "rounds without a loop", remedy, element)
            return None
        sequential = multi.get("isSequential") == "true"
        return Loop(
            kind=LoopKind.SEQUENTIAL if sequential else LoopKind.PARALLEL,
            max_rounds=rounds.maximum if rounds else 0,
            cardinality=self.text(multi, "loopCardinality"),
            completion=self.text(multi, "completionCondition"),
        )

    def _standard(self, element: etree._Element) -> Loop:
        maximum = element.get("loopMaximum", "")
        usable = maximum.isascii() and maximum.isdigit() and len(maximum) < 6
        return Loop(
            kind=LoopKind.STANDARD,
            max_rounds=int(maximum) if usable else 0,
            condition=self.text(element, "loopCondition"),
            test_before=element.get("testBefore") == "true",
        )

    # Events

    def _end(self, element: etree._Element, common: Common) -> EndEvent | None:
        definitions = self._definitions(element)
        if not definitions:
            return EndEvent(**common)
        kind = local(definitions[0]).removesuffix("EventDefinition")
        if kind == "terminate":
            return EndEvent(**common, kind=EndKind.TERMINATE)
        if kind != NamedForm.ERROR:
            throws = self._thrown(element, definitions[0])
            return None if throws is None else EndEvent(**common, kind=EndKind.THROW, throws=throws)
        code = self._referred(definitions[0], "errorRef")
        if code is None:
            remedy = "Refer to an error with an errorCode."
            self.found("event.name", "the error end names no error", remedy, element)
            return None
        return EndEvent(**common, kind=EndKind.ERROR, error=code)

    def _intermediate(
        self, element: etree._Element, common: Common, *, catches: bool
    ) -> Node | None:
        definitions = self._definitions(element)
        if definitions and local(definitions[0]) == "linkEventDefinition":
            return self._link(definitions[0], common)
        if catches:
            trigger = self.trigger(element, self.mark(element))
            return None if trigger is None else CatchEvent(**common, trigger=trigger)
        if not definitions:
            # An event whose definition was refused must not pass for one that throws nothing.
            refused = any(local(child).endswith("EventDefinition") for child in element)
            return None if refused else ThrowEvent(**common)
        throws = self._thrown(element, definitions[0])
        return None if throws is None else ThrowEvent(**common, throws=throws)

    def _link(self, definition: etree._Element, common: Common) -> LinkEvent | None:
        name = definition.get("name")
        if name:
            return LinkEvent(**common, link=name)
        remedy = "Name the link; throw and catch carry the same name."
        self.found("link.name", "the link has no name", remedy, definition)
        return None

    def _thrown(self, element: etree._Element, definition: etree._Element) -> Named | None:
        form = NamedForm(local(definition).removesuffix("EventDefinition"))
        if definition.get(f"{form.value}Ref") is None:
            remedy = f"Refer to a {form.value} of this file that has a name."
            self.found("event.name", f"the event names no {form.value}", remedy, definition)
            return None
        return self._named(definition, form, self.mark(element))

    def _boundary(self, element: etree._Element, common: Common) -> BoundaryEvent | None:
        mark = self.mark(element)
        trigger = self.trigger(element, mark)
        if trigger is None:
            return None
        return BoundaryEvent(
            **common,
            attached_to=element.get("attachedToRef", ""),
            interrupting=element.get("cancelActivity", "true") == "true",
            trigger=trigger,
            severity=mark.severity,
        )

    def mark(self, element: etree._Element) -> EventMark:
        """The `bw:event` of an event or a message task; what has no meaning there is a mistake."""
        mark: EventMark = self.extension(element, "event") or EventMark()
        forms = {local(child).removesuffix("EventDefinition") for child in element}
        meant: Mapping[str, tuple[object, bool]] = {
            "severity": (mark.severity, local(element) in ("boundaryEvent", START)),
            "sustained": (mark.sustained, "conditional" in forms),
            "plantWide": (mark.plant_wide, "signal" in forms),
            "correlation": (
                mark.correlation,
                "message" in forms or local(element) in ("sendTask", "receiveTask"),
            ),
        }
        for name, (given, has_meaning) in meant.items():
            if given and not has_meaning:
                message = f"{name} has no meaning on this event"
                self.found("event.mark", message, "Remove it from bw:event.", element)
        return mark

    def _definitions(self, element: etree._Element) -> list[etree._Element]:
        found = [
            e for e in element if local(e).endswith("EventDefinition") and e not in self._refused
        ]
        if len(found) > 1:
            remedy = "Draw one event for each."
            self.found("event.several", "the event has several definitions", remedy, element)
        return found

    def _referred(self, definition: etree._Element, attribute: str) -> str | None:
        return self._names.get(definition.get(attribute, "")) or None

    def trigger(self, element: etree._Element, mark: EventMark) -> Trigger | None:
        """What an event waits for; None (with a finding) when that cannot be read."""
        definitions = self._definitions(element)
        if not definitions:
            if not any(local(child).endswith("EventDefinition") for child in element):
                remedy = "Give it one timer, condition, message, signal, error or escalation."
                self.found("event.none", "the event waits for nothing", remedy, element)
            return None
        kind = local(definitions[0]).removesuffix("EventDefinition")
        if kind == "timer":
            return self._timer(definitions[0])
        if kind == "conditional":
            condition = self.text(definitions[0], "condition") or ""
            return Condition(expression=condition, sustained=mark.sustained)
        return self._named(definitions[0], NamedForm(kind), mark)

    def _timer(self, definition: etree._Element) -> Timer | None:
        texts = {form: self.text(definition, f"time{form.value.title()}") for form in TimerForm}
        given = [(form, text) for form, text in texts.items() if text is not None]
        if len(given) != 1:
            remedy = "Give it exactly one of date, duration or cycle."
            self.found("timer.form", "the timer is not set", remedy, definition)
            return None
        form, text = given[0]
        return Timer(form=form, text=text)

    def _named(self, definition: etree._Element, form: NamedForm, mark: EventMark) -> Named | None:
        name = self._referred(definition, f"{form.value}Ref")
        any_of_them = form in (NamedForm.ERROR, NamedForm.ESCALATION)
        catches_all = any_of_them and definition.get(f"{form.value}Ref") is None
        if name is None and not catches_all:
            remedy = f"Refer to a {form.value} of this file that has a name."
            self.found("event.name", f"the {form.value} has no name", remedy, definition)
            return None
        return Named(form=form, name=name, plant_wide=mark.plant_wide, correlation=mark.correlation)


def local(element: etree._Element) -> str:
    """The name of an element without its namespace."""
    return _parts(element.tag)[1]


def space(element: etree._Element) -> str | None:
    """The namespace of an element."""
    return _parts(element.tag)[0]


@lru_cache(maxsize=1024)
def _parts(tag: str) -> tuple[str | None, str]:
    # A file of 1,000 steps asks 30,000 times about some 40 tags.
    name = etree.QName(tag)
    return name.namespace, name.localname


def owner(element: etree._Element) -> str:
    """The id of the element, or of the nearest BPMN element around it."""
    at: etree._Element | None = element
    while at is not None and not (space(at) == whitelist.MODEL and at.get("id")):
        at = at.getparent()
    return at.get("id", "") if at is not None else ""
