"""Reconcile, charge in order, drums of product, and what follows for lots and stock."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal as D

import pytest

from core.errors import Refusal
from core.house import moment
from ebr import gates
from ebr.entry import Entry
from ebr.models import RunState, StepState
from inventory import genealogy, handlers, ledger, queries
from inventory.commands import labels, replenishment, stock
from inventory.errors import (
    ChargeIncomplete,
    ContainerNotChecked,
    ContainerNotDispensed,
    ContainerOfAnotherBatch,
    ContainerUsed,
    LotNotReleased,
    NoSuchPlace,
    ScannedTwice,
    TaskNotOpen,
    WrongMaterial,
    WrongOrder,
)
from inventory.models import Container, ContainerState, LotStatus
from tests.integration.inventory import dispensary
from tests.integration.inventory.dispensary import labels_in_order, portions, show, take, verify
from tests.support.records import RECORD, RecordPlant


def charge(plant: RecordPlant, scans: list[str]) -> None:
    plant.person("P-101").perform(RECORD, plant.path("G060"), Entry(scans=tuple(scans)))


@pytest.mark.urs("URS-MAT-070", "URS-MAT-080")
def test_reconciliation_returns_the_rests_and_finds_everything(weighed: RecordPlant) -> None:
    assert weighed.texts("D130") == {
        "issued": ["129.500"],
        "dispensed": ["89.000"],
        "returned": ["40.500"],
        "difference": ["0.00"],
        "printed": ["6"],
        "used": ["6"],
        "destroyed": ["0"],
        "missing": ["0"],
    }
    at = weighed.clock.now()
    assert weighed.ask(queries.usable_on_hand, "200110", at=at) == D("32")
    assert weighed.ask(ledger.differences) == []
    assert weighed.ask(ledger.unbalanced) == []


@pytest.mark.urs("URS-MAT-070")
def test_low_stock_opens_one_task_and_only_one(weighed: RecordPlant) -> None:
    (task,) = weighed.ask(queries.tasks)
    assert (task.material, task.found, task.minimum) == ("200150", D("2.5"), D("2.6"))
    assert task.record == RECORD
    by = dispensary.storekeeper(weighed)
    again = weighed.house.perform(replenishment.check_minimum, "200150", by=by)
    assert again is None
    assert len(weighed.ask(queries.tasks)) == 1
    weighed.house.perform(replenishment.close_task, task.number, reason="ordered 20 kg", by=by)
    assert weighed.ask(queries.tasks) == []
    with pytest.raises(TaskNotOpen):
        weighed.house.perform(replenishment.close_task, task.number, reason="ordered", by=by)


@pytest.mark.urs("URS-MAT-050", "URS-MAT-060")
def test_charging_in_order_consumes_every_container_and_links_the_lots(
    weighed: RecordPlant,
) -> None:
    charge(weighed, labels_in_order(weighed))
    verify(weighed, "G060")
    assert weighed.step("G060").state == StepState.COMPLETE
    states = {each.state for each in weighed.ask(queries.containers_of_batch, "B-2045")}
    assert states == {ContainerState.CHARGED}
    assert weighed.ask(genealogy.where_used, "PA-0411") == ["B-2045"]
    assert weighed.ask(genealogy.made_from, "B-2045") == [
        "MC-2210",
        "PA-0411",
        "PA-0457",
        "SI-0119",
    ]
    hops = weighed.ask(genealogy.forward, "lot/PA-0457")
    assert [(hop.target, hop.quantity) for hop in hops] == [("batch/B-2045", D("44"))]


def _swapped(order: list[str]) -> list[str]:
    return [order[0], order[2], order[1], *order[3:]]


def _short(order: list[str]) -> list[str]:
    return order[:4]


def _twice(order: list[str]) -> list[str]:
    return [order[0], order[0], *order[2:]]


def _source(order: list[str]) -> list[str]:
    return ["PA-0457-5", *order[1:]]


def _lot(order: list[str]) -> list[str]:
    return ["PA-0457", *order[1:]]


def _too_many(order: list[str]) -> list[str]:
    return [*order, order[0]]


@pytest.mark.urs("URS-MAT-020", "URS-MAT-050")
@pytest.mark.parametrize(
    ("scans", "refusal"),
    [
        (_swapped, WrongOrder),
        (_short, ChargeIncomplete),
        (_twice, ScannedTwice),
        (_source, ContainerNotDispensed),
        (_lot, ContainerNotDispensed),
        (_too_many, ScannedTwice),
    ],
)
def test_a_wrong_charge_is_refused_as_a_whole(
    weighed: RecordPlant, scans: Callable[[list[str]], list[str]], refusal: type[Refusal]
) -> None:
    with pytest.raises(refusal):
        charge(weighed, scans(labels_in_order(weighed)))
    states = {each.state for each in weighed.ask(queries.containers_of_batch, "B-2045")}
    assert states == {ContainerState.DISPENSED}
    assert weighed.entries()[-1]["facts"]["rule"] == refusal.rule


def change(plant: RecordPlant, label: str, **fields: object) -> None:
    """Bring a container into a state that the plant could be in."""
    by = dispensary.storekeeper(plant)
    with plant.house.transaction() as session:
        found = queries.container(session, label)
        with stock.on_lot(session, "lot.moved", found.lot, by=by, object=label):
            for name, value in fields.items():
                setattr(found, name, value)


@pytest.mark.urs("URS-MAT-020", "URS-MAT-040")
@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"batch": "B-2044"}, ContainerOfAnotherBatch),
        ({"state": ContainerState.CHARGED}, ContainerUsed),
        ({"checked_by": None, "checked_at": None}, ContainerNotChecked),
        ({"material": "200160"}, WrongMaterial),
    ],
)
def test_a_container_that_does_not_belong_here_is_refused(
    weighed: RecordPlant, fields: dict[str, object], refusal: type[Refusal]
) -> None:
    order = labels_in_order(weighed)
    change(weighed, order[0], **fields)
    with pytest.raises(refusal):
        charge(weighed, order)


@pytest.mark.urs("URS-MAT-010")
def test_a_lot_blocked_between_weighing_and_charging_is_not_charged(weighed: RecordPlant) -> None:
    order = labels_in_order(weighed)
    dispensary.decide(weighed, "PA-0457", LotStatus.BLOCKED)
    with pytest.raises(LotNotReleased, match="PA-0457 is BLOCKED"):
        charge(weighed, order)
    dispensary.decide(weighed, "PA-0457", LotStatus.RELEASED)
    charge(weighed, order)


@pytest.mark.urs("URS-MAT-090", "URS-MAT-060")
def test_drums_of_product_stand_in_quarantine_until_the_quality_unit_decides(
    weighed: RecordPlant,
) -> None:
    charge(weighed, labels_in_order(weighed))
    verify(weighed, "G060")
    drums = fill_drums(weighed, ("50.00", "47.63"))
    assert weighed.texts("C140")["tablets_total"] == ["156108"]
    assert [drum.net for drum in drums] == [D("50.00"), D("47.63")]
    lot = weighed.ask(queries.lot, "B-2045")
    assert (lot.status, lot.batch, lot.material) == (LotStatus.QUARANTINE, "B-2045", "500010")
    hops = weighed.ask(genealogy.forward, "lot/PA-0411")
    assert [hop.target for hop in hops] == ["batch/B-2045", "lot/B-2045"]
    put_away(weighed, [drum.label for drum in drums])
    assert weighed.run().state == RunState.COMPLETE
    (stored,) = weighed.ask(queries.stock, "500010", at=weighed.clock.now())
    assert stored.on_hand == D("97.63")
    assert isinstance(stored.problem, LotNotReleased)
    release(weighed, released=True)
    (stored,) = weighed.ask(queries.stock, "500010", at=weighed.clock.now())
    assert stored.problem is None
    reason, by = "a value was corrected", weighed.person("P-107").actor
    weighed.house.perform(handlers.reassess_batch_lot, "B-2045", reason=reason, by=by)
    (stored,) = weighed.ask(queries.stock, "500010", at=weighed.clock.now())
    assert isinstance(stored.problem, LotNotReleased), "the decision was taken back"
    assert weighed.ask(ledger.differences) == []


def release(plant: RecordPlant, *, released: bool) -> None:
    """The quality unit has decided; the composition calls this for its event."""
    by = plant.person("P-107").actor
    with plant.house.transaction() as session:
        handlers.decide_batch_lot(
            session,
            "B-2045",
            released=released,
            reason="reviewed by exception",
            by=by,
            at=moment(session).site,
        )


def fill_drums(plant: RecordPlant, nets: tuple[str, ...]) -> list[Container]:
    """Weigh the drums one after the other, then perform and verify the step."""
    readings = []
    for net in nets:
        show(plant, "WGH-01", net)
        readings += take(plant, "C140", badge="P-101")["drum"]
        plant.later(minutes=2)
    plant.person("P-101").perform(RECORD, plant.path("C140"), readings={"drum": readings})
    verify(plant, "C140")
    return portions(plant, "C140")


def put_away(plant: RecordPlant, drums: list[str]) -> None:
    """The stores take the drums over."""
    with pytest.raises(ChargeIncomplete):
        plant.person("P-101").perform(RECORD, plant.path("Z030"), Entry(scans=(drums[0],)))
    wrong = Entry(scans=tuple(drums), values={"location": ("9.99",)})
    with pytest.raises(NoSuchPlace):
        plant.person("P-101").perform(RECORD, plant.path("Z030"), wrong)
    scans = (*reversed(drums), dispensary.STORES)
    plant.person("P-101").perform(RECORD, plant.path("Z030"), Entry(scans=scans))


@pytest.mark.urs("URS-MAT-080")
def test_a_reprint_needs_a_reason_and_counts_until_it_is_destroyed(weighed: RecordPlant) -> None:
    label = portions(weighed, "D060")[0].label
    by = weighed.person("P-104").actor
    with pytest.raises(Refusal, match="needs a reason"):
        weighed.house.perform(labels.reprint_label, label, reason=".", by=by)
    copy = weighed.house.perform(
        labels.reprint_label, label, reason="the first one was smeared", by=by, record=RECORD
    )
    assert copy == 2
    assert not release_condition(weighed)
    with pytest.raises(Refusal, match="same person"):
        weighed.house.perform(
            labels.destroy_label, label, 2, reason="not needed", witness="P-104", by=by
        )
    weighed.house.perform(
        labels.destroy_label, label, 2, reason="not needed", witness="P-102", by=by
    )
    assert release_condition(weighed)


def release_condition(plant: RecordPlant) -> bool:
    """Whether the labels of the batch are reconciled, as the release gate sees it."""
    from inventory import checks

    with plant.house.reading() as session:
        (found,) = checks.labels_are_reconciled(session, {"record": RECORD})
        return found.met


@pytest.mark.urs("URS-EXE-020", "URS-MAT-010")
def test_a_batch_without_released_material_cannot_start(plant: RecordPlant) -> None:
    from inventory import checks

    plant.start(dispensary.recipe(), size=D("100.000"))
    with plant.house.reading() as session:
        found = checks.materials_are_there(session, {"record": RECORD})
    assert [condition.met for condition in found] == [True, True, True]
    dispensary.decide(plant, "PA-0457", LotStatus.BLOCKED)
    with plant.house.reading() as session:
        unmet = [c for c in checks.materials_are_there(session, {"record": RECORD}) if not c.met]
    assert [condition.fact for condition in unmet] == [
        "100010 Paracetamol: 36.172 kg released as 100 %, 80 kg needed"
    ]
    assert "stores" in unmet[0].resolver


@pytest.mark.urs("URS-MAT-010")
def test_the_gate_lot_use_names_every_obstacle(plant: RecordPlant) -> None:
    with plant.house.reading() as session:
        (expired,) = gates.conditions(session, "lot.use", lot="MC-2188", material="200110")
        (fine,) = gates.conditions(session, "lot.use", lot="MC-2210", material="200110")
    assert (expired.met, expired.rule) == (False, "lot.expired")
    assert fine.met
