"""Pure decisions of the quality unit: who took part, what makes a review stale, what stands in the
way of a release.

- Took part: performed, started, entered, verified, confirmed or approved a production step.
  Decisions of the quality unit itself do not count (URS-REL-040).
- A review of the audit trail is stale when anything but the acts of review follows it.
- Every condition of a release names its rule, the fact with its numbers, and who can resolve it;
  one that cannot be told is not met (URS-REL-030).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ebr.gates import Condition

QUALITY_UNIT = "quality unit"
PRODUCTION = "production (shift supervisor)"

HARMLESS = frozenset(
    {
        "audit_trail.reviewed",
        "batch.decided",
        "batch.dispositioned",
        "bundle.exported",
        "copy.accounted_for",
        "copy.issued",
        "document.issued",
        "document.stamped",
        "exception.commented",
        "exception.decided",
        "item.decided",
        "record.exported",
        "review.finished",
        "review.started",
        "sample.moved",
    }
)
"""Acts that may follow a review of the audit trail without making it stale."""

FINDINGS: Mapping[str, str] = {
    "attempt.refused": "refused attempt",
    "data.gap": "data gap",
    "exception.released": "went on after an exception",
    "hold_time.exceeded": "hold time exceeded",
    "run.held": "batch HELD",
    "run.restarted": "batch restarted",
    "step.over_time": "step over its time",
    "value.corrected": "correction",
}
"""Entries that a reviewer of the audit trail is shown first, by action (URS-REL-020)."""

CUSTODY: Mapping[str, frozenset[str]] = {
    "drawn": frozenset({"handed_over", "received", "retained", "discarded"}),
    "handed_over": frozenset({"received"}),
    "received": frozenset({"examined", "retained", "discarded"}),
    "examined": frozenset({"retained", "discarded"}),
    "retained": frozenset({"examined", "discarded"}),
    "discarded": frozenset(),
}
"""Where the custody of a sample can go from where it is."""

TIERS = ("in", "alert", "action", "registered")


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that a person did at a step; `of_quality_unit` when it was a disposition."""

    badge: str
    of_quality_unit: bool = False


def took_part(deeds: Iterable[Deed]) -> set[str]:
    """Badges of those who took part in production (URS-REL-040)."""
    return {deed.badge for deed in deeds if not deed.of_quality_unit}


def sample_number(record_number: str, count: int) -> str:
    """``B-2045-S3``: the third sample of that record."""
    return f"{record_number}-S{count}"


def deviation_number(prefix: str, number: int) -> str:
    """``DEV-313``: prefix and at least three digits."""
    return f"{prefix}{number:03d}"


def may_move(custody: str, to: str) -> bool:
    """Whether the custody of a sample can go there from where it is."""
    return to in CUSTODY.get(custody, frozenset())


def worst(verdicts: Iterable[str | None]) -> str:
    """The outermost tier among verdicts; ``in`` when none is breached or judged."""
    return max((v for v in verdicts if v in TIERS), key=TIERS.index, default="in")


def is_valid(valid_until: datetime, at: datetime) -> bool:
    """A clearance counts up to its last moment, that included."""
    return at <= valid_until


def is_too_old(drawn_at: datetime, at: datetime, limit: timedelta | None) -> bool:
    """Whether a sample is older than its control allows."""
    return limit is not None and at - drawn_at > limit


