"""What set-up says when it cannot go on alone."""

from __future__ import annotations


class NeedsAPerson(Exception):
    """Something is missing that only a person may add; the message ends with the line to type."""
