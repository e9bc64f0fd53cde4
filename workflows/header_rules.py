"""Rules of the header: what a master recipe must say before anyone reviews it (URS-MRC-030)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from workflows.findings import Report
from workflows.model import Procedure
from workflows.recipe import BatchSize, Header
from workflows.units import UNITS
from workflows.words import Category, StepKind, Tier

UNIT_REMEDY = "Use an approved unit of the expression reference."


def check_header(procedure: Procedure, report: Report) -> None:
    """All rules of header, formula and equipment requirements."""
    header, at = procedure.header, procedure.entry
    for unit in _units(header):
        if unit not in UNITS:
            report.add("unit.unknown", at, f"{unit!r} is not an approved unit", UNIT_REMEDY)
    for what, keys in _keys(header):
        for key in sorted(key for key, count in Counter(keys).items() if count > 1):
            report.add("header.key", at, f"{what} {key} stands twice", "Give each its own key.")
    _check_ranges(header, at, report)
    if header.batch_size is not None:
        _check_size(header.batch_size, at, report)
    if header.category is Category.MASTER_RECIPE:
        _check_master(procedure, report)


def _units(header: Header) -> Iterable[str]:
    size = header.batch_size
    if size is not None:
        yield size.unit
        if size.output_unit is not None:
            yield size.output_unit
    yield from (item.unit for item in header.ingredients)
    yield from (item.unit for item in header.theories)
    for requirement in header.equipment:
        yield from (capability.unit for capability in requirement.capabilities)
        yield from (tag.unit for tag in requirement.tags if tag.unit is not None)


def _keys(header: Header) -> Iterable[tuple[str, list[str]]]:
    yield "ingredient", [item.key for item in header.ingredients]
    yield "theoretical yield", [item.key for item in header.theories]
    yield "equipment requirement", [item.key for item in header.equipment]
    for requirement in header.equipment:
        yield f"tag of {requirement.key}", [tag.name for tag in requirement.tags]


def _check_ranges(header: Header, at: str, report: Report) -> None:
    for requirement in header.equipment:
        for capability in requirement.capabilities:
            low, high = capability.minimum, capability.maximum
            if low is None and high is None:
                message = f"{capability.name} of {requirement.key} has neither minimum nor maximum"
                report.add("header.range", at, message, "Give at least one.")
            elif low is not None and high is not None and low > high:
                message = f"{capability.name} of {requirement.key}: minimum above maximum"
                report.add("header.range", at, message, "Exchange them.")


def _check_size(size: BatchSize, at: str, report: Report) -> None:
    if not 0 < size.minimum <= size.reference <= size.maximum:
        message = "the reference batch size lies outside its range"
        report.add("header.batch_size", at, message, "Correct reference, minimum or maximum.")


def _check_master(procedure: Procedure, report: Report) -> None:
    header = procedure.header
    needed = {
        "header.product": (header.product, "name, strength and dosage form of the product"),
        "header.batch_size": (header.batch_size, "a batch size"),
        "header.ingredients": (header.ingredients, "components with their quantities"),
        "header.theories": (header.theories, "theoretical yields"),
        "header.packaging": (header.packaging, "containers, closures or labels"),
        "header.equipment": (header.equipment, "equipment requirements"),
        "header.precautions": (header.precautions, "precautions"),
        "header.sampling": (_has_sampling(procedure), "a sampling step"),
        "header.yield_limits": (_has_yield_limits(procedure), "a yield step with action limits"),
    }
    for code, (present, what) in needed.items():
        if not present:
            report.add(code, procedure.entry, f"the recipe lacks {what}", "Add it.")
    _check_formula(procedure, report)


def _has_sampling(procedure: Procedure) -> bool:
    return any(step.sample is not None for step in procedure.steps())


def _has_yield_limits(procedure: Procedure) -> bool:
    return any(
        limit.tier is Tier.ACTION
        for step in procedure.steps()
        if step.kind is StepKind.YIELD
        for parameter in step.parameters
        for limit in parameter.limits
    )


def _check_formula(procedure: Procedure, report: Report) -> None:
    keys = {step.key for step in procedure.steps()}
    for item in procedure.header.ingredients:
        if item.quantity <= 0:
            message = f"{item.key} has no positive quantity"
            report.add("header.quantity", procedure.entry, message, "Give its quantity.")
        if item.used_at is not None and item.used_at not in keys:
            message = f"{item.key} is used at {item.used_at}, which is no step"
            report.add("header.used_at", procedure.entry, message, "Name the step that charges it.")
