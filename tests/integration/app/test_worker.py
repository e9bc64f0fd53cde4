"""The worker of a site: what it leaves to the next round."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.worker import SiteWorker
from audit.sequencer import oldest_pending_age
from tests.integration.ebr.test_waits import equip
from tests.support.records import RecordPlant


@pytest.mark.urs("URS-AUD-060")
def test_entries_wait_for_the_log_no_longer_than_the_worker_was_told(plant: RecordPlant) -> None:
    worker = SiteWorker(plant.house, owner="w", lag=timedelta(seconds=0.5))
    worker.settle()
    plant.later(seconds=1)
    worker.settle()
    assert plant.ask(oldest_pending_age) is None
    equip(plant)
    assert not plant.ask(worker.is_needed)
    assert worker.round() == 0
    assert plant.ask(oldest_pending_age) == timedelta(0), "the entries of one act share a place"
    plant.later(seconds=0.5)
    assert plant.ask(worker.is_needed)
    assert worker.round() > 0
    assert plant.ask(oldest_pending_age) is None


def test_without_a_lag_every_entry_goes_into_the_log_at_once(plant: RecordPlant) -> None:
    worker = SiteWorker(plant.house, owner="w")
    equip(plant)
    assert plant.ask(worker.is_needed)
    worker.settle()
    assert plant.ask(oldest_pending_age) is None
