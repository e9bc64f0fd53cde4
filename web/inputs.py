"""What people type into forms, read exactly: decimals, moments of the site, needed texts.

Raises Invalid naming the field, so that the page can lead there. Numbers are never floats.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from flask import request

from core.errors import Invalid
from web import filters
from web.i18n import gettext as _

LONGEST = 2000


def text(name: str, label: str, *, needed: bool = True) -> str:
    """A text of at most 2,000 characters, without blanks around it."""
    found = request.form.get(name, "").strip()
    if needed and not found:
        raise Invalid(
            _("%(label)s is missing.", label=label), resolver=_("you, by typing it"), field=name
        )
    if len(found) > LONGEST:
        raise Invalid(
            _("%(label)s is longer than %(most)s characters.", label=label, most=LONGEST),
            resolver=_("you, by shortening it"),
            field=name,
        )
    return found


def decimal(name: str, label: str) -> Decimal:
    """A decimal number; comma or point before the decimals."""
    typed = text(name, label).replace("\u202f", "").replace(" ", "").replace(",", ".")
    try:
        found = Decimal(typed)
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite():
        raise Invalid(
            _("%(label)s is not a number: %(typed)s", label=label, typed=typed),
            resolver=_("you, by typing a number"),
            field=name,
        )
    return found


def moment(name: str, label: str) -> datetime:
    """A date and time typed in the site's zone, as an aware moment in UTC."""
    typed = text(name, label)
    try:
        there = datetime.fromisoformat(typed)
    except ValueError as error:
        raise Invalid(
            _("%(label)s is no date and time: %(typed)s", label=label, typed=typed),
            resolver=_("you, as in 2026-03-02T14:00"),
            field=name,
        ) from error
    if there.tzinfo is None:
        there = there.replace(tzinfo=ZoneInfo(filters.zone()))
    return there.astimezone(UTC)


def chosen(name: str, label: str, among: tuple[str, ...]) -> str:
    """One of the values that the page offered."""
    found = text(name, label)
    if found not in among:
        raise Invalid(
            _("%(label)s: %(value)s cannot be chosen here.", label=label, value=found),
            resolver=_("you, by choosing one of the list"),
            field=name,
        )
    return found


def whole(name: str, label: str) -> int:
    """A whole number of the page itself (a version, a number of an exception)."""
    typed = text(name, label)
    if not typed.isascii() or not typed.isdigit():
        raise Invalid(
            _("%(label)s is not a whole number.", label=label),
            resolver=_("you, by opening the page again"),
            field=name,
        )
    return int(typed)
