"""Column types that keep what was given: exact decimals, aware UTC times, JSON as text."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, String, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
LONGEST_DECIMAL = 80


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment: timestamptz on PostgreSQL, integer microseconds on SQLite (URS-TIM-010).

    Binding a naive datetime raises ValueError.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BigInteger())
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without zone is not accepted")
        if dialect.name == "sqlite":
            return (value - EPOCH) // MICROSECOND
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if dialect.name == "sqlite":
            return EPOCH + int(value) * MICROSECOND
        moment: datetime = value
        return moment.astimezone(UTC)


class ExactDecimal(TypeDecorator[Decimal]):
    """A finite decimal kept with its significant digits, stored as text on both databases.

    Binding a float or a truth value raises TypeError, a decimal that is not finite or too long
    ValueError. Never summed in SQL: ledger quantities are scaled integers (notes on data, 2.3).
    """

    impl = String(LONGEST_DECIMAL)
    cache_ok = True

    def process_bind_param(self, value: Decimal | int | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (Decimal, int)):
            raise TypeError(f"an exact decimal is needed, not {type(value).__name__}")
        exact = Decimal(value)
        if not exact.is_finite():
            raise ValueError("a value that is not finite is not accepted")
        text = format(exact, "f")
        if len(text) > LONGEST_DECIMAL:  # SQLite would keep it, PostgreSQL would not
            raise ValueError(f"a value of more than {LONGEST_DECIMAL} characters is not accepted")
        return text

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


class JsonText(TypeDecorator[Any]):
    """JSON kept as text with sorted keys; never jsonb, which reorders keys and numbers.

    Floats are refused with TypeError: decimals go in as strings.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else to_json(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


def to_json(value: Any) -> str:
    """Deterministic JSON text: sorted keys, no blanks, no floats (TypeError)."""
    _refuse_floats(value)
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def _refuse_floats(value: Any) -> None:
    if isinstance(value, float):
        raise TypeError("floats are not kept: give decimals as text")
    if isinstance(value, dict):
        for part in value.values():
            _refuse_floats(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            _refuse_floats(part)
