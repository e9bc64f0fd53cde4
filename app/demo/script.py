"""What is particular about one batch; the scenes are the same for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighing:
    """One container to weigh: from which lot, on which scale, how much, into which tare (kg)."""

    key: str
    lot: str
    scale: str
    net: str
    tare: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LossOnDrying:
    """Two determinations in percent; `misread` is what is first typed for the second one, and
    corrected against the printout."""

    first: str
    second: str
    misread: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A batch as it goes: a plain one unless told otherwise. Masses in kg, times in minutes."""

    order: str
    weighings: tuple[Weighing, ...]
    lod: tuple[LossOnDrying, ...] = (LossOnDrying(first="1.92", second="1.88"),)
    """One per round; a mean above 2.5 % means drying 10 min more."""
    granules: str = "96.21"
    blend: str = "99.10"
    drums: tuple[str, ...] = ("16.30", "16.30", "16.30", "16.30", "16.30", "16.13")
    rejects: str = "0.81"
    samples: str = "0.33"
    waste: str = "0.29"
    full_mass: str = "625.4"
    """Mean mass in mg of the tablets of a full in-process control."""
    control_mass: str = "625.4"
    """The same of the controls every 15 min."""
    control_masses: Mapping[int, str] = field(default_factory=dict)
    """Controls, by their number in the run, that differ."""
    refusals: bool = False
    """The four attempts that must be refused are made."""
    typed_weight: str | None = None
    """The step whose scale is off line, so that its weights are typed."""
    wet_mass_waits: float = 0
    """How long the wet mass stands before it is dried, beside what discharge takes."""
    cut_seconds: float = 0
    """For how long the line to the dryer is cut."""
    late_verification: float = 0
    """How long the second person keeps B040 waiting."""
    press_stops: float = 0
    """For how long the press stands in the middle of the run."""
    end_disintegration: str | None = None
    """Slowest of the six tablets at the end of the run, in minutes, when it is out of limits."""
    told: Mapping[str, str] = field(default_factory=dict)
    """What the supervisor writes about an exception of a type, where it is not the usual."""
    judged: Mapping[str, str] = field(default_factory=dict)
    """What the quality unit writes about an exception of a type, where it is not the usual."""
    rejected_because: str | None = None
    """Why the quality unit rejects the batch; its exceptions are then not accepted."""
