"""What the equipment layer refuses."""

from __future__ import annotations

from core.errors import BatchwrightError, Refusal


class BadValue(Refusal):
    """The value is bad or uncertain: it fills no GMP field (URS-PRO-020)."""

    rule = "value.bad"
    http_status = 422


class StaleValue(BadValue):
    """The value is older than its tag allows: the last value is never the current one."""

    rule = "value.stale"


class UnknownTag(Refusal):
    """No effective tag map has this tag."""

    rule = "tag.unknown"
    http_status = 404


class UnknownEquipment(Refusal):
    """There is no such unit."""

    rule = "equipment.unknown"
    http_status = 404


class EquipmentNotSuitable(Refusal):
    """The unit may not be used: dirty, blocked, in use, in maintenance, overdue (URS-EQP-010)."""

    rule = "equipment.not_suitable"


class WriteNotAllowed(Refusal):
    """The write is not on the allow-list, out of range, or the unit is in the wrong state."""

    rule = "write.not_allowed"
    http_status = 422


class MapNotApproved(Refusal):
    """A tag map is drawn up by one person and put into effect by another (URS-PRO-030)."""

    rule = "tag_map.approval"


class LogbookIncomplete(Refusal):
    """The line lacks what 211.182 asks for."""

    rule = "logbook.incomplete"
    http_status = 422


class LinkProblem(BatchwrightError):
    """The link cannot be made or used; the message says in plain words why and what to do."""


class DecodeProblem(BatchwrightError):
    """What came over the wire cannot be the value that the tag map promises."""