def first_stale(actions: Iterable[tuple[int, str]]) -> int | None:
    """Number of the first entry that makes an earlier review of the audit trail stale, or None.

    Everything counts that is not known to be harmless (fail closed).
    """
    return next((number for number, action in actions if action not in HARMLESS), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewFacts:
    """What is known about the last review of a kind: none, open, stale or signed."""

    state: str = "missing"
    """missing, open, stale or signed"""
    detail: str = ""

    @property
    def counts(self) -> bool:
        """Signed and still true."""
        return self.state == "signed"


@dataclass(frozen=True, slots=True, kw_only=True)
class YieldFacts:
    """A judged yield: its name, value as text and verdict, and whether its exception is decided."""

    name: str
    text: str
    verdict: str | None
    decided: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFacts:
    """The certificate of analysis: present, and which values lie beyond a registered limit."""

    asked: bool
    present: bool
    values: int = 0
    beyond: tuple[str, ...] = ()
    decided: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFacts:
    """Everything about a record that a release decision looks at."""

    run_state: str
    steps: int = 0
    open_steps: tuple[str, ...] = ()
    signatures: int = 0
    missing_signatures: tuple[str, ...] = ()
    judged: int = 0
    not_judged: tuple[str, ...] = ()
    yields: tuple[YieldFacts, ...] = ()
    exceptions: int = 0
    undecided: tuple[int, ...] = ()
    uncommented: tuple[int, ...] = ()
    deviations: int = 0
    open_deviations: tuple[str, ...] = ()
    equipment: int = 0
    equipment_problems: tuple[str, ...] = ()
    certificate: CertificateFacts = field(
        default_factory=lambda: CertificateFacts(asked=False, present=False)
    )
    production_review: ReviewFacts = field(default_factory=ReviewFacts)
    quality_review: ReviewFacts = field(default_factory=ReviewFacts)
    audit_trail: ReviewFacts = field(default_factory=ReviewFacts)
    simulated: tuple[str, ...] = ()
    demonstration: bool = False


def conditions(facts: RecordFacts) -> list[Condition]:
    """All conditions that a release puts to the record, in the order of the screen."""
    return [
        _steps(facts),
        _signatures(facts),
        _judged(facts),
        _yields(facts.yields),
        _exceptions(facts),
        _deviations(facts),
        _equipment(facts),
        _certificate(facts.certificate),
        _review("release.production_review", "production review", facts.production_review),
        _review("release.quality_review", "review by the quality unit", facts.quality_review),
        _review("release.audit_trail", "review of the audit trail", facts.audit_trail),
        _simulated(facts),
    ]


def _steps(facts: RecordFacts) -> Condition:
    rule = "release.steps"
    if facts.open_steps:
        return unmet(rule, f"steps still open: {_some(facts.open_steps)}", PRODUCTION)
    if facts.run_state != "complete":
        return unmet(rule, f"the batch is {_shown(facts.run_state)}, not complete", PRODUCTION)
    return met(rule, f"all {facts.steps} steps are closed")


def _signatures(facts: RecordFacts) -> Condition:
    rule = "release.signatures"
    if facts.missing_signatures:
        return unmet(rule, f"signatures missing: {_some(facts.missing_signatures)}", PRODUCTION)
    return met(rule, f"all {facts.signatures} signatures are there")


def _judged(facts: RecordFacts) -> Condition:
    rule = "release.values_judged"
    if facts.not_judged:
        return unmet(rule, f"values not judged by their limits: {_some(facts.not_judged)}", "QA")
    return met(rule, f"all {facts.judged} values with limits were judged")


def _yields(yields: Sequence[YieldFacts]) -> Condition:
    rule = "release.yields"
    wrong = [y for y in yields if y.verdict not in (None, "in", "alert") and not y.decided]
    if wrong:
        shown = tuple(f"{y.name} {y.text}" for y in wrong)
        return unmet(rule, f"yields out of range and not decided: {_some(shown)}", QUALITY_UNIT)
    named = _some(tuple(f"{y.name} {y.text}" for y in yields)) or "none is asked"
    return met(rule, f"yields in range or decided: {named}")


def _exceptions(facts: RecordFacts) -> Condition:
    rule = "release.exceptions"
    decided = facts.exceptions - len(facts.undecided)
    text = f"{decided} of {facts.exceptions} exceptions decided"
    if facts.undecided:
        numbers = _some(tuple(str(number) for number in facts.undecided))
        return unmet(rule, f"{text}; open: {numbers}", QUALITY_UNIT)
    return met(rule, text)


def _deviations(facts: RecordFacts) -> Condition:
    rule = "release.deviations"
    if facts.open_deviations:
        return unmet(rule, f"deviations open: {_some(facts.open_deviations)}", QUALITY_UNIT)
    return met(rule, f"{facts.deviations} deviations, none open")


def _equipment(facts: RecordFacts) -> Condition:
    rule = "release.equipment"
    if facts.equipment_problems:
        shown = _some(facts.equipment_problems)
        return unmet(rule, f"equipment not valid at use: {shown}", "maintenance, quality unit")
    return met(rule, f"equipment valid at all {facts.equipment} uses")


def _certificate(facts: CertificateFacts) -> Condition:
    rule = "release.certificate"
    if not facts.asked:
        return unmet(rule, "the recipe asks for no certificate of analysis", "recipe author")
    if not facts.present:
        return unmet(rule, "the certificate of analysis is missing", "QC")
    if facts.beyond and not facts.decided:
        shown = _some(facts.beyond)
        return unmet(rule, f"results beyond registered limits: {shown}", QUALITY_UNIT)
    if facts.beyond:
        return met(rule, f"beyond registered limits and decided: {_some(facts.beyond)}")
    return met(rule, f"certificate of analysis with {facts.values} results within limits")


def _review(rule: str, name: str, facts: ReviewFacts) -> Condition:
    if facts.counts:
        return met(rule, f"{name} signed {facts.detail}".strip())
    if facts.state == "missing":
        said = f"the {name} has not begun"
    elif facts.state == "open":
        said = f"the {name} is not signed"
    else:
        said = f"the {name} is stale"
    resolver = PRODUCTION if rule == "release.production_review" else QUALITY_UNIT
    return unmet(rule, f"{said}: {facts.detail}" if facts.detail else said, resolver)


def _simulated(facts: RecordFacts) -> Condition:
    rule = "release.simulated"
    if facts.simulated:
        return unmet(
            rule,
            f"values from simulated tags: {_some(facts.simulated)}",
            "quality unit: it can only be rejected",
        )
    if facts.demonstration:
        return met(
            rule, "a DEMONSTRATION site may use simulated tags; each value is marked as such"
        )
    return met(rule, "no value comes from a simulated tag")


def met(rule: str, fact: str) -> Condition:
    """A condition that holds, with its evidence."""
    return Condition(rule=rule, met=True, fact=fact)


def unmet(rule: str, fact: str, resolver: str) -> Condition:
    """A condition that does not hold."""
    return Condition(rule=rule, met=False, fact=fact, resolver=resolver)


def _shown(state: str) -> str:
    return "HELD" if state == "held" else state


def _some(names: Sequence[str], most: int = 6) -> str:
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
