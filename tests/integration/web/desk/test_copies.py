"""Controlled copies in the browser: print once, look the code up, account for it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from ebr import issuing
from tests.integration.web.desk.conftest import Enter, text_of
from tests.integration.web.desk.test_exports import furnish
from tests.support import batches
from tests.support.records import RECORD, RecordPlant


@pytest.mark.urs("URS-REP-050")
def test_a_copy_is_printed_found_by_its_code_and_accounted_for(
    plant: RecordPlant, enter: Enter, tmp_path: Path
) -> None:
    furnish(plant, tmp_path)
    batches.plan(plant)
    made = issuing.issue(plant.house, "B-2045", by=plant.person("P-107").actor)
    visitor = enter("P-107")
    page = f"/documents/{made}/copies"

    def asked(**fields: str) -> TestResponse:
        form = visitor.forms(page).with_field("holder")
        return visitor.client.post(page, data={**form, **fields})

    first = asked(holder="QA archive")
    assert first.status_code == 200, text_of(first)
    assert first.mimetype == "application/pdf"
    assert "reason" in text_of(asked(holder="Line 2"))
    assert asked(holder="Line 2", reason="for the line").mimetype == "application/pdf"
    told = text_of(visitor.get(page))
    assert "2 issued = 2 out + 0 returned + 0 destroyed + 0 lost" in told
    code = re.findall(r"COPY-[0-9A-F]{12}-1", told)[0]
    found = visitor.get(f"/find?q={code}")
    assert found.location == f"/copies/{code}"
    assert "Valid: the record is as this copy shows it." in text_of(visitor.get(found.location))
    form = visitor.forms(found.location).to(f"/copies/{code}/fate")
    done = visitor.client.post(f"/copies/{code}/fate", data={**form, "fate": "returned"})
    assert done.status_code == 303, text_of(done)
    told = text_of(visitor.get(page))
    assert "2 issued = 1 out + 1 returned + 0 destroyed + 0 lost" in told
    assert plant.actions(RECORD)[-1] == "copy.accounted_for"


def test_a_code_that_no_copy_carries_is_not_found(plant: RecordPlant, enter: Enter) -> None:
    batches.plan(plant)
    assert enter("P-107").get("/copies/COPY-000000000000-1").status_code == 404
