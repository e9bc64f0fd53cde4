"""The names that expressions of a definition may use, with their types and units.

``KEY.code`` a parameter of a step, ``KEY.round`` how often that step has been performed,
``KEY.elapsed`` how long its latest performance took (or takes), ``round`` the round of a repeated
level, ``batch.size``, ``formula.KEY``, ``theory.KEY``, and ``REQUIREMENT.TAG`` a live tag of the
unit bound to an equipment requirement.
"""

from __future__ import annotations

from collections.abc import Iterator

from workflows.expressions import types
from workflows.expressions.types import Type
from workflows.model import Procedure
from workflows.recipe import Header, TagNeed
from workflows.step import Parameter
from workflows.units import UNITS
from workflows.words import DataType

RESERVED = frozenset({"batch", "formula", "theory", "round"})


def declared_names(procedure: Procedure) -> dict[str, Type]:
    """Every name of the definition; a name whose unit is not approved is left out."""
    found = {"round": types.number()}
    found.update(_of_header(procedure.header))
    for step in procedure.steps():
        found[f"{step.key}.round"] = types.number()
        found[f"{step.key}.elapsed"] = types.number("min")
        for parameter in step.parameters:
            if (type_ := type_of(parameter)) is not None:
                found[f"{step.key}.{parameter.code}"] = type_
    return found


def type_of(item: Parameter | TagNeed) -> Type | None:
    """The type of a parameter's or tag's value, None when its unit is not approved."""
    if item.data_type in (DataType.DECIMAL, DataType.INTEGER):
        unit = item.unit or "1"
        return types.number(unit) if unit in UNITS else None
    if item.data_type is DataType.BOOLEAN:
        return types.BOOLEAN
    choices = item.choices if isinstance(item, Parameter) else ()
    return types.text(*(choice.value for choice in choices))


def _of_header(header: Header) -> Iterator[tuple[str, Type]]:
    if header.batch_size is not None and header.batch_size.unit in UNITS:
        yield "batch.size", types.number(header.batch_size.unit)
    for prefix, items in (("formula", header.ingredients), ("theory", header.theories)):
        for item in items:
            if item.unit in UNITS:
                yield f"{prefix}.{item.key}", types.number(item.unit)
    for requirement in header.equipment:
        for tag in requirement.tags:
            if (type_ := type_of(tag)) is not None:
                yield f"{requirement.key}.{tag.name}", type_
