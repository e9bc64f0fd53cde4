"""Sentences of the record, said in the language of who reads them (decision 0011).

A record has one language, English: what the product itself says in it (a refusal, a condition with
its evidence, the text of an exception) is kept and printed as it was said. A screen in another
language says it again. The message is the sentence as the code builds it with each fact as a
numbered place, ``{0} is closed already``; catalogues are ``translations/LANG/record/*.po``. Entries
with the context ``part`` count inside a place only. What has no translation, and what a person
typed, stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from babel.messages.pofile import read_po

from documents import states
from web.i18n import FOLDER, gettext, language

PLACE = re.compile(r"\{(\d+)\}")
DECIMAL = re.compile(r"(?<![\w.:-])(\d+)\.(\d+)(?=$|[ \u202f;,)](?!\d))")
LONGEST = 2000
"""Longer texts are no sentences of ours."""

PART = "part"
REPORTED = "reported"
"""The type of an exception whose text a person wrote."""

WORDS = frozenset(word for _shape, word in states.SHAPES.values())


@dataclass(frozen=True, slots=True)
class Shape:
    """A message with places: its fixed texts in order, and the translation."""

    fixed: tuple[str, ...]
    said: str

    @property
    def weight(self) -> int:
        """How much of the message is fixed; what is fixed most is tried first."""
        return sum(map(len, self.fixed))

    def facts_in(self, text: str) -> list[str] | None:
        """What stands in the places, each as short as can be, none at all included.

        None when the text is another one.
        """
        first, last = self.fixed[0], self.fixed[-1]
        if not (text.startswith(first) and text.endswith(last)):
            return None
        end, at, found = len(text) - len(last), len(first), []
        for fixed in self.fixed[1:-1]:
            place = text.find(fixed, at, end)
            if place < 0:
                return None
            found.append(text[at:place])
            at = place + len(fixed)
        return [*found, text[at:end]] if at <= end else None


@dataclass(frozen=True, slots=True)
class Book:
    """All messages of one language."""

    whole: Mapping[str, str]
    shapes: tuple[Shape, ...]
    parts: tuple[Shape, ...]
    words: Mapping[str, str]

    def say(self, text: str) -> str:
        """The sentence, or several joined by semicolons, in this language."""
        if len(text) > LONGEST:
            return text
        found = self._one(text, self.shapes)
        if found is not None:
            return found
        return "; ".join(self._one(each, self.shapes) or each for each in text.split("; "))

    def _one(self, text: str, shapes: tuple[Shape, ...]) -> str | None:
        if text in self.whole:
            return self.whole[text]
        for shape in shapes:
            facts = shape.facts_in(text)
            if facts is not None:
                return self._filled(shape.said, facts)
        return None

    def _filled(self, translated: str, facts: list[str]) -> str:
        return PLACE.sub(lambda at: self._fact(facts[int(at[1])]), translated)

    def _fact(self, text: str) -> str:
        """A fact inside a sentence: a word of ours is translated, and so is a sentence in it."""
        if text in self.words:
            return self.words[text]
        if text in WORDS:
            return gettext(text)
        found = self._one(text, self.parts)
        if found is None and "; " in text:
            return "; ".join(self._fact(each) for each in text.split("; "))
        return DECIMAL.sub(r"\1,\2", found or text)


def said(text: str | None) -> str:
    """A sentence of the record in the language of this request."""
    if not text:
        return ""
    code = language()
    return text if code == "en" else _book(code).say(text)


@cache
def _book(code: str) -> Book:
    whole: dict[str, str] = {}
    words: dict[str, str] = {}
    shapes: list[Shape] = []
    parts: list[Shape] = []
    for text, translated, is_part in _messages(code):
        if PLACE.search(text):
            (parts if is_part else shapes).append(_shape(text, translated))
        else:
            (words if is_part else whole)[text] = translated
    return Book(
        whole=whole,
        shapes=_heaviest_first(shapes),
        parts=_heaviest_first(shapes + parts),
        words=whole | words,
    )


def _messages(code: str) -> Iterator[tuple[str, str, bool]]:
    """Each message with its translation, and whether it counts inside a place only."""
    for path in sorted((FOLDER / code / "record").glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale=code):
                if message.id and message.string:
                    yield str(message.id), str(message.string), message.context == PART


def _shape(text: str, translated: str) -> Shape:
    return Shape(fixed=tuple(PLACE.split(text)[::2]), said=translated)


def _heaviest_first(shapes: Sequence[Shape]) -> tuple[Shape, ...]:
    return tuple(sorted(shapes, key=lambda shape: -shape.weight))
