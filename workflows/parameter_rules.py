"""Rules of one parameter: type, unit, source tag, limits, expression (URS-MRC-030, -040)."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from workflows.durations import BadDuration, duration
from workflows.findings import EXPRESSION_REMEDY, Report
from workflows.known import Known
from workflows.step import Limit, Parameter, Step
from workflows.units import UNITS, symbols_of
from workflows.words import DataType, Origin, Tier

NUMERIC = (DataType.DECIMAL, DataType.INTEGER)
MAX_REPLICATES = 200
MAX_DECIMALS = 9


def check_tag(
    known: Known,
    tag: str,
    at: str,
    report: Report,
    *,
    writable: bool = False,
    unit: str | None = None,
) -> None:
    """The tag is declared, may be written when that is wanted, and measures what `unit` does."""
    need = known.tags.get(tag)
    if need is None:
        remedy = "Declare it under its equipment requirement."
        report.add("tag.unknown", at, f"{tag} is not a declared tag", remedy)
        return
    if writable and not need.writable:
        remedy = 'Declare it with writable="true".'
        report.add("tag.writable", at, f"{tag} may not be written", remedy)
    if unit in UNITS and need.unit in UNITS:
        wanted, given = UNITS[unit].dimension, UNITS[need.unit].dimension
        if wanted != given:
            remedy = f"Use one of {', '.join(symbols_of(given))}."
            report.add("tag.unit", at, f"{tag} counts in {need.unit}, not in {unit}", remedy)


def check_unit(unit: str | None, at: str, report: Report, *, needed: bool = False) -> bool:
    """Whether the unit is approved (None is fine unless `needed`); notes it otherwise."""
    if unit is None and not needed:
        return True
    if unit in UNITS:
        return True
    message = "a unit is missing" if unit is None else f"{unit!r} is not an approved unit"
    report.add("unit.unknown", at, message, "Use an approved unit of the expression reference.")
    return False


def check_parameter(
    known: Known, step: Step, parameter: Parameter, at: str, report: Report
) -> None:
    """All rules of one parameter."""
    _check_type(parameter, at, report)
    _check_origin(known, step, parameter, at, report)
    if parameter.critical and parameter.data_type in NUMERIC:
        tiers = {limit.tier for limit in parameter.limits}
        if not tiers & {Tier.ACTION, Tier.REGISTERED}:
            message = f"{parameter.code} is critical and has no limits"
            report.add("parameter.critical", at, message, "Give it action or registered limits.")
    if not check_unit(parameter.unit, at, report):
        return
    if parameter.data_type in NUMERIC:
        _check_numbers(parameter, at, report)
    elif parameter.limits or parameter.target is not None:
        message = f"{parameter.code} is no number, so it has no limits"
        report.add("limit.type", at, message, "Remove them, or use choices with accepted.")


def _check_type(parameter: Parameter, at: str, report: Report) -> None:
    code, kind = parameter.code, parameter.data_type
    if kind is DataType.DECIMAL and parameter.decimals is None:
        message = f"{code} does not say its decimals"
        report.add("parameter.decimals", at, message, "Give decimals.")
    if kind is not DataType.DECIMAL and parameter.decimals is not None:
        report.add("parameter.decimals", at, f"{code} has no decimals", "Remove decimals.")
    if parameter.decimals is not None and parameter.decimals > MAX_DECIMALS:
        remedy = f"Use at most {MAX_DECIMALS}."
        report.add("parameter.decimals", at, f"{code} has too many decimals", remedy)
    if kind not in NUMERIC and parameter.unit is not None:
        report.add("parameter.unit", at, f"{code} is no number, so it has no unit", "Remove it.")
    if bool(parameter.choices) is not (kind is DataType.CHOICE):
        message = f"{code}: choices belong to a choice parameter, and only there"
        report.add("parameter.choices", at, message, "Correct its type or its choices.")
    if not 1 <= parameter.replicates <= MAX_REPLICATES:
        message = f"{code}: {parameter.replicates} replicates"
        report.add("parameter.replicates", at, message, f"Use 1 to {MAX_REPLICATES}.")


def _check_origin(known: Known, step: Step, parameter: Parameter, at: str, report: Report) -> None:
    code, calculated = parameter.code, parameter.origin is Origin.CALCULATED
    if (parameter.expression is not None) is not calculated:
        message = f"{code}: an expression belongs to a calculated parameter, and only there"
        report.add("parameter.expression", at, message, "Correct origin or expression.")
    if parameter.expression is not None:
        _check_expression(step, parameter, at, report)
    if parameter.source is None:
        if parameter.window or parameter.max_age or parameter.trend:
            message = f"{code}: window, maxAge and trend need a source tag"
            report.add("parameter.source", at, message, "Give it a source.")
        return
    if parameter.origin is not Origin.DEVICE:
        message = f"{code} has a source tag, but is not of origin device"
        report.add("parameter.source", at, message, 'Use origin="device".')
    check_tag(known, parameter.source, at, report, unit=parameter.unit)
    for text in (parameter.window, parameter.max_age):
        try:
            duration(text or "PT1S")
        except BadDuration as error:
            report.add("timer.text", at, str(error), "Write a duration such as PT30S.")


def _check_expression(step: Step, parameter: Parameter, at: str, report: Report) -> None:
    """The expression compiles, and names only what is already there when it is evaluated."""
    where = f"expression of {parameter.code}"
    if parameter.data_type not in NUMERIC:
        message = f"{parameter.code}: only a number is calculated"
        report.add("parameter.expression", at, message, "Use decimal or integer.")
        return
    if parameter.unit is not None and parameter.unit not in UNITS:
        return
    compiled = report.quantity(parameter.expression or "", parameter.unit, at, where)
    codes = [other.code for other in step.parameters]
    later = {f"{step.key}.{code}" for code in codes[codes.index(parameter.code) :]}
    used = {name.removesuffix("[]") for name in compiled.names} if compiled else set()
    for name in sorted(used & later):
        message = f"{where}: {name} is not there yet"
        report.add("parameter.order", at, message, "Put what it needs before it.")


def _check_numbers(parameter: Parameter, at: str, report: Report) -> None:
    tiers = [limit.tier for limit in parameter.limits]
    if len(set(tiers)) != len(tiers):
        message = f"{parameter.code} has two limits of one tier"
        report.add("limit.tier", at, message, "Keep one limit per tier.")
    ranges = {limit.tier: _range(parameter, limit, at, report) for limit in parameter.limits}
    ordered = [ranges[tier] for tier in Tier if tier in ranges]
    for inner, outer in pairwise(ordered):
        if not _inside(inner, outer):
            message = f"{parameter.code}: an inner limit lies outside an outer one"
            report.add("limit.order", at, message, "Order alert, action, registered.")
    if parameter.target is None:
        return
    where = f"target of {parameter.code}"
    target = _constant(parameter, parameter.target, where, at, report)
    if target is not None and ordered and not _inside((target, target), ordered[0]):
        message = f"{parameter.code}: the target lies outside its limits"
        report.add("limit.target", at, message, "Correct target or limits.")


def _range(
    parameter: Parameter, limit: Limit, at: str, report: Report
) -> tuple[Fraction | None, Fraction | None]:
    if limit.low is None and limit.high is None:
        message = f"{parameter.code}: the {limit.tier} limit is open at both ends"
        report.add("limit.open", at, message, "Give low or high.")
    where = f"{limit.tier} limit of {parameter.code}"
    low, high = (
        None if text is None else _constant(parameter, text, where, at, report)
        for text in (limit.low, limit.high)
    )
    if low is not None and high is not None and low > high:
        report.add("limit.range", at, f"{where}: low is above high", "Exchange them.")
    for rule in limit.severities:
        if rule.when is not None:
            report.condition(rule.when, at, f"severity of the {where}")
    return low, high


def _constant(
    parameter: Parameter, text: str, where: str, at: str, report: Report
) -> Fraction | None:
    """The exact number when the text names nothing, else None (known only when it runs)."""
    compiled = report.quantity(text, parameter.unit, at, where)
    if compiled is None or compiled.names:
        return None
    outcome = compiled.evaluate({})
    if outcome.exact is None:
        problem = "; ".join(outcome.problems)
        report.add("expression.value", at, f"{where}: {problem}", EXPRESSION_REMEDY)
    return outcome.exact


def _inside(
    inner: tuple[Fraction | None, Fraction | None], outer: tuple[Fraction | None, Fraction | None]
) -> bool:
    """Whether the known ends of one range lie inside the known ends of the other."""
    low_ok = inner[0] is None or outer[0] is None or inner[0] >= outer[0]
    high_ok = inner[1] is None or outer[1] is None or inner[1] <= outer[1]
    return low_ok and high_ok
