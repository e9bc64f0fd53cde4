"""What a file holds as far as it could be read, and where it departs from what we execute."""

from __future__ import annotations

from dataclasses import dataclass, field

from workflows.errors import Finding
from workflows.model import Level
from workflows.recipe import Header

IMPLIED = ">"
"""Stands in the ids of what the drawing implies; no id of a file can hold it."""


@dataclass(slots=True)
class Drawn:
    """What a file holds: its header and levels as far as they could be read, and all findings."""

    headers: list[Header] = field(default_factory=list)
    entries: list[str] = field(default_factory=list)
    levels: list[Level] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def drawn_id(model_id: str) -> str:
    """The id in the file that an id of the model stands for."""
    return model_id.partition(IMPLIED)[0]
