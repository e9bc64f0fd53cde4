"""Recording the values of a step: typed, measured, calculated; judged, graded, never replaced.

Order: entered and measured values first, calculated ones after them in document order, then the
limits. Each breach opens one exception with its tier and severity (URS-EXE-060, URS-DEV-010).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from documents import received
from ebr import queries, rules
from ebr.context import StepContext
from ebr.entry import Entry, File, Measured
from ebr.errors import FileNotAccepted, ReasonNeeded, ValueMissing, ValueRefused
from ebr.models import Attachment, Grade, ParameterValue
from hardware import queries as plant
from workflows.rounding import to_decimals
from workflows.step import Parameter, in_language
from workflows.words import DataType, Occasion, Origin, Severity

FILE_TYPES = (DataType.FILE, DataType.PHOTO)


def record(context: StepContext, entry: Entry) -> None:
    """Record every parameter of the step from the entry. Raises ValueRefused, ValueMissing."""
    _refuse_unknown(context, entry)
    for parameter in context.spec.parameters:
        if parameter.origin is not Origin.CALCULATED:
            _record_given(context, parameter, entry)
    for parameter in context.spec.parameters:
        if parameter.origin is Origin.CALCULATED:
            calculate(context, parameter)


def _refuse_unknown(context: StepContext, entry: Entry) -> None:
    known = {parameter.code for parameter in context.spec.parameters}
    for code in {*entry.values, *entry.measured, *entry.not_applicable, *entry.files} - known:
        raise ValueRefused(
            f"the step has no value {code}", resolver="the recipe author", field=code
        )
    for parameter in context.spec.parameters:
        given = [
            kind
            for kind, part in (
                ("typed", entry.values),
                ("read", entry.measured),
                ("not applicable", entry.not_applicable),
                ("a file", entry.files),
            )
            if parameter.code in part and _says_something(part[parameter.code])
        ]
        if parameter.origin is Origin.CALCULATED and given:
            raise ValueRefused(
                f"{parameter.code} is calculated: it cannot be {given[0]}",
                resolver="nobody: leave it out",
                field=parameter.code,
            )
        if len(given) > 1:
            raise ValueRefused(
                f"{parameter.code} is given twice: {' and '.join(given)}",
                resolver="the person at this step",
                field=parameter.code,
            )


def _says_something(given: object) -> bool:
    if isinstance(given, (tuple, list)):
        return any(not isinstance(part, str) or part.strip() for part in given)
    return True


def _record_given(context: StepContext, parameter: Parameter, entry: Entry) -> None:
    if parameter.code in entry.not_applicable:
        _record_not_applicable(context, parameter, entry.not_applicable[parameter.code])
    elif parameter.data_type in FILE_TYPES:
        _record_file(context, parameter, entry.files.get(parameter.code))
    elif parameter.code in entry.measured:
        _record_measured(context, parameter, entry.measured[parameter.code])
    else:
        _record_typed(context, parameter, entry)


def _record_typed(context: StepContext, parameter: Parameter, entry: Entry) -> None:
    texts = [text for text in entry.values.get(parameter.code, ()) if text.strip()]
    if len(texts) != parameter.replicates:
        if not texts and not parameter.required:
            return
        raise _missing(context, parameter, len(texts))
    grade = _grade_of_typed(context, parameter, entry)
    for position, text in enumerate(texts):
        captured = rules.capture(parameter, text)
        store(
            context,
            parameter,
            position,
            captured.text,
            captured.number,
            grade=grade,
            reason=entry.reason or None,
        )
    judge_choice(context, parameter, texts)


def _grade_of_typed(context: StepContext, parameter: Parameter, entry: Entry) -> Grade:
    if parameter.origin is Origin.LABEL:
        _refuse_foreign_unit(context, parameter, entry.values[parameter.code])
        return Grade.SCANNED
    if parameter.origin is not Origin.DEVICE or parameter.source is None:
        return Grade.MANUAL
    if not entry.reason.strip():
        raise ReasonNeeded(
            f"{parameter.code} comes from {parameter.source}: typing it needs a reason",
            resolver="the person at this step, with a verifier",
            field="reason",
        )
    severity = next(
        (policy.severity for policy in context.policy_for(Occasion.MANUAL_VALUE)), Severity.MAJOR
    )
    context.raise_exception(
        "manual_value",
        severity,
        f"{label(context, parameter)} was typed instead of read from {parameter.source}",
        facts={"parameter": parameter.code, "reason": entry.reason},
    )
    return Grade.MANUAL_FOR_DEVICE


def _refuse_foreign_unit(context: StepContext, parameter: Parameter, texts: Sequence[str]) -> None:
    """A scanned label of a unit must be that of a unit bound to this run (URS-MAT-020)."""
    bound = set(queries.bindings(context.session, context.run).values())
    for text in texts:
        if plant.is_unit(context.session, text.strip()) and text.strip() not in bound:
            raise ValueRefused(
                f"{label(context, parameter)}: {text.strip()} is not bound to {context.run.number}",
                resolver="scan the unit that is bound, or bind another one",
                field=parameter.code,
            )


def _missing(context: StepContext, parameter: Parameter, found: int) -> ValueMissing:
    wanted = f"{parameter.replicates} values, {found} given" if found else "a value"
    return ValueMissing(
        f"{label(context, parameter)}: {wanted} needed",
        resolver="the person at this step",
        field=parameter.code,
    )


def _record_measured(
    context: StepContext, parameter: Parameter, measured: Sequence[Measured]
) -> None:
    if len(measured) != parameter.replicates:
        raise _missing(context, parameter, len(measured))
    for position, found in enumerate(measured):
        _refuse_other_form(parameter, found)
        if found.quality != "GOOD":
            raise ValueRefused(
                f"{parameter.code}: the reading is {found.quality}, not GOOD",
                resolver="maintenance, or manual entry with a reason and a verifier",
                field=parameter.code,
            )
        text, number, unrounded = _rounded_reading(parameter, found)
        store(
            context,
            parameter,
            position,
            text,
            number,
            unrounded=unrounded,
            grade=Grade.DEVICE,
            quality=found.quality,
            source=dict(found.source),
        )


def _rounded_reading(
    parameter: Parameter, found: Measured
) -> tuple[str, Decimal | None, Decimal | None]:
    """Text and number with the decimals of the parameter, and the number as measured."""
    if found.number is None or parameter.decimals is None:
        return found.text, found.number, None
    number = to_decimals(Fraction(found.number), parameter.decimals, parameter.rounding)
    return format(number, "f"), number, found.number


def _refuse_other_form(parameter: Parameter, found: Measured) -> None:
    """A reading counts in the unit of the parameter and is a number where one is asked."""
    numeric = parameter.data_type in (DataType.DECIMAL, DataType.INTEGER)
    units = {found.unit or "1", parameter.unit or "1"}
    if numeric and (found.number is None or len(units) > 1):
        raise ValueRefused(
            f"{parameter.code}: the reading {found.text} {found.unit or ''} is no number in "
            f"{parameter.unit or 'plain units'}",
            resolver="the tag map of the device; maintenance",
            field=parameter.code,
        )


def _record_not_applicable(context: StepContext, parameter: Parameter, reason: str) -> None:
    words = rules.need_reason(reason, f"“not applicable” for {parameter.code}")
    store(context, parameter, 0, None, None, grade=Grade.MANUAL, not_applicable=words)
    context.raise_exception(
        "not_applicable",
        Severity.MINOR,
        f"{label(context, parameter)} was marked as not applicable",
        facts={"parameter": parameter.code, "reason": words},
    )


def _record_file(context: StepContext, parameter: Parameter, file: File | None) -> None:
    if file is None:
        if parameter.required:
            raise _missing(context, parameter, 0)
        return
    attached = attach(context, parameter.code, file)
    store(
        context,
        parameter,
        0,
        attached.name,
        None,
        grade=Grade.MANUAL,
        source={"attachment": attached.digest, "media_type": attached.media_type},
    )


def attach(context: StepContext, code: str, file: File) -> Attachment:
    """Keep a file with the record, named by its SHA-256 (URS-SEC-030). Raises FileNotAccepted."""
    for why in received.problems(file.data, file.media_type):
        raise FileNotAccepted(
            f"{file.name} was not accepted: {why}",
            resolver="the person who attaches it, with a file that only shows something",
        )
    attached = Attachment(
        run_id=context.run.id,
        step_id=context.step.id,
        code=code,
        name=file.name,
        media_type=file.media_type,
        digest=hashlib.sha256(file.data).hexdigest(),
        size=len(file.data),
        data=file.data,
        at=context.at,
        by=context.by.id,
    )
    context.session.add(attached)
    return attached


def judge_choice(context: StepContext, parameter: Parameter, texts: Sequence[str]) -> None:
    """A choice that the recipe does not accept raises its exception."""
    refused = {choice.value for choice in parameter.choices if not choice.accepted}
    for text in texts:
        if text.strip() in refused:
            severity = Severity.CRITICAL if parameter.critical else Severity.MAJOR
            context.raise_exception(
                "not_accepted",
                severity,
                f"{label(context, parameter)}: {text.strip()}",
                facts={"parameter": parameter.code, "value": text.strip()},
            )


def calculate(
    context: StepContext,
    parameter: Parameter,
    *,
    supersedes: ParameterValue | None = None,
    reason: str | None = None,
) -> ParameterValue:
    """Evaluate a calculated parameter and record it with inputs and unrounded result.

    Raises ValueMissing when an input is not known: a calculation never turns nothing into zero.
    """
    outcome = context.names.evaluate(parameter.expression or "", parameter.unit)
    if not isinstance(outcome.value, Decimal):
        raise ValueMissing(
            f"{label(context, parameter)} cannot be calculated: {'; '.join(outcome.problems)}",
            resolver="the steps that record the inputs",
            field=parameter.code,
        )
    decimals = parameter.decimals if parameter.decimals is not None else 0
    rounded = outcome.rounded(decimals, parameter.rounding)
    return store(
        context,
        parameter,
        0,
        format(rounded, "f"),
        rounded,
        grade=Grade.CALCULATED,
        unrounded=outcome.value,
        source={"expression": parameter.expression, "inputs": dict(outcome.inputs)},
        supersedes=supersedes,
        reason=reason,
    )


def store(
    context: StepContext,
    parameter: Parameter,
    position: int,
    text: str | None,
    number: Decimal | None,
    *,
    grade: Grade,
    quality: str | None = None,
    source: dict[str, Any] | None = None,
    unrounded: Decimal | None = None,
    not_applicable: str | None = None,
    supersedes: ParameterValue | None = None,
    reason: str | None = None,
) -> ParameterValue:
    """Insert one value, judge it by its limits, and raise the exception that a breach needs."""
    limits = evaluated_limits(context, parameter)
    if number is not None:
        _refuse_unknown_limits(context, parameter, limits)
    found = None if number is None else rules.breach(limits, _judged(parameter, number))
    value = ParameterValue(
        step_id=context.step.id,
        code=parameter.code,
        position=position,
        revision=context.step.revision,
        text=text,
        number=number,
        unrounded=unrounded,
        unit=parameter.unit,
        data_type=parameter.data_type.value,
        origin=parameter.origin.value,
        grade=grade.value,
        quality=quality,
        source=source,
        limits=limits_as_json(limits),
        verdict=(found.limit.tier.value if found else "in")
        if limits and number is not None
        else None,
        not_applicable=not_applicable,
        performed_at=context.at,
        recorded_at=context.at,
        recorded_by=context.by.id,
        supersedes_id=supersedes.id if supersedes else None,
        reason=reason,
    )
    # Written with the other values of the step, in one statement.
    context.session.add(value)
    if found is not None:
        _raise_breach(context, parameter, value, found)
    return value


def _refuse_unknown_limits(
    context: StepContext, parameter: Parameter, limits: Sequence[rules.EvaluatedLimit]
) -> None:
    """A limit that cannot be told is not the same as no limit (fail closed)."""
    for limit in limits:
        ends = ((limit.rule.low, limit.low), (limit.rule.high, limit.high))
        unknown = [text for text, end in ends if text is not None and end is None]
        if unknown:
            raise ValueMissing(
                f"{label(context, parameter)}: its {limit.tier.value} limit {unknown[0]} is not "
                "known yet",
                resolver="the steps that record what it depends on",
                field=parameter.code,
            )


def evaluated_limits(context: StepContext, parameter: Parameter) -> list[rules.EvaluatedLimit]:
    """The limits of a parameter as numbers, for this batch and these earlier results."""
    return [
        rules.EvaluatedLimit(
            tier=limit.tier,
            low=_rounded(parameter, context.number(limit.low, parameter.unit)),
            high=_rounded(parameter, context.number(limit.high, parameter.unit)),
            rule=limit,
        )
        for limit in parameter.limits
    ]


def _rounded(parameter: Parameter, end: Decimal | None) -> Decimal | None:
    # A limit that is calculated (1.005 x target) is shown and compared with the decimals that
    # the value itself can have.
    if end is None or parameter.decimals is None:
        return end
    return end.quantize(Decimal(1).scaleb(-parameter.decimals))


def _judged(parameter: Parameter, number: Decimal) -> Decimal:
    """The number that is compared: as reported, with the decimals of the parameter."""
    if parameter.decimals is None:
        return number
    return to_decimals(Fraction(number), parameter.decimals, parameter.rounding)


def limits_as_json(limits: Sequence[rules.EvaluatedLimit]) -> list[dict[str, str | None]] | None:
    """Limits as they stand beside a value in the record; None without limits."""
    return [_as_json(limit) for limit in limits] or None


def _as_json(limit: rules.EvaluatedLimit) -> dict[str, str | None]:
    return {
        "tier": limit.tier.value,
        "low": None if limit.low is None else format(limit.low, "f"),
        "high": None if limit.high is None else format(limit.high, "f"),
    }


def _raise_breach(
    context: StepContext, parameter: Parameter, value: ParameterValue, found: rules.Breach
) -> None:
    critical = parameter.critical or context.spec.critical
    severity = rules.severity_of(found, critical=critical, is_true=context.names.is_true)
    shown = f"{label(context, parameter)} {value.text} {parameter.unit or ''}".strip()
    allowed = f"{_range(found.limit)} {parameter.unit or ''}".strip()
    context.raise_exception(
        "out_of_limit",
        severity,
        f"{shown} is outside the {found.limit.tier.value} limit {allowed}",
        facts={
            "parameter": parameter.code,
            "value": value.text or "",
            "tier": found.limit.tier.value,
            "side": found.side,
            **{k: v or "" for k, v in _as_json(found.limit).items()},
        },
    )


def _range(limit: rules.EvaluatedLimit) -> str:
    if limit.low is None:
        return f"at most {limit.high:f}"
    if limit.high is None:
        return f"at least {limit.low:f}"
    return f"{limit.low:f} to {limit.high:f}"


def label(context: StepContext, parameter: Parameter) -> str:
    """The parameter's name in the language of the recipe, else its code."""
    return in_language(parameter.labels, context.run.language) or parameter.code


def current(context: StepContext, code: str) -> ParameterValue | None:
    """The value in force of a parameter of this step."""
    found = queries.current_values(context.session, context.step).get(code)
    return found[0] if found else None
