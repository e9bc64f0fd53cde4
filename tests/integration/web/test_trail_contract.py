"""The contract of the trail can fail: what it would miss is named (URS-AUD-010)."""

from __future__ import annotations

import pytest
from flask import Flask

from core.errors import Refusal
from personnel import commands as people
from tests.support import contract
from tests.support.records import RecordPlant


def test_an_operation_that_nobody_saw_is_named() -> None:
    found = contract.broken({"a.one": "command", "a.two": "view"}, {"a.one"}, {})
    assert found == ["view a.two: no test saw it leave an entry"]


def test_the_list_of_the_silent_holds_nothing_that_is_not_so() -> None:
    known = {"a.one": "command", "a.two": "view"}
    silent = {"a.one": "it asks", "a.two": "", "a.gone": "it was"}
    assert contract.broken(known, {"a.one"}, silent) == [
        "a.gone is named silent, but there is none",
        "a.two is named silent without a reason",
    ]


@pytest.mark.urs("URS-AUD-010")
def test_every_page_of_the_product_that_changes_something_is_under_the_contract(app: Flask) -> None:
    writing = {
        contract.name_of(app.view_functions[rule.endpoint])
        for rule in app.url_map.iter_rules()
        if (rule.methods or set()) - contract.READING
    }
    assert writing == set(contract.views())


def rename(plant: RecordPlant, badge: str, name: str) -> None:
    admin = plant.person("A-001").actor
    plant.house.perform(people.rename_person, badge, name, reason="married", by=admin)


def test_a_committed_act_shows_the_functions_that_made_it(plant: RecordPlant) -> None:
    observer = contract.Observer()
    with observer.watching():
        rename(plant, "P-101", "Anna Kern-Lind")
    assert contract.name_of(people.rename_person) in observer.seen


def test_what_was_refused_or_rehearsed_shows_nothing(plant: RecordPlant) -> None:
    observer, admin = contract.Observer(), plant.person("A-001").actor
    with observer.watching(), pytest.raises(Refusal):
        rename(plant, "P-101", " ")
    with observer.watching():
        plant.house.rehearse(people.rename_person, "P-101", "Anna Lind", reason="married", by=admin)
    assert not observer.seen
