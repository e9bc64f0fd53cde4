"""Conditions of the recipe as people read them, and what is measured now."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from sqlalchemy.orm import Session

from documents.units import symbol
from ebr.kinds.waiting import Standing
from hardware.queries import TagNow
from web import filters, watched
from web.i18n import gettext as _

PACKML = {
    1: "CLEARING", 2: "STOPPED", 3: "STARTING", 4: "IDLE", 5: "SUSPENDED", 6: "EXECUTE",
    7: "STOPPING", 8: "ABORTING", 9: "ABORTED", 10: "HOLDING", 11: "HELD", 12: "UNHOLDING",
    13: "SUSPENDING", 14: "UNSUSPENDING", 15: "RESETTING", 16: "COMPLETING", 17: "COMPLETE",
}  # fmt: skip
"""State numbers of packaging machines (PackML); their words are names and not translated."""


def in_words(session: Session, expression: str, standing: Standing) -> str:
    """A condition with the time that it must hold: measured things by name, signs as written.

    `expression` is that of the condition, where names that are no tags may be words already.
    """
    said = _packml_words(session, expression, standing.tags) or _written(
        session, expression, standing.tags
    )
    length = f", {_('for')} {filters.span(standing.needed)}" if standing.needed else ""
    return said[:1].upper() + said[1:] + length


def _written(session: Session, expression: str, tags: Mapping[str, str]) -> str:
    said = expression
    for name, tag in sorted(tags.items(), key=lambda pair: -len(pair[0])):
        said = said.replace(name, watched.label_of(session, tag))
    for code, written in (
        ("<=", watched.SIGNS["<="]),
        (">=", watched.SIGNS[">="]),
        ("!=", "≠"),
        (" and ", f" {_('and')} "),
        (" or ", f" {_('or')} "),
    ):
        said = said.replace(code, written)
    return re.sub(r"(?<=[0-9]) ([A-Za-z%/][\w/%]*)", _unit_written, _localised(said))


def _packml_words(session: Session, expression: str, tags: Mapping[str, str]) -> str:
    """A condition on the state of a packaging machine, with the word of its number."""
    name, _equals, number = expression.partition(" = ")
    label = watched.label_of(session, tags[name]) if name in tags else ""
    if "PackML" not in label or not number.isdecimal():
        return ""
    return f"{label.partition(' (')[0]} = {PACKML.get(int(number), '')} ({number})"


def _unit_written(found: re.Match[str]) -> str:
    word = found.group(1)
    return f" {word}" if word in (_("and"), _("or")) else f"\u202f{symbol(word)}"


def _localised(said: str) -> str:
    return re.sub(r"(?<![\w.])-?[0-9]+(?:\.[0-9]+)?(?![\w.])", lambda m: filters.number(m[0]), said)


def values_now(
    session: Session,
    tags: Mapping[str, str],
    word_of: Callable[[TagNow], str] = lambda found: "",
) -> str:
    """What the tags of a condition show now; `word_of` gives a word where a number is a state."""
    said = []
    for tag in tags.values():
        found, label = watched.value_now(session, tag), watched.label_of(session, tag)
        if found is None or not found.good:
            shown = _("no good value")
        else:
            shown = word_of(found) or _state(label, found)
            shown = shown or filters.quantity(found.text, found.unit)
        said.append(f"{label} {shown}" if len(tags) > 1 and found is not None else shown)
    return _("now %(values)s", values="; ".join(said)) if said else ""


def _state(label: str, found: TagNow) -> str:
    if found.value is None or "PackML" not in label:
        return ""
    return f"{PACKML.get(int(found.value), '')} ({found.value})".strip()
