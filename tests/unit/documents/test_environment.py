"""What templates may print."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from jinja2 import TemplateNotFound, UndefinedError

from documents.environment import day, grouped, make_environment, render_html, stamp, words_of
from documents.errors import UnprintableValue

ENVIRONMENT = make_environment()


def printed(template: str, **data: object) -> str:
    return ENVIRONMENT.from_string(template).render(data)


def test_values_are_escaped() -> None:
    assert printed("{{ x }}", x="<b>&") == "&lt;b&gt;&amp;"


@pytest.mark.parametrize(
    "value",
    [None, 1.5, True, datetime(2026, 1, 1, tzinfo=UTC), date(2026, 1, 1), UUID(int=1), b"x", [1]],
)
def test_a_value_without_a_written_form_is_refused(value: object) -> None:
    with pytest.raises(UnprintableValue):
        printed("{{ x }}", x=value)


def test_a_missing_name_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        printed("{{ missing }}")
    with pytest.raises(UndefinedError):
        printed("{{ x.missing }}", x={})


def test_decimals_print_all_their_digits_and_no_exponent() -> None:
    assert printed("{{ x }}", x=Decimal("5.10")) == "5.10"
    assert printed("{{ x }}", x=Decimal("1E+3")) == "1000"
    assert printed("{{ x }}", x=Decimal("0.00000001")) == "0.00000001"


@pytest.mark.parametrize("name", ["document.css", "../errors.py", "documents/../errors.py"])
def test_templates_come_only_from_the_named_packages(name: str) -> None:
    with pytest.raises(TemplateNotFound):
        render_html(ENVIRONMENT, name, {})


@pytest.mark.urs("URS-TIM-030")
def test_the_two_hours_of_a_dst_fold_are_told_apart() -> None:
    zone = "Europe/Berlin"
    assert stamp(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), zone) == "2026-10-25 02:30:00 +02:00"
    assert stamp(datetime(2026, 10, 25, 1, 30, tzinfo=UTC), zone) == "2026-10-25 02:30:00 +01:00"


def test_naked_times_are_refused() -> None:
    with pytest.raises(UnprintableValue):
        stamp(datetime(2026, 1, 1), "Europe/Berlin")  # noqa: DTZ001 - the naked time is the case
    with pytest.raises(UnprintableValue):
        day(datetime(2026, 1, 1, tzinfo=UTC))


def test_digests_are_grouped_without_losing_a_digit() -> None:
    assert grouped("0123456789abcdef01") == "01234567 89abcdef 01"


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(UnprintableValue):
        words_of("xx")
