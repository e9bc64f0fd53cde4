"""Random forms of random people, each sent twice, find no way outside the model of the record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from shutil import copyfile

import pytest

from ebr.commands import steps
from tests.integration.ebr.conftest import staffed_site
from tests.support.places import site_url
from tests.support.records import RecordPlant
from tests.support.webwalk import walk
from web import performing

__all__ = ["staffed_site"]


@pytest.fixture
def plant(staffed_site: Path, tmp_path: Path) -> Iterator[RecordPlant]:
    """A staffed site of its own, with no batch yet."""
    copyfile(staffed_site, tmp_path / "site.db")
    made = RecordPlant(site_url(tmp_path / "site.db"), tmp_path)
    yield made
    made.close()


@pytest.mark.urs("URS-EXE-010", "URS-SIG-040", "URS-SIG-080")
@pytest.mark.parametrize("seed", range(2))
def test_random_forms_are_taken_once_or_refused_as_the_model_says(
    seed: int, plant: RecordPlant
) -> None:
    done, refused = walk(plant, seed, 25)
    assert min(done, refused) > 5


@pytest.mark.nightly
@pytest.mark.urs("URS-EXE-010", "URS-SIG-040", "URS-SIG-080")
@pytest.mark.parametrize("seed", range(2, 32))
def test_1500_random_forms_are_taken_once_or_refused_as_the_model_says(
    seed: int, plant: RecordPlant
) -> None:
    walk(plant, seed, 50)


def test_a_rule_that_is_missing_is_found(
    plant: RecordPlant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: when anybody may act, the walk fails."""
    monkeypatch.setattr(steps, "require_able", lambda *_given, **_named: None)
    with pytest.raises(AssertionError, match=r"303: Act\("):
        walk(plant, 0, 60)


def test_a_form_that_is_taken_twice_is_found(
    plant: RecordPlant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: when the key of a form counts for nothing, the walk fails."""
    once = performing.once
    monkeypatch.setattr(performing, "once", lambda *file: replace(once(*file), key=token_hex(16)))
    with pytest.raises(AssertionError, match=r"(again|used key): Act\("):
        walk(plant, 0, 60)
