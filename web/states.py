"""State words on the screens: those of the one list, in the language of the request."""

from __future__ import annotations

from documents import states
from documents.states import SHAPES, shape
from web.i18n import gettext

__all__ = ["SHAPES", "shape", "word", "words_of"]


def word(code: str) -> str:
    """The word of a state in the language of this request."""
    return gettext(states.word(code))


def words_of(text: str) -> str:
    """Words of the record (a type of exception, a standing) in the language of this request.

    Each part of a list is translated by itself; a part without a translation stays as it is.
    """
    return ", ".join(gettext(part.replace("_", " ")) for part in text.split(", "))
