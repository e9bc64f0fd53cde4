"""Every refusal that somebody can meet says who can resolve it (promise 5): not only those of the
demonstration batch, which `test_way_on` walks, but each place of the product that refuses."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from core.errors import SOMEBODY, NotFound, Refusal
from tests.house.test_tree import PACKAGES, ROOT
from tests.support import faultreport
from tests.support.faultcheck import Findings

SAYS_NOTHING = {"", "-", "–", "?", "none", "unknown"}


@cache
def kinds() -> dict[str, type[Refusal]]:
    """All kinds of refusals of the product, by the name of their class."""
    for package in PACKAGES:
        folder = importlib.import_module(package)
        for found in pkgutil.walk_packages(folder.__path__, f"{package}."):
            if not found.name.startswith("app.migrations"):
                importlib.import_module(found.name)
    return {kind.__name__: kind for kind in _below(Refusal)}


def _below(kind: type[Refusal]) -> Iterator[type[Refusal]]:
    yield kind
    for each in kind.__subclasses__():
        if each.__module__.partition(".")[0] in PACKAGES:
            yield from _below(each)


def sources() -> Iterator[Path]:
    """The modules of the product but the verifier, which has errors of its own."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if path.name != "verifier.py":
                yield path


def refusing(tree: ast.AST) -> Iterator[tuple[type[Refusal], ast.Call]]:
    """Where a refusal is made; an error of the verifier that has the same name is none."""
    foreign = {"verifier.Invalid", *_of_the_verifier(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            kind = kinds().get(name.rpartition(".")[2])
            if kind is not None and name not in foreign:
                yield kind, node


def _of_the_verifier(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "audit.verifier":
            yield from (each.asname or each.name for each in node.names)


def names_nobody(kind: type[Refusal], call: ast.Call) -> bool:
    """Whether this place names nobody who can resolve it, nor says that there is nothing to do."""
    given = {each.arg: each.value for each in call.keywords}.get("resolver")
    if given is None:
        positional = [*inspect.signature(kind).parameters.values()]
        own = [each for each in positional if each.name == "resolver"]
        return bool(own) and own[0].default is inspect.Parameter.empty
    written = [each.value for each in ast.walk(given) if isinstance(each, ast.Constant)]
    return any(str(text).strip().lower() in SAYS_NOTHING for text in written if text != ", ")


def silent(source: str) -> list[int]:
    """The lines of a module that refuse without naming anybody."""
    return [call.lineno for kind, call in refusing(ast.parse(source)) if names_nobody(kind, call)]


@pytest.mark.urs("URS-AUD-010", "URS-EXE-090")
def test_every_place_that_refuses_names_who_can_resolve_it() -> None:
    places, found = 0, Findings()
    for path in sources():
        text = path.read_text("utf-8")
        places += len(list(refusing(ast.parse(text))))
        found.broken += [f"{path.relative_to(ROOT)}:{line}" for line in silent(text)]
    note = f"{len(kinds())} kinds of refusals"
    faultreport.tell("way-on-all", found, runs=places, note=note)
    assert places > len(kinds())
    assert not found.any, found


def test_a_place_that_names_nobody_is_found() -> None:
    lines = silent(
        'raise NotFound("no such batch", resolver="the batch register")\n'
        'raise NotFound("no such batch", resolver="-")\n'
        'raise NotFound("no such batch")\n'
        'raise NotFound("no such batch", resolver="nobody" if ended else "")\n'
    )
    faultreport.tell_control("way-on-all", "three places that name nobody", f"{len(lines)} found")
    assert lines == [2, 3, 4]


@pytest.mark.parametrize("empty", ["", " "])
def test_where_nobody_holds_the_right_somebody_is_still_named(empty: str) -> None:
    assert NotFound("no such batch", resolver=empty).resolver == SOMEBODY


def test_every_kind_of_refusal_has_a_rule_of_its_own_words() -> None:
    untold = [
        name for name, kind in kinds().items() if kind is not Refusal and not kind.rule.count(".")
    ]
    assert untold == []


def test_no_kind_of_refusal_is_left_that_nothing_raises() -> None:
    text = "\n".join(path.read_text("utf-8") for path in sources())
    trees = ast.walk(ast.parse(text.replace("from __future__ import annotations", "")))
    used = {node.id for node in trees if isinstance(node, ast.Name)}
    used |= {kind.__name__ for kind in kinds().values() if kind.__subclasses__()}
    assert set(kinds()) - used == set()
