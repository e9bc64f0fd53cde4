"""What the trail refuses."""

from __future__ import annotations

from core.errors import BrokenPromise, Refusal


class ReasonMissing(Refusal):
    """A change of GMP data needs a reason in words (URS-AUD-040)."""

    rule = "audit.reason_missing"
    http_status = 422


class ActIncomplete(BrokenPromise):
    """An act does not say who, from where or what (URS-AUD-020)."""


class UnattributedChange(BrokenPromise):
    """An audited row changed outside any act; the commit is refused."""


class TamperedTrail(BrokenPromise):
    """Stored entries, log or keys do not fit together; nothing is signed on top of them."""


class InvalidSignature(BrokenPromise):
    """A person's signature does not fit what it stands on; the text names signer and record."""


class NotYetLogged(Refusal):
    """The newest entries still wait for their place in the log."""

    rule = "audit.not_yet_logged"
