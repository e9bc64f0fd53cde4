"""The table of past batches and their supply tell section 11 of the demonstration plant."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal as D

import pytest

from app.demo.headless import SCRIPT
from app.history import firststate, supply
from app.history.batches import BATCHES, DEVIATIONS, past
from app.history.events import FOUND_BAD, LAST_GOOD
from app.seed import stock

CENTRE = D("625.0")
EVERY = [*(batch.number for batch in BATCHES), 2039, 2040, 2041]


def test_twenty_two_batches_were_made_from_112_to_6_days_before() -> None:
    assert [batch.number for batch in BATCHES] == list(range(2017, 2039))
    assert (BATCHES[0].days, BATCHES[-1].days) == (112, 6)
    days = [batch.days for batch in BATCHES]
    assert days == sorted(days, reverse=True)
    assert len(set(days)) == 22


@pytest.mark.parametrize(("number", "mean"), [(2023, "2.60"), (2031, "2.70"), (2038, "2.60")])
def test_three_batches_were_dried_again(number: int, mean: str) -> None:
    first, second = past(number).script.lod
    assert (D(first.first) + D(first.second)) / 2 == D(mean)
    assert (D(second.first) + D(second.second)) / 2 <= D("2.5")


def test_only_those_three_were_dried_again() -> None:
    assert [b.number for b in BATCHES if len(b.script.lod) > 1] == [2023, 2031, 2038]


def test_each_story_belongs_to_its_batch() -> None:
    def told(name: str) -> list[int]:
        return [batch.number for batch in BATCHES if getattr(batch.script, name)]

    assert told("rejected_because") == told("end_disintegration") == [2026]
    assert past(2026).script.end_disintegration == "17.0"
    assert told("typed_weight") == [2029]
    assert [(n, past(n).script.cut_seconds) for n in told("cut_seconds")] == [(2033, 95)]
    assert told("late_verification") == [2036]
    assert len(told("press_stops")) == 2


def test_eight_batches_in_a_row_lie_above_the_centre_and_no_others_do() -> None:
    sides = ["+" if D(batch.script.control_mass) > CENTRE else "-" for batch in BATCHES]
    runs = "".join(sides)
    assert runs[2030 - 2017 : 2038 - 2017] == "+" * 8
    assert Counter(len(part) >= 8 for part in runs.split("-"))[True] == 1
    assert all(len(part) < 8 for part in runs.split("+"))


def test_the_yield_of_b_2037_is_below_its_acceptance() -> None:
    script = past(2037).script
    net = sum(D(drum) for drum in script.drums)
    tablets = int(net * 1_000_000 / D(script.control_mass))
    assert (100 * D(tablets) / 160_000).quantize(D("0.01")) == D("95.60")


@pytest.mark.parametrize("number", EVERY)
def test_the_masses_of_a_script_add_up(number: int) -> None:
    script = past(number).script if number <= 2038 else SCRIPTS[number]
    net = sum(D(drum) for drum in script.drums)
    stated = net + D(script.rejects) + D(script.samples) + D(script.waste)
    assert D(script.blend) - stated == D("0.04")
    assert D(script.granules) + D("3.000") - D(script.blend) == D("0.11")
    assert len(script.drums) == 6


SCRIPTS = {
    batch.number: batch.script
    for batch in (firststate.RELEASED, firststate.REVIEWED, firststate.RUNNING)
}


@pytest.mark.parametrize("number", EVERY)
def test_every_batch_has_one_lot_of_each_material(number: int) -> None:
    lots = supply.serving(number)
    assert set(lots) == {"PA", "MC", "ST", "CC", "PV", "SI", "MG"}
    serving = [d for d in supply.DELIVERIES if d.first <= number <= d.last]
    assert len(serving) == len(lots)
    weighed = supply.weighings(number)
    assert [w.key for w in weighed] == [w.key for w in SCRIPT.weighings]


@pytest.mark.parametrize("delivery", supply.DELIVERIES, ids=lambda each: each.lot)
def test_a_lot_suffices_for_the_batches_that_it_serves(delivery: supply.Delivery) -> None:
    delivered = sum(D(drum) for drum in delivery.drums)
    used = sum(
        D(weighing.net)
        for number in range(delivery.first, delivery.last + 1)
        for weighing in supply.weighings(number)
        if weighing.lot == delivery.lot
    )
    assert D(0) < delivered - used
    assert delivered - used <= (6 if delivery.lot == supply.RECALLED else D("1.2"))


def test_the_recalled_lot_went_into_four_batches_and_six_kilograms_are_left() -> None:
    (recalled,) = [each for each in supply.DELIVERIES if each.lot == "CC-0771"]
    assert (recalled.first, recalled.last) == (2019, 2022)
    (listed,) = [lot for lot in stock.LOTS if lot[0] == "CC-0771"]
    assert D(recalled.drums[0]) - 4 * 3 == D(listed[2][0])


def test_past_lots_have_numbers_of_their_own() -> None:
    numbers = [each.lot for each in supply.DELIVERIES]
    assert len(set(numbers)) == len(numbers)
    listed = {lot[0] for lot in stock.LOTS}
    assert set(numbers) & listed == {supply.RECALLED}


def test_past_lots_expire_before_the_reserve_so_that_they_are_used_first() -> None:
    reserve = {
        lot[1]: lot[3] for lot in stock.LOTS if lot[0] not in (*supply.LATER, supply.RECALLED)
    }
    for each in supply.DELIVERIES:
        assert 0 < each.expires < reserve[each.material], each.lot


def test_the_bench_scale_weighed_four_batches_between_good_and_bad() -> None:
    between = [b.number for b in BATCHES if FOUND_BAD < b.days < LAST_GOOD]
    assert between == [2032, 2033, 2034, 2035]


def test_deviations_of_the_past_are_numbered_so_that_311_is_that_of_b_2040() -> None:
    assert sorted(DEVIATIONS) == [2026, 2029, 2033, 2036, 2037]
    assert all(each.conclusion for each in DEVIATIONS.values())
    assert firststate.REVIEWED.deviation is not None
    assert firststate.REVIEWED.deviation.conclusion is None


def test_a_number_outside_the_past_is_no_past_batch() -> None:
    with pytest.raises(IndexError):
        past(2050)
