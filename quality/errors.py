"""Refusals of the quality unit's work, each with its rule (promise 5)."""

from __future__ import annotations

from core.errors import Invalid, NotFound, NotPermitted, Refusal


class NoSuchDeviation(NotFound):
    """There is no deviation of that number."""

    rule = "deviation.unknown"


class DeviationClosed(Refusal):
    """The deviation is closed already; it can be reopened, not changed."""

    rule = "deviation.state"


class NoSuchSample(NotFound):
    """There is no sample of that number."""

    rule = "sample.unknown"


class SampleMissing(Refusal):
    """The control examines a sample that nobody has drawn yet (URS-EXE-120)."""

    rule = "sample.missing"


class CustodyRefused(Refusal):
    """The custody of a sample cannot go that way."""

    rule = "sample.custody"


class ReviewNotOpen(Refusal):
    """There is no open review of the record, or it is signed already."""

    rule = "review.state"


class ReviewIncomplete(Refusal):
    """Something must still be commented or decided before the review can be signed."""

    rule = "review.incomplete"


class NothingSelected(Invalid):
    """No entry fits the question, or the search does not cover the log yet."""

    rule = "trail_review.selection"


class NoSuchDrill(NotFound):
    """There is no restore drill of that number."""

    rule = "drill.unknown"


class DrillSigned(Refusal):
    """The report of the drill is signed already; a signature is never replaced (URS-BAK-020)."""

    rule = "drill.signed"


class OwnActs(NotPermitted):
    """Whoever performed an act does not review its entry (URS-AUD-110)."""

    rule = "trail_review.independence"


class TookPart(NotPermitted):
    """Whoever performed, verified, entered or approved a step decides nothing (URS-REL-040)."""

    rule = "release.independence"


class OtherRelease(Invalid):
    """A packed batch is not released for packaging, and bulk is not released as packed."""

    rule = "release.kind"


class NotABatch(Invalid):
    """The record is not that of a batch."""

    rule = "release.no_batch"


class AlreadyDecided(Refusal):
    """The quality unit has decided about this batch, and the decision stands."""

    rule = "release.decided"


class RoomNotCleared(Refusal):
    """The room has no valid clearance for this batch."""

    rule = "clearance.missing"
