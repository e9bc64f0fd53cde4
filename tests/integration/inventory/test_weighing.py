"""Weigh: lots, targets from nets read, scales, weights, labels, and what each refusal says."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D

import pytest

from core.errors import Refusal
from ebr import queries as records
from ebr.commands.steps import StepReference
from ebr.entry import Entry
from ebr.errors import UnitNotSuitable
from ebr.kinds.base import Form, kind_of
from ebr.models import StepState
from ebr.opening import open_step
from hardware import equipment_commands
from inventory import ledger, queries
from inventory.commands import scales
from inventory.errors import (
    ContainerOfAnotherBatch,
    ContainerUsed,
    LotExpired,
    LotNotReleased,
    NoSuchContainer,
    NotEnough,
    NotFirstToExpire,
    NotStable,
    ScaleNotSuitable,
    ScanMissing,
    WeightsDisagree,
    WrongMaterial,
)
from inventory.models import ContainerState, LotStatus
from tests.integration.inventory import dispensary
from tests.integration.inventory.dispensary import DRUMS, dispense, portions, show, take, verify
from tests.support.records import RECORD, RecordPlant


def form(plant: RecordPlant, key: str) -> Form:
    with plant.house.reading() as session:
        context = open_step(
            session,
            RECORD,
            plant.path(key),
            by=plant.person("P-104").actor,
            at=plant.clock.now(),
            lock=False,
        )
        return kind_of(session, context.spec.kind).form(context)


def attempt(plant: RecordPlant, key: str, entry: Entry, unit: str = "WGH-01") -> None:
    show(plant, unit, "25.00")
    readings = take(plant, key)
    plant.person("P-104").perform(RECORD, plant.path(key), entry, readings=readings)


@pytest.mark.urs("URS-MAT-030", "URS-MAT-040")
def test_the_golden_batch_weighs_80_50_kg_of_active_and_8_000_kg_of_cellulose(
    weighing: RecordPlant,
) -> None:
    dispensary.weigh_active(weighing)
    assert [str(each.net) for each in portions(weighing, "D040")] == [
        "25.00",
        "11.50",
        "22.00",
        "22.00",
    ]
    assert [str(each.target) for each in portions(weighing, "D040")][2:] == ["22.00", "22.00"]
    assert weighing.texts("D050") == {"cellulose": ["8.000"], "pure": ["79.996333"]}
    assert weighing.texts("D040")["share"] == ["0.996004"]
    assert weighing.exceptions() == []
    assert form(weighing, "D060").target == D("8.000")


@pytest.mark.urs("URS-MAT-030")
def test_less_out_of_the_first_lot_raises_the_target_of_the_second(weighing: RecordPlant) -> None:
    dispensary.weigh_active(weighing, ("25.00", "11.48"))
    targets = [each.target or D(0) for each in portions(weighing, "D040")]
    assert sum(targets[2:], D(0)) == D("44.02")
    assert weighing.texts("D050")["cellulose"] == ["8.000"]
    assert weighing.ask(ledger.differences) == []
    assert weighing.ask(ledger.unbalanced) == []


@pytest.mark.urs("URS-MAT-030")
def test_the_form_proposes_the_first_lot_with_target_band_and_scales(weighing: RecordPlant) -> None:
    shown = form(weighing, "D040")
    assert (shown.target, shown.low, shown.high) == (D("25.00"), D("24.95"), D("25.05"))
    assert "PA-0411" in shown.scans[0].expects
    refusals = {choice.unit: choice.refusal for choice in shown.units[0][1]}
    assert refusals["WGH-01"] is None
    assert "needed floor scale" in str(refusals["WGH-02"])
    assert "calibration overdue" in str(refusals["BAL-02"])
    assert shown.blockers == ()


@pytest.mark.urs("URS-EQP-040", "URS-MRC-080")
def test_a_shared_scale_beyond_its_calibration_is_refused_when_it_is_assigned(
    plant: RecordPlant,
) -> None:
    plant.start(dispensary.recipe(), size=D(100))
    offered = {c.unit: c.refusal for _need, made in form(plant, "P020").units for c in made}
    assert "calibration overdue" in str(offered["BAL-02"])
    assert (offered["BAL-01"], offered["WGH-01"]) == (None, None)
    units = {"WGH1": "WGH-01", "WGH2": "WGH-02", "BAL": "BAL-02"}
    with pytest.raises(UnitNotSuitable, match="calibration overdue"):
        plant.person("P-104").perform(RECORD, plant.path("P020"), Entry(units=units))
    dispensary.bind(plant)


@pytest.mark.urs("URS-MAT-030")
def test_the_page_says_what_is_still_to_be_weighed_as_pure_substance(weighing: RecordPlant) -> None:
    assert "Still to weigh" not in dict(form(weighing, "D040").facts)
    dispense(weighing, "D040", DRUMS[0], "25.00", "WGH-01")
    facts = dict(form(weighing, "D040").facts)
    assert facts["Weighed so far"] == "25.00 kg in 1 container"
    assert facts["Still to weigh"] == "55.22455 kg as 100 %"


@pytest.mark.urs("URS-MAT-040", "URS-MAT-080")
def test_a_container_is_labelled_and_checked_with_the_second_signature(
    weighing: RecordPlant,
) -> None:
    dispense(weighing, "D040", DRUMS[0], "25.00", "WGH-01", verified=False)
    (made,) = portions(weighing, "D040")
    assert made.state == ContainerState.DISPENSED
    assert made.checked_by is None
    count = weighing.ask(queries.label_count, RECORD)
    assert (count.printed, count.used) == (1, 0)
    verify(weighing, "D040")
    (made,) = portions(weighing, "D040")
    assert made.checked_by == "P-102"
    assert weighing.ask(queries.label_count, RECORD).open == 0
    emptied = weighing.ask(queries.container, DRUMS[0])
    assert emptied.state == ContainerState.EMPTY


@pytest.mark.urs("URS-MAT-010", "URS-MAT-020")
@pytest.mark.parametrize(
    ("scan", "refusal"),
    [
        ("PA-0463-1", LotNotReleased),
        ("PA-0463", LotNotReleased),
        ("MC-2210-1", WrongMaterial),
        ("NOTHING-1", NoSuchContainer),
        ("PA-0457", NoSuchContainer),
        ("PA-0457-1", NotFirstToExpire),
    ],
)
def test_a_wrong_container_is_refused_and_nothing_changes(
    weighing: RecordPlant, scan: str, refusal: type[Refusal]
) -> None:
    with pytest.raises(refusal) as refused:
        attempt(weighing, "D040", Entry(scans=(scan,)))
    assert refused.value.resolver
    assert portions(weighing, "D040") == []
    assert weighing.step("D040").state == StepState.READY
    assert weighing.entries()[-1]["facts"]["rule"] == refusal.rule


@pytest.mark.urs("URS-MAT-010")
def test_an_expired_lot_is_refused_although_its_status_says_released(
    weighing: RecordPlant,
) -> None:
    dispensary.weigh_active(weighing)
    show(weighing, "WGH-02", "8.000")
    readings = take(weighing, "D060")
    person = weighing.person("P-104")
    with pytest.raises(LotExpired):
        person.perform(RECORD, weighing.path("D060"), Entry(scans=("MC-2188",)), readings=readings)


@pytest.mark.urs("URS-MAT-010")
def test_a_lot_that_is_blocked_meanwhile_is_refused(weighing: RecordPlant) -> None:
    dispensary.decide(weighing, "PA-0411", LotStatus.BLOCKED)
    with pytest.raises(LotNotReleased, match="BLOCKED"):
        attempt(weighing, "D040", Entry(scans=(DRUMS[0],)))


@pytest.mark.urs("URS-MAT-020")
def test_an_emptied_container_cannot_be_weighed_from_again(weighing: RecordPlant) -> None:
    dispense(weighing, "D040", DRUMS[0], "25.00", "WGH-01")
    with pytest.raises(ContainerUsed):
        attempt(weighing, "D040", Entry(scans=(DRUMS[0],)))


@pytest.mark.urs("URS-MAT-020")
def test_a_drum_that_stands_at_another_batch_is_refused(weighing: RecordPlant) -> None:
    from inventory.commands import stock

    weighing.house.perform(
        stock.relocate,
        DRUMS[0],
        "batch/B-2044",
        key="issue/B-2044",
        kind="issue",
        by=dispensary.storekeeper(weighing),
    )
    with pytest.raises(ContainerOfAnotherBatch, match="B-2044"):
        attempt(weighing, "D040", Entry(scans=(DRUMS[0],)))


@pytest.mark.urs("URS-MAT-070")
def test_a_later_lot_needs_a_reason_and_is_listed(weighing: RecordPlant) -> None:
    dispense(
        weighing,
        "D040",
        "PA-0457-1",
        "25.00",
        "WGH-01",
        reason="drums of PA-0411 stand behind a broken lift",
    )
    assert ("not_first_to_expire", "information") in weighing.exceptions()


@pytest.mark.urs("URS-MAT-020")
def test_without_a_scan_nothing_is_weighed(weighing: RecordPlant) -> None:
    with pytest.raises(ScanMissing):
        attempt(weighing, "D040", Entry())


@pytest.mark.urs("URS-MAT-030")
def test_a_net_outside_the_tolerance_is_kept_and_is_critical(weighing: RecordPlant) -> None:
    dispense(weighing, "D040", DRUMS[0], "24.94", "WGH-01")
    assert weighing.exceptions() == [("out_of_limit", "critical")]
    assert weighing.texts("D040")["net"] == ["24.94"]


@pytest.mark.urs("URS-MAT-030")
def test_a_moving_scale_gives_no_weight(weighing: RecordPlant) -> None:
    show(weighing, "WGH-01", "25.00", stable=False)
    with pytest.raises(NotStable):
        take(weighing, "D040")


@pytest.mark.urs("URS-MAT-030")
@pytest.mark.parametrize("stable", [True, False])
def test_a_weight_taken_by_single_readings_counts_when_the_scale_was_at_rest(
    weighing: RecordPlant, stable: bool
) -> None:
    from hardware import commands as plant_commands

    show(weighing, "WGH-01", "25.00", stable=stable)
    person, path = weighing.person("P-104"), weighing.path("D040")
    readings = {}
    for code, tag in (("net", "WI501"), ("gross", "WI502"), ("tare", "WI503")):
        with weighing.house.transaction() as session:
            reading = plant_commands.take_reading(
                session,
                f"WGH-01.{tag}",
                in_record=RECORD,
                step=path,
                by=person.actor,
                at=weighing.clock.now(),
            )
            readings[code] = [reading.id]
    if stable:
        person.perform(RECORD, path, Entry(scans=(DRUMS[0],)), readings=readings)
        assert weighing.texts("D040")["net"] == ["25.00"]
    else:
        with pytest.raises(NotStable):
            person.perform(RECORD, path, Entry(scans=(DRUMS[0],)), readings=readings)


@pytest.mark.urs("URS-MAT-030")
def test_weights_that_do_not_add_up_are_refused(weighing: RecordPlant) -> None:
    show(weighing, "WGH-01", "25.00")
    first = take(weighing, "D040")
    show(weighing, "WGH-01", "24.99")
    second = take(weighing, "D040")
    mixed = {"net": second["net"], "gross": first["gross"], "tare": first["tare"]}
    with pytest.raises(WeightsDisagree):
        weighing.person("P-104").perform(
            RECORD, weighing.path("D040"), Entry(scans=(DRUMS[0],)), readings=mixed
        )


@pytest.mark.urs("URS-MAT-070")
def test_much_more_than_the_drum_holds_cannot_come_out_of_it(weighing: RecordPlant) -> None:
    with pytest.raises(NotEnough):
        dispense(weighing, "D040", DRUMS[1], "12.00", "WGH-01")
    assert weighing.ask(ledger.differences) == []


@pytest.mark.urs("URS-MAT-030")
def test_a_little_more_than_the_drum_holds_is_adjusted_in_the_books(weighing: RecordPlant) -> None:
    dispense(weighing, "D040", DRUMS[1], "11.52", "WGH-01")
    moves = weighing.ask(queries.movements, lot_number="PA-0411")
    assert [move.kind for move in moves if move.kind == "adjustment"] == ["adjustment"]
    assert weighing.ask(ledger.differences) == []


@pytest.mark.urs("URS-MAT-030")
def test_a_typed_weight_is_one_major_exception_with_reason(weighing: RecordPlant) -> None:
    entry = Entry(
        values={"net": ("25.00",), "gross": ("26.00",), "tare": ("1.00",)},
        scans=(DRUMS[0],),
        reason="the line to the scale is down",
    )
    weighing.person("P-104").perform(RECORD, weighing.path("D040"), entry)
    assert weighing.exceptions() == [("manual_value", "major")]
    (made,) = portions(weighing, "D040")
    assert (made.net, made.gross, made.tare) == (D("25.00"), D("26.00"), D("1.00"))


def reference(plant: RecordPlant, key: str) -> StepReference:
    return StepReference(record=RECORD, path=plant.path(key))


UNSUITABLE = (
    ("WGH-02", "below its minimum net of 0.820 kg"),
    ("BAL-02", "calibration overdue"),
    ("WGH-01", "below its minimum net"),
)


@pytest.mark.urs("URS-MAT-030")
def test_a_scale_that_does_not_suit_silica_is_refused_with_its_reason(
    weighing: RecordPlant,
) -> None:
    dispensary.weigh_active(weighing)
    dispense(weighing, "D060", "MC-2210-1", "8.000", "WGH-02")
    person, path = weighing.person("P-104"), weighing.path("D110")
    for unit, fact in UNSUITABLE:
        with pytest.raises(ScaleNotSuitable, match=fact):
            person.do(scales.choose_scale, reference(weighing, "D110"), unit, record=RECORD)
        with pytest.raises(ScaleNotSuitable, match=fact):
            person.perform(RECORD, path, Entry(scans=("SI-0119-1",), units={"BAL": unit}))
    with weighing.house.reading() as session:
        run = records.run_of(session, RECORD)
        assert records.bound_unit(session, run, "BAL") == "BAL-01"


@pytest.mark.urs("URS-MAT-030")
def test_a_scale_whose_daily_check_has_ended_is_refused_until_it_is_passed(
    weighing: RecordPlant,
) -> None:
    weighing.later(hours=25)
    show(weighing, "WGH-01", "25.00")
    readings = take(weighing, "D040")
    person = weighing.person("P-104")
    entry = Entry(scans=(DRUMS[0],))
    with pytest.raises(ScaleNotSuitable, match="daily check"):
        person.perform(RECORD, weighing.path("D040"), entry, readings=readings)
    weighing.house.perform(
        equipment_commands.record_check,
        "WGH-01",
        passed=True,
        valid_until=weighing.clock.now() + timedelta(hours=24),
        by=person.actor,
    )
    person.perform(RECORD, weighing.path("D040"), entry, readings=readings)
    assert len(portions(weighing, "D040")) == 1
