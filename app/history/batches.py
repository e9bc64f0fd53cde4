"""The past batches as a table: when each was made, and what was particular about it.

Demonstration plant, section 11. Masses in kg, times in minutes, days before S.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.demo.script import LossOnDrying, Script
from app.history import supply

FIRST, LAST = 2017, 2038
EARLIEST, LATEST = 112.0, 6.0
"""Days before S on which the first and the last past batch are made."""
FULL_DRUM = Decimal("16.30")
DRUMS = 6
SIEVE_TO_BLEND = Decimal("2.89")
"""3.000 kg of outside phase, less 0.05 kg sample and 0.06 kg residue."""
LEFT_IN_PRESS = Decimal("0.04")
MASSES = (
    "624.6", "625.3", "624.8", "625.2", "624.5", "625.4", "624.9", "624.7", "625.1", "624.4",
    "625.2", "624.8", "624.6", "625.6", "625.9", "625.3", "626.1", "625.5", "625.8", "626.4",
    "625.7", "624.8", "625.2", "624.9", "625.1",
)  # fmt: skip
"""Mean tablet mass (mg) from B-2017 on; B-2030 to B-2037 lie above the centre of 625.0."""
GRANULES = (
    "96.18", "96.31", "96.05", "96.24", "95.92", "96.37", "96.12", "96.29", "96.20", "96.08",
    "96.33", "96.15", "96.21", "96.02", "96.27", "96.11", "96.35", "96.19", "96.23", "96.07",
    "96.21", "96.30", "96.16", "96.25", "96.18",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDeviation:
    """A deviation that the supervisor opens on an exception, and how the quality unit closes it."""

    title: str
    exception: str
    """The type of the exception it belongs to."""
    conclusion: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PastBatch:
    """One batch of the past: `days` before S it is begun."""

    number: int
    days: float
    script: Script
    deviation: PastDeviation | None = None

    @property
    def name(self) -> str:
        """Its batch number."""
        return f"B-{self.number}"


def again(first: str, second: str) -> tuple[LossOnDrying, ...]:
    """Too moist at first, dried again."""
    return (LossOnDrying(first=first, second=second), LossOnDrying(first="1.90", second="1.86"))


PARTICULAR: dict[int, dict[str, Any]] = {
    2023: {"lod": again("2.58", "2.62")},
    2024: {"press_stops": 6},
    2026: {
        "end_disintegration": "17.0",
        "rejected_because": "disintegration 17.0 min, registered limit 15 min",
        "told": {"out_of_limit": "repeated with six more tablets, the same result"},
        "judged": {"out_of_limit": "registered limit not met, the batch is rejected"},
    },
    2029: {"typed_weight": "D100"},
    2031: {"lod": again("2.68", "2.72")},
    2033: {"cut_seconds": 95},
    2034: {"press_stops": 9},
    2036: {"late_verification": 24},
    2037: {
        "waste": "2.21",
        "told": {"out_of_limit": "blend spilled at the feed frame, collected and weighed as waste"},
        "judged": {"out_of_limit": "loss is explained and weighed, tablets are not affected"},
    },
    2038: {"lod": again("2.57", "2.63")},
}
DEVIATIONS = {
    2026: PastDeviation(
        title="", exception="out_of_limit", conclusion="batch rejected; compression force reviewed"
    ),
    2029: PastDeviation(
        title="Weight of povidone typed, line to WGH-02 down",
        exception="manual_value",
        conclusion="plug of WGH-02 replaced, weight agrees with the balance of the lot",
    ),
    2033: PastDeviation(
        title="Line to the dryer lost for 95 s",
        exception="data_gap",
        conclusion="switch port replaced; temperatures before and after the gap agree",
    ),
    2036: PastDeviation(
        title="Charging of magnesium stearate verified late",
        exception="late_verification",
        conclusion="second person now stays until the step is signed; trained again",
    ),
    2037: PastDeviation(
        title="Tablet yield 95.60 %, acceptance from 96.0 %",
        exception="out_of_limit",
        conclusion="feed frame guard refitted; waste weighed, accountability in order",
    ),
}
"""The one without a title is opened by the system, because its exception is critical."""


def plain(number: int, **particular: Any) -> Script:
    """The script of a batch; what is particular replaces what is usual."""
    place = number - FIRST
    granules, mass = Decimal(GRANULES[place]), MASSES[place]
    blend = granules + SIEVE_TO_BLEND
    waste = Decimal(particular.get("waste", "0.29"))
    net = blend - Decimal("0.81") - Decimal("0.33") - waste - LEFT_IN_PRESS
    usual: dict[str, Any] = {
        "order": f"PO-{7700 + place}",
        "weighings": supply.weighings(number),
        "granules": f"{granules}",
        "blend": f"{blend}",
        "drums": drums(net),
        "full_mass": mass,
        "control_mass": mass,
    }
    return Script(**(usual | particular))


def drums(net: Decimal) -> tuple[str, ...]:
    """Six drums that hold the tablets, five of them full."""
    full = min(FULL_DRUM, (net / DRUMS).quantize(Decimal("0.01")))
    return (*[f"{full}"] * (DRUMS - 1), f"{net - full * (DRUMS - 1)}")


def past(number: int) -> PastBatch:
    """One of the 22 past batches."""
    share = (number - FIRST) / (LAST - FIRST)
    return PastBatch(
        number=number,
        days=EARLIEST - share * (EARLIEST - LATEST),
        script=plain(number, **PARTICULAR.get(number, {})),
        deviation=DEVIATIONS.get(number),
    )


BATCHES: tuple[PastBatch, ...] = tuple(past(number) for number in range(FIRST, LAST + 1))
