"""Equipment, maintenance, materials, recipes, batches, finding and presenting on their pages."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.actors import Actor
from hardware import queries as plant_queries
from hardware import setup_commands
from hardware.setup_commands import NewEquipment
from hardware.words import Cleaning
from inventory import queries as stock
from inventory.commands import replenishment
from inventory.commands import stock as stores
from inventory.commands.stock import NewContainer, NewLot, NewMaterial
from production import commands as production
from production import queries as register
from tests.integration.web.desk.conftest import Enter, also, full, text_of
from tests.support.records import SETUP, START, RecordPlant, qualify
from workflows import commands as definitions

RECIPE = Path(__file__).parents[4] / "workflows" / "production" / "rec-0017-v3.bpmn"


@pytest.fixture
def unit(plant: RecordPlant) -> str:
    """A dryer that is to be cleaned, and people who may clean."""
    new = NewEquipment(
        number="FBD-01",
        name="Fluid-bed dryer",
        equipment_class="fluid_bed_dryer",
        room="1.12",
        cleaning=Cleaning.TO_BE_CLEANED,
        calibration_due=START + timedelta(days=12),
        properties={"working_volume_l": ["120", "400"]},
    )
    plant.house.perform(setup_commands.register_equipment, new, by=SETUP)
    qualify(plant, {"P-101": "SOP-150", "P-102": "SOP-150"})
    return new.number


@pytest.mark.urs("URS-EQP-020", "URS-SIG-040")
def test_two_people_clean_a_unit_at_one_terminal(
    plant: RecordPlant, unit: str, enter: Enter
) -> None:
    cleaner, page = enter("P-101"), f"/equipment/{unit}"
    assert cleaner.send(page, f"{page}/cleaning").status_code == 303
    entry = "/cleanings/CL-0001"
    asked = cleaner.send(page, f"{entry}/perform", result="washed, dry, closed")
    assert cleaner.sign(asked, f"{entry}/perform", **full("P-101")).status_code == 303
    own = cleaner.send(page, f"{entry}/verify", verifier="P-101")
    assert own.status_code == 403
    asked = cleaner.send(page, f"{entry}/verify", verifier="P-102")
    assert "washed, dry, closed" in text_of(asked)
    assert cleaner.sign(asked, f"{entry}/verify", **full("P-102")).status_code == 303
    assert plant.ask(plant_queries.equipment, unit).cleaning == Cleaning.CLEAN
    after = text_of(cleaner.get(page))
    assert "Anna Kern (P-101)" in after
    assert "Paul Roth (P-102)" in after


@pytest.mark.urs("URS-EQP-050")
def test_a_reported_fault_is_an_order_that_keeps_the_unit_from_use(unit: str, enter: Enter) -> None:
    operator, page = enter("P-101"), f"/equipment/{unit}"
    answer = operator.send(page, f"{page}/fault", what="filter torn at the seam")
    assert answer.headers["Location"].endswith("/maintenance/WO-0001")
    assert "filter torn at the seam" in text_of(operator.get("/maintenance"))
    board = text_of(operator.get("/equipment"))
    assert "WO-0001" in board


@pytest.fixture
def lot(plant: RecordPlant) -> str:
    """A lot of two drums in quarantine."""
    by = also(plant, "P-105", "WH")
    house = plant.house
    house.perform(stores.register_material, NewMaterial(code="100010", name="Paracetamol"), by=by)
    house.perform(stores.register_location, "1.20", "Stores", by=by)
    new = NewLot(
        number="PA-0411",
        material="100010",
        location="1.20",
        containers=(
            NewContainer(label="D-1", quantity=Decimal("25.00")),
            NewContainer(label="D-2", quantity=Decimal("25.00")),
        ),
    )
    house.perform(stores.receive_lot, new, by=by)
    return new.number


@pytest.mark.urs("URS-MAT-010")
def test_the_quality_unit_blocks_a_lot_with_reason_and_production_cannot(
    plant: RecordPlant, lot: str, enter: Enter
) -> None:
    page = f"/materials/{lot}"
    quality = enter("P-107")
    answer = quality.send(page, f"{page}/status", status="blocked", reason="complaint 12")
    assert answer.status_code == 303
    assert plant.ask(stock.lot, lot).status == "blocked"
    assert "complaint 12" in text_of(quality.get(page))
    seen = text_of(enter("P-101").get(page))
    assert "Change the status" not in seen
    assert "50" in seen


@pytest.mark.urs("URS-MAT-070")
def test_low_stock_names_the_material_and_says_how_much_in_its_unit(
    plant: RecordPlant, enter: Enter
) -> None:
    by = also(plant, "P-105", "WH")
    low = NewMaterial(code="200999", name="Talc", minimum=Decimal("5.000"))
    plant.house.perform(stores.register_material, low, by=by)
    number = plant.house.perform(replenishment.check_minimum, "200999", by=by)
    for page in ("/materials", "/stock-tasks"):
        shown = text_of(enter("P-104").get(page))
        assert str(number) in shown
        assert "200999 Talc" in shown
        assert "5.000\u202fkg" in shown
    store = enter("P-105")
    to = f"/stock-tasks/{number}/close"
    assert store.send("/stock-tasks", to, how="done", reason=" ").status_code == 422
    assert len(plant.ask(stock.tasks)) == 1
    assert store.send("/stock-tasks", to, how="done", reason="20 kg ordered").status_code == 303
    assert plant.ask(stock.tasks) == []


def test_any_number_leads_to_its_page(unit: str, lot: str, enter: Enter) -> None:
    somebody = enter("P-101")
    for asked, page in (
        ("FBD-01", "/equipment/FBD-01"),
        ("fbd-01", "/equipment/FBD-01"),
        ("PA-0411", "/materials/PA-0411"),
        ("D-2", "/materials/PA-0411"),
        ("p-102", "/badges/P-102"),
        ("1.12", "/rooms/1.12"),
        ("Room 1.12", "/rooms/1.12"),
    ):
        answer = somebody.get("/find", query_string={"q": asked})
        assert answer.headers["Location"] == page, asked
        scanned = somebody.get("/scan", query_string={"code": asked}, follow_redirects=True)
        assert scanned.request.path == page, asked
    missing = somebody.get("/find?q=NOPE-1")
    assert missing.status_code == 404
    assert "NOPE-1" in text_of(missing)


def test_a_room_shows_its_units_and_a_badge_its_person_and_opens_nothing(
    unit: str, enter: Enter
) -> None:
    somebody = enter("P-101")
    assert "FBD-01" in text_of(somebody.get("/rooms/1.12"))
    shown = text_of(somebody.get("/badges/P-102"))
    assert "Paul Roth" in shown
    assert "signs in" in shown
    assert "Anna Kern" in text_of(somebody.get("/work"))
    assert somebody.get("/rooms/9.99").status_code == 404
    assert somebody.get("/badges/P-999").status_code == 404


@pytest.fixture
def version(plant: RecordPlant) -> str:
    """The demonstration recipe as draft of Ravi Menon, who is an author as well."""
    also(plant, "P-104", "AUTHOR")
    plant.person("P-104", "AUTHOR").do(
        definitions.create_draft,
        RECIPE.read_bytes(),
        change_reference="CC-2026-118",
        reason="first version here",
        number=3,
        record="recipe/REC-0017",
    )
    return "/recipes/REC-0017/v3"


@pytest.mark.urs("URS-MRC-010", "URS-MRC-020")
def test_three_people_bring_a_recipe_into_effect_and_a_batch_is_planned_on_it(
    plant: RecordPlant, version: str, enter: Enter
) -> None:
    plant.house.perform(
        production.make_series, production.SERIES, prefix="B-", first=3001, by=SETUP
    )
    author, checker, quality = enter("P-104"), enter("P-105"), enter("P-107")
    asked = author.send(version, f"{version}/submit")
    assert author.sign(asked, f"{version}/submit", **full("P-104")).status_code == 303
    assert "Sign the check" not in text_of(author.get(version))
    asked = checker.send(version, f"{version}/check")
    assert checker.sign(asked, f"{version}/check", **full("P-105")).status_code == 303
    to, when = f"{version}/approve", "2026-03-02T07:00"
    asked = quality.send(version, to, effective_from=when)
    assert quality.sign(asked, to, **full("P-107")).status_code == 303
    assert quality.send(version, f"{version}/effective").status_code == 303
    page = text_of(quality.get(version))
    for name in ("Ravi Menon", "Miriam Vogel", "Samuel Okafor"):
        assert name in page
    order = {"recipe": "REC-0017 v3", "order": "PO-1", "size": "100,000", "due": "2026-03-04T14:00"}
    planned = checker.send("/batches/plan", "/batches/plan", **order)
    assert planned.headers["Location"] == "/batches/B-3001"
    found = plant.ask(register.batch, "B-3001")
    assert found.size == Decimal("100.000")
    assert found.due_at.isoformat() == "2026-03-04T13:00:00+00:00"


@pytest.mark.urs("URS-EXE-020")
def test_a_planned_batch_names_each_condition_that_is_not_met_and_can_be_cancelled(
    plant: RecordPlant, version: str, enter: Enter
) -> None:
    test_three_people_bring_a_recipe_into_effect_and_a_batch_is_planned_on_it(plant, version, enter)
    supervisor, page = enter("P-105"), "/batches/B-3001"
    shown = text_of(supervisor.get(page))
    assert "conditions are not met" in shown
    assert "can be resolved by" in shown
    refused = supervisor.send(page, f"{page}/open")
    assert refused.status_code == 409
    assert supervisor.send(page, f"{page}/cancel", reason="order withdrawn").status_code == 303
    assert "cancelled" in text_of(supervisor.get("/batches"))


@pytest.mark.urs("URS-MRC-010")
def test_a_version_is_sent_back_with_a_reason_and_an_effective_one_withdrawn(
    plant: RecordPlant, version: str, enter: Enter
) -> None:
    author, checker = enter("P-104"), enter("P-105")
    asked = author.send(version, f"{version}/submit")
    assert author.sign(asked, f"{version}/submit", **full("P-104")).status_code == 303
    to = f"{version}/return"
    assert checker.send(version, to, reason=" ").status_code == 422
    assert checker.send(version, to, reason="limit of step G030 missing").status_code == 303
    assert "limit of step G030 missing" in text_of(author.get(version))
    test_three_people_bring_a_recipe_into_effect_and_a_batch_is_planned_on_it(plant, version, enter)
    quality, to = enter("P-107"), f"{version}/withdraw"
    assert quality.send(version, to, reason="raw material no longer made").status_code == 303
    assert "raw material no longer made" in text_of(quality.get(version))


def test_the_recipe_file_is_served_exactly_as_imported(version: str, enter: Enter) -> None:
    reader = enter("P-101")
    digest = hashlib.sha256(RECIPE.read_bytes()).hexdigest()
    answer = reader.get(f"/recipes/files/{digest}")
    assert answer.data == RECIPE.read_bytes()
    assert reader.get(f"/recipes/files/{'0' * 64}").status_code == 404


@pytest.mark.urs("URS-MRC-020")
def test_a_changed_limit_is_one_line_of_the_differences(
    plant: RecordPlant, version: str, enter: Enter
) -> None:
    changed = RECIPE.read_bytes().replace(b'shelfLifeMonths="36"', b'shelfLifeMonths="24"')
    plant.person("P-104", "AUTHOR").do(
        definitions.create_draft,
        changed,
        change_reference="CC-2026-119",
        reason="shorter shelf life",
        record="recipe/REC-0017",
    )
    page = text_of(enter("P-101").get("/recipes/REC-0017/differences?old=3&new=4"))
    assert "1 changes of content" in page
    assert "shelf life months" in page


class Cell:
    """A plant that remembers what it was asked (the composed one is tested with the real cell)."""

    def __init__(self) -> None:
        self.played: list[tuple[str, dict[str, Any], str]] = []

    def state(self) -> dict[str, Any]:
        return {"units": {}, "lines": {"gran": "cut"}, "devices": ["gran"]}

    def play(self, act: str, arguments: Mapping[str, Any], *, by: Actor) -> str:
        self.played.append((act, dict(arguments), by.id))
        return f"{act}: done"

    def advance(self, minutes: int, reason: str, *, by: Actor) -> str:
        self.played.append(("advance", {"minutes": minutes, "reason": reason}, by.id))
        return ""


def test_the_presenter_plays_the_plant_and_a_site_without_one_says_so(
    plant: RecordPlant, enter: Enter
) -> None:
    presenter = enter("P-105")
    assert "has no simulated plant" in text_of(presenter.get("/plant"))
    cell = Cell()
    plant.house.services["presenter"] = cell
    assert presenter.send("/plant", "/plant/play/restore").status_code == 303
    assert cell.played == [("restore", {"device": "gran"}, "P-105")]
    assert "restore: done" in text_of(presenter.get("/plant"))
    told = {"what": "FBD-01 moisture", "value": "2.4"}
    assert presenter.send("/plant", "/plant/story", **told).status_code == 303
    moved = {"minutes": "30", "reason": "show the hold time"}
    assert presenter.send("/plant", "/plant/clock", **moved).status_code == 303
    assert [act for act, _given, _by in cell.played] == ["restore", "set", "advance"]
