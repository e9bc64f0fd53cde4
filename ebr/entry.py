"""What comes in with the performance of a step: typed values, device readings, scans, files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A value that a device gave before the transaction; `source` is its whole provenance."""

    text: str
    number: Decimal | None
    unit: str | None
    quality: str
    source: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file to attach, as uploaded or made."""

    name: str
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Everything that one performance of a step gives.

    `values` are texts exactly as typed, by parameter code, one per replicate; `measured` come
    from devices; `not_applicable` holds a reason by code; `checks` are the confirmed points;
    `scans` the codes in order; `units` the chosen equipment by requirement.
    """

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    measured: Mapping[str, tuple[Measured, ...]] = field(default_factory=dict)
    not_applicable: Mapping[str, str] = field(default_factory=dict)
    checks: tuple[str, ...] = ()
    scans: tuple[str, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, File] = field(default_factory=dict)
    comment: str = ""
    reason: str = ""


NOTHING = Entry()
