"""Times as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.clock import show


@pytest.mark.urs("URS-TIM-030")
@pytest.mark.parametrize(
    ("moment", "zone", "shown"),
    [
        ((2026, 10, 25, 0, 30), "Europe/Berlin", "2026-10-25 02:30:00 +02:00"),
        ((2026, 10, 25, 1, 30), "Europe/Berlin", "2026-10-25 02:30:00 +01:00"),
        ((2026, 3, 29, 1, 0), "Europe/Berlin", "2026-03-29 03:00:00 +02:00"),
        ((2026, 1, 1, 0, 0), "America/St_Johns", "2025-12-31 20:30:00 -03:30"),
        ((2026, 1, 1, 0, 0), "Asia/Kathmandu", "2026-01-01 05:45:00 +05:45"),
    ],
)
def test_a_moment_is_shown_in_the_zone_of_the_site_with_its_offset(
    moment: tuple[int, int, int, int, int], zone: str, shown: str
) -> None:
    assert show(datetime(*moment, tzinfo=UTC), zone) == shown
