"""Documents in the browser: ask, wait, open, find again with its copies; who may not is refused."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest

from audit.sequencer import sequence_pending
from core.house import moment
from ebr.entry import Entry
from tests.integration.web.desk.conftest import Enter, text_of
from tests.integration.web.desk.test_exports import furnish
from tests.integration.web.desk.test_inspector import inspector
from tests.integration.web.desk.test_plant_pages import unit, version
from tests.support import batches, sheets
from tests.support.records import RecordPlant
from tests.support.web import Visitor

__all__ = ["inspector", "unit", "version"]
PAGE = "/documents"


@pytest.fixture
def site(plant: RecordPlant, tmp_path: Path) -> RecordPlant:
    """A batch with an alert, at a site that issues every kind."""
    furnish(plant, tmp_path)
    sheets.register(plant)
    batches.plan(plant)
    batches.run_up_to(plant, "Y", A=Entry(values={"mass": ("10.30",)}))
    return plant


def day_of(plant: RecordPlant) -> str:
    with plant.house.reading() as session:
        found: datetime = moment(session).site
    return f"{found:%Y-%m-%d}"


def ask(visitor: Visitor, plant: RecordPlant, kind: str, **subject: str) -> str:
    """Ask on the page, let the worker work, and follow to the document; answers its address."""
    fields = {f"of-{name}": text for name, text in subject.items()}
    form = visitor.forms(PAGE).to(f"{PAGE}/{kind}")
    asked = visitor.client.post(f"{PAGE}/{kind}", data={**form, **fields})
    assert asked.status_code == 303, text_of(asked)
    assert "0 %" in text_of(visitor.get(asked.location))
    plant.work()
    done = visitor.get(asked.location)
    assert done.status_code == 303, text_of(done)
    at_once = visitor.get(f"{asked.location}?fragment=1")
    assert at_once.headers["HX-Redirect"] == done.location
    return str(done.location)


@pytest.mark.urs("URS-REP-010", "URS-AUD-010")
def test_a_document_is_asked_for_awaited_opened_and_listed(site: RecordPlant, enter: Enter) -> None:
    visitor, day = enter("P-107"), day_of(site)
    page = ask(visitor, site, "exceptions", since=day, until=day)
    told = text_of(visitor.get(page))
    assert "Exception report" in told
    assert re.search(r"\b[0-9a-f]{64}\b", told)
    file = visitor.get(f"{page}/file")
    assert (file.status_code, file.mimetype) == (200, "application/pdf")
    assert file.data.startswith(b"%PDF-")
    assert f"Exceptions {day} {day}.pdf" in text_of(visitor.get(f"{PAGE}?kind=exceptions"))
    assert "No document was issued yet" in text_of(visitor.get(f"{PAGE}?q=nothing of the kind"))
    assert site.actions("site")[-1] == "document.issued"


def test_the_same_content_is_asked_for_again_without_another_job(
    site: RecordPlant, enter: Enter
) -> None:
    visitor, day = enter("P-107"), day_of(site)
    page = ask(visitor, site, "exceptions", since=day, until=day)
    form = visitor.forms(PAGE).to(f"{PAGE}/exceptions")
    fields = {"of-since": day, "of-until": day}
    again = visitor.client.post(f"{PAGE}/exceptions", data={**form, **fields})
    assert again.location == page


def test_days_that_are_none_are_refused_on_the_page(site: RecordPlant, enter: Enter) -> None:
    visitor = enter("P-107")
    form = visitor.forms(PAGE).to(f"{PAGE}/exceptions")
    asked = visitor.client.post(
        f"{PAGE}/exceptions", data={**form, "of-since": "2026-02-30", "of-until": "2026-03-01"}
    )
    assert asked.status_code == 422
    assert "is no day" in text_of(asked)


@pytest.mark.urs("URS-REP-040", "URS-IAM-020")
def test_an_inspector_of_one_product_gets_that_product_and_nothing_of_the_whole_site(
    site_with_inspector: tuple[RecordPlant, Visitor], enter: Enter
) -> None:
    plant, visitor = site_with_inspector
    day = day_of(plant)
    form = visitor.forms(PAGE).to(f"{PAGE}/exceptions")
    fields = {**form, "of-since": day, "of-until": day, "of-product": ""}
    refused = visitor.client.post(f"{PAGE}/exceptions", data=fields)
    assert refused.status_code == 403, text_of(refused)
    unknown = visitor.client.post(f"{PAGE}/exceptions", data={**form, "of-record": "B-9999"})
    assert unknown.status_code == 403, "nor does it tell which numbers exist"
    page = ask(visitor, plant, "exceptions", since=day, until=day, product="500010")
    assert visitor.get(f"{page}/file").status_code == 200
    whole = ask(enter("P-107"), plant, "exceptions", since=day, until=day)
    assert visitor.get(whole).status_code == 403
    assert visitor.get(f"{whole}/file").status_code == 403
    assert "500010.pdf" in text_of(visitor.get(PAGE))
    assert text_of(visitor.get(PAGE)).count(".pdf") == 1


@pytest.fixture
def site_with_inspector(
    plant: RecordPlant, inspector: Visitor, tmp_path: Path
) -> tuple[RecordPlant, Visitor]:
    """The inspector's site, which issues every kind."""
    furnish(plant, tmp_path)
    sheets.register(plant)
    return plant, inspector


