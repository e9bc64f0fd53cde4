"""The diagrams of a definition as they were drawn and signed, for paper.

A drawing that is wider than a page is cut into strips that are read one below the other, like the
lines of a text, beside the shapes where that can be. Lengths here are those of the drawing,
so floats will do: no quantity of the record depends on them.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import hypot

from lxml import etree
from markupsafe import Markup, escape

from workflows.safexml import read_xml
from workflows.whitelist import DIAGRAM

DC = "http://www.omg.org/spec/DD/20100524/DC"
DD = "http://www.omg.org/spec/DD/20100524/DI"
STRIP = 1000.0
"""Width of a strip; the text of a task is then printed in about six points."""
MARGIN = 14.0
LETTER = 5.9
LINE = 13.0
INK, SOFT = "#14191d", "#4a555e"
SIGNS = {"exclusiveGateway": "×", "parallelGateway": "+", "inclusiveGateway": "○",
         "eventBasedGateway": "◇"}  # fmt: skip
FRAMES = frozenset({"subProcess", "lane", "participant", "textAnnotation", "group"})
"""Drawn around other things, or beside them: the name stands in the upper corner."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of the drawing."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.x + self.width

    @property
    def foot(self) -> float:
        """Its lower edge."""
        return self.y + self.height

    @property
    def middle(self) -> tuple[float, float]:
        """Its centre."""
        return self.x + self.width / 2, self.y + self.height / 2


def pictures(data: bytes, tables: Mapping[str, str]) -> dict[str, Markup]:
    """The drawing of each process that `tables` names, by the name given to it there.

    Raises DefinitionRefused for what is no XML of ours; a process without a drawing has none.
    """
    root = read_xml(data)
    named = {str(each.get("id")): each for each in root.iter() if each.get("id")}
    found = {}
    for plane in root.iter(f"{{{DIAGRAM}}}BPMNPlane"):
        name = tables.get(plane.get("bpmnElement", ""))
        if name is not None and (drawn := _plane(plane, named)):
            found[name] = drawn
    return found


def _plane(plane: etree._Element, named: Mapping[str, etree._Element]) -> Markup:
    shapes = list(plane.iter(f"{{{DIAGRAM}}}BPMNShape"))
    edges = list(plane.iter(f"{{{DIAGRAM}}}BPMNEdge"))
    boxes = [box for shape in [*shapes, *edges] for box in _boxes(shape)]
    if not boxes:
        return Markup("")
    # Frames first, so that what lies inside them is drawn over them.
    frames = [each for each in shapes if _is_frame(each, named)]
    others = [each for each in shapes if not _is_frame(each, named)]
    marks = [mark for shape in [*frames, *others] for mark in _shape(shape, named)]
    marks += [mark for edge in edges for mark in _edge(edge, named)]
    solid = [box for shape in others for box in _boxes(shape)]
    return _strips("".join(marks), _around(boxes), solid)


def _is_frame(shape: etree._Element, named: Mapping[str, etree._Element]) -> bool:
    return _tag(named.get(shape.get("bpmnElement", ""))) in FRAMES


def _around(boxes: Sequence[Box]) -> Box:
    left, top = min(box.x for box in boxes), min(box.y for box in boxes)
    right, foot = max(box.right for box in boxes), max(box.foot for box in boxes)
    return Box(left - MARGIN, top - MARGIN, right - left + 2 * MARGIN, foot - top + 2 * MARGIN)


def _strips(inside: str, whole: Box, solid: Sequence[Box]) -> Markup:
    """The drawing cut into strips of one scale, each as a picture of its own."""
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="strip" role="img" font-size="11"'
        f' viewBox="{start:.0f} {whole.y:.0f} {end - start:.0f} {whole.height:.0f}"'
        f' style="width:{100 * (end - start) / STRIP:.1f}%">{inside}</svg>'
        for start, end in _cuts(whole, solid)
    ]
    return Markup("".join(drawn))  # noqa: S704 - every text in the marks is escaped


def _cuts(whole: Box, solid: Sequence[Box]) -> Iterator[tuple[float, float]]:
    """From where to where each strip goes: beside the shapes where there is room, else through."""
    start = whole.x
    while whole.right - start > STRIP:
        end = start + STRIP
        crossed = [box.x for box in solid if box.x < end < box.right]
        beside = min(crossed, default=end) - 4 if crossed else end
        end = beside if beside > start + STRIP / 2 else end
        yield start, end
        start = end
    yield start, whole.right


def _boxes(drawn: etree._Element) -> Iterator[Box]:
    """Every rectangle and point of a shape or an edge, labels included."""
    for bounds in drawn.iter(f"{{{DC}}}Bounds"):
        yield _box(bounds)
    for x, y in _points(drawn):
        yield Box(x, y, 0.0, 0.0)


def _box(bounds: etree._Element) -> Box:
    x, y, width, height = (float(bounds.get(key, "0")) for key in ("x", "y", "width", "height"))
    return Box(x, y, width, height)


