"""Bad input in the dispensary: refused with rule, fact and who resolves it; nothing changed; kept.

Each test compares the whole database before and after (URS-AUD-010, and the rule it breaks).
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.errors import Refusal
from ebr.entry import Entry
from ebr.errors import NotQualified, StepOutOfOrder
from hardware import statuses
from hardware.errors import BadValue, StaleValue
from hardware.words import Reason
from inventory.commands import scales
from inventory.errors import (
    LotExpired,
    LotNotReleased,
    NoSuchContainer,
    ScaleNotSuitable,
    WrongMaterial,
)
from inventory.models import LotStatus
from personnel.errors import NotIndependent
from tests.integration.inventory import dispensary
from tests.integration.inventory.dispensary import DRUMS, dispense, show, take
from tests.integration.inventory.test_weighing import reference
from tests.support.records import RECORD, RecordPlant
from tests.support.samples import arrives
from tests.support.untouched import refused


def weigh(plant: RecordPlant, key: str, source: str, kind: type[Refusal], said: str) -> str:
    """Weigh out of `source` what the scale shows; it is refused; answers who can resolve it."""
    readings = take(plant, key)
    with refused(plant.house, kind) as attempt:
        person = plant.person("P-104")
        person.perform(RECORD, plant.path(key), Entry(scans=(source,)), readings=readings)
    assert attempt.refusal is not None
    assert said in attempt.refusal.fact
    assert attempt.entries[0]["actor"]["id"] == "P-104"
    return attempt.refusal.resolver


@pytest.mark.urs("URS-IAM-110", "URS-AUD-010")
def test_an_unqualified_person(weighing: RecordPlant) -> None:
    with refused(weighing.house, NotQualified) as attempt:
        weighing.person("P-103", "OP").start(RECORD, weighing.path("D040"))
    assert attempt.refusal is not None
    assert "TST-1 v1" in attempt.refusal.fact
    assert attempt.refusal.resolver


@pytest.mark.urs("URS-MAT-020", "URS-AUD-010")
@pytest.mark.parametrize(
    ("scan", "kind", "said"),
    [
        ("MC-2210-1", WrongMaterial, "needs 100010"),
        ("NOTHING-1", NoSuchContainer, "NOTHING-1"),
    ],
)
def test_a_wrong_lot(weighing: RecordPlant, scan: str, kind: type[Refusal], said: str) -> None:
    show(weighing, "WGH-01", "25.00")
    weigh(weighing, "D040", scan, kind, said)


@pytest.mark.urs("URS-MAT-010", "URS-AUD-010")
def test_a_lot_in_quarantine(weighing: RecordPlant) -> None:
    show(weighing, "WGH-01", "25.00")
    resolver = weigh(weighing, "D040", "PA-0463-1", LotNotReleased, "PA-0463")
    assert "quality" in resolver.lower()


@pytest.mark.urs("URS-MAT-010", "URS-AUD-010")
def test_a_blocked_lot(weighing: RecordPlant) -> None:
    dispensary.decide(weighing, "PA-0411", LotStatus.BLOCKED)
    show(weighing, "WGH-01", "25.00")
    weigh(weighing, "D040", DRUMS[0], LotNotReleased, "BLOCKED")


@pytest.mark.urs("URS-MAT-010", "URS-AUD-010")
def test_an_expired_lot(weighing: RecordPlant) -> None:
    dispensary.weigh_active(weighing)
    show(weighing, "WGH-02", "8.000")
    weigh(weighing, "D060", "MC-2188-1", LotExpired, "MC-2188")


@pytest.fixture
def silica(weighing: RecordPlant) -> RecordPlant:
    """Silica is to be weighed, 0.500 kg."""
    dispensary.weigh_active(weighing)
    dispense(weighing, "D060", "MC-2210-1", "8.000", "WGH-02")
    return weighing


@pytest.mark.urs("URS-EQP-040", "URS-MAT-030", "URS-AUD-010")
@pytest.mark.parametrize(
    ("unit", "said"), [("BAL-02", "calibration overdue"), ("WGH-02", "minimum net of 0.820 kg")]
)
def test_an_overdue_balance_and_a_scale_below_its_minimum_weight(
    silica: RecordPlant, unit: str, said: str
) -> None:
    with refused(silica.house, ScaleNotSuitable) as attempt:
        person = silica.person("P-104")
        person.do(scales.choose_scale, reference(silica, "D110"), unit, record=RECORD)
    assert attempt.refusal is not None
    assert said in attempt.refusal.fact
    show(silica, "BAL-01", "0.50000")
    readings = take(silica, "D110")
    with refused(silica.house, ScaleNotSuitable):
        entry = Entry(scans=("SI-0119-1",), units={"BAL": unit})
        silica.person("P-104").perform(RECORD, silica.path("D110"), entry, readings=readings)


@pytest.mark.urs("URS-SIG-040", "URS-AUD-010")
def test_the_same_person_as_verifier(weighing: RecordPlant) -> None:
    dispense(weighing, "D040", DRUMS[0], "25.00", "WGH-01", verified=False)
    with refused(weighing.house, NotIndependent):
        weighing.person("P-104").sign_part(RECORD, weighing.path("D040"), "verifier")


@pytest.mark.urs("URS-EXE-010", "URS-AUD-010")
def test_a_step_out_of_order(weighing: RecordPlant) -> None:
    done = weighing.path("P020")
    units = {"WGH1": "WGH-01", "WGH2": "WGH-02", "BAL": "BAL-01"}
    with refused(weighing.house, StepOutOfOrder):
        weighing.person("P-104").perform(RECORD, done, Entry(units=units))
    with refused(weighing.house, StepOutOfOrder):
        weighing.person("P-102").sign_part(RECORD, weighing.path("D040"), "verifier")


def stored(plant: RecordPlant, tag: str, value: str | None, status: int, *why: Reason) -> None:
    """A sample of the scale WGH-01 with a status of its own."""
    at = plant.clock.now()
    arrives(plant.historian, "WGH-01", {tag: value}, at=at, status=status, reasons=why)


def take_refused(plant: RecordPlant, kind: type[Refusal]) -> str:
    """The weight is not taken; answers the fact."""
    with refused(plant.house, kind) as attempt:
        plant.person("P-104").do(scales.take_weight, reference(plant, "D040"), record=RECORD)
    return attempt.facts["fact"]  # type: ignore[no-any-return]  # an entry is JSON


@pytest.mark.urs("URS-PRO-020", "URS-AUD-010")
def test_a_stale_value(weighing: RecordPlant) -> None:
    show(weighing, "WGH-01", "25.00")
    weighing.clock.move(timedelta(seconds=6))
    assert "6.0 s" in take_refused(weighing, StaleValue)


@pytest.mark.urs("URS-PRO-020", "URS-AUD-010")
def test_a_bad_value(weighing: RecordPlant) -> None:
    show(weighing, "WGH-01", "25.00")
    stored(weighing, "WI501", "25.00", 0x808C0000, Reason.BAD_STATUS)
    assert "WGH-01.WI501 is BAD" in take_refused(weighing, BadValue)


@pytest.mark.urs("URS-PRO-040", "URS-PRO-020", "URS-AUD-010")
def test_a_machine_that_is_gone_in_the_middle_of_a_step(weighing: RecordPlant) -> None:
    person, path = weighing.person("P-104"), weighing.path("D040")
    person.start(RECORD, path)
    show(weighing, "WGH-01", "25.00")
    for tag in ("WI501", "WI502", "WI503", "XS501"):
        stored(weighing, tag, None, statuses.BAD_COMMUNICATION, Reason.NO_COMM)
    assert "BAD" in take_refused(weighing, BadValue)
    assert weighing.texts("D040") == {}, "the last good value does not stand in for the lost one"
    show(weighing, "WGH-01", "25.00")
    person.perform(RECORD, path, Entry(scans=(DRUMS[0],)), readings=take(weighing, "D040"))
    assert weighing.texts("D040")["net"] == ["25.00"]
