"""Decisions about lots, ledger counts, scales, labels and charging order."""

from __future__ import annotations

from datetime import date
from decimal import Decimal as D

import pytest

from inventory import rules
from inventory.errors import (
    ChargeIncomplete,
    ContainerNotDispensed,
    LotExpired,
    LotNotReleased,
    NotBalanced,
    QuantityNotCountable,
    ScannedTwice,
    StatusNotPossible,
    WrongMaterial,
    WrongOrder,
    WrongPortion,
)
from inventory.rules import LabelCount, LotFacts, Offered, ScaleFacts, Slot

TODAY = date(2026, 3, 2)


def lot(status: str = "released", **days: date) -> LotFacts:
    return LotFacts(number="MC-2210", material="200110", status=status, **days)


@pytest.mark.urs("URS-MAT-010")
@pytest.mark.parametrize("status", ["quarantine", "rejected", "blocked"])
def test_a_lot_that_is_not_released_is_refused(status: str) -> None:
    with pytest.raises(LotNotReleased) as refused:
        rules.check_usable(lot(status), material="200110", today=TODAY)
    assert refused.value.resolver == "quality unit"


@pytest.mark.urs("URS-MAT-010")
@pytest.mark.parametrize("field", ["expires_on", "retest_on"])
def test_the_last_day_counts_whatever_the_status_says(field: str) -> None:
    rules.check_usable(lot("released", **{field: TODAY}), material="200110", today=TODAY)
    with pytest.raises(LotExpired):
        rules.check_usable(
            lot("released", **{field: date(2026, 3, 1)}), material="200110", today=TODAY
        )


@pytest.mark.urs("URS-MAT-010")
def test_a_lot_of_another_item_is_refused() -> None:
    with pytest.raises(WrongMaterial):
        rules.check_usable(lot(), material="100010", today=TODAY)


@pytest.mark.urs("URS-MAT-070")
def test_the_first_expiring_lot_comes_first_and_lots_without_a_date_last() -> None:
    lots = [
        LotFacts(number="C", material="1", status="released"),
        LotFacts(number="B", material="1", status="released", expires_on=date(2027, 1, 1)),
        LotFacts(number="A", material="1", status="released", retest_on=date(2026, 9, 1)),
    ]
    assert [found.number for found in rules.first_expiring(lots)] == ["A", "B", "C"]


@pytest.mark.urs("URS-MAT-010")
def test_a_rejected_lot_is_never_released_without_a_new_decision() -> None:
    with pytest.raises(StatusNotPossible):
        rules.check_transition("rejected", "released")
    rules.check_transition("rejected", "quarantine")
    rules.check_transition("blocked", "released")


@pytest.mark.urs("URS-MAT-070")
@pytest.mark.parametrize(
    ("quantity", "unit", "amount"), [("36.50", "kg", 36_500_000_000), ("800", "1", 800)]
)
def test_ledger_counts_are_exact_both_ways(quantity: str, unit: str, amount: int) -> None:
    assert rules.counted(D(quantity), unit) == amount
    assert rules.quantity_of(amount, unit) == D(quantity)


def test_what_the_ledger_cannot_count_is_refused() -> None:
    with pytest.raises(QuantityNotCountable):
        rules.counted(D("0.5"), "1")
    assert str(rules.quantity_of(40_000_000_000, "kg")) == "40"


@pytest.mark.urs("URS-MAT-070")
def test_a_movement_sums_to_zero_for_each_lot() -> None:
    rules.check_balanced([("A", 5), ("A", -5), ("B", 1), ("B", -1)])
    with pytest.raises(NotBalanced):
        rules.check_balanced([("A", 5), ("B", -5)])


BENCH = ScaleFacts(
    number="WGH-02",
    equipment_class="bench_scale",
    capacity=D(35),
    readability=D("0.001"),
    minimum_net=D("0.820"),
)


@pytest.mark.urs("URS-MAT-030")
def test_silica_on_the_bench_scale_is_below_its_minimum_net() -> None:
    found = rules.scale_problems(BENCH, D("0.500"), tolerance=D("1.0"))
    assert found == ["0.500 kg is below its minimum net of 0.820 kg"]
    assert rules.scale_problems(BENCH, D("0.820"), tolerance=D("0.50")) == []


