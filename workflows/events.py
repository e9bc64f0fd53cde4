"""What happened to definitions."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionMadeEffective:
    """Batches start on this version from now on; `superseded` names the one before, if any."""

    name: str
    file_digest: str
    superseded: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionWithdrawn:
    """Nothing starts on this version any more."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TamperingFound:
    """A stored definition does not have the digest it was stored under (URS-MRC-070): alert."""

    file_digest: str
    used_by: tuple[str, ...]
