"""Stand-ins for what a file lacks, so that one reading finds everything that is wrong with it.

A task without a step, a process without a level, an element that we do not execute: each is named
by the strict reading, which then leaves it out, and with it whatever hangs on it. Here a copy of
the file gets a stand-in in each of these places and is read once more. What is found then, and does
not concern a stand-in, is wrong in the file as well. Nothing of the copy is kept (URS-MRC-040).
"""

from __future__ import annotations

import copy
import dataclasses
import re
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from workflows import whitelist
from workflows.bpmn import read_definitions
from workflows.errors import Finding
from workflows.foreign.outline import CONTAINERS, B, local, nodes_within
from workflows.model import Level, Procedure
from workflows.profile import check_profile
from workflows.schema.definition import NAMESPACE

BW = f"{{{NAMESPACE}}}"
TOKEN_CHECK = frozenset({"flow.deadlock", "flow.doubled", "flow.too_complex"})
SAID_BY_THE_FILE = (
    "bpmn.",
    "extension.",
    "schema.",
    "step.missing",
    "call.target",
    "event.",
    "timer.",
)
"""Codes of the strict reading: a stand-in never gives rise to them."""
_LOST_NAME = re.compile(r": ([A-Za-z][A-Za-z0-9_]*)\.\S+ is not a declared name")


def further_findings(root: etree._Element) -> list[Finding]:
    """What one strict reading cannot see because something before it was refused.

    May repeat findings of that reading; the caller takes each once.
    """
    work = _Completion(copy.deepcopy(root))
    work.complete_processes()
    headed = read_definitions(work.root)
    work.complete_nodes(_ids(headed.levels))
    drawn = read_definitions(work.root)
    found = [*headed.findings, *drawn.findings]
    if len(drawn.headers) == 1 and len(drawn.entries) == 1:
        header, entry, levels = drawn.headers[0], drawn.entries[0], tuple(drawn.levels)
        for each in dict.fromkeys((levels, _connected(levels))):
            procedure = Procedure(header=header, entry=entry, levels=each)
            found += check_profile(procedure, drawn.lines)
    return [finding for finding in found if work.concerns_the_file(finding)]


def _connected(levels: tuple[Level, ...]) -> tuple[Level, ...]:
    """The levels without flows that lack an end: with one of them nothing else of it is checked."""
    connected = []
    for level in levels:
        known = {node.id for node in level.nodes}
        flows = tuple(flow for flow in level.flows if {flow.source, flow.target} <= known)
        connected.append(dataclasses.replace(level, flows=flows))
    return tuple(connected)


def _ids(value: Any) -> set[str]:
    """Every id of the typed model: what the strict reading has understood."""
    found: set[str] = set()
    waiting = [value]
    while waiting:
        at = waiting.pop()
        if isinstance(at, (list, tuple)):
            waiting.extend(at)
        elif dataclasses.is_dataclass(at) and not isinstance(at, type):
            found.add(getattr(at, "id", ""))
            waiting.extend(getattr(at, each.name) for each in dataclasses.fields(at))
    return found


