"""Every element of the profile has a model that carries it out, and stands on the page."""

from __future__ import annotations

import re

import pytest

from tools import profile_page
from workflows.whitelist import ALLOWED, NODES

EVENTS = {
    "startEvent": "event subprocess",
    "endEvent": "endEvent",
    "intermediateCatchEvent": "intermediateCatchEvent",
    "intermediateThrowEvent": "intermediateThrowEvent",
    "boundaryEvent": "boundaryEvent",
}


@pytest.mark.urs("URS-MRC-040")
@pytest.mark.parametrize("element", profile_page.RUNS)
def test_every_row_has_a_model(element: str) -> None:
    assert profile_page.models_by_element().get(element)


def test_every_drawn_thing_has_a_row() -> None:
    assert set(profile_page.models_by_element()) == set(profile_page.RUNS)


@pytest.mark.parametrize("tag", sorted(set(NODES) - set(EVENTS)))
def test_every_allowed_node_has_a_row(tag: str) -> None:
    assert tag in profile_page.RUNS


@pytest.mark.parametrize("tag", EVENTS)
def test_every_allowed_event_has_a_row(tag: str) -> None:
    for child in ALLOWED[tag].children:
        if kind := re.fullmatch("(.*)EventDefinition", child):
            begins = f"{EVENTS[tag]}, {kind[1]}"
            assert any(row.startswith(begins) for row in profile_page.RUNS), begins
