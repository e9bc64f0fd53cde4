"""Languages of the screens: English in the templates, others from `web/translations/LANG/*.po`.

Flask-Babel chooses and formats; catalogues are read as text at the first use, so that nothing has
to be compiled. Recipe texts are in the recipe's language and never pass through here.
"""

from __future__ import annotations

from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, g, has_request_context, request, session
from flask_babel import Babel, get_locale

LANGUAGES = {"en": "English", "de": "Deutsch"}
FOLDER = Path(__file__).parent / "translations"
CHOICE = "language"


def install(app: Flask) -> None:
    """Give the application its languages and the templates their `_`."""
    Babel(app, locale_selector=language)
    app.jinja_env.add_extension("jinja2.ext.i18n")
    # The extension adds this method; jinja's own types do not know it.
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        _plain, _plural, newstyle=True
    )


def language() -> str:
    """Chosen at this terminal, else the person's, else what the browser asks for."""
    if not has_request_context():
        return "en"
    chosen = session.get(CHOICE)
    if chosen in LANGUAGES:
        return str(chosen)
    presence = g.get("presence")
    if presence is not None and presence.language in LANGUAGES:
        return str(presence.language)
    return request.accept_languages.best_match(list(LANGUAGES)) or "en"


def gettext(text: str, **values: object) -> str:
    """The text in the language of this request, with its %(named)s values."""
    translated = _plain(text)
    return translated % values if values else translated


def decimal_mark() -> str:
    """What stands before decimals in the language of this request."""
    return "," if _code() == "de" else "."


def _plain(text: str) -> str:
    return _catalogue(_code()).ugettext(text) if text else ""


def _plural(one: str, many: str, count: int) -> str:
    return _catalogue(_code()).ungettext(one, many, count)


def _code() -> str:
    locale = get_locale()
    return str(locale.language) if locale else "en"


@cache
def _catalogue(code: str) -> NullTranslations:
    found = Translations()
    for path in sorted((FOLDER / code).glob("*.po")):
        compiled = BytesIO()
        with path.open("rb") as file:
            write_mo(compiled, read_po(file, locale=code))
        compiled.seek(0)
        found.merge(Translations(compiled))
    return found
