"""What every conformance model is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.bpmn import escalation, message, signal, step, task, timer
from tests.support.moving import Move

FLAGS = "".join(f'<bw:parameter code="b{n}" dataType="boolean"/>' for n in range(3))


CHOICE = (
    '<bw:parameter code="lot" dataType="choice"><bw:choice value="L1"/><bw:choice value="L2"/>'
    "</bw:parameter>"
)


@dataclass(frozen=True)
class Model:
    """A procedure, what happens in it, and the values that the record would know.

    `opened` are the steps that must have become ready, in order; `state` is that of the run after
    the last move.
    """

    data: bytes
    moves: list[Move]
    values: Mapping[str, Any] = field(default_factory=dict)
    opened: tuple[str, ...] = ()
    state: str = "complete"


def done(*paths: str) -> list[Move]:
    """Steps of the entry level by their key and ordinal, or of any level by their path."""
    return [("complete", f"PROC/{path}") for path in paths]


def opened(*paths: str) -> tuple[str, ...]:
    """Paths below the entry level."""
    return tuple(f"PROC/{path}" for path in paths)


def keyed(name: str, parameters: str) -> str:
    """A step that enters values which decide the way."""
    return task(name, step(name, parameters, kind="entry"))


ROOTS = (
    message("msg", "call"),
    signal("sig", "spill"),
    escalation("esc", "slow"),
    escalation("esc2", "stop"),
)


DATE = timer("date", "2026-03-02T06:30:00Z")
