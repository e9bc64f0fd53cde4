"""Every text of the screens has a German one, and placeholders stay the same."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from tests.support.web import Visitor

WEB = Path(__file__).parents[3] / "web"
IN_TEMPLATE = re.compile(r"""\b_\(\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")""")
PLACE = re.compile(r"%\((\w+)\)s")


def texts() -> dict[str, str]:
    """Each text with a file that shows it."""
    found: dict[str, str] = {}
    for path in sorted(WEB.rglob("*.html")):
        for match in IN_TEMPLATE.finditer(path.read_text(encoding="utf-8")):
            found.setdefault(match[1] or match[2], path.name)
    for path in sorted(WEB.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_"
            if called and isinstance(node, ast.Call) and isinstance(node.args[0], ast.Constant):
                found.setdefault(str(node.args[0].value), path.name)
    return found


def german() -> dict[str, str]:
    """The German catalogue."""
    found: dict[str, str] = {}
    for path in sorted((WEB / "translations" / "de").glob("*.po")):
        with path.open("rb") as file:
            found |= {str(m.id): str(m.string) for m in read_po(file, locale="de") if m.id}
    return found


def test_every_text_has_a_german_one() -> None:
    known = german()
    assert {text: where for text, where in texts().items() if not known.get(text)} == {}


def test_translations_keep_the_places_of_values() -> None:
    wrong = [t for t, g in german().items() if set(PLACE.findall(t)) != set(PLACE.findall(g))]
    assert wrong == []


@pytest.mark.parametrize(
    ("asks", "title"), [("de", "Anmelden"), ("en", "Sign in"), ("fr", "Sign in")]
)
def test_the_browser_s_language_is_spoken_before_anybody_signs_in(
    visitor: Visitor, asks: str, title: str
) -> None:
    page = visitor.get("/login", headers={"Accept-Language": asks}).get_data(as_text=True)
    assert f"<h1>{title}</h1>" in page


def test_a_chosen_language_stays_after_signing_in(visitor: Visitor) -> None:
    form = visitor.forms("/login").to("/language")
    visitor.client.post("/language", data={**form, "language": "de"})
    visitor.login("P-101")
    assert "Meine Arbeit" in visitor.get("/work").get_data(as_text=True)