def _points(edge: etree._Element) -> list[tuple[float, float]]:
    return [
        (float(point.get("x", "0")), float(point.get("y", "0")))
        for point in edge.iter(f"{{{DD}}}waypoint")
    ]


def _tag(element: etree._Element | None) -> str:
    return "" if element is None else etree.QName(element).localname


def _shape(shape: etree._Element, named: Mapping[str, etree._Element]) -> Iterator[str]:
    bounds = shape.find(f"{{{DC}}}Bounds")
    element = named.get(shape.get("bpmnElement", ""))
    if bounds is None:
        return
    tag, box = _tag(element), _box(bounds)
    name = "" if element is None else element.get("name", "")
    if tag.endswith("Event"):
        yield from _circle(tag, box)
        yield from _label(shape, name)
    elif tag.endswith("Gateway"):
        yield from _diamond(tag, box)
        yield from _label(shape, name)
    elif tag in FRAMES:
        yield _rectangle(box, fill="none", stroke=SOFT, width=0.8)
        yield from _text(name, box.x + 8, box.y + LINE + 2, box.width, anchor="start")
    else:
        yield _rectangle(box, fill="#ffffff", width=2.2 if tag == "callActivity" else 1.1)
        yield from _inside(name, box)


def _rectangle(box: Box, *, fill: str, stroke: str = INK, width: float) -> str:
    return (
        f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}"'
        f' rx="8" fill="{fill}" stroke="{stroke}" stroke-width="{width}"/>'
    )


def _circle(tag: str, box: Box) -> Iterator[str]:
    (x, y), radius = box.middle, box.width / 2
    width = 3.0 if tag == "endEvent" else 1.2
    form = f'cx="{x:.1f}" cy="{y:.1f}" fill="#ffffff" stroke="{INK}"'
    yield f'<circle {form} r="{radius:.1f}" stroke-width="{width}"/>'
    if tag not in ("startEvent", "endEvent"):
        yield f'<circle {form} r="{radius - 3:.1f}" stroke-width="1"/>'


def _diamond(tag: str, box: Box) -> Iterator[str]:
    x, y = box.middle
    corners = (
        f"{x:.1f},{box.y:.1f} {box.right:.1f},{y:.1f} {x:.1f},{box.foot:.1f} {box.x:.1f},{y:.1f}"
    )
    yield f'<polygon points="{corners}" fill="#ffffff" stroke="{INK}" stroke-width="1.2"/>'
    if tag in SIGNS:
        yield (
            f'<text x="{x:.1f}" y="{y + 7:.1f}" text-anchor="middle" font-size="20"'
            f' font-weight="700" fill="{INK}">{SIGNS[tag]}</text>'
        )


def _label(drawn: etree._Element, name: str) -> Iterator[str]:
    """A name where the drawing puts it; one without a place stands nowhere else."""
    place = drawn.find(f"{{{DIAGRAM}}}BPMNLabel/{{{DC}}}Bounds")
    if place is not None and name:
        box = _box(place)
        yield from _text(name, box.middle[0], box.y + LINE - 3, max(box.width, 60), anchor="middle")


def _inside(name: str, box: Box) -> Iterator[str]:
    """A name in the middle of its box."""
    x, y = box.middle
    count = len(_wrapped(name, box.width - 10))
    yield from _text(name, x, y + 4 - (count - 1) * LINE / 2, box.width - 10, anchor="middle")


def _wrapped(text: str, width: float) -> list[str]:
    return textwrap.wrap(text, max(6, int(width / LETTER)))


def _text(text: str, x: float, y: float, width: float, *, anchor: str) -> Iterator[str]:
    for number, line in enumerate(_wrapped(text, width)):
        yield (
            f'<text x="{x:.1f}" y="{y + number * LINE:.1f}" text-anchor="{anchor}" fill="{INK}">'
            f"{escape(line)}</text>"
        )


def _edge(edge: etree._Element, named: Mapping[str, etree._Element]) -> Iterator[str]:
    points = _points(edge)
    if len(points) < 2:
        return
    element = named.get(edge.get("bpmnElement", ""))
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    yield f'<polyline points="{line}" fill="none" stroke="{INK}" stroke-width="1.1"/>'
    yield _arrow(points[-2], points[-1])
    yield from _label(edge, "" if element is None else element.get("name", ""))


def _arrow(before: tuple[float, float], end: tuple[float, float]) -> str:
    """The head at the end of a line."""
    dx, dy = end[0] - before[0], end[1] - before[1]
    length = hypot(dx, dy) or 1.0
    dx, dy = dx / length, dy / length
    back = end[0] - 9 * dx, end[1] - 9 * dy
    corners = [end, (back[0] - 4 * dy, back[1] + 4 * dx), (back[0] + 4 * dy, back[1] - 4 * dx)]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    return f'<polygon points="{points}" fill="{INK}"/>'
