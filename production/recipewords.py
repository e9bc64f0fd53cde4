"""A recipe in words for paper: every field that is set, none passed over.

What has a form of its own (parameters, instructions, signatures) is told so; everything else is
spelled from the typed model by the names of its fields, so a field that is added later is printed
without anybody thinking of it (URS-MRC-080).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from decimal import Decimal
from enum import Enum
from typing import Any

from documents.units import symbol
from ebr.report import words
from workflows.model import (
    BoundaryEvent,
    CallActivity,
    CatchEvent,
    EndEvent,
    EventSubProcess,
    Level,
    Node,
    StepTask,
    ThrowEvent,
)
from workflows.step import Parameter, Phrase, SignaturePolicy, Step, in_language

OF_A_STEP = frozenset(
    {"key", "name", "kind", "role", "signature", "automatic", "critical", "sop", "room",
     "instructions", "parameters"}
)  # fmt: skip
"""Fields of a step that are told in words of their own."""
OF_A_PARAMETER = frozenset(
    {"code", "data_type", "labels", "unit", "critical", "source", "statistic", "window", "target",
     "expression", "limits", "replicates"}
)  # fmt: skip


def spelled(value: Any, language: str) -> str:
    """Any value of the model in words; what is not set is not told."""
    if isinstance(value, Phrase):
        return value.text
    if is_dataclass(value) and not isinstance(value, type):
        return ", ".join(_fields(value, language, frozenset()))
    if isinstance(value, tuple):
        if value and all(isinstance(part, Phrase) for part in value):
            return in_language(value, language)
        return "; ".join(spelled(part, language) for part in value)
    if isinstance(value, Enum):
        return words.plain(str(value.value))
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def told(value: Any, language: str, without: set[str]) -> str:
    """The fields of a value that are set, but those named; a dash where there is none."""
    return ", ".join(_fields(value, language, frozenset(without))) or "–"


def _fields(value: Any, language: str, without: frozenset[str]) -> Iterator[str]:
    for field in fields(value):
        part = getattr(value, field.name)
        if field.name in without or part is None or part == () or part == _default(field):
            continue
        name = words.plain(field.name)
        if field.name == "unit":
            part = symbol(part) or part
        if field.name == "labels":
            yield f"“{in_language(part, language)}”"
        elif field.name == "equipment_class":
            yield f"class {words.plain(part)}"
        elif isinstance(part, bool):
            yield name if part else f"not {name}"
        else:
            yield f"{name} {spelled(part, language)}"


def _default(field: Field[Any]) -> Any:
    return MISSING if field.default is MISSING else field.default


def who(step: Step) -> str:
    """Kind, role, room and procedure of a step, and who signs it with which meaning."""
    told = [
        words.capital(words.word(words.KINDS, step.kind.value)),
        f"Role {step.role}" + (f", room {step.room}" if step.room else ""),
    ]
    if step.automatic:
        told.append("Automatic")
    if step.sop:
        told.append(step.sop)
    return "\n".join([*told, signing(step.signature)])


def signing(policy: SignaturePolicy) -> str:
    """Who signs the step."""
    return f"Signature: {spelled(policy, '').removeprefix('mode ')}"


def does(step: Step, language: str) -> str:
    """Instruction and everything else that the step asks for, one thing a line."""
    told = [in_language(step.instructions, language)] if step.instructions else []
    for field in fields(step):
        part = getattr(step, field.name)
        if field.name in OF_A_STEP or part is None or part == ():
            continue
        name = words.capital(words.plain(field.name))
        parts = part if isinstance(part, tuple) else (part,)
        told += [f"{name}: {spelled(each, language)}" for each in parts]
    return "\n".join(told) or "–"


def asks(step: Step, language: str) -> str:
    """The parameters of a step with target and limits, one after the other."""
    return "\n".join(_parameter(each, language) for each in step.parameters) or "–"


def _parameter(parameter: Parameter, language: str) -> str:
    label = in_language(parameter.labels, language) or words.plain(parameter.code)
    unit = symbol(parameter.unit) or parameter.unit
    told = [f"{'* ' if parameter.critical else ''}{label}" + (f" [{unit}]" if unit else "")]
    if parameter.replicates > 1:
        told[0] += f" × {parameter.replicates}"
    if parameter.target is not None:
        told.append(f"target {parameter.target}")
    told += [_limit(limit, language) for limit in parameter.limits]
    if parameter.source:
        window = f" over {parameter.window}" if parameter.window else ""
        told.append(f"{spelled(parameter.statistic, language)} of {parameter.source}{window}")
    if parameter.expression:
        told.append(f"= {parameter.expression}")
    told.append(spelled(parameter.data_type, language))
    told += _fields(parameter, language, OF_A_PARAMETER)
    return " · ".join(told)


def _limit(limit: Any, language: str) -> str:
    rest = ", ".join(_fields(limit, language, frozenset({"tier", "low", "high"})))
    told = f"{words.plain(limit.tier.value)} {words.limits(limit.low, limit.high)}"
    return f"{told} ({rest})" if rest else told


def called(level: Level, node_id: str) -> str:
    """A node as people name it: its step's key with its name, its name, or its id in words."""
    node = level.node(node_id)
    if isinstance(node, StepTask):
        return f"{node.step.key} {node.step.name}"
    return node.name or f"{_kind(node)} {words.plain(node.id)}"


def _kind(node: Node) -> str:
    """The class of a node as words: ``boundary event``."""
    name = type(node).__name__
    return "".join(f" {c.lower()}" if c.isupper() else c for c in name).strip()


def happenings(level: Level, language: str) -> Iterator[tuple[str, str, str]]:
    """Everything of a level that is no step and no plain gateway: kind, name, what it does."""
    for node in level.nodes:
        if isinstance(
            node, CallActivity | EventSubProcess | CatchEvent | ThrowEvent | BoundaryEvent
        ) or (isinstance(node, EndEvent) and (node.error or node.throws)):
            told = ", ".join(_fields(node, language, frozenset({"id", "name", "attached_to"})))
            if isinstance(node, BoundaryEvent):
                told = f"at {called(level, node.attached_to)}: {told}"
            yield words.capital(_kind(node)), node.name or words.plain(node.id), told or "–"
