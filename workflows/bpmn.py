"""Reads the BPMN of a parsed file into the typed model and collects every departure from it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from workflows import whitelist
from workflows.errors import Finding
from workflows.model import (
    BoundaryEvent,
    CallActivity,
    EndEvent,
    ExclusiveGateway,
    Flow,
    IntermediateTimer,
    Level,
    Loop,
    Named,
    Node,
    ParallelGateway,
    StartEvent,
    StepTask,
    Timer,
    Trigger,
)
from workflows.recipe import Header
from workflows.safexml import line_of
from workflows.schema.definition import ELEMENTS, NAMESPACE
from workflows.schema.marks import EventMark, LevelMark, RoundsMark
from workflows.schema.reading import read_element, schema_findings
from workflows.step import Condition
from workflows.words import EndKind, LoopKind, NamedForm, TimerForm

B = f"{{{whitelist.MODEL}}}"
SCHEMA_PAGE = "See the recipe schema reference."


@dataclass(slots=True)
class Drawn:
    """What a file holds: its header and levels as far as they could be read, and all findings."""

    headers: list[Header] = field(default_factory=list)
    entries: list[str] = field(default_factory=list)
    levels: list[Level] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def read_definitions(root: etree._Element) -> Drawn:
    """Read the whole file; nothing raises, what is wrong stands in `findings`."""
    reader = _Reader(root)
    reader.read()
    return reader.drawn


class _Reader:
    def __init__(self, root: etree._Element) -> None:
        self._root = root
        self.drawn = Drawn()
        self._names: dict[str, str | None] = {}
        self._refused: set[etree._Element] = set()

    def read(self) -> None:
        if self._root.tag != f"{B}definitions":
            self._found("bpmn.root", "the file is not BPMN 2.0", "Export it as BPMN 2.0 XML.")
            return
        self._check_tree(self._root)
        self._check_ids()
        for kind in ("signal", "message", "error"):
            for element in self._root.iterfind(f"{B}{kind}"):
                name = element.get("errorCode") if kind == "error" else element.get("name")
                self._names[element.get("id", "")] = name
        for process in self._root.iterfind(f"{B}process"):
            self._process(process)

    def _found(
        self, code: str, message: str, remedy: str, element: etree._Element | None = None
    ) -> None:
        self.drawn.findings.append(
            Finding(
                code=code,
                message=message,
                remedy=remedy,
                element=_owner(element) if element is not None else "",
                line=line_of(element),
            )
        )

    def _check_tree(self, element: etree._Element) -> None:
        allowed = whitelist.ALLOWED[_local(element)]
        for name in element.attrib:
            attribute = str(name)
            if attribute != "id" and attribute not in allowed.attributes:
                self._unsupported_attribute(element, attribute)
            elif attribute in whitelist.BOOLEANS and element.get(name) not in ("true", "false"):
                message = f"{attribute} is neither true nor false"
                self._found("bpmn.attribute", message, "Write true or false.", element)
        said = [element.text, *(child.tail for child in element)]
        if allowed.children and any((text or "").strip() for text in said):
            self._found("bpmn.text", "text that belongs nowhere", whitelist.FALLBACK, element)
        for child in element:
            self._check_child(element, child, allowed)

    def _check_child(
        self, parent: etree._Element, child: etree._Element, allowed: whitelist.Allowed
    ) -> None:
        space, local = etree.QName(child).namespace, _local(child)
        if space == whitelist.DIAGRAM and parent is self._root:
            return
        if space != whitelist.MODEL or local not in allowed.children:
            self._refused.add(child)
            self._unsupported_element(parent, child)
        elif local == "extensionElements":
            self._check_extensions(parent, child)
        else:
            self._check_tree(child)

    def _unsupported_attribute(self, element: etree._Element, name: str) -> None:
        shown = etree.QName(name).localname
        remedy = whitelist.REMEDIES.get(shown, f"Remove the attribute {shown}.")
        message = f"attribute {shown} of {_local(element)} is not executed"
        self._found("bpmn.attribute", message, remedy, element)

    def _unsupported_element(self, parent: etree._Element, child: etree._Element) -> None:
        local = _local(child)
        remedy = whitelist.REMEDIES.get(local, whitelist.FALLBACK)
        if local.endswith("LoopCharacteristics"):
            remedy = "Put the loop on a call activity of a process with this step."
        message = f"{local} in {_local(parent)} is not executed"
        self._found("bpmn.unsupported", message, remedy, child)

    def _check_extensions(self, host: etree._Element, holder: etree._Element) -> None:
        kind = _local(host)
        seen = Counter(str(child.tag) for child in holder)
        for child in holder:
            local = _local(child)
            described = ELEMENTS.get(local) if _space(child) == NAMESPACE else None
            if described is None or kind not in {_lower(name) for name in described.within}:
                self._refused.add(child)
                message = f"extension element {local} has no meaning on {kind}"
                self._found("extension.unknown", message, SCHEMA_PAGE, child)
            elif seen[str(child.tag)] > 1:
                self._found("extension.twice", f"more than one bw:{local}", SCHEMA_PAGE, child)
            elif problems := schema_findings(child, _owner(child)):
                self._refused.add(child)
                self.drawn.findings += problems

    def _check_ids(self) -> None:
        for element in self._root.iter():
            if _space(element) != whitelist.MODEL or (own := element.get("id")) is None:
                continue
            if own in self.drawn.lines:
                self._found("bpmn.id", f"the id {own} is used twice", "Rename one.", element)
            self.drawn.lines.setdefault(own, line_of(element))

    def _process(self, process: etree._Element) -> None:
        if process.get("isExecutable") != "true":
            remedy = 'Set isExecutable="true", or remove the process.'
            self._found("process.executable", "the process is not executable", remedy, process)
        if not process.get("id"):
            self._found("bpmn.id", "the process has no id", "Give it an id.", process)
            return
        header = self._extension(process, "recipe")
        if header is not None:
            self.drawn.headers.append(header)
        mark: LevelMark | None = self._extension(process, "level")
        if mark is None:
            remedy = "Add a bw:level with its ISA-88 level."
            self._found("level.missing", "the process names no level", remedy, process)
            return
        self._level(process, mark, has_header=header is not None)

    def _level(self, process: etree._Element, mark: LevelMark, *, has_header: bool) -> None:
        if mark.entry:
            self.drawn.entries.append(process.get("id", ""))
        elif has_header:
            remedy = "Move bw:recipe to the entry process."
            self._found("header.place", "the header stands on a called process", remedy, process)
        nodes = [self._node(e) for e in process if self._is_usable(e) and _local(e) != FLOW]
        flows = [self._flow(e) for e in process if self._is_usable(e) and _local(e) == FLOW]
        level = Level(
            id=process.get("id", ""),
            name=process.get("name", ""),
            isa88=mark.isa88,
            nodes=tuple(node for node in nodes if node is not None),
            flows=tuple(flow for flow in flows if flow is not None),
        )
        self.drawn.levels.append(level)
        self._check_references(process, level)

    def _is_usable(self, element: etree._Element) -> bool:
        if element in self._refused or _local(element) not in (*whitelist.NODES, FLOW):
            return False
        if element.get("id"):
            return True
        self._found("bpmn.id", f"{_local(element)} without id", "Give it an id.", element)
        return False

    def _check_references(self, process: etree._Element, level: Level) -> None:
        """Incoming and outgoing children repeat the flows; where they stand they must agree."""
        for element in process:
            for tag, flows in (("incoming", level.incoming), ("outgoing", level.outgoing)):
                said = {(part.text or "").strip() for part in element.iterfind(f"{B}{tag}")}
                drawn = {flow.id for flow in flows(element.get("id", ""))}
                if said and said != drawn:
                    remedy = "Save the file again from the editor."
                    message = f"{tag} does not name the flows that are drawn"
                    self._found("flow.reference", message, remedy, element)

    def _extension(self, host: etree._Element, name: str) -> Any:
        found = host.find(f"{B}extensionElements/{{{NAMESPACE}}}{name}")
        if found is None or found in self._refused:
            return None
        outside: dict[str, object] = {}
        if name == "step":
            automatic = _local(host) == "serviceTask"
            outside = {"name": host.get("name", ""), "automatic": automatic}
        return read_element(found, **outside)

    def _flow(self, element: etree._Element) -> Flow | None:
        source, target = element.get("sourceRef"), element.get("targetRef")
        if not source or not target:
            self._found("flow.end", "the flow lacks an end", "Connect both ends.", element)
            return None
        rounds: RoundsMark | None = self._extension(element, "rounds")
        return Flow(
            id=element.get("id", ""),
            source=source,
            target=target,
            name=element.get("name", ""),
            condition=self._text(element, "conditionExpression"),
            max_rounds=rounds.maximum if rounds else None,
        )

    def _text(self, element: etree._Element, name: str) -> str | None:
        part = element.find(f"{B}{name}")
        return None if part is None else (part.text or "").strip()

    def _node(self, element: etree._Element) -> Node | None:
        common = {"id": element.get("id", ""), "name": element.get("name", "")}
        match _local(element):
            case "startEvent":
                return StartEvent(**common)
            case "endEvent":
                return self._end(element, common)
            case "callActivity":
                return self._call(element, common)
            case "exclusiveGateway":
                return ExclusiveGateway(**common, default=element.get("default"))
            case "parallelGateway":
                return ParallelGateway(**common)
            case "intermediateCatchEvent":
                return self._wait(element, common)
            case "boundaryEvent":
                return self._boundary(element, common)
            case _:
                return self._task(element, common)

    def _task(self, element: etree._Element, common: dict[str, str]) -> StepTask | None:
        step = self._extension(element, "step")
        if step is None:
            if element.find(f"{B}extensionElements/{{{NAMESPACE}}}step") is None:
                remedy = "Add a bw:step with kind, role and signature."
                self._found("step.missing", "the task describes no step", remedy, element)
            return None
        return StepTask(**common, step=step)

    def _end(self, element: etree._Element, common: dict[str, str]) -> EndEvent | None:
        definitions = self._definitions(element, at_most_one=True)
        if not definitions:
            return EndEvent(id=common["id"], name=common["name"])
        if _local(definitions[0]) == "terminateEventDefinition":
            return EndEvent(kind=EndKind.TERMINATE, **common)
        code = self._referred(definitions[0], "errorRef")
        if code is None:
            remedy = "Refer to an error with an errorCode."
            self._found("event.name", "the error end names no error", remedy, element)
            return None
        return EndEvent(**common, kind=EndKind.ERROR, error=code)

    def _definitions(self, element: etree._Element, *, at_most_one: bool) -> list[etree._Element]:
        found = [
            e for e in element if _local(e).endswith("EventDefinition") and e not in self._refused
        ]
        if len(found) > 1 and at_most_one:
            remedy = "Draw one event for each."
            self._found("event.several", "the event has several definitions", remedy, element)
        return found

    def _referred(self, definition: etree._Element, attribute: str) -> str | None:
        return self._names.get(definition.get(attribute, "")) or None

    def _call(self, element: etree._Element, common: dict[str, str]) -> CallActivity | None:
        called = element.get("calledElement")
        if not called:
            remedy = "Set calledElement to the id of a process of this file."
            self._found("call.target", "the call activity calls nothing", remedy, element)
            return None
        return CallActivity(**common, called=called, loop=self._loop(element))

    def _loop(self, element: etree._Element) -> Loop | None:
        rounds: RoundsMark | None = self._extension(element, "rounds")
        multi = element.find(f"{B}multiInstanceLoopCharacteristics")
        standard = element.find(f"{B}standardLoopCharacteristics")
        if standard is not None:
            return self._standard(standard)
        if multi is None:
            if rounds:
                remedy = "Remove bw:rounds, or add a loop marker."
                self._found("loop.none", "rounds without a loop", remedy, element)
            return None
        sequential = multi.get("isSequential") == "true"
        return Loop(
            kind=LoopKind.SEQUENTIAL if sequential else LoopKind.PARALLEL,
            max_rounds=rounds.maximum if rounds else 0,
            cardinality=self._text(multi, "loopCardinality"),
            completion=self._text(multi, "completionCondition"),
        )

    def _standard(self, element: etree._Element) -> Loop:
        maximum = element.get("loopMaximum", "")
        usable = maximum.isascii() and maximum.isdigit() and len(maximum) < 6
        return Loop(
            kind=LoopKind.STANDARD,
            max_rounds=int(maximum) if usable else 0,
            condition=self._text(element, "loopCondition"),
            test_before=element.get("testBefore") == "true",
        )

    def _wait(self, element: etree._Element, common: dict[str, str]) -> IntermediateTimer | None:
        trigger = self._trigger(element, EventMark())
        return IntermediateTimer(**common, timer=trigger) if isinstance(trigger, Timer) else None

    def _boundary(self, element: etree._Element, common: dict[str, str]) -> BoundaryEvent | None:
        mark: EventMark = self._extension(element, "event") or EventMark()
        trigger = self._trigger(element, mark)
        if trigger is None:
            return None
        return BoundaryEvent(
            **common,
            attached_to=element.get("attachedToRef", ""),
            interrupting=element.get("cancelActivity", "true") == "true",
            trigger=trigger,
            severity=mark.severity,
        )

    def _trigger(self, element: etree._Element, mark: EventMark) -> Trigger | None:
        definitions = self._definitions(element, at_most_one=True)
        if not definitions:
            remedy = "Give it one timer, condition, message, signal or error."
            self._found("event.none", "the event waits for nothing", remedy, element)
            return None
        kind = _local(definitions[0]).removesuffix("EventDefinition")
        if kind == "timer":
            return self._timer(definitions[0])
        if kind == "conditional":
            condition = self._text(definitions[0], "condition") or ""
            return Condition(expression=condition, sustained=mark.sustained)
        return self._named(definitions[0], NamedForm(kind), mark)

    def _timer(self, definition: etree._Element) -> Timer | None:
        texts = {form: self._text(definition, f"time{form.value.title()}") for form in TimerForm}
        given = [(form, text) for form, text in texts.items() if text is not None]
        if len(given) != 1:
            remedy = "Give it exactly one of date, duration or cycle."
            self._found("timer.form", "the timer is not set", remedy, definition)
            return None
        form, text = given[0]
        return Timer(form=form, text=text)

    def _named(self, definition: etree._Element, form: NamedForm, mark: EventMark) -> Named | None:
        name = self._referred(definition, f"{form.value}Ref")
        catches_all = form is NamedForm.ERROR and definition.get("errorRef") is None
        if name is None and not catches_all:
            remedy = f"Refer to a {form.value} of this file that has a name."
            self._found("event.name", f"the {form.value} has no name", remedy, definition)
            return None
        return Named(form=form, name=name, plant_wide=mark.plant_wide, correlation=mark.correlation)


FLOW = "sequenceFlow"


def _local(element: etree._Element) -> str:
    return etree.QName(element).localname


def _space(element: etree._Element) -> str | None:
    return etree.QName(element).namespace


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]


def _owner(element: etree._Element) -> str:
    """The id of the element, or of the nearest BPMN element around it."""
    at: etree._Element | None = element
    while at is not None and not (_space(at) == whitelist.MODEL and at.get("id")):
        at = at.getparent()
    return at.get("id", "") if at is not None else ""
