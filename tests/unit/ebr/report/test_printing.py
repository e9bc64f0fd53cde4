"""What the pages of a record show: sources, rows, charts, portions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from ebr.report import printing, words
from ebr.report.model import SectionView
from ebr.report.trends import TrendHole, TrendPoint, TrendView

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def trend(points: list[tuple[int, str | None]], holes: list[tuple[int, int]]) -> TrendView:
    """A trend of ten minutes; times in seconds after its start."""
    return TrendView(
        step="G150",
        path="G150",
        step_name="Dry",
        label="Product temperature",
        tag="FBD-01.TI102",
        unit="Cel",
        decimals=1,
        start=START,
        end=START + timedelta(seconds=600),
        points=tuple(
            TrendPoint(START + timedelta(seconds=at), None if value is None else Decimal(value))
            for at, value in points
        ),
        holes=tuple(
            TrendHole(START + timedelta(seconds=a), START + timedelta(seconds=b)) for a, b in holes
        ),
        limits=(),
        target="",
        digest="0" * 64,
    )


@pytest.mark.urs("URS-PRO-040", "URS-PRO-060")
def test_a_hole_is_drawn_once_with_its_whole_length() -> None:
    points = [(0, "28.4"), (99, "28.5"), (100, None), (110, None), (140, "28.6"), (600, "30.0")]
    svg = printing.draw(trend(points, [(100, 140)]), "Europe/Berlin")
    assert svg is not None
    assert "no data 40 s" in svg
    assert svg.count("no data") == 1


def test_a_trend_without_a_good_value_is_not_drawn() -> None:
    assert printing.draw(trend([(0, None), (10, None)], [(0, 600)]), "Europe/Berlin") is None


def test_columns_of_a_section_are_as_wide_as_what_stands_in_them() -> None:
    section = SectionView(
        title="Conditions", columns=("Condition", "Met", "Evidence"),
        rows=(("release steps", "yes", "all 82 steps are closed " * 9),),
    )  # fmt: skip
    found = printing.widths(section)
    assert 98 <= sum(found) <= 102
    assert found[1] < found[0] < found[2]
    assert found[1] >= 10


@pytest.mark.parametrize(
    ("names", "common"),
    [
        (["Croscarmellose sodium, portion inside", "Croscarmellose sodium, portion outside"],
         "Croscarmellose sodium"),
        (["Maize starch, pregelatinised"], "Maize starch, pregelatinised"),
        (["Water", "Ethanol", "Water"], "Water / Ethanol"),
        ([], ""),
    ],
)  # fmt: skip
def test_portions_of_one_material_share_its_name(names: list[str], common: str) -> None:
    assert words.common_name(names) == common
