"""Pure decisions of the record: formats, verdicts, severities, signatures due, lateness.

- A value is kept as typed; what is not a plain number of the declared form is refused
  (URS-EXE-060); a value outside its limits is kept and judged, never refused.
- Limits are compared after rounding to the decimals of the parameter, ends included
  (URS-REC-050). The outermost breached tier counts.
- Signatures due follow from the step's policy; verification is late when it comes after a later
  step began or after the time allowed (URS-EXE-040).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from ebr.errors import ReasonNeeded, ValueRefused
from workflows.step import Limit, Parameter, SignaturePolicy
from workflows.words import Approval, DataType, Severity, SignatureMode, Tier

NUMBER = re.compile(r"[+-]?[0-9]{1,12}(\.[0-9]{1,12})?")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
LONGEST_TEXT = 4000
PLACEHOLDERS = {"", ".", "-", "x", "xx", "xxx", "n/a", "na", "none", "test", "?"}
VERIFY_WITHIN = timedelta(minutes=15)

TIER_ORDER = {Tier.ALERT: 0, Tier.ACTION: 1, Tier.REGISTERED: 2}
SEVERITY_ORDER = [Severity.INFORMATION, Severity.MINOR, Severity.MAJOR, Severity.CRITICAL]


@dataclass(frozen=True, slots=True)
class Captured:
    """A typed value: the text as given, and its exact number when it is one."""

    text: str
    number: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedLimit:
    """A limit tier with its ends as numbers in the parameter's unit."""

    tier: Tier
    low: Decimal | None
    high: Decimal | None
    rule: Limit


@dataclass(frozen=True, slots=True)
class Breach:
    """The outermost tier that a value lies beyond, and on which side."""

    limit: EvaluatedLimit
    side: str


def capture(parameter: Parameter, text: str) -> Captured:
    """Read a typed text by the parameter's type. Raises `ValueRefused`."""
    given = text.strip()
    if parameter.data_type in (DataType.DECIMAL, DataType.INTEGER):
        return Captured(given, _number(parameter, given))
    if parameter.data_type is DataType.BOOLEAN and given not in ("yes", "no"):
        raise _refused(parameter, given, "answer yes or no")
    if parameter.data_type is DataType.CHOICE:
        _one_of(parameter, given)
    if parameter.data_type is DataType.DATE:
        _day(parameter, given)
    if len(given) > LONGEST_TEXT:
        raise _refused(parameter, given[:20], f"at most {LONGEST_TEXT} characters")
    return Captured(given, None)


def _number(parameter: Parameter, given: str) -> Decimal:
    if not NUMBER.fullmatch(given):
        raise _refused(parameter, given, "a plain number with a decimal point, without unit")
    decimals = len(given.partition(".")[2])
    if parameter.data_type is DataType.INTEGER and decimals:
        raise _refused(parameter, given, "a whole number")
    if parameter.decimals is not None and decimals > parameter.decimals:
        raise _refused(parameter, given, f"at most {parameter.decimals} decimals")
    return Decimal(given)


def _one_of(parameter: Parameter, given: str) -> None:
    allowed = [choice.value for choice in parameter.choices]
    if given not in allowed:
        raise _refused(parameter, given, "one of " + ", ".join(allowed))


def _day(parameter: Parameter, given: str) -> None:
    try:
        if not DAY.fullmatch(given):
            raise ValueError(given)
        date.fromisoformat(given)
    except ValueError:
        raise _refused(parameter, given, "a day as year-month-day") from None


def _refused(parameter: Parameter, given: str, wanted: str) -> ValueRefused:
    return ValueRefused(
        f"{parameter.code}: “{given}” is not accepted; wanted: {wanted}",
        resolver="the person at this step",
        field=parameter.code,
    )


def breach(limits: Sequence[EvaluatedLimit], number: Decimal) -> Breach | None:
    """The outermost tier that the number lies beyond; the ends themselves are inside."""
    for limit in sorted(limits, key=lambda found: TIER_ORDER[found.tier], reverse=True):
        if limit.low is not None and number < limit.low:
            return Breach(limit, "low")
        if limit.high is not None and number > limit.high:
            return Breach(limit, "high")
    return None


