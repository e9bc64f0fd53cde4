"""How times, quantities and units are shown: by the server, in the site's zone, with offset."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from flask import Flask, current_app, request
from markupsafe import Markup

from core.clock import local, stamp
from documents.units import symbol
from ebr.report.stepmodel import ValueView
from web import states
from web.i18n import decimal_mark
from web.i18n import gettext as _
from web.sentences import said
from workflows.words import DataType

DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
NO_VALUE = "–"
NOTHING = Markup("–")


def install(app: Flask) -> None:
    """Give the templates these filters."""
    app.jinja_env.filters.update(
        time=time_,
        clock=clock,
        quantity=quantity,
        unit=symbol,
        span=span,
        day=day,
        grade=grade,
        said=said,
        shown=shown,
        short_digests=short_digests,
    )


def zone() -> str:
    """The zone of the site."""
    return str(current_app.extensions["site"].zone)


def time_(moment: datetime | None) -> Markup:
    """A moment as a `time` element: ``2026-03-02 07:00:05 +01:00``."""
    if moment is None:
        return NOTHING
    there = local(moment, zone())
    return _element(there, stamp(there))


def clock(moment: datetime | None) -> Markup:
    """The time of day with seconds; the whole moment on hover."""
    if moment is None:
        return NOTHING
    there = local(moment, zone())
    return _element(there, f"{there:%H:%M:%S}")


def day(moment: datetime | None) -> Markup:
    """The calendar day in the site's zone."""
    if moment is None:
        return NOTHING
    there = local(moment, zone())
    return _element(there, f"{there:%Y-%m-%d}")


def _element(there: datetime, text: str) -> Markup:
    # Digits, signs and colons of our own: nothing to escape. A page of trends has thousands.
    return Markup(f'<time datetime="{there.isoformat()}" title="{stamp(there)}">{text}</time>')  # noqa: S704


def clock_in_words(moment: datetime) -> str:
    """``14:02:11 CET (+01:00)``, for the clock in the bar."""
    there = local(moment, zone())
    offset = there.strftime("%z")
    return f"{there:%H:%M:%S} {there.tzname()} ({offset[:3]}:{offset[3:5]})"


def number(value: Any) -> str:
    """Digits exactly as they are, with the decimal mark of the language."""
    if value is None or value == "":
        return NO_VALUE
    text = format(value, "f") if isinstance(value, Decimal) else str(value)
    return (
        text.replace(".", decimal_mark()) if text.lstrip("+-").replace(".", "").isdigit() else text
    )


def quantity(value: Any, code: str | None = None) -> str:
    """A number with its unit, joined so that they never part at the end of a line."""
    shown, named = number(value), symbol(code)
    return f"{shown}\u202f{named}" if named and shown != NO_VALUE else shown


def worded(text: str) -> str:
    """Words of the record in the language of the screen; a CSV is a copy and stays as recorded."""
    return text if "csv" in request.args else states.words_of(text)


def shown(value: ValueView) -> str:
    """A recorded value; only a number takes the decimal mark of the language."""
    if value.data_type in (DataType.DECIMAL, DataType.INTEGER):
        return quantity(value.text, value.unit or None)
    return worded(value.text) if value.data_type == DataType.BOOLEAN else value.text


def span(length: timedelta | None) -> str:
    """A length of time in words: ``2 h 05 min``, ``40 s``."""
    if length is None:
        return NO_VALUE
    seconds = abs(int(length.total_seconds()))
    if seconds < 120:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 120:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest:02d} min" if hours < 48 else _("%(n)s days", n=hours // 24)


def grade(code: str) -> str:
    """Where a value comes from, in words."""
    return {
        "device": _("from the device"),
        "manual": _("typed"),
        "manual_for_device": _("typed instead of device"),
        "calculated": _("calculated"),
        "scanned": _("scanned"),
        "corrected": _("corrected"),
    }.get(code, code)


def short_digests(text: str) -> str:
    """The text with each SHA-256 cut to its first twelve digits; the CSV has them whole."""
    return DIGEST.sub(lambda found: f"{found.group()[:12]}…", text)
