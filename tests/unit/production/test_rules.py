"""Numbers and expiry."""

from __future__ import annotations

from datetime import date

import pytest

from production import rules


@pytest.mark.urs("URS-MAT-080")
@pytest.mark.parametrize(
    ("made", "months", "expires"),
    [
        ("2024-02-29", 24, "2026-02-28"),
        ("2026-03-02", 24, "2028-03-31"),
        ("2026-02-28", 24, "2028-02-29"),
        ("2026-12-31", 1, "2027-01-31"),
        ("2026-01-31", 1, "2026-02-28"),
        ("2026-11-30", 1, "2026-12-31"),
        ("2026-06-15", 0, "2026-06-30"),
    ],
)
def test_a_product_expires_on_the_last_day_of_its_last_month(
    made: str, months: int, expires: str
) -> None:
    assert rules.expiry(date.fromisoformat(made), months) == date.fromisoformat(expires)


@pytest.mark.urs("URS-EXE-020")
def test_a_batch_number_has_its_digits_and_grows_beyond_them() -> None:
    assert rules.batch_number("B-", 45, 4) == "B-0045"
    assert rules.batch_number("B-", 12045, 4) == "B-12045"
