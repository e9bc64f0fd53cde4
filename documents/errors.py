"""What can go wrong when something is printed, sealed or scanned."""

from __future__ import annotations

from core.errors import BatchwrightError, BrokenPromise, Invalid


class RenderingFailed(BatchwrightError):
    """The document cannot be printed faithfully, so it is not printed at all."""


class ForbiddenResource(RenderingFailed):
    """A template or a value asked for something outside the assets that were handed over."""


class UnprintableValue(RenderingFailed):
    """A value without a written form reached a template: None, a float, a naked time."""


class FontsMissing(RenderingFailed):
    """The house fonts are not where they should be; the browser assets were not built."""


class SealBroken(BrokenPromise):
    """A PDF carries no seal, a seal of somebody else, or was changed after sealing."""


class StampFailed(BatchwrightError):
    """The time stamp authority gave no answer or none that holds; the file stays as it was."""


class CodeUnreadable(Invalid):
    """A scanned or typed code is empty, damaged or carries a wrong check digit."""

    rule = "code.unreadable"


class CodeNotPrintable(BatchwrightError):
    """The content does not fit the code that was asked for."""
