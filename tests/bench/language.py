"""Part of group `engine`: how long a hostile text and a large recipe take to be judged.

`expression_refuse_64k_ms_max` is the worst of many hostile shapes of 64 KiB, each refused by the
compiler and as the condition of a file; of each shape the best of three tries counts, in processor
time, so that a busy machine is not taken for a slow refusal. `expression_refuse_2000_ms_max` is the
same with texts of the greatest length that is read at all. `recipe_check_ms_n3000` reads and checks
a recipe of 3,000 steps as `batchwright recipe check` does.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from tests.bench.shapes import SIZES, recipe
from tests.support.bpmn import bpmn, end, exclusive, flow, process, start, task
from workflows.errors import DefinitionRefused
from workflows.expressions import language
from workflows.expressions.errors import ExpressionError
from workflows.expressions.tokens import MAX_LENGTH
from workflows.expressions.types import number
from workflows.importing import import_procedure, read_file

SIZE = 64 * 1024
TRIES = 3
CHECKS = 5
NAMES = {"a": number("kg"), "a.b": number()}
REPEATED = (
    *("(", "((1)", ")", "-", "- ", "not ", "9", "9.", "1 + ", "1 kg + ", "a * ", "a.b / "),
    *("abs(", "min(1,", "if(true,", "'", "''", "a.", "a", "%", "2.5 % ", "1 = ", "1 < "),
    *("true and ", "true or not ", "é", "\U0001f600", "\u0301", "\u202e", " ", "\n", "\t", "["),
    *("/", "/a", "x\u0000", "${", "__import__('os')."),
)


def shapes(size: int) -> Iterator[str]:
    """Hostile texts of this length: one thing over and over, brackets both ways, mixtures."""
    for part in REPEATED:
        yield (part * (size // len(part) + 1))[:size]
    half = size // 2
    yield "(" * half + ")" * half
    yield "(" * (half - 1) + "1" + ")" * half
    yield "1" * half + "." + "1" * (half - 1)
    yield "1" + " + 1" * (size // 4 - 1)
    yield "a" + " and a" * (size // 6 - 1)
    yield "".join(chr(33 + n * 7 % 94) for n in range(size))
    yield "".join(REPEATED) * (size // len("".join(REPEATED)))


def measure() -> Mapping[str, float]:
    """Milliseconds of processor time: the slowest refusal of each size, a large recipe's check."""
    large = recipe(SIZES["n3000"])
    checks = [_taken(lambda: import_procedure(large)) for _ in range(CHECKS)]
    return {
        "expression_refuse_64k_ms_max": _slowest(SIZE),
        "expression_refuse_2000_ms_max": _slowest(MAX_LENGTH),
        "recipe_check_ms_n3000": statistics.median(checks),
    }


def _slowest(size: int) -> float:
    ways = (_refused, _refused_in_a_file) if size == SIZE else (_refused,)
    return max(_best(partial(way, text)) for text in shapes(size) for way in ways)


def _best(act: Callable[[], object]) -> float:
    return min(_taken(act) for _ in range(TRIES))


def _taken(act: Callable[[], object]) -> float:
    began = time.process_time()
    act()
    return (time.process_time() - began) * 1000


def _refused(text: str) -> None:
    try:
        language.compile(text, NAMES)
    except ExpressionError:
        return
    raise AssertionError(f"{text[:40]!r} was not refused")


def _refused_in_a_file(text: str) -> None:
    """As the condition of a flow; a character that no XML has is left out, as an editor would."""
    said = "".join(character for character in text if character >= " " or character in "\t\n")
    nodes = (start(), exclusive("G", default="G_end"), task("A"), end(), end("other"))
    flows = ["start > G > end", flow("G", "A", said), "A > other"]
    data = bpmn(process("OP", *nodes, flows=flows))
    try:
        found = read_file(data).findings
    except DefinitionRefused as refused:
        found = refused.findings
    assert found, f"{text[:40]!r} was not refused"
