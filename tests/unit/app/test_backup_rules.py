"""When a backup may go, and what a plan says: decisions without a disk."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.backup.rules import Plan, read_plan, removable

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
SHORT = Plan(locked=2 * DAY, daily=3, weekly=2, monthly=2)


def days_ago(*counts: int) -> list[datetime]:
    return [NOW - count * DAY for count in counts]


@pytest.mark.urs("URS-BAK-030")
def test_nothing_goes_before_its_time_whatever_the_numbers_say() -> None:
    every_hour = [NOW - timedelta(hours=hour) for hour in range(35 * 24)]
    plan = Plan(locked=35 * DAY, daily=1, weekly=1, monthly=1)
    assert removable(every_hour, plan, NOW) == set()
    assert removable([*every_hour, NOW - 35 * DAY], plan, NOW) == {NOW - 35 * DAY}


def test_the_newest_of_days_weeks_and_months_stay() -> None:
    taken = days_ago(*range(120))
    kept = set(taken) - removable(taken, SHORT, NOW)
    # 22 November 2026 is a Sunday: the week before ended seven days, the month 22 days ago.
    assert kept == set(days_ago(0, 1, 2, 7, 22))


def test_of_several_on_one_day_the_last_stays() -> None:
    morning, noon = NOW - 10 * DAY - timedelta(hours=4), NOW - 10 * DAY
    plan = Plan(locked=DAY, daily=9, weekly=0, monthly=0)
    assert removable([morning, noon, NOW], plan, NOW) == {morning}


@pytest.mark.urs("URS-BAK-030")
def test_a_clock_that_leaps_ahead_does_not_make_all_backups_old() -> None:
    taken = days_ago(*range(7))
    assert removable(taken, Plan(), NOW + 4000 * DAY) == set()
    alone = Plan(locked=DAY, daily=0, weekly=0, monthly=0)
    assert removable(taken, alone, NOW + 4000 * DAY) == set(taken[1:]), "the newest stays always"


def test_backups_that_seem_to_come_from_the_future_stay() -> None:
    plan = Plan(locked=DAY, daily=0, weekly=0, monthly=0)
    assert removable(days_ago(-3, -2), plan, NOW) == set()


def test_no_backups_are_nothing_to_remove() -> None:
    assert removable([], Plan(), NOW) == set()


def test_a_plan_is_read_and_what_it_does_not_name_has_its_default() -> None:
    found = read_plan("every=12h locked=40d daily=1 weekly=2 monthly=3 drill=30d")
    assert found == Plan(
        every=timedelta(hours=12), locked=40 * DAY, daily=1, weekly=2, monthly=3, drill=30 * DAY
    )
    assert found.grace == timedelta(hours=6)
    assert read_plan("") == Plan()


@pytest.mark.parametrize(
    "text",
    ["every", "every=", "every=0h", "every=h", "every=12", "every=12m", "every=-1d", "daily=x",
     "daily=1 daily=2", "yearly=1", "locked=1.5d", "daily=٣", "every=1000000h"],
)  # fmt: skip
def test_a_plan_with_a_wrong_word_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"part of a plan|length|number"):
        read_plan(text)