def severity_of(
    found: Breach, *, critical: bool, is_true: Callable[[str], bool | None]
) -> Severity:
    """The severity of a breach: the first rule that applies, else the limit's, else the tier's.

    A rule whose condition cannot be told counts when it is graver than what applies instead (fail
    closed: the milder never wins by ignorance).
    """
    possible: list[Severity] = []
    for rule in found.limit.rule.severities:
        if rule.side not in ("both", found.side):
            continue
        applies = rule.when is None or is_true(rule.when)
        if applies is not False:
            possible.append(rule.level)
        if applies:
            break
    else:
        possible.append(_severity_of_tier(found.limit.rule, critical))
    return max(possible, key=SEVERITY_ORDER.index)


def _severity_of_tier(limit: Limit, critical: bool) -> Severity:
    if limit.severity is not None:
        return limit.severity
    if limit.tier is Tier.ALERT:
        return Severity.MINOR
    if limit.tier is Tier.ACTION:
        return Severity.CRITICAL if critical else Severity.MAJOR
    return Severity.CRITICAL


def at_least(severity: str, floor: Severity) -> bool:
    """Whether a severity is that grave or graver."""
    return SEVERITY_ORDER.index(Severity(severity)) >= SEVERITY_ORDER.index(floor)


def parts_due(policy: SignaturePolicy) -> tuple[str, ...]:
    """The signature parts that one performance needs, in order."""
    first = {
        SignatureMode.NONE: (),
        SignatureMode.PERFORMED: ("performer",),
        SignatureMode.PERFORMED_VERIFIED: ("performer", "verifier"),
        SignatureMode.AUTOMATIC_CONFIRMED: ("confirmer",),
        SignatureMode.SUPERVISOR: ("performer",),
        SignatureMode.QUALITY: ("performer",),
    }[policy.mode]
    return first if policy.approval is Approval.NONE else (*first, "approver")


MEANINGS: Mapping[str, str] = {
    "performer": "performed",
    "verifier": "verified",
    "confirmer": "confirmed",
    "approver": "approved",
}


def meaning_of(policy: SignaturePolicy, part: str) -> str:
    """The meaning that the signature of a part carries, from the step's policy."""
    if part == "verifier":
        return policy.verifier_meaning or MEANINGS["verifier"]
    if part != "performer":
        return policy.meaning if part == "confirmer" and policy.meaning else MEANINGS[part]
    if policy.meaning:
        return policy.meaning
    return {
        SignatureMode.SUPERVISOR: "approved",
        SignatureMode.QUALITY: "approved",
    }.get(policy.mode, "performed")


def role_of(policy: SignaturePolicy, part: str, step_role: str) -> str | None:
    """The role that a part needs; None: any other person who is qualified for the step."""
    if part in ("performer", "confirmer"):
        return step_role
    if part == "verifier":
        return policy.verifier_role
    return "SU" if policy.approval is Approval.SUPERVISOR else "QA"


def is_late(performed_at: datetime, verified_at: datetime, successor_started: bool) -> bool:
    """Whether a verification comes too late to be one at the time of the act (URS-EXE-040)."""
    return successor_started or verified_at - performed_at > VERIFY_WITHIN


LATE_AFTER = timedelta(seconds=30)
"""A time that is found over later than this was found late; a worker looks every few seconds."""


def lateness(due: datetime, found: datetime) -> dict[str, str]:
    """The fact that a time was found over late (nothing ran meanwhile); none in time."""
    late = found - due
    if late <= LATE_AFTER:
        return {}
    minutes, seconds = divmod(int(late.total_seconds()), 60)
    words = (
        f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {seconds} s"
    )
    return {"found_late_by": words}


def need_reason(reason: str, what: str) -> str:
    """The reason, stripped; `ReasonNeeded` when it is empty or a placeholder (URS-AUD-040)."""
    words = reason.strip()
    if words.lower() in PLACEHOLDERS or len(words) < 4:
        raise ReasonNeeded(f"{what} needs a reason in words", resolver="the person who acts")
    return words


PRODUCTION_ROLES = frozenset({"OP", "DI", "WH"})


def subjects_needed(role: str, definition: str, sop: str | None) -> tuple[str, ...]:
    """What a person must be qualified on: production roles on the recipe version and the step's
    procedure, other roles on the step's procedure, or on the version where there is none."""
    if role in PRODUCTION_ROLES:
        return (definition,) if sop is None else (definition, sop)
    return (sop,) if sop is not None else ()
