"""Random acts of random people find no way outside the model, through the record's own commands.

The model (`tests.support.recordmodel`) is the token game with the few rules of who may do what.
Acts are in order and out of order, by the right people and by others, on steps that are open, done,
cancelled and never reached, of revisions that are stale; besides corrections, exceptions, holds,
restarts and the end of the batch.
"""

from __future__ import annotations

import pytest

from ebr.commands import steps
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


@pytest.mark.parametrize(("rule", "seed"), [("require_able", 0), ("refuse_unless_running", 2)])
def test_a_rule_that_is_missing_is_found(
    rule: str, seed: int, plant: RecordPlant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: when anybody may act, or a batch that is HELD goes on, the walk fails."""
    monkeypatch.setattr(steps, rule, lambda *_given, **_named: None)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        walk(plant, seed, 60)
