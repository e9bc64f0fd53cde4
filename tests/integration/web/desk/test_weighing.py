"""Weighing on its page: scan, scale with refusals, take, sign, verify (W19)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from inventory import queries
from tests.integration.inventory import dispensary
from tests.integration.web.desk.conftest import Enter, full, text_of
from tests.support.records import RecordPlant, staffed
from tests.support.untouched import untouched
from tests.support.web import Forms, Visitor, app_of


@pytest.fixture
def bare_plant(tmp_path: Path) -> Iterator[RecordPlant]:
    """The dispensary without a batch."""
    made = staffed(tmp_path)
    dispensary.equip(made)
    yield made
    made.close()


@pytest.fixture
def plant(bare_plant: RecordPlant) -> RecordPlant:
    """The dispensary at its first container."""
    bare_plant.start(dispensary.recipe(), size=Decimal("100.000"))
    dispensary.bind(bare_plant)
    return bare_plant


@pytest.mark.urs("URS-MAT-020", "URS-MAT-030", "URS-MAT-040")
def test_a_container_is_weighed_without_typing_and_verified(
    plant: RecordPlant, enter: Enter
) -> None:
    step = plant.step("D040")
    occurrence = step.occurrence
    work = f"/records/B-2045/steps/D040/{occurrence}"
    page = f"/records/B-2045/weigh/D040/{occurrence}"
    operator = enter("P-104")
    assert operator.send(work, f"{work}/start").status_code == 303
    assert page in text_of(operator.get(work))
    dispensary.show(plant, "WGH-01", "25.00")
    empty = operator.get(page)
    assert empty.status_code == 200
    assert "Scan the source container" in text_of(empty)
    wrong = operator.get(page, query_string={"scan": "NOT-A-LABEL"})
    assert wrong.status_code == 404
    assert "NOT-A-LABEL" in text_of(wrong)
    scanned = f"{page}?scan={dispensary.DRUMS[0]}"
    shown = text_of(operator.get(scanned))
    assert "data-weigh" in shown
    assert "Take the weight" in shown
    refused = operator.send(scanned, f"{page}/scale", unit="WGH-02")
    assert refused.status_code in (409, 422)
    assert "WGH-02 cannot be used" in text_of(refused)
    taken = operator.send(scanned, f"{page}/take")
    assert taken.status_code == 200
    assert "25.00 kg" in text_of(taken)
    sign = Forms(text_of(taken)).to(f"{work}/perform")
    asked = operator.client.post(f"{work}/perform", data=sign)
    assert operator.sign(asked, f"{work}/perform", **full("P-104")).status_code == 303
    asked = operator.send(work, f"{work}/sign/verifier")
    done = operator.sign(asked, f"{work}/sign/verifier", **full("P-102"))
    assert done.status_code == 303
    with plant.house.reading() as session:
        made = queries.containers_of_batch(session, "B-2045", step="D040")
    assert [each.net for each in made] == [Decimal("25.00")]
    assert made[0].checked_by == "P-102"


@pytest.mark.urs("URS-MAT-030")
def test_another_scale_is_chosen_on_the_page_and_has_the_weighing(
    plant: RecordPlant, enter: Enter
) -> None:
    author, approver = plant.person("P-105").actor, plant.person("P-107").actor
    spec = ("0.01", "150", "8.20", 2)
    dispensary.add_scale(plant, "WGH-03", "floor_scale", spec, author, approver)
    where = f"D040/{plant.step('D040').occurrence}"
    page = f"/records/B-2045/weigh/{where}"
    operator = enter("P-104")
    operator.send(f"/records/B-2045/steps/{where}", f"/records/B-2045/steps/{where}/start")
    scanned = f"{page}?scan={dispensary.DRUMS[0]}"
    assert operator.send(scanned, f"{page}/scale", unit="WGH-03").status_code == 303
    chosen = plant.entries("batch/B-2045")[-1]
    assert (chosen["action"], chosen["facts"]["unit"]) == ("scale.chosen", "WGH-03")
    dispensary.show(plant, "WGH-03", "25.00")
    assert "WGH-03" in text_of(operator.get(scanned))


@pytest.mark.urs("URS-MAT-010", "URS-MAT-020", "URS-AUD-010")
@pytest.mark.parametrize(
    ("scan", "rule"),
    [("PA-0463-1", "lot.status"), ("MC-2210-1", "scan.material"), ("NOT-A-LABEL", "scan.unknown")],
)
def test_a_wrong_scan_is_an_attempt_on_the_record_and_changes_nothing(
    plant: RecordPlant, enter: Enter, scan: str, rule: str
) -> None:
    where = f"D040/{plant.step('D040').occurrence}"
    operator = enter("P-104")
    operator.send(f"/records/B-2045/steps/{where}", f"/records/B-2045/steps/{where}/start")
    with untouched(plant.house, besides=frozenset({"login_session"})) as written:
        answer = operator.get(f"/records/B-2045/weigh/{where}", query_string={"scan": scan})
    assert rule in text_of(answer)
    (attempt,) = written
    assert attempt == plant.entries("batch/B-2045")[-1]
    assert attempt["action"] == "attempt.refused"
    assert (attempt["facts"]["rule"], attempt["actor"]["id"]) == (rule, "P-104")


@pytest.mark.urs("URS-MAT-030", "URS-EXE-060")
def test_each_drum_is_taken_from_the_scale_before_the_step_is_saved(
    bare_plant: RecordPlant,
) -> None:
    bare_plant.start(dispensary.drums_only(), size=Decimal("100.000"))
    dispensary.bind(bare_plant)
    work = f"/records/B-2045/steps/C140/{bare_plant.step('C140').occurrence}"
    operator = Visitor(app_of(bare_plant))
    operator.login("P-101")
    operator.send(work, f"{work}/start")
    page = text_of(operator.get(work))
    for place, net in enumerate(("16.30", "16.13"), start=1):
        assert f"Take from WGH-01.WI501 ({place} of 2)" in page
        dispensary.show(bare_plant, "WGH-01", net)
        form = Forms(page).to(f"{work}/perform")
        page = text_of(operator.client.post(f"{work}/take/drum", data={**form, "take": "drum"}))
    assert "Take from" not in page
    form = Forms(page).to(f"{work}/perform")
    asked = operator.client.post(f"{work}/perform", data=form)
    assert operator.sign(asked, f"{work}/perform", **full("P-101")).status_code == 303
    assert bare_plant.texts("C140")["drum"] == ["16.30", "16.13"]


@pytest.mark.urs("URS-MAT-020", "URS-EXE-060")
def test_the_limits_on_the_page_follow_the_target_of_this_container(
    plant: RecordPlant, enter: Enter
) -> None:
    """The page of the second one had shown the limits of the first: 24.95 to 25.05 kg."""
    dispensary.dispense(plant, "D040", dispensary.DRUMS[0], "25.00", "WGH-01")
    second = plant.step("D040")
    page = text_of(enter("P-104").get(f"/records/B-2045/steps/D040/{second.occurrence}"))
    assert second.occurrence == 2
    assert "11.48 … 11.52" in page
    assert "24.95" not in page
    assert "()" not in page
    assert "D040 (2) " in page
