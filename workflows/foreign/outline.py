"""What any BPMN file shows: pools, lanes, steps in their order, flows. Nothing is executed from it.

Tolerant where the typed model is strict: an element that we do not execute stands in the list with
its name, a missing id or a flow that leads nowhere is no reason to show less (URS-MRC-040).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lxml import etree

from workflows.safexml import line_of
from workflows.whitelist import DIAGRAM, MODEL

B, DI = f"{{{MODEL}}}", f"{{{DIAGRAM}}}"
CONTAINERS = frozenset({"subProcess", "transaction", "adHocSubProcess"})
_EVENTS = ("startEvent", "endEvent", "boundaryEvent", "intermediateCatchEvent")
NODE_KINDS = frozenset(
    {
        *_EVENTS,
        *CONTAINERS,
        "intermediateThrowEvent",
        "task",
        "userTask",
        "manualTask",
        "serviceTask",
        "scriptTask",
        "sendTask",
        "receiveTask",
        "businessRuleTask",
        "callActivity",
        "exclusiveGateway",
        "parallelGateway",
        "inclusiveGateway",
        "eventBasedGateway",
        "complexGateway",
    }
)
"""Every flow node of BPMN 2.0 that a process holds (choreographies have others)."""
_MARKERS = {
    "multiInstanceLoopCharacteristics": "repeated for each",
    "standardLoopCharacteristics": "repeated while",
}
SUFFIX = "EventDefinition"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A step, event, gateway or subprocess as the list shows it.

    `kind` is the BPMN element, `details` what it waits for or how it repeats, `depth` how many
    subprocesses stand around it, `attributes` everything the file says on it, `extensions` what
    other products wrote into it, as text.
    """

    id: str
    kind: str
    name: str
    line: int
    depth: int = 0
    lane: str = ""
    details: tuple[str, ...] = ()
    attributes: Mapping[str, str]
    extensions: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A flow between two elements; `condition` as its text."""

    id: str
    source: str
    target: str
    name: str = ""
    condition: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One process: its pool, its lanes, its nodes in the order of the flow."""

    id: str
    name: str
    line: int
    pool: str = ""
    lanes: tuple[str, ...] = ()
    nodes: tuple[Shown, ...] = ()
    flows: tuple[Drawn, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """Everything that a file shows; `diagrams` are the ids and names of its drawings.

    `others` counts what stands beside the steps: data objects, annotations, groups. `places` leads
    from every id to the one of the shape that shows it (an event definition to its event).
    """

    title: str
    tool: str
    parts: tuple[Part, ...]
    messages: tuple[Drawn, ...] = ()
    diagrams: tuple[tuple[str, str], ...] = ()
    others: Mapping[str, int]
    places: Mapping[str, str]

    def nodes(self) -> Iterator[Shown]:
        """Every node of every process."""
        for part in self.parts:
            yield from part.nodes


def outline_of(root: etree._Element) -> Outline:
    """What a file with root `definitions` shows. Raises nothing."""
    pools = _pools(root)
    parts = tuple(_part(process, pools) for process in root.iterfind(f"{B}process"))
    flows = root.iterfind(f"{B}collaboration/{B}messageFlow")
    exporter = (root.get("exporter", ""), root.get("exporterVersion", ""))
    return Outline(
        title=_title(root, parts),
        tool=" ".join(text for text in exporter if text),
        parts=parts,
        messages=tuple(_flow(flow) for flow in flows),
        diagrams=_diagrams(root),
        others=_others(root),
        places=_places(root),
    )


def local(element: etree._Element) -> str:
    """The name of an element without its namespace."""
    return etree.QName(element).localname


def nodes_within(container: etree._Element) -> Iterator[etree._Element]:
    """The flow nodes directly in a process or subprocess, in document order."""
    for child in container:
        if etree.QName(child).namespace == MODEL and local(child) in NODE_KINDS:
            yield child


def _pools(root: etree._Element) -> dict[str, str]:
    """The name of the pool by the process it holds; prefixes of references are left off."""
    return {
        _referred(pool.get("processRef", "")): _words(pool.get("name", ""))
        for pool in root.iterfind(f"{B}collaboration/{B}participant")
    }


def _referred(reference: str) -> str:
    """A reference is a QName where other tools are exact, and a plain id everywhere else."""
    return reference.rpartition(":")[2]


def _title(root: etree._Element, parts: tuple[Part, ...]) -> str:
    collaboration = root.find(f"{B}collaboration")
    names = [
        root.get("name", ""),
        collaboration.get("name", "") if collaboration is not None else "",
        *(part.name or part.pool for part in parts),
    ]
    return next((found for name in names if (found := _words(name))), "")


def _part(process: etree._Element, pools: Mapping[str, str]) -> Part:
    own = process.get("id", "")
    flows = tuple(_flow(found) for found in process.iter(f"{B}sequenceFlow"))
    lanes = _lanes(process)
    return Part(
        id=own,
        name=_words(process.get("name", "")),
        line=line_of(process),
        pool=pools.get(own, ""),
        lanes=tuple(_lane_name(lane) for lane in process.iterfind(f".//{B}lane")),
        nodes=tuple(_walk(process, flows, lanes)),
        flows=flows,
    )


def _lanes(process: etree._Element) -> dict[str, str]:
    """The innermost lane by the node that it names."""
    found = {}
    for lane in process.iter(f"{B}lane"):
        for reference in lane.iterfind(f"{B}flowNodeRef"):
            found[_referred((reference.text or "").strip())] = _lane_name(lane)
    return found


def _lane_name(lane: etree._Element) -> str:
    return _words(lane.get("name", "")) or lane.get("id", "")


def _walk(
    process: etree._Element, flows: tuple[Drawn, ...], lanes: Mapping[str, str]
) -> Iterator[Shown]:
    """All nodes, subprocesses followed by what is in them; a stack, because files nest."""
    following = defaultdict(list)
    for flow in flows:
        following[flow.source].append(flow.target)
    waiting = [iter([(each, 0) for each in _in_order(process, following)])]
    while waiting:
        found = next(waiting[-1], None)
        if found is None:
            waiting.pop()
            continue
        element, depth = found
        yield _shown(element, depth, lanes)
        if local(element) in CONTAINERS:
            inside = _in_order(element, following)
            waiting.append(iter([(each, depth + 1) for each in inside]))


def _in_order(
    container: etree._Element, following: Mapping[str, list[str]]
) -> list[etree._Element]:
    """Nodes as the flow reaches them from what nothing leads to; unreached ones last."""
    nodes: dict[str, etree._Element] = {}
    for number, each in enumerate(nodes_within(container)):
        own = each.get("id", "")
        nodes[own if own and own not in nodes else f"#{number}"] = each
    targets = {target for source in nodes for target in following.get(source, ())}
    hosts = _boundaries(nodes)
    ordered: dict[str, etree._Element] = {}
    roots = [each for each in nodes if each not in targets and not _is_boundary(nodes[each])]
    for first in (*roots, *nodes):
        waiting = [first]
        while waiting:
            at = waiting.pop()
            if at in nodes and at not in ordered:
                ordered[at] = nodes[at]
                waiting += reversed([*hosts.get(at, ()), *following.get(at, ())])
    return list(ordered.values())


def _boundaries(nodes: Mapping[str, etree._Element]) -> dict[str, list[str]]:
    hosts: dict[str, list[str]] = defaultdict(list)
    for own, element in nodes.items():
        if _is_boundary(element):
            hosts[_referred(element.get("attachedToRef", ""))].append(own)
    return hosts


def _is_boundary(element: etree._Element) -> bool:
    return local(element) == "boundaryEvent"


def _shown(element: etree._Element, depth: int, lanes: Mapping[str, str]) -> Shown:
    own = element.get("id", "")
    return Shown(
        id=own,
        kind=local(element),
        name=_words(element.get("name", "")),
        line=line_of(element),
        depth=depth,
        lane=lanes.get(own, ""),
        details=tuple(_details(element)),
        attributes={str(name): str(text) for name, text in element.attrib.items()},
        extensions=_extensions(element),
    )


def _details(element: etree._Element) -> Iterator[str]:
    for child in element:
        name = local(child)
        if name.endswith(SUFFIX):
            yield name.removesuffix(SUFFIX)
        elif name in _MARKERS:
            yield _MARKERS[name]
    if element.get("triggeredByEvent") == "true":
        yield "starts by an event"
    if element.get("calledElement"):
        yield f"calls {element.get('calledElement')}"


def _extensions(element: etree._Element) -> str:
    found = element.find(f"{B}extensionElements")
    if found is None:
        return ""
    texts = (etree.tostring(child, encoding="unicode", with_tail=False) for child in found)
    return "\n".join(texts)


def _flow(element: etree._Element) -> Drawn:
    condition = element.find(f"{B}conditionExpression")
    return Drawn(
        id=element.get("id", ""),
        source=_referred(element.get("sourceRef", "")),
        target=_referred(element.get("targetRef", "")),
        name=_words(element.get("name", "")),
        condition=_words(condition.text or "") if condition is not None else "",
    )


def _diagrams(root: etree._Element) -> tuple[tuple[str, str], ...]:
    return tuple(
        (diagram.get("id", ""), _words(diagram.get("name", "")))
        for diagram in root.iterfind(f"{DI}BPMNDiagram")
        if diagram.find(f"{DI}BPMNPlane") is not None
    )


_SHAPES = NODE_KINDS | {
    "sequenceFlow",
    "messageFlow",
    "participant",
    "lane",
    "textAnnotation",
    "association",
    "dataObjectReference",
    "dataStoreReference",
    "group",
}


def _places(root: etree._Element) -> dict[str, str]:
    """The shape by id: the element itself, what it stands in, or the pool of its process."""
    pools = root.findall(f"{B}collaboration/{B}participant")
    holders = {_referred(pool.get("processRef", "")): pool.get("id", "") for pool in pools}
    shown: dict[etree._Element, str] = {}
    places: dict[str, str] = {}
    for element in root.iter(f"{B}*"):
        own, kind = element.get("id", ""), local(element)
        parent = element.getparent()
        around = shown.get(parent, "") if parent is not None else ""
        if kind == "process":
            around = holders.get(own, "")
        elif kind == "collaboration":
            around = pools[0].get("id", "") if pools else ""
        shown[element] = own if own and kind in _SHAPES else around
        if own and shown[element]:
            places.setdefault(own, shown[element])
    return places


_COUNTED = {
    "dataObjectReference": "data objects",
    "dataStoreReference": "data stores",
    "textAnnotation": "annotations",
    "group": "groups",
}


def _others(root: etree._Element) -> dict[str, int]:
    counted: dict[str, int] = {}
    for name, words in _COUNTED.items():
        if number := sum(1 for _ in root.iter(f"{B}{name}")):
            counted[words] = number
    return counted


def _words(text: str) -> str:
    return " ".join(text.split())
