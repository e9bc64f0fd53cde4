"""The building blocks of the models."""

from __future__ import annotations

import math

import pytest

from hardware.simulators.models.signals import Lag, Noise


def test_a_lag_reaches_63_percent_after_one_time_constant() -> None:
    lag = Lag(0.0, 45.0)
    lag.step(100.0, 45.0)
    assert lag.value == pytest.approx(100.0 * (1.0 - math.exp(-1.0)))


def test_a_lag_does_not_depend_on_the_step() -> None:
    coarse, fine = Lag(20.0, 180.0), Lag(20.0, 180.0)
    coarse.step(60.0, 90.0)
    for _ in range(900):
        fine.step(60.0, 0.1)
    assert fine.value == pytest.approx(coarse.value)


def test_noise_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    one, same, other = Noise("1/a", 1.0), Noise("1/a", 1.0), Noise("2/a", 1.0)
    drawn = [one.step() for _ in range(20)]
    assert [same.step() for _ in range(20)] == drawn
    assert [other.step() for _ in range(20)] != drawn


def test_noise_is_cut_off_at_three_deviations() -> None:
    noise = Noise("wide", 2.0)
    drawn = [noise.step() for _ in range(5_000)]
    assert max(drawn) <= 6.0
    assert min(drawn) >= -6.0
    assert max(drawn) > 4.0
