"""What changed between two versions, as typed lines for reviewers (URS-MRC-020).

Compared is the typed model, so a moved shape is no change and a changed limit is exactly one line.
Things are matched by their stable name (step key, parameter code, tier, BPMN id), never by their
place in the file.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from workflows.digests import content
from workflows.model import Procedure, StepTask
from workflows.step import Step

NAMES = ("key", "id", "code", "tier", "lang", "name", "tag", "requirement", "file", "template")
CODE = re.compile(r"[a-z]+(?:_[a-z0-9]+)+")
"""A code of the model, such as ``performed_verified``; shown as its words."""


class Weight(StrEnum):
    """How much a reviewer should care about a line."""

    CRITICAL = "critical"
    """The step or the parameter is critical in either version."""
    MAJOR = "major"
    """The way through the recipe changes: a step, a flow, its condition, an event, the rounds."""
    MINOR = "minor"


class Change(StrEnum):
    """What happened to a thing or a field."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One line: where (a path of names), what, the value before and after as text.

    `step` is the key of the step it belongs to, empty for header and flow.
    """

    path: str
    change: Change
    before: str | None = None
    after: str | None = None
    step: str = ""
    weight: Weight = Weight.MINOR

    @property
    def critical(self) -> bool:
        """Whether the step or the parameter is critical in either version."""
        return self.weight is Weight.CRITICAL


def differences(before: Procedure, after: Procedure) -> list[Difference]:
    """Every difference of content, in the order of the new version, removed things last."""
    found = [
        Difference(path=path, change=change, before=old, after=new)
        for path, change, old, new in _compare("", content(before), content(after))
    ]
    places = _steps_by_place(before) | _steps_by_place(after)
    return [_with_step(line, places, before, after) for line in found]


def _compare(path: str, old: Any, new: Any) -> Iterator[tuple[str, Change, str | None, str | None]]:
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict) and old.get("is") == new.get("is"):
        yield from _fields(path, old, new)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _fields(path, _by_name(old), _by_name(new))
    else:
        yield path, Change.CHANGED, _text(old), _text(new)


def _fields(
    path: str, old: dict[str, Any], new: dict[str, Any]
) -> Iterator[tuple[str, Change, str | None, str | None]]:
    for name in [*new, *(name for name in old if name not in new)]:
        place = f"{path}/{name}" if path else name
        if name not in old:
            yield place, Change.ADDED, None, _text(new[name])
        elif name not in new:
            yield place, Change.REMOVED, _text(old[name]), None
        else:
            yield from _compare(place, old[name], new[name])


def _by_name(items: list[Any]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for index, item in enumerate(items):
        name = _name_of(item) or str(index + 1)
        while name in named:
            name += "'"
        named[name] = item
    return named


def _name_of(item: Any) -> str | None:
    if not isinstance(item, dict):
        return None
    found = next((str(item[name]) for name in NAMES if name in item), None)
    return f"{found} {item['act']}" if found and "act" in item else found


def _text(value: Any) -> str:
    """A whole thing in one line, for what was added, removed or replaced; codes as words."""
    if isinstance(value, dict):
        parts = [f"{_words(name)} {_text(part)}" for name, part in value.items() if name != "is"]
        return ", ".join(parts)
    if isinstance(value, list):
        return "; ".join(_text(part) for part in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _words(str(value))


def _words(text: str) -> str:
    return text.replace("_", " ") if CODE.fullmatch(text) else text


def _steps_by_place(procedure: Procedure) -> dict[str, str]:
    return {
        f"levels/{level.id}/nodes/{node.id}": node.step.key
        for level in procedure.levels
        for node in level.nodes
        if isinstance(node, StepTask)
    }


def _with_step(
    line: Difference, places: dict[str, str], before: Procedure, after: Procedure
) -> Difference:
    place = "/".join(line.path.split("/")[:4])
    key = places.get(place, "")
    critical = any(
        _is_critical(step, line.path)
        for procedure in (before, after)
        for step in procedure.steps()
        if step.key == key
    )
    weight = Weight.CRITICAL if critical else Weight.MAJOR if _way(line) else Weight.MINOR
    return dataclasses.replace(line, step=key, weight=weight)


def _way(line: Difference) -> bool:
    """Whether the line changes which steps are executed, in which order or how often."""
    parts = line.path.split("/")
    if parts[0] != "levels":
        return parts[0] == "entry"
    if parts[2:3] == ["nodes"]:
        return len(parts) == 4 or parts[4] not in ("step", "name", "severity")
    return len(parts) == 2 or (parts[2] == "flows" and parts[4:] != ["name"])


def _is_critical(step: Step, path: str) -> bool:
    parts = path.split("/")
    codes = {parameter.code for parameter in step.parameters if parameter.critical}
    touched = "parameters" in parts and bool(codes & set(parts))
    return step.critical or touched