def test_a_request_that_is_none_is_not_found(site: RecordPlant, enter: Enter) -> None:
    visitor = enter("P-107")
    assert visitor.get(f"{PAGE}/jobs/00000000-0000-4000-8000-000000000000").status_code == 404


def press(visitor: Visitor, plant: RecordPlant, page: str, kind: str, **fields: str) -> str:
    """Press the button of a page that asks for a document; answers the text of its page."""
    to = f"{PAGE}/{kind}"
    form = {name: values[0] for name, values in visitor.forms(page).to(to).items()}
    asked = visitor.client.post(to, data={**form, **fields})
    assert asked.status_code == 303, text_of(asked)
    plant.work()
    done = visitor.get(asked.location)
    assert done.status_code == 303, text_of(done)
    return text_of(visitor.get(done.location))


@pytest.mark.urs("URS-REP-010")
def test_each_page_asks_for_the_document_about_its_thing(site: RecordPlant, enter: Enter) -> None:
    visitor, day = enter("P-107"), day_of(site)
    sequence_pending(site.house, site.house.services["site_keys"])
    record = "/batches/B-2045/record"
    asked = {
        "B-2045 exceptions.pdf": press(visitor, site, f"{record}/exceptions", "exceptions"),
        "B-2045 audit trail": press(visitor, site, f"{record}/trail", "trail"),
        "Audit trail": press(visitor, site, "/trail?action=step.performed", "trail"),
        f"Batch register {day}.pdf": press(
            visitor, site, "/batches", "register", **{"of-day": day}
        ),
    }
    assert [name for name, told in asked.items() if name not in told] == []


@pytest.mark.urs("URS-EQP-030")
def test_the_page_of_a_unit_asks_for_its_logbook(
    site: RecordPlant, unit: str, enter: Enter
) -> None:
    visitor, day = enter("P-107"), day_of(site)
    days = {"of-since": day, "of-until": day}
    told = press(visitor, site, f"/equipment/{unit}", "logbook", **days)
    assert f"{unit} logbook {day} {day}.pdf" in told


@pytest.mark.urs("URS-MRC-010")
def test_the_page_of_a_version_asks_for_it_as_a_document(
    site: RecordPlant, version: str, enter: Enter
) -> None:
    told = press(enter("P-107"), site, version, "recipe")
    assert "REC-0017 v3 master recipe.pdf" in told
    assert "draft" in told


@pytest.mark.urs("URS-REP-050")
def test_a_numbered_copy_is_superseded_as_soon_as_the_content_changes(
    site: RecordPlant, enter: Enter
) -> None:
    visitor, day = enter("P-107"), day_of(site)
    page = ask(visitor, site, "exceptions", since=day, until=day)
    form = visitor.forms(f"{page}/copies").with_field("holder")
    copy = visitor.client.post(f"{page}/copies", data={**form, "holder": "QA archive"})
    assert copy.mimetype == "application/pdf"
    told = text_of(visitor.get(page))
    assert "1 issued = 1 out + 0 returned + 0 destroyed + 0 lost" in told
    assert "1 issued, 1 out" in text_of(visitor.get(PAGE))
    assert "valid" in text_of(visitor.get(f"{page}/copies"))
    batches.report(site, "Y", "a drum was labelled twice")
    assert "superseded" in text_of(visitor.get(f"{page}/copies"))
