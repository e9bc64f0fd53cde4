"""Reads the BPMN of a parsed file into the typed model and collects every departure from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import TypeAlias

from lxml import etree

from workflows import whitelist
from workflows.bpmn_nodes import START, NodeReader, local, owner, space
from workflows.bpmn_nodes import B as B
from workflows.drawn import IMPLIED
from workflows.drawn import Drawn as Drawn
from workflows.model import (
    CallActivity,
    EndEvent,
    EventSubProcess,
    Flow,
    InclusiveGateway,
    Level,
    LinkEvent,
    Named,
    Node,
    ReceiveTask,
    SendTask,
    StartEvent,
    StepTask,
    SubProcess,
)
from workflows.safexml import line_of
from workflows.schema.definition import ELEMENTS, NAMESPACE
from workflows.schema.marks import LaneMark, LevelMark, RoundsMark
from workflows.schema.reading import schema_findings
from workflows.words import Isa88, NamedForm

SCHEMA_PAGE = "See the recipe schema reference."
FLOW = "sequenceFlow"
Repeating: TypeAlias = StepTask | SendTask | ReceiveTask
REPEATING = (StepTask, SendTask, ReceiveTask)
ACTIVITIES = (*REPEATING, CallActivity)


def read_definitions(root: etree._Element) -> Drawn:
    """Read the whole file; nothing raises, what is wrong stands in `findings`."""
    reader = _Reader(root)
    reader.read()
    return reader.drawn


class _Reader(NodeReader):
    def __init__(self, root: etree._Element) -> None:
        super().__init__(root)
        self._begun: list[EventSubProcess] = []

    def read(self) -> None:
        if self._root.tag != f"{B}definitions":
            self.found("bpmn.root", "the file is not BPMN 2.0", "Export it as BPMN 2.0 XML.")
            return
        self._check_tree(self._root)
        self._check_ids()
        self.know_names()
        for process in self._root.iterfind(f"{B}process"):
            self._process(process)
        self._place_begun()

    def _check_tree(self, element: etree._Element) -> None:
        allowed = whitelist.ALLOWED[local(element)]
        for name in element.attrib:
            attribute = str(name)
            if attribute != "id" and attribute not in allowed.attributes:
                self._unsupported_attribute(element, attribute)
            elif attribute in whitelist.BOOLEANS and element.get(name) not in ("true", "false"):
                message = f"{attribute} is neither true nor false"
                self.found("bpmn.attribute", message, "Write true or false.", element)
        said = [element.text, *(child.tail for child in element)]
        if allowed.children and any((text or "").strip() for text in said):
            self.found("bpmn.text", "text that belongs nowhere", whitelist.FALLBACK, element)
        for child in element:
            self._check_child(element, child, allowed)

    def _check_child(
        self, parent: etree._Element, child: etree._Element, allowed: whitelist.Allowed
    ) -> None:
        name = local(child)
        if space(child) == whitelist.DIAGRAM and parent is self._root:
            return
        if space(child) != whitelist.MODEL or name not in allowed.children:
            self._refused.add(child)
            self._unsupported_element(parent, child)
        elif name == "extensionElements":
            self._check_extensions(parent, child)
        else:
            self._check_tree(child)

    def _unsupported_attribute(self, element: etree._Element, name: str) -> None:
        shown = etree.QName(name).localname
        remedy = whitelist.REMEDIES.get(shown, f"Remove the attribute {shown}.")
        message = f"attribute {shown} of {local(element)} is not executed"
        self.found("bpmn.attribute", message, remedy, element)

    def _unsupported_element(self, parent: etree._Element, child: etree._Element) -> None:
        name = local(child)
        remedy = whitelist.REMEDIES.get(name, whitelist.FALLBACK)
        message = f"{name} in {local(parent)} is not executed"
        self.found("bpmn.unsupported", message, remedy, child)

    def _check_extensions(self, host: etree._Element, holder: etree._Element) -> None:
        kind = local(host)
        seen = Counter(str(child.tag) for child in holder)
        for child in holder:
            name = local(child)
            described = ELEMENTS.get(name) if space(child) == NAMESPACE else None
            if described is None or kind not in {lower(each) for each in described.within}:
                self._refused.add(child)
                message = f"extension element {name} has no meaning on {kind}"
                self.found("extension.unknown", message, SCHEMA_PAGE, child)
            elif seen[str(child.tag)] > 1:
                self.found("extension.twice", f"more than one bw:{name}", SCHEMA_PAGE, child)
            elif problems := schema_findings(child, owner(child)):
                self._refused.add(child)
                self.drawn.findings += problems

    def _check_ids(self) -> None:
        for element in self._root.iter():
            if space(element) != whitelist.MODEL or (own := element.get("id")) is None:
                continue
            if own in self.drawn.lines:
                self.found("bpmn.id", f"the id {own} is used twice", "Rename one.", element)
            self.drawn.lines.setdefault(own, line_of(element))

    def _process(self, process: etree._Element) -> None:
        if process.get("isExecutable") != "true":
            remedy = 'Set isExecutable="true", or remove the process.'
            self.found("process.executable", "the process is not executable", remedy, process)
        if not process.get("id"):
            self.found("bpmn.id", "the process has no id", "Give it an id.", process)
            return
        header = self.extension(process, "recipe")
        if header is not None:
            self.drawn.headers.append(header)
        mark: LevelMark | None = self.extension(process, "level")
        if mark is None:
            remedy = "Add a bw:level with its ISA-88 level."
            self.found("level.missing", "the process names no level", remedy, process)
            return
        if mark.entry:
            self.drawn.entries.append(process.get("id", ""))
        elif header is not None:
            remedy = "Move bw:recipe to the entry process."
            self.found("header.place", "the header stands on a called process", remedy, process)
        for lane in process.iterfind(f"{B}laneSet/{B}lane"):
            self._lane(process, lane)
        self._level(process, mark.isa88, part_of=None)

    def _lane(self, process: etree._Element, lane: etree._Element) -> None:
        mark: LaneMark | None = self.extension(lane, "lane")
        if mark is None:
            remedy = "Add a bw:lane with the role that performs its steps."
            self.found("lane.role", "the lane names no role", remedy, lane)
            return
        inside = {element.get("id") for element in process.iter() if element.get("id")}
        for part in lane.iterfind(f"{B}flowNodeRef"):
            node = (part.text or "").strip()
            if node not in inside:
                message = f"{node} is no element of this process"
                self.found("lane.node", message, "Save the file again from the editor.", lane)
            elif self._roles.setdefault(node, mark.role) != mark.role:
                message = f"{node} stands in two lanes of different roles"
                self.found("lane.twice", message, "Let it stand in one lane.", lane)

    def _level(self, holder: etree._Element, isa88: Isa88, *, part_of: str | None) -> None:
        """Read a process, or one that is drawn inside another, with what is drawn inside it."""
        nodes = {element: self.node(element) for element in self._usable(holder)}
        repeated: list[Repeating] = []
        read = [self._once(e, node, repeated) for e, node in nodes.items() if node is not None]
        flows = [self._flow(e) for e in holder if local(e) == FLOW and self._is_usable(e)]
        level = Level(
            id=holder.get("id", ""),
            name=holder.get("name", ""),
            isa88=isa88,
            nodes=tuple(read),
            flows=tuple(flow for flow in flows if flow is not None),
            part_of=part_of,
        )
        self._check_references(holder, level)
        self._check_ends(holder, level)
        level = self._with_implied(level, {e.get("id", ""): e for e in nodes})
        self.drawn.levels.append(level)
        for task in repeated:
            self.drawn.levels.append(_one_task(task, isa88, part_of or level.id))
        for element in nodes:
            if local(element) == "subProcess":
                self._level(element, isa88, part_of=part_of or level.id)

    def _usable(self, holder: etree._Element) -> Iterator[etree._Element]:
        for element in holder:
            if local(element) in whitelist.NODES and self._is_usable(element):
                if local(element) == START:
                    self._check_start(holder, element)
                yield element

    def _is_usable(self, element: etree._Element) -> bool:
        if element in self._refused:
            return False
        if element.get("id"):
            return True
        self.found("bpmn.id", f"{local(element)} without id", "Give it an id.", element)
        return False

    def _check_start(self, holder: etree._Element, start: etree._Element) -> None:
        """What a start event waits for counts on an event subprocess, and on a process beside the
        entry process (ADR 0013)."""
        if holder.get("triggeredByEvent") == "true":
            return
        waits = any(local(child).endswith("EventDefinition") for child in start)
        if start.get("isInterrupting") is not None:
            remedy = "Remove isInterrupting; only the start of an event subprocess has it."
            self.found("start.event", "nothing is interrupted by this start", remedy, start)
        elif waits and local(holder) == "subProcess":
            remedy = "Make it an event subprocess, or wait for the event behind a plain start."
            self.found("start.event", "a subprocess in the flow begins plainly", remedy, start)
        elif waits and holder.get("id") in self.drawn.entries:
            remedy = (
                "Begin plainly: a person starts the order. Wait for the event behind the start."
            )
            self.found("start.event", "an event would start the whole record", remedy, start)
        elif waits:
            self._begin_by(holder, start)

    def _begin_by(self, process: etree._Element, start: etree._Element) -> None:
        """A process that begins each time its event happens while the entry process runs."""
        mark = self.mark(start)
        trigger = self.trigger(start, mark)
        if isinstance(trigger, Named) and trigger.form in (NamedForm.ERROR, NamedForm.ESCALATION):
            remedy = "Draw an event subprocess where it is to be caught."
            message = f"a process of its own catches no {trigger.form.value}"
            self.found("start.event", message, remedy, start)
        elif trigger is not None:
            own = process.get("id", "")
            self._begun.append(
                EventSubProcess(
                    id=own,
                    name=process.get("name", ""),
                    called=own,
                    interrupting=False,
                    trigger=trigger,
                    severity=mark.severity,
                )
            )

    def _place_begun(self) -> None:
        """What begins by an event waits beside the flow of the entry level."""
        self.drawn.levels = [
            replace(level, nodes=(*level.nodes, *self._begun))
            if level.id in self.drawn.entries[:1]
            else level
            for level in self.drawn.levels
        ]

    def _check_references(self, holder: etree._Element, level: Level) -> None:
        """Incoming and outgoing children repeat the flows; where they stand they must agree."""
        for element in holder:
            for tag, flows in (("incoming", level.incoming), ("outgoing", level.outgoing)):
                said = {(part.text or "").strip() for part in element.iterfind(f"{B}{tag}")}
                drawn = {flow.id for flow in flows(element.get("id", ""))}
                if said and said != drawn:
                    remedy = "Save the file again from the editor."
                    message = f"{tag} does not name the flows that are drawn"
                    self.found("flow.reference", message, remedy, element)

    def _check_ends(self, holder: etree._Element, level: Level) -> None:
        """A flow stays among what is drawn in its process; what was refused there was said."""
        here = {
            element.get("id")
            for element in holder
            if local(element) in whitelist.NODES or element in self._refused
        }
        for flow in level.flows:
            for end in {flow.source, flow.target} - here:
                if end in self.drawn.lines:
                    message = f"the flow leads from or to {end}, which is no part of this process"
                    element = next(e for e in holder if e.get("id") == flow.id)
                    self.found("flow.end", message, "Connect both ends.", element)

    def _flow(self, element: etree._Element) -> Flow | None:
        source, target = element.get("sourceRef"), element.get("targetRef")
        if not source or not target:
            self.found("flow.end", "the flow lacks an end", "Connect both ends.", element)
            return None
        rounds: RoundsMark | None = self.extension(element, "rounds")
        return Flow(
            id=element.get("id", ""),
            source=source,
            target=target,
            name=element.get("name", ""),
            condition=self.text(element, "conditionExpression"),
            max_rounds=rounds.maximum if rounds else None,
        )

    # What the drawing implies

    def _once(self, element: etree._Element, node: Node, repeated: list[Repeating]) -> Node:
        """The node, or what stands for a task that repeats: a level with this task alone."""
        loop = self.loop(element) if isinstance(node, REPEATING) else None
        if loop is None or not isinstance(node, REPEATING):
            return node
        repeated.append(node)
        return SubProcess(id=node.id, name=node.name, called=node.id, loop=loop)

    def _with_implied(self, level: Level, drawn: dict[str, etree._Element]) -> Level:
        """The level with the jumps of its links and the choices behind its tasks drawn out."""
        flows = [*level.flows, *self._jumps(level, drawn)]
        nodes: list[Node] = []
        for node in level.nodes:
            nodes.append(node)
            gateway = self._choice(level, node, drawn[node.id])
            if gateway is not None:
                nodes.append(gateway)
                flows = [
                    replace(flow, source=gateway.id) if flow.source == node.id else flow
                    for flow in flows
                ]
                flows.append(Flow(id=gateway.id + IMPLIED, source=node.id, target=gateway.id))
        return replace(level, nodes=tuple(nodes), flows=tuple(flows))

    def _choice(self, level: Level, node: Node, element: etree._Element) -> InclusiveGateway | None:
        """The gateway for which the conditional flows of a task stand."""
        if not isinstance(node, ACTIVITIES):
            return None
        leaving, default = level.outgoing(node.id), element.get("default")
        if len(leaving) > 1 and (default or any(flow.condition for flow in leaving)):
            implied = node.id + IMPLIED
            self.drawn.lines[implied] = line_of(element)
            return InclusiveGateway(id=implied, name="", default=default, leaves=node.id)
        if default is not None:
            remedy = "Remove the default."
            self.found("gateway.default", "a default where nothing splits", remedy, element)
        return None

    def _jumps(self, level: Level, drawn: dict[str, etree._Element]) -> Iterator[Flow]:
        links = [node for node in level.nodes if isinstance(node, LinkEvent)]
        throws = [node for node in links if local(drawn[node.id]) == "intermediateThrowEvent"]
        catches = [node for node in links if node not in throws]
        for catch in catches:
            if level.incoming(catch.id) or catch.link not in {throw.link for throw in throws}:
                message = "a link is entered by the throws of its name, and by nothing else"
                remedy = "Draw a throwing link event of this name."
                self.found("link.catch", message, remedy, drawn[catch.id])
        for throw in throws:
            named = [catch for catch in catches if catch.link == throw.link]
            if len(named) == 1 and not level.outgoing(throw.id):
                target = named[0].id
                yield Flow(id=f"{throw.id}{IMPLIED}{target}", source=throw.id, target=target)
                continue
            message = f"{len(named)} catching link events of this name in this process"
            remedy = "Draw exactly one catch of its name, and no flow out of the throw."
            self.found("link.target", message, remedy, drawn[throw.id])


def _one_task(task: Repeating, isa88: Isa88, part_of: str) -> Level:
    """The level that each round of a repeating task runs."""
    first, last = f"{task.id}{IMPLIED}start", f"{task.id}{IMPLIED}end"
    return Level(
        id=task.id,
        name=task.name,
        isa88=isa88,
        nodes=(StartEvent(id=first, name=""), task, EndEvent(id=last, name="")),
        flows=(
            Flow(id=f"{task.id}{IMPLIED}in", source=first, target=task.id),
            Flow(id=f"{task.id}{IMPLIED}out", source=task.id, target=last),
        ),
        part_of=part_of,
    )


def lower(name: str) -> str:
    """A type name of the descriptor as the element's name."""
    return name[0].lower() + name[1:]
