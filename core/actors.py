"""Who acts: a person, or a service or device that acts by itself and never signs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    """People sign; services and devices only act (URS-IAM-010)."""

    PERSON = "person"
    SERVICE = "service"
    DEVICE = "device"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """The one who acts, as at the time of the act (URS-AUD-020).

    `id` is the badge of a person (``P-101``) or the name of a service (``worker``); `name` the
    printed name; `role` the role used for this act; `terminal` where it was done from.
    """

    kind: ActorKind
    id: str
    name: str
    role: str
    terminal: str = ""
    session: str = ""

    @classmethod
    def service(cls, name: str, *, trigger: str = "") -> Actor:
        """An automatic actor; `trigger` says what set it off, so that it is never just SYSTEM."""
        return cls(kind=ActorKind.SERVICE, id=name, name=name, role="service", terminal=trigger)
