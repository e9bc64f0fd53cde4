"""The page of figures says what was measured, under the groups that `make bench` knows."""

from __future__ import annotations

from tests.bench.__main__ import GROUPS
from tests.bench.figures import GROUPS as SHOWN
from tests.bench.figures import page


def test_every_group_of_the_benchmark_has_its_part_of_the_page() -> None:
    assert {group.name for group in SHOWN} == set(GROUPS)


def test_a_figure_stands_on_the_page_once_and_only_when_it_was_measured() -> None:
    names = [figure.name for group in SHOWN for figure in group.figures]
    assert len(names) == len(set(names))
    text = page({"demo_s": 81.25, "commit": "abc", "at": "2026-11-22"})
    assert "| The whole demonstration, s | `demo_s` | 81.2 | under 90 |" in text
    assert "step_ms_n10" not in text
