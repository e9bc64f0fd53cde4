"""Exports for auditors (W18): choose, wait, download, verify; an auditor sees only theirs."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
from flask import Flask

from app import seal
from audit import verifier
from ebr import issuing
from tests.integration.web.desk.conftest import Enter, text_of
from tests.integration.web.desk.test_inspector import enrol, invite, prepare
from tests.support import batches, recorded
from tests.support.records import RecordPlant
from tests.support.web import Visitor
from web.exports import Line, narrowed


def furnish(plant: RecordPlant, folder: Path) -> None:
    """What the printing of a record takes besides keys."""
    plant.house.services[issuing.SEAL_KEY] = seal.open_or_make(
        folder / "keys", "Werk Süd", at=plant.clock.now()
    )
    plant.house.services[issuing.FONTS] = recorded.FONTS


def line(number: str, product: str = "500010") -> Line:
    return Line(number=number, address="", product="Tablets", product_code=product,
                state="complete", disposition="none", size=1)  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "product", "found"),
    [
        ("", "", ["B-2030", "B-2031", "B-2041"]),
        ("B-2030", "", ["B-2030"]),
        ("B-2030, B-2041", "", ["B-2030", "B-2041"]),
        ("B-2030..B-2031", "", ["B-2030", "B-2031"]),
        ("B-2031 .. B-2099 B-2030", "", ["B-2030", "B-2031", "B-2041"]),
        ("", "500020", ["B-2041"]),
        ("B-2030", "500020", []),
        ("B-9", "", []),
    ],
)
def test_batches_are_found_by_number_range_and_product(
    asked: str, product: str, found: list[str]
) -> None:
    lines = [line("B-2030"), line("B-2031"), line("B-2041", "500020")]
    assert [each.number for each in narrowed(lines, asked, product)] == found


@pytest.mark.urs("URS-REP-040", "URS-REC-070")
def test_quality_exports_and_gets_a_package_that_verifies(
    plant: RecordPlant, enter: Enter, tmp_path: Path
) -> None:
    furnish(plant, tmp_path)
    batches.plan(plant)
    auditor = enter("P-107")
    page = text_of(auditor.get("/exports"))
    assert "read only" not in page
    digest = hashlib.sha256(Path(verifier.__file__).read_bytes()).hexdigest()
    assert digest in page
    form = auditor.forms("/exports").with_field("number")
    asked = auditor.client.post("/exports", data={**form, "number": "B-2045", "attachments": "1"})
    assert asked.status_code == 303, text_of(asked)
    waiting = asked.headers["Location"]
    assert "being made" in text_of(auditor.get(waiting))
    for _ in range(3):
        plant.work()
        recorded.log_all(plant)
        plant.later(seconds=2)
    done = text_of(auditor.get(waiting))
    assert "being made" not in done
    address = done.partition('href="/exports/')[2].partition('"')[0]
    data = auditor.get(f"/exports/{address}").data
    assert hashlib.sha256(data).hexdigest() in done
    trust = json.loads(auditor.get("/exports/trust.json").data)
    report = verifier.verify_bytes(data, trust)
    assert (report["result"], len(report["bundles"])) == ("VALID", 1)
    assert auditor.get("/exports/verify.py").data == Path(verifier.__file__).read_bytes()


@pytest.mark.urs("URS-REP-040", "URS-IAM-020")
def test_an_auditor_reads_what_the_account_is_for_and_until_when(
    plant: RecordPlant, app: Flask
) -> None:
    batches.plan(plant)
    prepare(plant)
    auditor = Visitor(app)
    enrol(auditor, invite(plant).secret)
    auditor.login("I-001", "lantern under the bridge")
    page = text_of(auditor.get("/exports"))
    assert "B-2045" in page
    assert "read only" in page
    assert re.search(r"until <time[^>]*2026-03-09", page)


@pytest.mark.urs("URS-REP-040", "URS-IAM-020")
def test_an_auditor_of_another_product_finds_and_exports_nothing(
    plant: RecordPlant, app: Flask
) -> None:
    batches.plan(plant)
    prepare(plant, "500020")
    auditor = Visitor(app)
    enrol(auditor, invite(plant).secret)
    auditor.login("I-001", "lantern under the bridge")
    assert "B-2045" not in text_of(auditor.get("/exports"))
    form = auditor.forms("/exports").to("/exports")
    answer = auditor.client.post("/exports", data={**form, "number": "B-2045"})
    assert answer.status_code == 403
    assert "records of product 500020 only" in text_of(answer)
    assert plant.actions("site")[-1] == "attempt.refused"
    unknown = auditor.get("/exports/00000000-0000-7000-8000-000000000000")
    assert unknown.status_code == 404


def test_nothing_chosen_is_refused_with_words(plant: RecordPlant, enter: Enter) -> None:
    batches.plan(plant)
    quality = enter("P-107")
    form = quality.forms("/exports").with_field("number")
    del form["number"]
    answer = quality.client.post("/exports", data=form)
    assert answer.status_code == 422
    assert "a package takes 1 to 200 records" in text_of(answer)


def test_an_operator_has_no_exports(plant: RecordPlant, enter: Enter) -> None:
    operator = enter("P-101")
    assert operator.get("/exports").status_code == 403
    assert "/exports" not in text_of(operator.get("/batches"))
