"""Entries of the whole site's trail in words, without the record they belong to (URS-AUD-030).

One record's own trail knows its recipe and says more (`ebr.report.trail`); here a line names step
and value by their codes and leads there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.search import Hit
from core.clock import show
from ebr.models import ParameterValue
from ebr.report import words
from ebr.report.trail import CODE, HIDDEN, KEY, MOMENT, PLUMBING, TOLD
from web import filters, identity, scoping
from web.i18n import gettext as _
from web.sentences import said

Row = dict[str, Any]
MOST_CHANGES = 6
PAGES = {
    "batch": ("record.timeline", "record.read"),
    "equipment": ("hardware.unit", "equipment.read"),
    "deviation": ("quality.deviation", "record.read"),
}
"""The page of a kind of record, and what it takes to open it."""
FIND = ("finding.find", "record.read")
NO_PAGE = re.compile(r"material/|order/ST-")
"""Records without a page of their own: master data of a material, a stock task."""


def former_values(session: Session, hits: Sequence[Hit]) -> dict[str, str]:
    """The values that were superseded by those in these entries, by their ids."""
    ids = {
        UUID(change["after"]["supersedes_id"])
        for hit in hits
        for change in hit.entry.data["changes"]
        if change["table"] == "parameter_value" and change["after"].get("supersedes_id")
    }
    query = select(ParameterValue.id, ParameterValue.text, ParameterValue.unit)
    rows = session.execute(query.where(ParameterValue.id.in_(ids))) if ids else ()
    return {str(row.id): words.with_unit(row.text or _("no value"), row.unit) for row in rows}


def told(data: Mapping[str, Any], former: Mapping[str, str]) -> list[str]:
    """What an entry changed, old and new with unit; a refusal with its fact."""
    found = []
    if data["action"] == "attempt.refused":
        found.append(said(str(data["facts"].get("fact", ""))))
    for change in data["changes"]:
        found += _change(change, former)
    found += [
        _("signed “%(meaning)s”", meaning=words.plain(str(change["after"]["meaning"])))
        for change in data["changes"]
        if change["table"] == "signature"
    ]
    return found


def _change(change: Mapping[str, Any], former: Mapping[str, str]) -> Iterable[str]:
    table, before, after = change["table"], change["before"], change["after"]
    if table == "parameter_value":
        return [_value(after, former)]
    if PLUMBING.match(table):
        return []
    if before is None:
        named = [f"{words.plain(name)} {_text(after[name])}" for name in TOLD if after.get(name)]
        return [f"{words.plain(table)}: {', '.join(named)}" if named else words.plain(table)]
    return [
        f"{words.plain(table)}: {words.plain(name)} {_text(old)} → {_text(after.get(name))}"
        for name, old in sorted(before.items())
        if name not in HIDDEN and not KEY.search(name)
    ]


def _value(after: Mapping[str, Any], former: Mapping[str, str]) -> str:
    new = words.with_unit(str(after.get("text") or _("not applicable")), after.get("unit"))
    code = words.plain(str(after["code"]))
    if (old := after.get("supersedes_id")) is None:
        return f"{code} = {new}"
    return f"{code}: {former.get(old, _('former value'))} → {new}"


def _text(value: Any) -> str:
    if value is None:
        return _("nothing")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    shown = str(value)
    if MOMENT.match(shown):
        return show(datetime.fromisoformat(shown), filters.zone())
    return words.plain(shown) if CODE.match(shown) else shown


def record_address(record: str) -> str:
    """The page of a record, empty where there is none or the person may not open it."""
    kind, _slash, key = record.partition("/")
    endpoint, permission = PAGES.get(kind, FIND)
    if NO_PAGE.match(record):
        return ""
    if not (key and identity.may(permission) and scoping.opens(endpoint)):
        return ""
    values: dict[str, Any] = {"number" if kind in PAGES else "q": key}
    return url_for(endpoint, **values)


def line(hit: Hit, former: Mapping[str, str], rank: str) -> Row:
    """One entry as the list shows it."""
    data = hit.entry.data
    actor = data["actor"]
    changes = told(data, former)
    more = len(changes) - MOST_CHANGES
    return {
        "index": hit.index,
        "at": hit.entry.at,
        "who": actor["name"],
        "badge": actor["id"],
        "role": actor["role"],
        "terminal": actor["terminal"],
        "action": words.action(data["action"]),
        "record": data["rec"],
        "address": record_address(data["rec"]),
        "object": words.plain(data["object"].removeprefix(f"{data['rec']}/")),
        "changes": changes[:MOST_CHANGES] + ([_("and %(n)s more", n=more)] if more > 0 else []),
        "reason": data["reason"] or "",
        "rank": rank,
        "refused": data["action"] == "attempt.refused",
    }
