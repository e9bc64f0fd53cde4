"""Cut and frozen lines in site time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hardware.simulators.errors import ArgumentRefused, CommandRefused
from hardware.simulators.lines import Lines

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


def test_a_cut_ends_after_its_seconds_of_site_time() -> None:
    lines = Lines(["FBD-01"])
    lines.cut("FBD-01", at=NOW, seconds=40.0)
    lines.expire(NOW + timedelta(seconds=39.9))
    assert lines.is_cut("FBD-01")
    lines.expire(NOW + timedelta(seconds=40))
    assert not lines.is_cut("FBD-01")


def test_a_cut_without_seconds_lasts_until_it_is_restored() -> None:
    lines = Lines(["FBD-01"])
    lines.cut("FBD-01", at=NOW, seconds=None)
    lines.expire(NOW + timedelta(days=30))
    assert lines.picture() == {"FBD-01": "cut"}
    lines.restore("FBD-01")
    assert lines.picture() == {}
    with pytest.raises(CommandRefused):
        lines.restore("FBD-01")


@pytest.mark.parametrize("seconds", [0.0, -1.0, 86_401.0])
def test_an_impossible_duration_is_refused(seconds: float) -> None:
    lines = Lines(["FBD-01"])
    with pytest.raises(ArgumentRefused):
        lines.cut("FBD-01", at=NOW, seconds=seconds)
    assert lines.picture() == {}


@pytest.mark.parametrize("device", ["FBD-09", "GRAN"])
def test_an_unknown_device_and_a_whole_server_are_not_frozen(device: str) -> None:
    lines = Lines(["FBD-01"])
    with pytest.raises(ArgumentRefused):
        lines.freeze(device)
    assert lines.picture() == {}
