"""Small `bw:` elements that complete a BPMN node; they dissolve into the typed model."""

from __future__ import annotations

from dataclasses import dataclass

from workflows.words import Isa88, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelMark:
    """On a process: its ISA-88 level; `entry` marks the one that runs first."""

    isa88: Isa88
    entry: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundsMark:
    """On a backward flow or a repeating call activity: how many rounds at most."""

    maximum: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneMark:
    """On a lane: the role that performs the steps in it."""

    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventMark:
    """On an event: severity, how long its condition must hold, how far its name reaches."""

    severity: Severity | None = None
    sustained: str | None = None
    plant_wide: bool = False
    correlation: str | None = None
