"""What an entry of the trail changed, in English words, without the recipe of its record.

For documents over many records; one record's own trail says more (`ebr.report.trail`), and the
screen says the same in the language of its reader (`web.trail_lines`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.clock import show
from ebr.models import ParameterValue
from ebr.report import words
from ebr.report.trail import CODE, HIDDEN, KEY, MOMENT, PLUMBING, TOLD

IN_ONE_QUERY = 400


class Teller:
    """Tells entries; the values that they superseded are read once for all of them."""

    def __init__(self, session: Session, entries: Sequence[Mapping[str, Any]], zone: str) -> None:
        self._zone = zone
        self._former = _former(session, entries)

    def told(self, entry: Mapping[str, Any]) -> list[str]:
        """Old and new of everything that changed, signatures, and the fact of a refusal."""
        found = [str(entry["facts"].get("fact", ""))] if _refused(entry) else []
        for change in entry["changes"]:
            found += self._change(change)
        return found + [
            f"signed “{words.plain(str(change['after']['meaning']))}” by"
            f" {change['after']['printed_name']} ({change['after']['signer']})"
            for change in entry["changes"]
            if change["table"] == "signature"
        ]

    def _change(self, change: Mapping[str, Any]) -> Iterable[str]:
        table, before, after = change["table"], change["before"], change["after"]
        if table == "parameter_value":
            return [self._value(after)]
        if PLUMBING.match(table):
            return []
        if before is None:
            named = [
                f"{words.plain(name)} {self._text(after[name])}" for name in TOLD if after.get(name)
            ]
            return [f"{words.plain(table)}: {', '.join(named)}" if named else words.plain(table)]
        return [
            f"{words.plain(table)}: {words.plain(name)}"
            f" {self._text(old)} → {self._text(after.get(name))}"
            for name, old in sorted(before.items())
            if name not in HIDDEN and not KEY.search(name)
        ]

    def _value(self, after: Mapping[str, Any]) -> str:
        new = words.with_unit(str(after.get("text") or "not applicable"), after.get("unit"))
        code, old = words.plain(str(after["code"])), after.get("supersedes_id")
        if old is None:
            return f"{code} = {new}"
        return f"{code}: {self._former.get(old, 'former value')} → {new}"

    def _text(self, value: Any) -> str:
        if value is None:
            return "nothing"
        if isinstance(value, bool):
            return "yes" if value else "no"
        shown = str(value)
        if MOMENT.match(shown):
            return show(datetime.fromisoformat(shown), self._zone)
        return words.plain(shown) if CODE.match(shown) else shown


def _refused(entry: Mapping[str, Any]) -> bool:
    return bool(entry["action"] == "attempt.refused")


def _former(session: Session, entries: Sequence[Mapping[str, Any]]) -> Mapping[str, str]:
    ids = sorted(
        {
            UUID(change["after"]["supersedes_id"])
            for entry in entries
            for change in entry["changes"]
            if change["table"] == "parameter_value" and change["after"].get("supersedes_id")
        }
    )
    found: dict[str, str] = {}
    for start in range(0, len(ids), IN_ONE_QUERY):
        query = select(ParameterValue.id, ParameterValue.text, ParameterValue.unit).where(
            ParameterValue.id.in_(ids[start : start + IN_ONE_QUERY])
        )
        for row in session.execute(query):
            found[str(row.id)] = words.with_unit(row.text or "no value", row.unit)
    return found
