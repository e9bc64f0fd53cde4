"""What a trend shows: peaks, gaps, doubtful values, limits."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from markupsafe import Markup

from documents.charts import (
    LimitLine,
    Point,
    Series,
    gaps_of,
    summarise,
    trend_chart,
)
from documents.errors import RenderingFailed

AT = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def series(values: list[str | None], *, step: int = 1, name: str = "TI102") -> Series:
    points = [
        Point(AT + timedelta(seconds=i * step), Decimal(v) if v else None)
        for i, v in enumerate(values)
    ]
    return Series(name=name, points=points, longest_step=timedelta(seconds=step * 2))


def draw(*lines: Series, limits: tuple[LimitLine, ...] = ()) -> Markup:
    return trend_chart(lines, unit="Cel", zone="Europe/Berlin", decimals=1, limits=limits)


def texts(svg: str) -> list[str]:
    root = ElementTree.fromstring(svg)  # noqa: S314 - our own output
    return ["".join(each.itertext()) for each in root.iter() if each.tag.endswith("text")]


def polylines(svg: str) -> list[str]:
    return re.findall(r'<polyline points="([^"]+)"', svg)


def test_the_same_input_draws_the_same_bytes() -> None:
    assert draw(series(["20.0", "21.0"])) == draw(series(["20.0", "21.0"]))


@pytest.mark.urs("URS-REP-030")
def test_a_gap_is_marked_with_its_length_and_never_joined() -> None:
    points = [Point(AT + timedelta(seconds=s), Decimal(20)) for s in (0, 5, 10, 50, 55)]
    lost = Series(name="TI102", points=points, longest_step=timedelta(seconds=10))
    svg = draw(lost)
    assert len(polylines(svg)) == 2
    assert "no data 40 s" in texts(svg)
    assert [gap.seconds for gap in gaps_of(lost)] == [40]


def test_a_reading_without_value_breaks_the_line_even_when_it_came_in_time() -> None:
    lost = series(["20.0", "20.1", None, "20.3", "20.4"])
    assert len(polylines(draw(lost))) == 2
    assert [gap.seconds for gap in gaps_of(lost)] == [2]


def test_many_gaps_are_all_drawn_though_not_all_can_be_labelled() -> None:
    values: list[str | None] = ["20.0", None] * 300 + ["20.0"]
    svg = draw(series(values))
    assert svg.count("<rect") == 300
    assert 1 <= len([text for text in texts(svg) if text.startswith("no data")]) < 20


def test_with_several_series_a_gap_names_its_own() -> None:
    whole = series(["20.0"] * 5, name="TI103")
    lost = series(["20.0", None, None, None, "20.0"], name="TI102")
    assert "TI102 no data 4 s" in texts(draw(whole, lost))


def test_an_unbroken_series_shows_no_gap() -> None:
    whole = series(["20.0"] * 30)
    assert gaps_of(whole) == []
    assert len(polylines(draw(whole))) == 1


def test_thinning_keeps_every_peak() -> None:
    values: list[str | None] = ["20.0"] * 50_000
    values[31_234] = "48.7"
    values[31_236] = "3.1"
    svg = draw(series(values))
    heights = [float(pair.split(",")[1]) for pair in polylines(svg)[0].split()]
    full = draw(series(["48.7", "20.0", "3.1"]))
    expected = [float(pair.split(",")[1]) for pair in polylines(full)[0].split()]
    assert (min(heights), max(heights)) == (expected[0], expected[2])
    assert len(heights) < 5_000


def test_minimum_mean_and_maximum_come_from_the_decimals_of_good_values() -> None:
    points = [
        Point(AT, Decimal("1.15")),
        Point(AT + timedelta(seconds=1), Decimal("1.20")),
        Point(AT + timedelta(seconds=2), Decimal("9.99"), good=False),
    ]
    found = summarise(
        Series(name="x", points=points, longest_step=timedelta(seconds=5)), decimals=2
    )
    assert found is not None
    assert (found.count, found.minimum, found.mean, found.maximum) == (
        2,
        Decimal("1.15"),
        Decimal("1.18"),
        Decimal("1.20"),
    )


def test_a_series_without_a_good_value_has_no_summary() -> None:
    bad = Series(
        name="x", points=[Point(AT, Decimal(1), good=False)], longest_step=timedelta(seconds=5)
    )
    assert summarise(bad, decimals=1) is None


def test_doubtful_values_are_hollow() -> None:
    points = [Point(AT + timedelta(seconds=i), Decimal(20 + i), good=i != 3) for i in range(6)]
    svg = draw(Series(name="x", points=points, longest_step=timedelta(seconds=5)))
    assert svg.count('fill="#fff" stroke="#a4262c"') == 1


def test_limits_are_drawn_and_named_even_beyond_the_values() -> None:
    limits = tuple(
        LimitLine(tier=tier, value=Decimal(value), label=f"{tier} {value}")
        for tier, value in [
            ("target", "40"),
            ("alert", "46"),
            ("action", "48"),
            ("registered", "50"),
        ]
    )
    written = texts(draw(series(["20.0", "21.0"]), limits=limits))
    assert {"target 40", "alert 46", "action 48", "registered 50"} <= set(written)


def test_labels_of_near_limits_do_not_print_over_each_other() -> None:
    limits = tuple(
        LimitLine(tier="action", value=Decimal(v), label=f"L{v}") for v in ("48.0", "48.1", "48.2")
    )
    svg = draw(series(["0.0", "100.0"]), limits=limits)
    heights = sorted(float(y) for y in re.findall(r'y="([\d.]+)"[^>]*>L48', svg))
    assert all(b - a >= 9 for a, b in pairwise(heights))


@pytest.mark.urs("URS-TIM-030")
def test_ticks_are_site_times_of_24_hours_with_zone_and_offset() -> None:
    written = texts(draw(series(["20.0"] * 60, step=600)))
    assert "02:00" in written or "03:00" in written
    assert "2026-10-25, Europe/Berlin (UTC+02:00)" in written


def test_names_are_escaped() -> None:
    svg = draw(series(["1.0", "2.0"], name="<script>alert(1)</script>"))
    assert "<script>" not in svg
    assert "&lt;script&gt;" in svg


@pytest.mark.parametrize("values", [[], [None, None]])
def test_a_chart_without_values_is_refused(values: list[str | None]) -> None:
    with pytest.raises(RenderingFailed):
        draw(series(values))


def test_a_single_or_constant_value_can_be_drawn() -> None:
    assert "<circle" in draw(series(["20.0"]))
    assert polylines(draw(series(["0.0", "0.0"])))


def test_the_axis_of_what_is_never_negative_does_not_go_below_zero() -> None:
    assert not [text for text in texts(draw(series(["0.0", "914.0"]))) if text.startswith("-")]
    assert "-500" in texts(draw(series(["-400.0", "914.0"])))


def test_four_series_are_the_most() -> None:
    line = series(["1.0", "2.0"])
    assert len(polylines(draw(*[line] * 4))) == 4
    with pytest.raises(RenderingFailed):
        draw(*[line] * 5)