@pytest.mark.urs("URS-MAT-030")
def test_a_scale_is_refused_with_every_reason_at_once() -> None:
    overdue = ScaleFacts(
        number="WGH-02",
        equipment_class="bench_scale",
        capacity=D(35),
        readability=D("0.1"),
        minimum_net=D("0.820"),
        obstacles=("calibration overdue since 2026-03-01",),
    )
    found = rules.scale_problems(
        overdue, D("35.5"), wanted_class="floor_scale", tolerance=D("0.20")
    )
    assert len(found) == 4
    assert found[0] == "35.5 kg is above its capacity of 35 kg"
    assert "needed floor scale" in found[2]


@pytest.mark.parametrize(
    ("target", "tolerance", "step", "low", "high"),
    [
        ("22.00", "0.20", "0.01", "21.96", "22.04"),
        ("8.000", "0.50", "0.001", "7.960", "8.040"),
        ("0.50000", "1.0", "0.00001", "0.49500", "0.50500"),
    ],
)
def test_the_band_shown_lies_inside_the_tolerance(
    target: str, tolerance: str, step: str, low: str, high: str
) -> None:
    found = rules.band(D(target), D(tolerance), D(step))
    assert [str(end) for end in found] == [low, high]


def test_tablets_are_whole_and_rounded_down() -> None:
    assert rules.tablets(D("97.63"), D("625.4")) == 156_108
    assert rules.tablets(D("0.000625"), D("625.4")) == 0
    with pytest.raises(QuantityNotCountable):
        rules.tablets(D("97.63"), D(0))


@pytest.mark.urs("URS-MAT-080")
def test_labels_are_reconciled() -> None:
    assert LabelCount(printed=11, used=11, destroyed=0).open == 0
    count = LabelCount(printed=1000, used=980, destroyed=15)
    assert (count.open, count.gap()) == (5, D("0.50"))
    assert LabelCount(printed=0, used=0, destroyed=0).gap() == 0


@pytest.mark.urs("URS-MAT-070")
def test_the_accountability_gap_is_in_percent_of_what_was_issued() -> None:
    assert rules.accountability_gap(D("86.50"), D("80.50"), D("6.00")) == 0
    assert rules.accountability_gap(D(1000), D(990), D(5)) == D("0.5")
    assert rules.accountability_gap(D(0), D(0), D(0)) == 0


SLOTS = [
    Slot(material="100010", step="D040", portion=None),
    Slot(material="200130", step="D080", portion="inside"),
    Slot(material="100010", step="D040", portion=None),
]


def offered(
    label: str, material: str = "100010", step: str = "D040", portion: str | None = None
) -> Offered:
    return Offered(label=label, material=material, step=step, portion=portion)


INSIDE = offered("2", "200130", "D080", "inside")


@pytest.mark.urs("URS-MAT-050")
def test_containers_in_the_order_of_the_recipe_are_charged() -> None:
    rules.check_charge(SLOTS, [offered("1"), INSIDE, offered("3")], ordered=True)
    rules.check_charge(SLOTS, [INSIDE, offered("1"), offered("3")], ordered=False)


@pytest.mark.urs("URS-MAT-020", "URS-MAT-050")
@pytest.mark.parametrize(
    ("scans", "refusal"),
    [
        ([INSIDE, offered("1"), offered("3")], WrongOrder),
        ([offered("1"), INSIDE], ChargeIncomplete),
        ([offered("1"), offered("1")], ScannedTwice),
        ([offered("1"), offered("4", "200140", "D100")], WrongMaterial),
        ([offered("1"), offered("4", "200130", "D090", "outside")], WrongPortion),
        ([offered("1", step="D045")], ContainerNotDispensed),
        ([offered("1"), INSIDE, offered("3"), offered("4")], WrongOrder),
    ],
)
def test_each_wrong_scan_has_a_refusal_of_its_own(
    scans: list[Offered], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        rules.check_charge(SLOTS, scans, ordered=True)
