"""Messages and signals of a record: what came, what the recipe sent, and what each of them did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from core.clock import show
from ebr.report import lists, words
from ebr.report.model import MessageView
from ebr.report.rows import Rows, SealedEntry
from ebr.report.stepmodel import Pair

RECEIVED = {"message.received": "message", "signal.received": "signal"}
THROWN = {"message.thrown": "message", "signal.thrown": "signal", "signal.reached": "signal"}
TAKEN = {
    "message": frozenset({"message.taken"}),
    "signal": frozenset({"event.fired", "event.caught"}),
}


def messages(rows: Rows) -> tuple[MessageView, ...]:
    """All of them in the order they happened; none for a record without."""
    return tuple(found for entry in rows.entries for found in _of_entry(rows, entry))


def _of_entry(rows: Rows, entry: SealedEntry) -> Iterator[MessageView]:
    action, facts = entry.data["action"], entry.data["facts"]
    if action in RECEIVED:
        yield _received(rows, entry, RECEIVED[action], facts)
    told = {str(facts["name"])} if action in RECEIVED else set()
    journal = entry.data["journal"]
    for number, fact in enumerate(journal):
        if fact["fact"] in THROWN:
            told.add(str(fact["name"]))
            yield _thrown(rows, entry, fact, journal[number + 1 :])
        elif fact["fact"] == "message.taken" and str(fact["name"]) not in told:
            yield _view(
                entry, "message", "kept before", fact, f"taken by {_at(rows, str(fact['path']))}"
            )


def _received(rows: Rows, entry: SealedEntry, form: str, facts: Mapping[str, Any]) -> MessageView:
    return MessageView(
        at=entry.at,
        form=form,
        way="from outside",
        name=str(facts["name"]),
        correlation=str(facts.get("correlation", "")),
        sender=str(facts["sender"]),
        by=entry.by,
        carried=tuple(
            Pair(name=words.plain(name), text=str(text))
            for name, text in sorted(facts.get("payload", {}).items())
        ),
        effect=_effect(rows, facts),
    )


def _effect(rows: Rows, facts: Mapping[str, Any]) -> str:
    if "kept_until" in facts:
        until = datetime.fromisoformat(str(facts["kept_until"]))
        return f"nobody waited: kept until {show(until, rows.site.zone)}"
    released = f"released {', '.join(map(str, facts.get('released', ())))}"
    opened = ", ".join(map(str, facts.get("opened", ())))
    return f"{released}; opened {opened}" if opened else released


def _thrown(
    rows: Rows, entry: SealedEntry, fact: Mapping[str, Any], after: list[Mapping[str, Any]]
) -> MessageView:
    """What a send task, a throw event or an end sent, and who took it in the same act."""
    form, name = THROWN[str(fact["fact"])], str(fact["name"])
    if fact["fact"] == "signal.reached":
        way = "from another record"
    else:
        way = f"sent by {_at(rows, str(fact['path']))}"
    takers = [
        lists.element_name(rows, str(each["element"]))
        for each in after
        if each["fact"] in TAKEN[form] and each.get("name") == name
    ]
    nobody = "nobody waited: kept" if form == "message" else "nobody waited"
    return _view(entry, form, way, fact, f"taken by {', '.join(takers)}" if takers else nobody)


def _view(
    entry: SealedEntry, form: str, way: str, fact: Mapping[str, Any], effect: str
) -> MessageView:
    return MessageView(
        at=entry.at,
        form=form,
        way=way,
        name=str(fact["name"]),
        correlation=str(fact.get("correlation") or ""),
        sender="",
        by=entry.by,
        carried=(),
        effect=effect,
    )


def _at(rows: Rows, path: str) -> str:
    return lists.element_name(rows, path.rpartition("/")[2].partition("#")[0])
