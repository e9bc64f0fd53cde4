"""Pure decisions about people: exclusions, lock-out, sessions, qualification, independence.

Carries out URS-IAM-030 (administration or GMP work, never both), URS-IAM-080 (lock-out with its
way back), URS-IAM-100 (idle and absolute age), URS-IAM-110 (qualification), URS-SIG-040
(independence of the natural person).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from core.clock import local


class Role(StrEnum):
    """What a person works as; the codes are those of the plant."""

    DI = "DI"
    """Dispensing operator."""
    OP = "OP"
    """Production operator."""
    SU = "SU"
    """Production supervisor; checks recipes."""
    QC = "QC"
    """Quality control analyst."""
    QA = "QA"
    """Quality assurance, the quality unit."""
    QP = "QP"
    """Qualified person (EU Annex 16)."""
    WH = "WH"
    """Warehouse."""
    ME = "ME"
    """Maintenance and calibration."""
    AUTHOR = "AUTHOR"
    """Author of recipes, forms, tables and tag maps."""
    ADMIN = "ADMIN"
    """System administrator: people and settings, no GMP work."""
    INSPECTOR = "INSPECTOR"
    """Inspector, reads only."""


class Meaning(StrEnum):
    """What a signature says; the controlled list of URS-SIG-020."""

    PERFORMED = "performed"
    VERIFIED = "verified"
    WITNESSED = "witnessed"
    """The signer saw material being destroyed."""
    CONFIRMED = "confirmed"
    """The equipment performed properly (CPG 425.500)."""
    REVIEWED = "reviewed"
    APPROVED = "approved"
    CERTIFIED = "certified"
    AUTHORED = "authored"
    UNDERTAKEN = "undertaken"
    REJECTED = "rejected"
    """The signer refuses, with a reason; that is an outcome, too."""


ALONE = frozenset({Role.ADMIN, Role.INSPECTOR})
"""Roles that stand alone: an administrator does no GMP work, an inspector nothing but read."""

WHOLE_SITE = "this site"
"""The scope of a role that holds everywhere at the site."""

PRODUCT_SCOPE = re.compile(r"product ([A-Za-z0-9-]{1,20})\Z")
LONGEST_INVITATION = timedelta(days=30)
"""An invited person comes for an occasion; who stays longer is invited again."""

IDLE_LIMIT = timedelta(minutes=10)
ABSOLUTE_LIMIT = timedelta(hours=12)
CONFIRMATION_LIMIT = timedelta(minutes=2)
SECRET_LIMIT = timedelta(minutes=30)

LOGIN_TRIES = 5
SIGNING_TRIES = 3
"""Wrong secrets in a row until the account is locked; at signing fewer (URS-SIG-080)."""
LOCKS = ((15, timedelta(hours=8)), (10, timedelta(hours=1)), (0, timedelta(minutes=15)))
"""From how many wrong secrets in a row a lock lasts how long; all of them end by themselves."""
TERMINAL_TRIES = 20
TERMINAL_WINDOW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A role held in a period (site time); `until` None is without end."""

    role: Role
    starts_at: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """A qualification on a subject such as ``REC-0017 v3``, valid in a period (site time)."""

    subject: str
    valid_from: datetime
    valid_until: datetime


def conflict(wanted: Held, held: Iterable[Held]) -> Role | None:
    """The role held in the same time that excludes the wanted one, or None (URS-IAM-030)."""
    for other in held:
        apart = other.role != wanted.role and (other.role in ALONE or wanted.role in ALONE)
        if apart and _overlap(wanted, other):
            return other.role
    return None


def _overlap(one: Held, other: Held) -> bool:
    starts_before = other.until is None or one.starts_at < other.until
    return starts_before and (one.until is None or other.starts_at < one.until)


def product_scope(product: str) -> str:
    """The scope of a role that reads the records of one product only."""
    return f"product {product}"


def product_of(scope: str) -> str | None:
    """The product that a scope is limited to, or None when it names none."""
    found = PRODUCT_SCOPE.match(scope)
    return found[1] if found else None


def reach(scopes: Iterable[str]) -> frozenset[str] | None:
    """The products that may be read with roles of these scopes; None: the whole site.

    A scope that is not understood opens nothing.
    """
    given = list(scopes)
    if WHOLE_SITE in given:
        return None
    return frozenset(product for scope in given if (product := product_of(scope)) is not None)


def lock_time(failures: int, *, signing: bool) -> timedelta | None:
    """How long the account is locked after so many wrong secrets in a row; None: not yet."""
    allowed = SIGNING_TRIES if signing else LOGIN_TRIES
    if failures < allowed:
        return None
    return next(lasting for reached, lasting in LOCKS if failures >= reached)


def tries_left(failures: int, *, signing: bool) -> int:
    """Wrong secrets that are still possible before the lock."""
    return max((SIGNING_TRIES if signing else LOGIN_TRIES) - failures, 0)


def terminal_paused(failures: int, window_start: datetime, now: datetime) -> bool:
    """A terminal with many failures waits, so that it cannot lock all accounts (URS-IAM-080)."""
    return failures >= TERMINAL_TRIES and now < window_start + TERMINAL_WINDOW


def idle(last_activity: datetime, now: datetime) -> bool:
    """Nobody used the session for the idle limit (steady time): it is locked.

    So is one that was last used in the future: the machine was started anew with another time.
    """
    return not timedelta(0) <= now - last_activity < IDLE_LIMIT


def too_old(created: datetime, now: datetime) -> bool:
    """The session reached its absolute age (steady time), or began in the future: it has ended."""
    return not timedelta(0) <= now - created < ABSOLUTE_LIMIT


def gap(
    who: str, subject: str, trainings: Sequence[Training], at: datetime, zone: str
) -> str | None:
    """What is missing for work under `subject`, in words with subject and since when; or None."""
    own = [t for t in trainings if t.subject == subject]
    if any(t.valid_from <= at < t.valid_until for t in own):
        return None
    ended = [t.valid_until for t in own if t.valid_until <= at]
    if ended:
        return f"{who}: qualification for {subject} expired on {_day(max(ended), zone)}"
    if own:
        first = min(t.valid_from for t in own)
        return f"{who}: qualification for {subject} begins only on {_day(first, zone)}"
    return f"{who}: never qualified for {subject}{_other_versions(subject, trainings)}"


def _other_versions(subject: str, trainings: Sequence[Training]) -> str:
    stem, versioned, _ = subject.rpartition(" v")
    others = {t.subject for t in trainings if versioned and t.subject.startswith(f"{stem} v")}
    return f", only for {', '.join(sorted(others))}" if others else ""


def _day(moment: datetime, zone: str) -> str:
    return f"{local(moment, zone):%Y-%m-%d}"


def same_natural_person(natural_key: str, others: Iterable[str]) -> bool:
    """True when the person is one of the others, under whatever badge or role (URS-SIG-040)."""
    return natural_key in set(others)
