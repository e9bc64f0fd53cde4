"""Keys of rows: UUIDv7, ascending within a process."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import RFC_4122, UUID

import pytest

from core import ids


def test_ids_are_of_version_seven_and_ascend_within_a_millisecond() -> None:
    made = [ids.new_id() for _ in range(5000)]
    assert made == sorted(set(made))
    assert {(each.version, each.variant) for each in made} == {(7, RFC_4122)}


def test_ids_of_many_threads_never_meet() -> None:
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: ids.new_id(), range(2000)))
    assert len(set(made)) == 2000


def test_ids_ascend_when_the_clock_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before: UUID = ids.new_id()
    monkeypatch.setattr("core.ids.time.time_ns", lambda: 0)
    assert ids.new_id() > before
