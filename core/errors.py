"""Errors that speak to a person: what happened, why, who can resolve it.

A `Refusal` is the answer to a request that a rule forbids: nothing was changed. Each subclass
names its rule; the fact and the resolver come from the place that found it (design promise 5).
"""

from __future__ import annotations

from typing import ClassVar

SOMEBODY = "the administrator"
"""Who is asked where a list of people who can resolve it turned out to be empty."""


class BatchwrightError(Exception):
    """Base of every error that this product raises on purpose."""


class BrokenPromise(BatchwrightError):
    """A promise of the design does not hold here; work stops until someone has looked at it."""


class Refusal(BatchwrightError):
    """A rule forbids the request; nothing was changed.

    `rule` is a stable id such as ``step.order``; `fact` is the missing or violated fact in plain
    words; `resolver` says who can resolve it. `http_status` is the code an interface answers with.
    `recorded` tells whether the attempt stands in the audit trail already (URS-AUD-010).
    """

    rule: ClassVar[str] = "refused"
    http_status: ClassVar[int] = 409

    def __init__(self, fact: str, *, resolver: str, **details: str) -> None:
        super().__init__(fact)
        self.fact = fact
        self.resolver = resolver.strip() or SOMEBODY
        self.details = details
        self.recorded = False

    def __str__(self) -> str:
        return f"{self.fact} (rule {self.rule}; can be resolved by: {self.resolver})"


class NotPermitted(Refusal):
    """The person lacks the permission or the role that the act needs."""

    rule = "permission.missing"
    http_status = 403


class NotFound(Refusal):
    """There is no such record at this site, or it is not visible to this person."""

    rule = "record.unknown"
    http_status = 404


class Invalid(Refusal):
    """The input is not acceptable as given."""

    rule = "input.invalid"
    http_status = 422


class Stale(Refusal):
    """Somebody else changed the record since it was shown."""

    rule = "record.changed"


class Busy(Refusal):
    """The record or the database is in use; the same request may be sent again."""

    rule = "database.busy"
    http_status = 503


class NoRoom(Busy):
    """The disk takes nothing more; the same request may be sent again when there is room."""

    rule = "database.no_room"


class NotWritable(Busy):
    """The database or its disk takes no change; the same request may be sent again when it does."""

    rule = "database.read_only"


class DiskFailed(Busy):
    """The disk of the database fails; nothing more is recorded until somebody has examined it."""

    rule = "database.disk"


class Unreachable(Busy):
    """The database does not answer; the same form may be sent again when it does."""

    rule = "database.unreachable"
