"""The diagrams of the shipped files can be shown: every shape and line, nothing on another."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from lxml import etree

FOLDER = Path(__file__).parents[3] / "workflows"
SPACES = {
    "bpmn": "http://www.omg.org/spec/BPMN/20100524/MODEL",
    "bpmndi": "http://www.omg.org/spec/BPMN/20100524/DI",
    "dc": "http://www.omg.org/spec/DD/20100524/DC",
    "di": "http://www.omg.org/spec/DD/20100524/DI",
}
FILES = pytest.mark.parametrize("file", sorted(FOLDER.glob("*/*.bpmn")), ids=lambda file: file.stem)
GAP = 8
"""So many pixels stay free between two shapes."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """Bounds of a shape or label."""

    x: float
    y: float
    width: float
    height: float

    def overlaps(self, other: Box, gap: float = 0) -> bool:
        """Whether the two are nearer than `gap`."""
        return (
            self.x < other.x + other.width + gap
            and other.x < self.x + self.width + gap
            and self.y < other.y + other.height + gap
            and other.y < self.y + self.height + gap
        )

    def on_border(self, point: Point) -> bool:
        """Whether a point lies on the border."""
        x, y = point
        across = self.x <= x <= self.x + self.width and y in (self.y, self.y + self.height)
        along = self.y <= y <= self.y + self.height and x in (self.x, self.x + self.width)
        return across or along


@dataclass
class Plane:
    """One diagram: its process element, shapes, labels and lines by BPMN id."""

    process: etree._Element
    shapes: dict[str, Box] = field(default_factory=dict)
    labels: dict[str, Box] = field(default_factory=dict)
    lines: dict[str, list[Point]] = field(default_factory=dict)

    def drawn(self, *names: str) -> dict[str, etree._Element]:
        """Elements of the process with these local names, by id."""
        return {
            str(element.get("id")): element
            for name in names
            for element in self.process.iterfind(f"bpmn:{name}", SPACES)
        }

    @property
    def boundaries(self) -> dict[str, str]:
        """Boundary events and the tasks they sit on."""
        events = self.drawn("boundaryEvent").items()
        return {event: str(element.get("attachedToRef")) for event, element in events}


@cache
def planes(file: Path) -> list[Plane]:
    """All diagrams of the file."""
    root = etree.parse(str(file)).getroot()
    processes = {p.get("id"): p for p in root.iterfind("bpmn:process", SPACES)}
    found = []
    for drawn in root.iterfind("bpmndi:BPMNDiagram/bpmndi:BPMNPlane", SPACES):
        plane = Plane(processes.pop(drawn.get("bpmnElement")))
        for item in drawn:
            _read(plane, item)
        found.append(plane)
    assert not processes, "a process without a diagram"
    return found


def _read(plane: Plane, item: etree._Element) -> None:
    name = str(item.get("bpmnElement"))
    bounds = item.find("dc:Bounds", SPACES)
    if bounds is not None:
        plane.shapes[name] = _box(bounds)
    points = item.findall("di:waypoint", SPACES)
    if points:
        plane.lines[name] = [(float(p.get("x", "")), float(p.get("y", ""))) for p in points]
    label = item.find("bpmndi:BPMNLabel/dc:Bounds", SPACES)
    if label is not None:
        plane.labels[name] = _box(label)


def _box(bounds: etree._Element) -> Box:
    x, y, width, height = (float(bounds.get(a, "")) for a in ("x", "y", "width", "height"))
    return Box(x, y, width, height)


@FILES
def test_every_element_has_its_place_in_the_diagram_of_its_process(file: Path) -> None:
    for plane in planes(file):
        elements = {str(e.get("id")) for e in plane.process if e.get("id")}
        assert set(plane.shapes) | set(plane.lines) == elements
        assert set(plane.lines) == set(plane.drawn("sequenceFlow"))


@FILES
def test_shapes_and_labels_keep_clear_of_each_other(file: Path) -> None:
    for plane in planes(file):
        free = {name: box for name, box in plane.shapes.items() if name not in plane.boundaries}
        for (one, first), (other, second) in combinations(free.items(), 2):
            assert not first.overlaps(second, GAP), f"{one} and {other}"
        for name, label in plane.labels.items():
            for other, box in free.items():
                assert not label.overlaps(box), f"label of {name} on {other}"
        for (one, first), (other, second) in combinations(plane.labels.items(), 2):
            assert not first.overlaps(second), f"labels of {one} and {other}"


@FILES
def test_boundary_events_sit_on_the_border_of_their_task(file: Path) -> None:
    for plane in planes(file):
        for event, host in plane.boundaries.items():
            box = plane.shapes[event]
            centre = (box.x + box.width / 2, box.y + box.height / 2)
            assert plane.shapes[host].on_border(centre), event


@FILES
def test_lines_are_square_and_dock_at_what_they_connect(file: Path) -> None:
    for plane in planes(file):
        for name, flow in plane.drawn("sequenceFlow").items():
            points = plane.lines[name]
            assert plane.shapes[str(flow.get("sourceRef"))].on_border(points[0]), name
            assert plane.shapes[str(flow.get("targetRef"))].on_border(points[-1]), name
            assert all(a[0] == b[0] or a[1] == b[1] for a, b in pairwise(points)), name


@FILES
def test_no_line_runs_through_a_shape(file: Path) -> None:
    for plane in planes(file):
        for name, flow in plane.drawn("sequenceFlow").items():
            ends = {str(flow.get("sourceRef")), str(flow.get("targetRef"))}
            hosts = {plane.boundaries.get(end) for end in ends}
            for one, other in pairwise(plane.lines[name]):
                left, right = sorted((one[0], other[0]))
                top, bottom = sorted((one[1], other[1]))
                segment = Box(left, top, right - left, bottom - top)
                met = {shape for shape, box in plane.shapes.items() if segment.overlaps(box)}
                assert not met - ends - hosts, f"{name} runs through {met - ends - hosts}"


@FILES
def test_gateways_that_decide_and_their_ways_have_words(file: Path) -> None:
    for plane in planes(file):
        for gateway, element in plane.drawn("exclusiveGateway").items():
            ways = [
                flow
                for flow in plane.drawn("sequenceFlow").values()
                if flow.get("sourceRef") == gateway
            ]
            if len(ways) > 1:
                assert element.get("name"), gateway
                assert all(flow.get("name") for flow in ways), gateway
