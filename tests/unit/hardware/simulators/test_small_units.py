"""Scales, blender, rooms, water point, meter."""

from __future__ import annotations

import pytest

from hardware.simulators.errors import ArgumentRefused, CommandRefused
from hardware.simulators.models.blender import Blender
from hardware.simulators.models.scale import IN_RANGE, STABLE, ZERO, Scale
from hardware.simulators.models.site import EnergyMeter, RoomMonitor, WaterPoint


def test_a_scale_settles_in_two_seconds_and_then_shows_the_mass_exactly() -> None:
    scale = Scale("WGH-01", 150.0, 0.01)
    scale.place(26.30, "drum")
    scale.step(1.9)
    assert not int(scale.values()["XS501"]) & STABLE
    scale.step(0.1)
    assert int(scale.values()["XS501"]) & STABLE
    assert scale.values()["WI502"] == pytest.approx(26.30)


def test_tare_makes_the_net_weight() -> None:
    scale = Scale("WGH-02", 35.0, 0.001)
    scale.place(1.250, "container")
    scale.step(2.0)
    scale.tare()
    scale.place(9.250, "container")
    scale.step(2.0)
    assert scale.values()["WI501"] == pytest.approx(8.000)
    assert scale.values()["WI503"] == pytest.approx(1.250)


def test_tare_is_refused_while_the_scale_moves() -> None:
    scale = Scale("WGH-02", 35.0, 0.001)
    scale.place(1.250, "container")
    scale.step(1.0)
    with pytest.raises(CommandRefused):
        scale.tare()
    assert scale.values()["WI503"] == 0.0


def test_an_overloaded_scale_is_out_of_range_and_takes_no_tare() -> None:
    scale = Scale("BAL-01", 6.2, 0.00001)
    scale.place(6.5, "too much")
    scale.step(2.0)
    assert not int(scale.values()["XS501"]) & IN_RANGE
    with pytest.raises(CommandRefused):
        scale.tare()


def test_removing_the_container_clears_tare_and_shows_zero() -> None:
    scale = Scale("WGH-01", 150.0, 0.01)
    scale.place(5.0, "bin")
    scale.step(2.0)
    scale.tare()
    scale.remove()
    scale.step(2.0)
    assert scale.values() == {
        "WI501": 0.0,
        "WI502": 0.0,
        "WI503": 0.0,
        "XS501": STABLE | IN_RANGE | ZERO,
    }
    with pytest.raises(CommandRefused):
        scale.remove()


@pytest.mark.parametrize("mass", [0.0, -1.0, 400.0])
def test_an_impossible_mass_is_not_put_on_the_scale(mass: float) -> None:
    scale = Scale("WGH-01", 150.0, 0.01)
    with pytest.raises(CommandRefused):
        scale.place(mass, "")
    assert scale.load == 0.0


def test_the_blender_stops_at_its_preset() -> None:
    blender = Blender()
    blender.start({"revolutions": 120, "speed": 12})
    seconds = 0
    while blender.running:
        blender.step(1.0)
        seconds += 1
    assert 600 <= seconds <= 606
    assert blender.values()["KQ301"] == 120


def test_the_revolutions_begin_at_zero_at_every_start() -> None:
    blender = Blender()
    blender.start({"revolutions": 5})
    blender.step(30.0)
    blender.start({"revolutions": 36})
    assert blender.values()["KQ301"] == 0


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"revolutions": 0},
        {"revolutions": "120"},
        {"revolutions": True},
        {"revolutions": 120, "speed": 16},
        {"revolutions": 120, "direction": "left"},
    ],
)
def test_wrong_blender_settings_are_refused(settings: dict[str, object]) -> None:
    blender = Blender()
    with pytest.raises(ArgumentRefused):
        blender.start(settings)
    assert not blender.running


def test_rooms_stay_inside_the_limits_of_the_recipe() -> None:
    rooms = RoomMonitor(1)
    for _ in range(2_000):
        rooms.step(1.0)
        for name, value in rooms.values().items():
            low, high = {"TI401": (15, 25), "MI401": (0, 60), "PDI401": (10, 50)}[name[5:]]
            assert low <= value <= high


def test_a_disturbed_room_returns_by_itself() -> None:
    rooms = RoomMonitor(1)
    rooms.set("1.04/PDI401", 4.0)
    assert rooms.values()["1.04/PDI401"] < 5.0
    rooms.step(3_600.0)
    assert rooms.values()["1.04/PDI401"] > 10.0
    with pytest.raises(ArgumentRefused):
        rooms.set("9.99/TI401", 20.0)


def test_the_water_point_counts_what_is_drawn() -> None:
    water = WaterPoint(1)
    water.draw(17.0)
    water.step(1.0)
    assert water.values()["FQ601"] == 17.0
    assert water.values()["QI601"] < 1.3
    with pytest.raises(CommandRefused):
        water.draw(0.0)


def test_the_meter_integrates_the_power() -> None:
    meter = EnergyMeter(lambda: 36.0)
    before = meter.values()["JQ901"]
    meter.step(3_600.0)
    assert meter.values()["JQ901"] - before == pytest.approx(36.0)
