"""Refused attempts are events too (URS-AUD-010): who tried what, and which rule said no."""

from __future__ import annotations

from dataclasses import replace

from audit import canonical, trail
from audit.streams import SITE, Stream
from core.actors import Actor
from core.errors import Refusal
from core.house import House

ACTION = "attempt.refused"
LONGEST = 300


def record_refusal(house: House, refusal: Refusal, *, command: str, record: str, by: Actor) -> None:
    """Write the attempt into the stream of `record`, in a transaction of its own.

    Fits `House.on_refusal`. A name that is no stream goes to the site's stream, and an origin that
    nobody told is called unknown: what was refused must not be lost for want of a form.
    """
    with (
        house.transaction() as session,
        trail.act(
            session,
            ACTION,
            stream=_stream(record),
            by=replace(by, terminal=by.terminal or "unknown"),
            object=_safe(record),
            facts=_facts(refusal, command),
        ),
    ):
        pass


def _facts(refusal: Refusal, command: str) -> dict[str, object]:
    details = sorted(refusal.details.items())
    return {
        "command": command,
        "rule": refusal.rule,
        "fact": _safe(refusal.fact),
        "resolver": _safe(refusal.resolver),
        "details": [{"name": name, "value": _safe(str(told))} for name, told in details],
    }


def _safe(told: str) -> str:
    """Text that can be sealed and stored whatever was sent: what cannot shows as a mark."""
    readable = told[:LONGEST].encode("utf-8", "replace").decode("utf-8").replace("\x00", "\ufffd")
    return canonical.text(readable)[:LONGEST]


def _stream(record: str) -> Stream:
    try:
        return Stream.parse(record)
    except ValueError:
        return SITE
