"""Words of the record that screens say in German: acts, meanings, tags, labels (decision 0011)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from ebr import rules
from hardware import demo_plant
from quality.commands import release
from tests.integration.web.test_languages import german

ROOT = Path(__file__).parents[3]
PACKAGES = (
    "personnel workflows engine hardware ebr production quality maintenance inventory".split()
)
OTHER_ACTS = ("scan_source",)
"""What pages ask for without a command, and refuse as an attempt."""


def commands() -> set[str]:
    """The name of every act that can be refused: a command says who and when."""
    modules = (
        path
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if "commands" in path.relative_to(ROOT).as_posix()
    )
    return {name for path in modules for name in _acts(path)}


def _acts(path: Path) -> Iterator[str]:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            named = {argument.arg for argument in node.args.kwonlyargs}
            yield from [node.name] if {"by", "at"} <= named else []


def lacking(words: set[str]) -> list[str]:
    known = german()
    parts = {part for word in words for part in word.replace("_", " ").split(", ")}
    return sorted(part for part in parts if not known.get(part))


def test_every_act_that_can_be_refused_has_a_german_name() -> None:
    found = commands() | set(OTHER_ACTS)
    assert {"perform_step", "choose_scale", "open_batch", "change_status"} <= found
    assert lacking(found) == []


def test_every_meaning_of_a_signature_has_a_german_word() -> None:
    signed = (ast.walk(ast.parse(path.read_text(encoding="utf-8"))) for path in _sources())
    given = {
        str(keyword.value.value)
        for nodes in signed
        for node in nodes
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "meaning" and isinstance(keyword.value, ast.Constant)
    }
    assert {"performed", "reviewed"} <= given
    assert lacking(given | set(rules.MEANINGS.values()) | set(release.MEANING.values())) == []


def _sources() -> Iterator[Path]:
    for package in (*PACKAGES, "web"):
        yield from (ROOT / package).rglob("*.py")


def test_every_tag_of_the_demonstration_plant_is_described_in_german() -> None:
    described = {spec.description for specs in demo_plant.tag_maps().values() for spec in specs}
    assert "product temperature" in described
    assert lacking(described) == []


@pytest.mark.parametrize("word", ["an act that nobody made", "air flow, an unknown part"])
def test_a_word_without_a_german_one_is_noticed(word: str) -> None:
    assert len(lacking({word})) == 1
