"""What is stored comes back as it was given, on both databases; what cannot is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, Table, create_engine, insert, select
from sqlalchemy.exc import StatementError

from core.types import ExactDecimal, JsonText, UtcDateTime

KEPT = Table(
    "kept",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("exact", ExactDecimal()),
    Column("moment", UtcDateTime()),
    Column("told", JsonText()),
)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    engine = create_engine(database_url)
    with engine.begin() as opened:
        KEPT.create(opened)
        yield opened
    engine.dispose()


def kept(connection: Connection, **values: Any) -> Any:
    connection.execute(insert(KEPT).values(id=1, **values))
    (name,) = values
    return connection.execute(select(KEPT.c[name])).scalar_one()


@pytest.mark.urs("URS-REC-010")
@pytest.mark.parametrize(
    "text", ["5.10", "5.1", "0.100", "-0.0001", "1234567890.123456789012345678", "0", "0.00"]
)
def test_an_exact_decimal_keeps_every_digit_and_trailing_zero(
    connection: Connection, text: str
) -> None:
    assert str(kept(connection, exact=Decimal(text))) == text


@pytest.mark.urs("URS-REC-050")
@pytest.mark.parametrize(
    "wrong", [0.1, 1.0, True, "5.10", Decimal("NaN"), Decimal("Infinity"), Decimal("1E+90")]
)
def test_floats_texts_truth_values_and_endless_decimals_are_refused(
    connection: Connection, wrong: object
) -> None:
    with pytest.raises((StatementError, TypeError, ValueError)):
        kept(connection, exact=wrong)


@pytest.mark.urs("URS-TIM-010")
def test_a_time_without_zone_is_refused(connection: Connection) -> None:
    with pytest.raises((StatementError, ValueError), match="without zone"):
        kept(connection, moment=datetime(2026, 3, 2, 6, 0))  # noqa: DTZ001


@pytest.mark.urs("URS-TIM-010", "URS-EXE-070")
def test_both_half_past_twos_of_the_long_night_stay_apart(connection: Connection) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    first = datetime(2026, 10, 25, 2, 30, 0, 123456, tzinfo=berlin)
    second = first.replace(fold=1)
    connection.execute(insert(KEPT), [{"id": 1, "moment": first}, {"id": 2, "moment": second}])
    early, late = connection.execute(select(KEPT.c.moment).order_by(KEPT.c.moment)).scalars()
    assert early == datetime(2026, 10, 25, 0, 30, 0, 123456, tzinfo=UTC)
    assert (late - early).total_seconds() == 3600


@pytest.mark.parametrize("wrong", [0.5, {"mass": 0.5}, [[1.0]], {"a": {"b": (0.1,)}}])
def test_json_holds_no_floats_however_deep(connection: Connection, wrong: object) -> None:
    with pytest.raises((StatementError, TypeError), match="floats"):
        kept(connection, told=wrong)


def test_json_comes_back_as_it_was(connection: Connection) -> None:
    told = {"ü": ["5.10", None, True], "n": 12}
    assert kept(connection, told=told) == told
