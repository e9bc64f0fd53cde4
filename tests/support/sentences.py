"""Every sentence that the product can write into a record, read from its code.

A sentence is what a refusal, a condition of a gate or an exception says. Its message is the text
with each fact as a numbered place, ``{0} is closed already``; the German catalogue must have all.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGES = (
    "core audit documents personnel workflows engine hardware ebr production quality maintenance"
    " inventory app"
).split()
ROOT = Path(__file__).parents[2]
MACHINES = ("app/demo/", "app/history/", "hardware/simulators/")
"""Code that speaks to who runs the installation, in a terminal."""

PLACE = "{}"
SAYING = {
    "met": (1,),
    "unmet": (1, 2),
    "Obstacle": (0, 1),
    "_components": (0,),
    "_unreadable": (0,),
}
"""Which arguments are sentences, by the name of what is called."""

ANSWERS = ("gap",)
"""Functions that answer with a sentence, or with none."""

SPEAKS = re.compile(r"resolver=|fact=|raise_exception\(|unmet\(|Obstacle\(|def gap\(")
"""What stands in every module that says something; the others need not be read."""

Scope = dict[str, list[ast.expr]]
"""What a name may stand for; a function's answers stand under its name with brackets."""


@cache
def sentences() -> dict[str, str]:
    """Each message with a file and line that says it."""
    found: dict[str, str] = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            where = path.relative_to(ROOT).as_posix()
            if not where.startswith(MACHINES):
                source = path.read_text(encoding="utf-8")
                for line, message in _of_module(source) if SPEAKS.search(source) else ():
                    found.setdefault(message, f"{where}:{line}")
    return found


def _of_module(source: str) -> Iterator[tuple[int, str]]:
    module = ast.parse(source)
    functions = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]
    returned = {f"{each.name}()": _returned(each) for each in functions}
    for function in functions:
        scope = returned | _assigned(module.body) | _assigned(list(ast.walk(function)))
        if function.name in ANSWERS:
            for answer in returned[f"{function.name}()"]:
                yield from ((answer.lineno, text) for text in _messages(answer, scope))
        for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
            for said in _said_by(call):
                yield from ((call.lineno, text) for text in _messages(said, scope))


def _messages(said: ast.expr, scope: Scope) -> Iterator[str]:
    for text in _texts(said, scope, ()):
        if any(letter.isalpha() for letter in text.replace(PLACE, "")):
            yield _numbered(text)


def _returned(function: ast.FunctionDef) -> list[ast.expr]:
    answers = (node for node in ast.walk(function) if isinstance(node, ast.Return))
    return [node.value for node in answers if node.value]


def _assigned(nodes: list[ast.stmt] | list[ast.AST]) -> Scope:
    found: Scope = {}
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, []).append(node.value)
        elif isinstance(node, ast.NamedExpr):
            found.setdefault(node.target.id, []).append(node.value)
    return found


def _said_by(call: ast.Call) -> list[ast.expr]:
    """The arguments of a call that are sentences."""
    named = {word.arg: word.value for word in call.keywords}
    called = call.func.attr if isinstance(call.func, ast.Attribute) else _name(call.func)
    if "resolver" in named:
        fact = [named["fact"]] if "fact" in named else call.args[:1]
        return [named["resolver"], *fact]
    if called == "raise_exception":
        return call.args[2:3] if isinstance(call.func, ast.Attribute) else call.args[5:6]
    if "fact" in named:
        return [named["fact"]]
    return [call.args[place] for place in SAYING.get(called, ()) if place < len(call.args)]


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _texts(node: ast.expr, scope: Scope, seen: tuple[str, ...]) -> list[str]:
    """All texts that an expression may be, with `PLACE` for each fact."""
    match node:
        case ast.Constant(value=str() as text):
            return [text]
        case ast.JoinedStr(values=parts):
            return _joined(parts, scope, seen)
        case ast.IfExp(body=one, orelse=other):
            return _texts(one, scope, seen) + _texts(other, scope, seen)
        case ast.BoolOp(values=several):
            return [text for value in several for text in _texts(value, scope, seen)]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            ends = _texts(right, scope, seen) or [PLACE]
            starts = _texts(left, scope, seen) or [PLACE]
            return [start + end for start in starts for end in ends]
        case ast.Call(func=ast.Name(id=name)) | ast.Name(id=name):
            key = f"{name}()" if isinstance(node, ast.Call) else name
            values = [] if key in seen else scope.get(key, [])
            return [text for value in values for text in _texts(value, scope, (*seen, key))]
        case ast.Call(func=ast.Attribute(attr="strip", value=inner)):
            return _texts(inner, scope, seen)
    return []


def _joined(parts: list[ast.expr], scope: Scope, seen: tuple[str, ...]) -> list[str]:
    """The texts of an f-string; a choice between two fixed words is two texts."""
    texts = [""]
    for part in parts:
        choices = [PLACE]
        if isinstance(part, ast.Constant):
            choices = [str(part.value)]
        elif isinstance(part, ast.FormattedValue) and isinstance(part.value, ast.IfExp):
            choices = _texts(part.value, scope, seen) or choices
        texts = [text + choice for text in texts for choice in choices]
    return texts


def _numbered(text: str) -> str:
    first, *rest = text.split(PLACE)
    return first + "".join(f"{{{place}}}{after}" for place, after in enumerate(rest))
