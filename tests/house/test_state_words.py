"""A state has one word wherever it is shown: screen, PDF, API and tests (ux.md 4.3b)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

import pytest

from documents import states
from tests.integration.web.test_languages import german
from tools import reference
from web import states as screen

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "core", "audit", "documents", "personnel", "workflows", "engine", "hardware", "ebr",
    "production", "quality", "maintenance", "inventory", "web", "app",
)  # fmt: skip
THE_LIST = ROOT / "documents" / "states.py"
WORDS = re.compile(r"[A-Za-z][A-Za-z -]*\Z")
KINDS: tuple[type[Enum], ...] = tuple(table.kind for table in reference.TABLES if not table.words)


def second_lists(source: str) -> Iterator[tuple[int, str, str]]:
    """Line, code and word of every state that a mapping in the source words in another way."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Dict):
            continue
        told = dict(worded(node))
        for kind in KINDS:
            codes = {str(member.value) for member in kind} & told.keys()
            # Two states of one kind make a list; one may be anything.
            if len(codes) > 1:
                for code in sorted(codes):
                    if told[code] not in (states.word(code), code):
                        yield node.lineno, code, told[code]


def worded(mapping: ast.Dict) -> Iterator[tuple[str, str]]:
    """Pairs of a code (as text or as member of an enum) and a text."""
    for key, value in zip(mapping.keys, mapping.values, strict=True):
        if not (isinstance(value, ast.Constant) and WORDS.match(str(value.value))):
            continue
        if isinstance(key, ast.Constant):
            yield str(key.value), str(value.value)
        elif isinstance(key, ast.Attribute):
            yield key.attr.lower(), str(value.value)


def test_no_other_module_words_a_state() -> None:
    found = [
        (str(path.relative_to(ROOT)), *second)
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if path != THE_LIST and "migrations" not in path.parts
        for second in second_lists(path.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "WORDS = {'ready': 'waiting', 'performed': 'waits for signature'}",
        "WORDS = {StepState.READY: 'waiting', StepState.HELD: 'on hold'}",
    ],
)
def test_a_second_word_for_a_state_is_found(source: str) -> None:
    assert [code for _, code, _ in second_lists(source)]


def test_the_same_word_twice_is_no_second_word() -> None:
    source = "NEXT = {'ready': 'ready', 'performed': 'to be signed'}"
    assert list(second_lists(source)) == []


def test_the_screens_show_that_list_in_their_language() -> None:
    known = german()
    for code, (shape, word) in states.SHAPES.items():
        assert screen.shape(code) is shape
        assert screen.word(code) == word
        assert known.get(word), f"{word!r} has no German word"


@pytest.mark.parametrize("code", ["HOLDING", "in_a_state_without_word"])
def test_no_code_reaches_a_reader(code: str) -> None:
    shown = states.word(code)
    assert shown == shown.lower()
    assert "_" not in shown
