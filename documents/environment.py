"""Where the templates of printed documents are compiled.

Autoescape is always on, a missing name is an error, templates come only from the packages that
were named, and a value without a written form (None, a float, a bare time, a boolean) stops the
document instead of printing a Python word on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, PrefixLoader, StrictUndefined, Undefined
from markupsafe import Markup

from documents.codes import qr_svg
from documents.errors import UnprintableValue
from documents.views import WORDS, State, TemplateWords


def make_environment(*packages: str) -> Environment:
    """An environment for templates named ``PACKAGE/FILE``; `documents/` is always there.

    Each package keeps them in its folder `templates`.
    """
    names = dict.fromkeys(("documents", *packages))
    environment = Environment(
        loader=PrefixLoader({name: PackageLoader(name, "templates") for name in names}),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=written,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(stamp=stamp, day=day, grouped=grouped)
    environment.globals.update(State=State, words_of=words_of, qr=qr_svg)
    return environment


def render_html(environment: Environment, template: str, data: Mapping[str, Any]) -> str:
    """Fill one template; `UnprintableValue` when a value has no written form."""
    return environment.get_template(template).render(data)


def words_of(language: str) -> TemplateWords:
    """The fixed words of the page frame in one language."""
    try:
        return WORDS[language]
    except KeyError:
        raise UnprintableValue(f"there are no document words for language {language!r}") from None


def written(value: object) -> object:
    """The written form of a value, applied to everything that a template prints."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, str | Markup | Undefined):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise UnprintableValue(f"a template prints {type(value).__name__} {value!r:.60}")


def stamp(moment: datetime, zone: str) -> str:
    """A moment at the site with its offset, to the second: ``2026-10-25 02:30:00 +01:00``.

    URS-TIM-030: one unambiguous form everywhere; the offset tells the two hours of a DST fold.
    """
    if moment.tzinfo is None:
        raise UnprintableValue("a time without zone reached a template")
    local = moment.astimezone(ZoneInfo(zone))
    offset = local.strftime("%z")
    return f"{local:%Y-%m-%d %H:%M:%S} {offset[:3]}:{offset[3:5]}"


def day(value: date) -> str:
    """A calendar day as ``2026-10-25``; a moment is refused, it needs a zone first."""
    if isinstance(value, datetime):
        raise UnprintableValue("a moment was to be printed as a day without a zone")
    return value.isoformat()


def grouped(digest: str, size: int = 8) -> str:
    """A digest in groups that a person can compare: ``1a2b3c4d 5e6f7081 ...``."""
    return " ".join(digest[start : start + size] for start in range(0, len(digest), size))
