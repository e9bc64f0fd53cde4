"""Decisions about people, as tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from personnel import rules
from personnel.rules import Held, Role, Training

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
ZONE = "Europe/Berlin"


def held(role: Role, first: int = 0, last: int | None = None) -> Held:
    return Held(
        role=role, starts_at=NOON + first * DAY, until=None if last is None else NOON + last * DAY
    )


@pytest.mark.urs("URS-IAM-030")
@pytest.mark.parametrize("alone", [Role.ADMIN, Role.INSPECTOR])
@pytest.mark.parametrize("other", list(Role))
def test_administrators_and_inspectors_hold_no_other_role(alone: Role, other: Role) -> None:
    expected = None if other is alone else other
    assert rules.conflict(held(alone), [held(other)]) == expected
    assert (rules.conflict(held(other), [held(alone)]) is None) == (other is alone)


@pytest.mark.parametrize(
    ("first", "last", "clash"), [(0, 5, False), (5, 6, True), (9, None, True), (10, None, False)]
)
def test_roles_exclude_each_other_only_in_the_same_time(
    first: int, last: int | None, clash: bool
) -> None:
    found = rules.conflict(held(Role.OP, first, last), [held(Role.ADMIN, 5, 10)])
    assert (found == Role.ADMIN) is clash


def test_roles_of_gmp_work_go_together() -> None:
    assert rules.conflict(held(Role.WH), [held(Role.DI), held(Role.OP)]) is None


@pytest.mark.urs("URS-IAM-080", "URS-SIG-080")
@pytest.mark.parametrize(
    ("failures", "signing", "minutes"),
    [
        (2, True, None),
        (3, True, 15),
        (4, False, None),
        (5, False, 15),
        (9, False, 15),
        (10, False, 60),
        (14, True, 60),
        (15, True, 480),
        (99, False, 480),
    ],
)
def test_locks_come_and_grow(failures: int, signing: bool, minutes: int | None) -> None:
    expected = None if minutes is None else timedelta(minutes=minutes)
    assert rules.lock_time(failures, signing=signing) == expected


def test_tries_left_never_fall_below_none() -> None:
    assert [rules.tries_left(n, signing=True) for n in (0, 2, 3, 9)] == [3, 1, 0, 0]


@pytest.mark.parametrize(
    ("failures", "seconds", "paused"), [(19, 0, False), (20, 299, True), (20, 300, False)]
)
def test_a_terminal_pauses_for_one_window(failures: int, seconds: int, paused: bool) -> None:
    now = NOON + timedelta(seconds=seconds)
    assert rules.terminal_paused(failures, NOON, now) is paused


@pytest.mark.urs("URS-IAM-100")
def test_sessions_lock_and_end_at_their_limits() -> None:
    just = timedelta(microseconds=1)
    assert not rules.idle(NOON, NOON + rules.IDLE_LIMIT - just)
    assert rules.idle(NOON, NOON + rules.IDLE_LIMIT)
    assert not rules.too_old(NOON, NOON + rules.ABSOLUTE_LIMIT - just)
    assert rules.too_old(NOON, NOON + rules.ABSOLUTE_LIMIT)


def training(subject: str, first: int, last: int) -> Training:
    return Training(subject=subject, valid_from=NOON + first * DAY, valid_until=NOON + last * DAY)


@pytest.mark.urs("URS-IAM-110")
@pytest.mark.parametrize(
    ("known", "gap"),
    [
        ([], "W: never qualified for REC-0017 v3"),
        (
            [training("REC-0017 v2", -9, 9)],
            "W: never qualified for REC-0017 v3, only for REC-0017 v2",
        ),
        ([training("REC-0170 v3", -9, 9)], "W: never qualified for REC-0017 v3"),
        (
            [training("REC-0017 v3", -9, -3)],
            "W: qualification for REC-0017 v3 expired on 2026-02-27",
        ),
        (
            [training("REC-0017 v3", -9, 0)],
            "W: qualification for REC-0017 v3 expired on 2026-03-02",
        ),
        (
            [training("REC-0017 v3", 1, 9)],
            "W: qualification for REC-0017 v3 begins only on 2026-03-03",
        ),
        ([training("REC-0017 v3", 0, 1)], None),
        ([training("REC-0017 v3", -9, -3), training("REC-0017 v3", -1, 9)], None),
    ],
)
def test_a_gap_in_qualification(known: list[Training], gap: str | None) -> None:
    assert rules.gap("W", "REC-0017 v3", known, NOON, ZONE) == gap


@pytest.mark.urs("URS-SIG-040")
def test_independence_is_that_of_the_natural_person() -> None:
    assert rules.same_natural_person("N-1", ["N-2", "N-1"])
    assert not rules.same_natural_person("N-1", ["N-2"])
