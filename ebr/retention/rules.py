"""Pure decisions of retention: the longest rule that applies, and what still keeps a record.

A record is kept until the latest day that any applicable rule or any record that needs it asks
for. What cannot be computed keeps the record: a missing fact never shortens retention.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from ebr.retention.errors import RetentionRunning, RetentionUnknown, RuleSetWrong, UnderLegalHold

RESOLVER = "the quality unit"


class Basis(StrEnum):
    """The day from which a rule counts."""

    EXPIRY = "expiry"
    CERTIFIED = "certified"
    ENDED = "ended"


@dataclass(frozen=True)
class RetentionRule:
    """`years` after `basis` for records of `market`; None as market means every record.

    `clause` is the source that a reader can look up, such as ``21 CFR 211.180(a)``.
    """

    code: str
    clause: str
    basis: Basis
    years: int
    market: str | None = None


@dataclass(frozen=True)
class Facts:
    """What is known of one record: the markets it is meant for and the days rules count from."""

    markets: frozenset[str]
    days: Mapping[Basis, date]


@dataclass(frozen=True)
class Retention:
    """The answer for one record, with its reason.

    `earliest` is the first day on which disposal may happen; None while something in `missing` is
    unknown. `decided_by` names the rule, or the record, that asked for that day.
    """

    earliest: date | None
    decided_by: str
    missing: tuple[str, ...] = ()


GMP_BATCH = (
    RetentionRule("us.expiry", "21 CFR 211.180(a)", Basis.EXPIRY, 1, "US"),
    RetentionRule("eu.expiry", "EU GMP Chapter 4, 4.11", Basis.EXPIRY, 1, "EU"),
    RetentionRule("eu.certified", "EU GMP Chapter 4, 4.11", Basis.CERTIFIED, 5, "EU"),
)
"""The batch record in the United States and the European Union."""


def years_after(day: date, years: int) -> date:
    """The same day `years` later; 29 February becomes 1 March, for the day must not come early."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


def check(rules: Sequence[RetentionRule]) -> None:
    """Refuse a set in which a code stands twice, a period is not positive or a clause is empty.

    Raises `RuleSetWrong`.
    """
    if not rules:
        raise RuleSetWrong("the set has no retention rule", resolver=RESOLVER)
    for code, count in Counter(rule.code for rule in rules).items():
        if count > 1:
            raise RuleSetWrong(f"rule {code} stands {count} times in the set", resolver=RESOLVER)
    for rule in rules:
        if rule.years < 1:
            raise RuleSetWrong(f"rule {rule.code} keeps for less than a year", resolver=RESOLVER)
        if not rule.clause.strip():
            raise RuleSetWrong(f"rule {rule.code} names no clause", resolver=RESOLVER)


def applicable(rules: Sequence[RetentionRule], markets: frozenset[str]) -> list[RetentionRule]:
    """The rules of these markets, and those of every record."""
    return [rule for rule in rules if rule.market is None or rule.market in markets]


def retention(
    rules: Sequence[RetentionRule], facts: Facts, needed_by: Mapping[str, Retention] | None = None
) -> Retention:
    """The longest applicable rule, or the longest kept record that needs this one.

    `needed_by` maps the number of each such record to its own answer (URS-REC-090). Rules that
    ask for the same day: the first of the set is named.
    """
    dependents = needed_by or {}
    chosen = applicable(rules, facts.markets)
    missing = _missing(chosen, facts) + [
        f"how long record {number} is kept"
        for number, answer in dependents.items()
        if answer.earliest is None
    ]
    if missing:
        return Retention(None, "", tuple(missing))
    days = _days(chosen, facts) + [
        (answer.earliest, f"record {number}")
        for number, answer in dependents.items()
        if answer.earliest is not None
    ]
    earliest, decided_by = max(days, key=lambda found: found[0])
    return Retention(earliest, decided_by)


def check_disposable(answer: Retention, *, today: date, legal_holds: Sequence[str]) -> None:
    """Refuse the disposal of a record that something still keeps; `today` is the site's day.

    Raises `UnderLegalHold`, `RetentionUnknown` or `RetentionRunning` (URS-REC-080, URS-REC-090).
    """
    if legal_holds:
        names = ", ".join(legal_holds)
        raise UnderLegalHold(f"the record is under legal hold {names}", resolver=RESOLVER)
    if answer.earliest is None:
        unknown = "; ".join(answer.missing)
        raise RetentionUnknown(
            f"how long the record is kept is not known: {unknown}", resolver=RESOLVER
        )
    if today < answer.earliest:
        raise RetentionRunning(
            f"the record is kept until {answer.earliest.isoformat()} ({answer.decided_by})",
            resolver="the quality unit, from that day on",
        )


def _missing(chosen: Sequence[RetentionRule], facts: Facts) -> list[str]:
    """What is needed and not known: days of the rules, rules of the markets, any rule at all."""
    bases = dict.fromkeys(rule.basis for rule in chosen)
    missing = [f"the day: {basis}" for basis in bases if basis not in facts.days]
    ruled = {rule.market for rule in chosen}
    missing += [f"a rule for market {market}" for market in sorted(facts.markets - ruled)]
    if not chosen and not facts.markets:
        missing.append("the market of the record")
    return missing


def _days(chosen: Sequence[RetentionRule], facts: Facts) -> list[tuple[date, str]]:
    return [
        (years_after(facts.days[rule.basis], rule.years), f"{rule.code}, {rule.clause}")
        for rule in chosen
    ]
