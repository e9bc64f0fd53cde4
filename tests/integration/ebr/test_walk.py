"""Random acts of random people find no way outside the model, through the record's own commands.

The model (`tests.support.recordmodel`) is the token game with the few rules of who may do what.
Acts are in order and out of order, by the right people and by others, on steps that are open, done,
cancelled and never reached, of revisions that are stale; besides corrections, exceptions, holds,
restarts and the end of the batch.
"""

from __future__ import annotations

from types import ModuleType

import pytest

from ebr.commands import steps
from personnel import queries as people
from tests.support.records import RecordPlant
from tests.support.recordwalk import walk


@pytest.mark.urs("URS-EXE-010", "URS-SIG-040", "URS-IAM-020")
@pytest.mark.parametrize("seed", range(5))
def test_thirty_random_acts_are_done_or_refused_as_the_model_says(
    seed: int, plant: RecordPlant
) -> None:
    done, refused = walk(plant, seed, 30)
    assert min(done, refused) > 5


@pytest.mark.nightly
@pytest.mark.urs("URS-EXE-010", "URS-SIG-040", "URS-IAM-020")
@pytest.mark.parametrize("seed", range(5, 105))
def test_6000_random_acts_are_done_or_refused_as_the_model_says(
    seed: int, plant: RecordPlant
) -> None:
    walk(plant, seed, 60)


@pytest.mark.parametrize(
    ("place", "rule", "seed"),
    [
        (steps, "require_able", 0),
        (steps, "refuse_unless_running", 2),
        (steps, "_refuse_if_changed", 5),
        (steps, "_refuse_unless_due", 1),
        (steps, "blocking", 9),
        (people, "require_independent", 5),
    ],
)
def test_a_rule_that_is_missing_is_found(
    place: ModuleType, rule: str, seed: int, plant: RecordPlant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: without one of the rules an act is done that the model forbids, or leads
    elsewhere."""
    monkeypatch.setattr(place, rule, lambda *_given, **_named: None)
    with pytest.raises((pytest.fail.Exception, AssertionError), match=r"DID NOT RAISE|seed"):
        walk(plant, seed, 60)