@dataclass(slots=True)
class _Completion:
    root: etree._Element
    stand_ins: set[str] = field(default_factory=set)
    """Elements whose place in the flow is another one once they are drawn as we execute them."""
    steps: set[str] = field(default_factory=set)
    """Tasks with a made-up step: what is said on their place in the flow holds all the same."""
    flows: set[str] = field(default_factory=set)
    """Flows at a stand-in."""
    lost: set[str] = field(default_factory=set)
    """Keys of steps that could not be read: what refers to them may be right."""
    guessed_gateway: bool = False

    def concerns_the_file(self, finding: Finding) -> bool:
        """Whether the finding would stand if every stand-in were what it stands for."""
        code = finding.code
        if code in TOKEN_CHECK and self.guessed_gateway:
            return False
        if code == "expression.name":
            name = _LOST_NAME.search(finding.message)
            return name is None or name[1] not in self.lost
        if finding.element in self.stand_ins:
            return code.startswith(SAID_BY_THE_FILE)
        if finding.element in self.steps:
            return code.startswith((*SAID_BY_THE_FILE, "flow.", "level.", "boundary."))
        return finding.element not in self.flows or code.startswith(("expression.", "flow.end"))

    def complete_processes(self) -> None:
        """Id, level, one header and one entry, where the file has others or none."""
        processes = self.root.findall(f"{B}process")
        known = _ids(read_definitions(self.root).levels)
        for number, process in enumerate(processes, start=1):
            if not process.get("id"):
                process.set("id", f"process{number}")
                self.stand_ins.add(f"process{number}")
            if process.get("id") not in known:
                _replace_mark(process, "level", isa88="operation")
        if processes:
            self._complete_header(processes)

    def complete_nodes(self, understood: set[str]) -> None:
        """A stand-in for each node that the reading has not understood."""
        for number, process in enumerate(self.root.iterfind(f"{B}process"), start=1):
            for container in (process, *self._inner(process)):
                for index, node in enumerate(list(nodes_within(container))):
                    if node.get("id") not in understood:
                        self._stand_in(node, f"process{number}node{index}")
        for flow in self.root.iter(f"{B}sequenceFlow"):
            if {flow.get("sourceRef"), flow.get("targetRef")} & self.stand_ins:
                self.flows.add(flow.get("id", ""))

    def _inner(self, process: etree._Element) -> list[etree._Element]:
        """Subprocesses within; those of a kind that we do not execute become plain ones."""
        if "subProcess" not in whitelist.NODES:
            return []
        found = [each for name in sorted(CONTAINERS) for each in process.iter(f"{B}{name}")]
        for each in found:
            each.tag = f"{B}subProcess"
        return found

    def _stand_in(self, node: etree._Element, spare: str) -> None:
        kind, own = local(node), node.get("id", "") or spare
        self.lost |= {step.get("key", "") for step in node.iter(f"{BW}step")}
        self.guessed_gateway |= kind.endswith("Gateway")
        placed = kind.endswith("Gateway") or kind == "boundaryEvent" or _stands_apart(node)
        (self.stand_ins if placed else self.steps).add(own)
        keep = {name: text for name in ("attachedToRef",) if (text := node.get(name))}
        tail = node.tail
        node.clear()
        node.tail = tail
        node.set("id", own)
        for name, text in keep.items():
            node.set(name, text)
        _become(node, kind, key=f"standin{len(self.steps)}")

    def _complete_header(self, processes: list[etree._Element]) -> None:
        called = {call.get("calledElement") for call in self.root.iter(f"{B}callActivity")}
        uncalled = [each for each in processes if each.get("id") not in called]
        marked = [each for each in processes if _is_entry(each)]
        headed = [each for each in processes if _mark(each, "recipe") is not None]
        entry = (marked or headed or uncalled or processes)[0]
        for process in processes:
            level = _mark(process, "level")
            if level is not None and level.get("entry") is not None:
                del level.attrib["entry"]
        level = _mark(entry, "level")
        if level is not None:
            level.set("entry", "true")
        if len(headed) != 1 or headed[0] is not entry or not _has_header(self.root, entry):
            for process in headed:
                _remove_mark(process, "recipe")
            _replace_mark(entry, "recipe", code="X", title="X", category="procedure")


def _stands_apart(node: etree._Element) -> bool:
    """Whether no flow leads through the node: an event subprocess, a compensation handler."""
    return node.get("triggeredByEvent") == "true" or node.get("isForCompensation") == "true"


def _has_header(root: etree._Element, process: etree._Element) -> bool:
    """Whether the header of this process can be read as it stands."""
    return len(read_definitions(_only(root, process)).headers) == 1


def _only(root: etree._Element, process: etree._Element) -> etree._Element:
    """A file with nothing but the extension elements of one process."""
    alone = etree.Element(root.tag)
    part = etree.SubElement(alone, process.tag, {"id": "P", "isExecutable": "true"})
    part.extend(copy.deepcopy(process.findall(f"{B}extensionElements")))
    return alone


def _become(node: etree._Element, kind: str, *, key: str) -> None:
    """Turn an emptied node into the simplest one that stands in the same place of the flow."""
    if kind in ("startEvent", "endEvent"):
        return
    if kind == "boundaryEvent":
        timer = etree.SubElement(node, f"{B}timerEventDefinition")
        etree.SubElement(timer, f"{B}timeDuration").text = "PT1H"
        return
    if kind.endswith("Gateway"):
        node.tag = f"{B}parallelGateway"
        return
    node.tag = f"{B}userTask"
    holder = etree.SubElement(node, f"{B}extensionElements")
    step = etree.SubElement(holder, f"{BW}step", {"key": key, "kind": "instruction", "role": "OP"})
    etree.SubElement(step, f"{BW}signature", {"mode": "none"})


def _mark(process: etree._Element, name: str) -> etree._Element | None:
    return process.find(f"{B}extensionElements/{BW}{name}")


def _is_entry(process: etree._Element) -> bool:
    level = _mark(process, "level")
    return level is not None and level.get("entry") == "true"


def _remove_mark(process: etree._Element, name: str) -> None:
    for holder in process.findall(f"{B}extensionElements"):
        for found in holder.findall(f"{BW}{name}"):
            holder.remove(found)


def _replace_mark(process: etree._Element, name: str, **attributes: str) -> None:
    _remove_mark(process, name)
    holder = process.find(f"{B}extensionElements")
    if holder is None:
        holder = etree.Element(f"{B}extensionElements")
        process.insert(0, holder)
    etree.SubElement(holder, f"{BW}{name}", attributes)
