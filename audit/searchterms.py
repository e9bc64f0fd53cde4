"""The terms under which an entry of the trail is found. Pure.

A term is a kind and a value. Values are folded (lower case); words are split at what is no letter,
digit, point or hyphen. Whoever changes what an entry is found under raises `TERMS`: the search is
then made anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

TERMS = 1
LONGEST = 120
WORDS = 60
"""Words of one reason that are found."""

WHO, NAME, ACTION, RECORD = "who", "name", "action", "record"
TABLE, FIELD, OBJECT, TEXT = "table", "field", "object", "text"
EQUIPMENT, RECIPE, FLAG, HOUR, DAY = "unit", "recipe", "flag", "hour", "day"
CHANGED, REFUSED, SIGNED = "changed", "refused", "signed"
"""Flags: a value was changed after its first entry; an attempt was refused; somebody signed."""

WORD = re.compile(r"[^\W_][\w.\-]*")
LIFE = frozenset({"version", "revision", "state", "status", "progress"})
"""Columns that move as the work goes on: no change of what somebody entered."""
PLUMBING = ("engine_", "stream", "step")
Term = tuple[str, str]


def fold(text: str) -> str:
    """A value as it is kept and asked for."""
    return text.strip().lower()[:LONGEST]


def words(text: str) -> list[str]:
    """The words of a text, folded, without points and hyphens at their ends."""
    found = (word.rstrip(".-") for word in WORD.findall(text.lower()))
    return [word[:LONGEST] for word in found if word][:WORDS]


def of_entry(entry: Mapping[str, Any]) -> set[Term]:
    """All terms of an entry."""
    actor, record = entry["actor"], entry["rec"]
    kind, _, key = record.partition("/")
    found = {
        (WHO, fold(actor["id"])),
        (ACTION, fold(entry["action"])),
        (RECORD, fold(record)),
        (RECORD, fold(key or record)),
        *_words(NAME, actor["name"]),
        *_words(OBJECT, entry["object"]),
        *_times(entry["at"]),
        *_words(TEXT, entry["reason"] or ""),
    }
    if kind == "equipment":
        found.add((EQUIPMENT, fold(key)))
    if kind == "recipe":
        found.add((RECIPE, fold(key)))
    if entry["action"] == "attempt.refused":
        found.add((FLAG, REFUSED))
        found.update(_words(TEXT, str(entry["facts"].get("fact", ""))))
    if entry["signed"]:
        found.add((FLAG, SIGNED))
    for change in entry["changes"]:
        found.update(_of_change(change))
    return found


def _words(kind: str, text: str) -> Iterable[Term]:
    return ((kind, word) for word in words(text))


def _times(at: str) -> Iterable[Term]:
    there = datetime.fromisoformat(at)
    yield HOUR, hour(there.weekday(), there.hour)
    yield DAY, there.astimezone(UTC).date().isoformat()


def hour(weekday: int, number: int) -> str:
    """An hour of the week at the site; Monday is 0."""
    return f"{weekday}-{number:02}"


def _of_change(change: Mapping[str, Any]) -> Iterable[Term]:
    table, before, after = change["table"], change["before"], change["after"]
    yield TABLE, fold(table)
    for name in before or ():
        yield FIELD, fold(f"{table}.{name}")
        yield FIELD, fold(name)
    if table == "parameter_value":
        yield FIELD, fold(str(after["code"]))
    if changes_a_value(change):
        yield FLAG, CHANGED
    yield from _named(table, after)


def changes_a_value(change: Mapping[str, Any]) -> bool:
    """Something that was entered before is now another: a value superseded or overwritten."""
    if change["before"] is None:
        return change["after"].get("supersedes_id") is not None
    if change["table"].startswith(PLUMBING):
        return False
    return any(
        old is not None and name not in LIFE and not name.endswith("_at")
        for name, old in change["before"].items()
    )


def _named(table: str, after: Mapping[str, Any]) -> Iterable[Term]:
    unit = after.get("number") if table == "equipment" else after.get("equipment")
    if isinstance(unit, str) and unit and len(unit) <= 40:
        yield EQUIPMENT, fold(unit)
    recipe = after.get("recipe")
    if isinstance(recipe, str) and recipe:
        yield RECIPE, fold(recipe)
