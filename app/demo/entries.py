"""What people type, scan and tick in the story; numbers are those of the demo plant."""

from __future__ import annotations

from decimal import Decimal

from app.demo.photos import picture
from ebr.entry import Entry, File
from workflows.step import Step


def photo(name: str) -> File:
    """A photo as a camera would give it."""
    return File(name=f"{name}.png", media_type="image/png", data=picture(name))


def printout(name: str, text: str) -> File:
    """A printout of an instrument."""
    return File(name=f"{name}.txt", media_type="text/plain", data=text.encode())


def ticked(step: Step, **values: str | tuple[str, ...]) -> Entry:
    """All points of the step confirmed, with the photos it asks for, and these values."""
    return Entry(
        checks=tuple(point.code for point in step.checks),
        files={
            point.code: photo(f"{step.key}-{point.code}") for point in step.checks if point.photo
        },
        values=_texts(values),
    )


def typed(**values: str | tuple[str, ...]) -> Entry:
    """These values typed in."""
    return Entry(values=_texts(values))


def _texts(values: dict[str, str | tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    return {code: (text,) if isinstance(text, str) else text for code, text in values.items()}


def around(mean: str, count: int, decimals: int, spread: str) -> tuple[str, ...]:
    """`count` plausible single results whose mean is exactly `mean`."""
    middle, step = Decimal(mean), Decimal(spread)
    offsets = [Decimal(1), Decimal("-0.6"), Decimal("0.4"), Decimal("-0.8")]
    pairs = [offsets[place % 4] * step for place in range(count // 2)]
    found = [value for offset in pairs for value in (middle + offset, middle - offset)]
    if count % 2:
        found.append(middle)
    return tuple(f"{value:.{decimals}f}" for value in found)


def tablets(mass: str = "625.4", *, full: bool = False) -> dict[str, str | tuple[str, ...]]:
    """An in-process control of tablets: 20 masses, 10 hardness and thickness values."""
    found: dict[str, str | tuple[str, ...]] = {
        "appearance": "conforms",
        "mass": around(mass, 20, 1, "4.0"),
        "hardness": around("110", 10, 0, "5"),
        "thickness": around("4.70", 10, 2, "0.03"),
    }
    if full:
        found |= friability()
    return found


def friability() -> dict[str, str | tuple[str, ...]]:
    """Friability and disintegration."""
    return {
        "friability": "0.32",
        "broken": "0",
        "water": "37.0",
        "times": ("4.2", "4.5", "4.4", "4.8", "4.6", "4.9"),
    }


def slow(longest: str) -> tuple[str, ...]:
    """Disintegration times of six tablets, the slowest as told."""
    return tuple(f"{Decimal(longest) - step * Decimal('0.3'):.1f}" for step in range(6))


CERTIFICATE: dict[str, str | tuple[str, ...]] = {
    "analyst": "Ines Duarte",
    "approver": "Dr. Lars Holm",
    "identity": "conforms",
    "assay": "99.6",
    "dissolution": "92",
    "uniformity": "4.1",
    "aminophenol": "0.02",
    "tamc": "10",
    "tymc": "10",
    "coli": "absent",
}


def certificate(batch: str) -> dict[str, str | tuple[str, ...]]:
    """What the laboratory certifies of a batch that conforms."""
    return {"number": f"CoA-{batch.removeprefix('B-')}", **CERTIFICATE}
