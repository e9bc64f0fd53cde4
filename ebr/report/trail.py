"""Entries of the audit trail in words: who, what, when, why, old and new (URS-AUD-020, -030).

The words are for readers; the sealed bytes travel in the evidence bundle, and each line names
their SHA-256.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from core.clock import show
from documents import states
from ebr.report import messages, words
from ebr.report.model import TrailLine
from ebr.report.rows import Rows, SealedEntry
from ebr.report.values import label_of
from workflows.step import Step
from workflows.words import DataType

PLUMBING = re.compile(r"engine_|step_signature\Z|signature\Z|parameter_value\Z|step\Z|stream")
HIDDEN = frozenset({"id", "site_id", "version", "revision", "nonce", "manifest", "signature"})
KEY = re.compile(r"(\A|_)id\Z")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[^ ]*[+-]\d\d:\d\d\Z")
TOLD = (
    "number", "name", "label", "type", "severity", "code", "requirement", "equipment", "tag",
    "material", "lot", "container", "portion", "use", "quantity", "value", "unit", "state",
    "calibration_due", "decision", "text", "comment", "due_at",
)  # fmt: skip
"""Fields that name a new row to a reader, in this order; all others are in the sealed entry."""
CODE = re.compile(r"[a-z]+(_[a-z]+)+\Z")


def lines(rows: Rows) -> tuple[TrailLine, ...]:
    """All entries of the record in order."""
    return tuple(_line(rows, entry) for entry in rows.entries)


def _line(rows: Rows, entry: SealedEntry) -> TrailLine:
    data = entry.data
    actor = data["actor"]
    return TrailLine(
        entry=entry.rseq,
        at=entry.at,
        real_at=entry.real_at,
        by=entry.by,
        role=actor["role"],
        terminal=actor["terminal"],
        action=data["action"],
        action_words=words.action(data["action"]),
        what=object_words(rows, data["object"]),
        reason=data["reason"] or "",
        changes=tuple(_told(rows, data)),
        digest=entry.digest,
    )


def object_words(rows: Rows, name: str) -> str:
    """The part of the record that an entry is about; a step by key and name."""
    for step in rows.steps:
        if step.path == name:
            times = f", {step.occurrence}" if step.occurrence > 1 else ""
            return f"{step.key} {rows.specs[step.key].name}{times}"
    return words.plain(name.removeprefix(f"{rows.run.stream}/"))


def _told(rows: Rows, data: Mapping[str, Any]) -> list[str]:
    found = _facts(rows, data["action"], data["facts"])
    for _, changes in groupby(data["changes"], _one_parameter):
        alike = list(changes)
        if alike[0]["table"] == "parameter_value":
            found.append(_values(rows, [change["after"] for change in alike], data["object"]))
        else:
            found += _change(rows, alike[0])
    return found + _signatures(data)


def _one_parameter(change: Mapping[str, Any]) -> tuple[Any, ...]:
    """The same for the values of one series, of its own for any other change."""
    if change["table"] != "parameter_value":
        return (id(change),)
    after = change["after"]
    return after["step_id"], after["code"], after["unit"], after["supersedes_id"] is None


def _facts(rows: Rows, action: str, facts: Mapping[str, Any]) -> list[str]:
    """What an entry tells besides the rows it changed: a refusal, what a message carried and did.

    The facts of all other acts stand in the rows as well.
    """
    if action == "attempt.refused":
        return [f"{facts['fact']} (rule {words.plain(facts['rule'])})"]
    if action in messages.RECEIVED:
        return [f"{words.plain(name)}: {_listed(rows, value)}" for name, value in facts.items()]
    return []


def _listed(rows: Rows, value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{words.plain(name)} = {text}" for name, text in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return _text(rows, value)


def _signatures(data: Mapping[str, Any]) -> list[str]:
    return [
        f"signed “{after['meaning']}” by {after['printed_name']} ({after['signer']})"
        for change in data["changes"]
        if change["table"] == "signature" and (after := change["after"])
    ]


def _change(rows: Rows, change: Mapping[str, Any]) -> list[str]:
    table, before, after = change["table"], change["before"], change["after"]
    if table == "step":
        return _state(before, after)
    if PLUMBING.match(table):
        return []
    if before is None:
        return [_added(rows, table, after)]
    return [
        f"{words.plain(table)}: {words.plain(name)} {_moved(rows, old, after.get(name))}"
        for name, old in sorted(before.items())
        if name not in HIDDEN and not KEY.search(name)
    ]


def _moved(rows: Rows, old: Any, new: Any) -> str:
    shown = _text(rows, new)
    return shown if old is None else f"{_text(rows, old)} → {shown}"


def _values(rows: Rows, values: Sequence[Mapping[str, Any]], entry_of: str) -> str:
    """What was recorded for one parameter: a single value, or those of a series in their order."""
    first = values[0]
    step = next((each for each in rows.steps if str(each.id) == first["step_id"]), None)
    spec = rows.specs[step.key] if step else None
    text = ", ".join(_value(rows, spec, value) for value in values)
    again = " (replaces the former value)" if first["supersedes_id"] else ""
    label = words.plain(str(first["code"]))
    if step and spec:
        elsewhere = "" if step.path == entry_of else f"{step.key} "
        label = elsewhere + label_of(rows, spec, str(first["code"]))
    return f"{label} = {words.with_unit(text, first['unit'])}{again}"


def _value(rows: Rows, spec: Step | None, value: Mapping[str, Any]) -> str:
    text = "not applicable" if value["text"] is None else str(value["text"])
    if value["data_type"] == DataType.CHOICE:
        return _chosen(rows, spec, str(value["code"]), text)
    return text


def _chosen(rows: Rows, spec: Step | None, code: str, text: str) -> str:
    """A choice by its label."""
    for parameter in spec.parameters if spec else ():
        for choice in parameter.choices if parameter.code == code else ():
            if choice.value == text and rows.text(choice.labels):
                return rows.text(choice.labels)
    return words.plain(text)


def _state(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[str]:
    if before is None:
        return [f"step {after['key']} is {states.word(after['state'])}"]
    if "state" not in before:
        return []
    old, new = before["state"], after["state"]
    return [f"step {after['key']}: {states.word(old)} → {states.word(new)}"]


def _added(rows: Rows, table: str, after: Mapping[str, Any]) -> str:
    told = [f"{words.plain(name)} {_text(rows, after[name])}" for name in TOLD if after.get(name)]
    return f"{words.plain(table)}: {', '.join(told)}" if told else f"{words.plain(table)} added"


def _text(rows: Rows, value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    shown = str(value)
    if MOMENT.match(shown):
        return show(datetime.fromisoformat(shown), rows.site.zone)
    return words.plain(shown) if CODE.match(shown) else shown
