"""Codes of the record in words; one place for PDF, screen and JSON. Pure.

A code that is not listed is shown as its own words: underscores never reach paper.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import takewhile

from documents.units import symbol

GRADES: Mapping[str, str] = {
    "device": "from device",
    "manual": "typed",
    "manual_for_device": "typed instead of device",
    "calculated": "calculated",
    "scanned": "scanned",
    "corrected": "corrected",
}
KINDS: Mapping[str, str] = {
    "entry": "entry",
    "bind": "equipment assignment",
    "read": "equipment read",
    "write": "equipment write",
    "wait": "wait for condition",
    "clearance": "line clearance",
    "ipc": "in-process control",
    "reconcile": "reconciliation",
    "verify": "verification",
}
ACTIONS: Mapping[str, str] = {
    "attempt.refused": "attempt refused",
    "value.corrected": "value corrected",
    "exception.commented": "exception commented",
    "exception.decided": "exception decided",
    "exception.released": "exception: flow may go on",
    "data.gap": "gap in data",
    "batch.dispositioned": "disposition decided",
    "document.issued": "document issued",
    "document.stamped": "time stamp put around a document",
    "copy.issued": "controlled copy issued",
    "copy.accounted_for": "controlled copy accounted for",
    "bundle.exported": "evidence bundle exported",
}
DECISIONS: Mapping[str, str] = {
    "accepted": "accepted",
    "accepted_after_review": "accepted after review",
    "not_accepted": "not accepted",
}
ROLES: Mapping[str, str] = {
    "OP": "operator",
    "DI": "dispensing",
    "SU": "shift supervisor",
    "QC": "quality control",
    "QA": "quality assurance",
    "QP": "qualified person",
    "WH": "warehouse",
    "ME": "maintenance",
}
ISA88: Mapping[str, str] = {
    "procedure": "Procedure",
    "unit_procedure": "Unit procedure",
    "operation": "Operation",
}
FIRST_LETTER = re.compile(r"\A[a-z]")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*)+")


def plain(code: str) -> str:
    """A code as words: ``late_verification`` is “late verification”."""
    return code.replace("_", " ")


def word(table: Mapping[str, str], code: str) -> str:
    """The word of a code, else the code as words."""
    return table.get(code, plain(code))


def action(code: str) -> str:
    """``step.performed`` is “step performed”."""
    return ACTIONS.get(code) or plain(code).replace(".", " ")


def capital(text: str) -> str:
    """The text with a capital first letter."""
    return FIRST_LETTER.sub(lambda found: found.group().upper(), text)


def common_name(names: Iterable[str]) -> str:
    """What names have in common up to a comma: two portions of one material are that material."""
    known = list(dict.fromkeys(names))
    parts = [name.split(", ") for name in known]
    shared = takewhile(lambda each: len(set(each)) == 1, zip(*parts, strict=False))
    return ", ".join(each[0] for each in shared) or " / ".join(known)


def limits(low: str | None, high: str | None) -> str:
    """A range in words: ``1.0 to 2.5``, ``at most 48``, ``at least 10``, or one value."""
    if low is not None and high is not None:
        return low if low == high else f"{low} to {high}"
    if high is not None:
        return f"≤ {high}"
    return f"≥ {low}" if low is not None else ""


def with_unit(text: str, unit: str | None) -> str:
    """A value with its unit as people write it (``41.9 °C``); counts have none."""
    named = symbol(unit)
    return f"{text} {named}" if named else text


def expression(text: str, labels: Mapping[str, str]) -> str:
    """An expression with the names of the recipe in words (``mean(G170 Loss on drying)``)."""
    return NAME.sub(lambda found: named(found.group(), labels), text)


def named(name: str, labels: Mapping[str, str]) -> str:
    """A name of an expression in words: the step's key with the label of the parameter."""
    plain_name = name.removesuffix("[]")
    known = labels.get(plain_name)
    if known is not None:
        return known
    owner, point, item = plain_name.partition(".")
    if owner in ("formula", "theory", "batch"):
        return f"{owner} {plain(item)}"
    return plain(f"{owner}{point}{item}")


def size(count: int) -> str:
    """A number of bytes for people."""
    if count < 10_000:
        return f"{count} bytes"
    return f"{count / 1000:.0f} kB" if count < 10_000_000 else f"{count / 1_000_000:.1f} MB"
