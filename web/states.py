"""State words on the screens: those of the one list, in the language of the request."""

from __future__ import annotations

from documents import states
from documents.states import SHAPES, shape
from web.i18n import gettext

__all__ = ["SHAPES", "shape", "word"]


def word(code: str) -> str:
    """The word of a state in the language of this request."""
    return gettext(states.word(code))
