"""What a person does with their own account: passphrase and undertaking."""

from __future__ import annotations

import pytest
from flask import Flask

from personnel import credentials
from tests.integration.web.desk.conftest import Enter, full, text_of
from tests.support.records import PEOPLE, RecordPlant
from tests.support.web import Forms, Visitor

NEW = "seven lamps under water"


@pytest.mark.urs("URS-IAM-070")
def test_a_new_passphrase_needs_the_old_one_and_replaces_it(
    plant: RecordPlant, app: Flask, enter: Enter
) -> None:
    operator = enter("P-101")

    def change(old: str, new: str, again: str) -> int:
        given = {"passphrase": old, "new": new, "again": again}
        return operator.send("/passphrase", "/passphrase", "new", **given).status_code

    old = PEOPLE["P-101"].passphrase
    assert change("wrong words here now", NEW, NEW) in (401, 403, 422)
    assert change(old, NEW, "another one altogether") == 422
    assert change(old, NEW, NEW) == 303
    assert Visitor(app).login("P-101", old).status_code != 303
    assert Visitor(app).login("P-101", NEW).status_code == 303


@pytest.mark.urs("URS-SIG-010")
def test_the_undertaking_is_signed_once_with_full_credentials(
    plant: RecordPlant, enter: Enter
) -> None:
    second = plant.person("A-002").actor
    plant.house.perform(credentials.confirm_identity, "A-001", by=second)
    newcomer = enter("A-001")
    asked = newcomer.send("/undertaking", "/undertaking")
    assert "Undertaking about electronic signatures" in text_of(asked)
    form = Forms(text_of(asked)).with_field("_request")
    wrong = {"badge": "A-001", "passphrase": "not this one at all"}
    assert newcomer.client.post("/undertaking", data={**form, **wrong}).status_code != 303
    assert "undertaking.signed" not in plant.actions("person/A-001")
    asked = newcomer.send("/undertaking", "/undertaking")
    assert newcomer.sign(asked, "/undertaking", **full("A-001")).status_code == 303
    assert "undertaking.signed" in plant.actions("person/A-001")
