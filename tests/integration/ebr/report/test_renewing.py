"""Issued documents get time stamps, and new ones before the old run out; each is in the trail."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from documents.sealcheck import SealReport, check_seal
from documents.stamping import TimeAuthority
from ebr import issuing, renewing
from tests.integration.ebr.report.test_kinds import NoticeKind
from tests.support import tsauthority
from tests.support.records import RecordPlant

STREAM = "equipment/FBD-01"
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def house_of_time(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], TimeAuthority]:
    """Authorities by the days that their certificate holds."""

    def make(days: int) -> TimeAuthority:
        made = tsauthority.make(tmp_path_factory.mktemp(f"tsa{days}"), days=days)
        return TimeAuthority(made.ask, (made.root,))

    return make


def notice(plant: RecordPlant, authority: TimeAuthority | None) -> UUID:
    plant.house.services["document_kinds"] = {"notice": NoticeKind()}
    plant.house.services[issuing.AUTHORITY] = authority
    by = plant.person("P-107").actor
    return issuing.issue_document(plant.house, "notice", {"unit": "FBD-01"}, by=by)


def checked(plant: RecordPlant, document: UUID, *trusted: TimeAuthority) -> SealReport:
    data = plant.ask(issuing.current_file, document)
    roots = [root for authority in trusted for root in authority.roots]
    own = plant.house.services[issuing.SEAL_KEY].certificate_pem
    return check_seal(data, [own], authorities=roots)


def silent(_: bytes) -> bytes:
    raise OSError("nobody there")


@pytest.mark.urs("URS-REC-070", "URS-AUD-010")
def test_a_seal_whose_stamp_runs_out_is_renewed_as_a_new_issued_version(
    batch: RecordPlant, house_of_time: Any
) -> None:
    batch.later(hours=max(0, (datetime.now(UTC) - batch.house.clock.now()) // HOUR))
    short, long = house_of_time(30), house_of_time(3650)
    document = notice(batch, short)
    first = batch.ask(issuing.current_file, document)
    batch.house.services[issuing.AUTHORITY] = long
    assert renewing.renew_all(batch.house) == 1
    assert renewing.renew_all(batch.house) == 0
    found = checked(batch, document, short, long)
    assert found.time_proven
    assert len(found.stamped_at) == 2
    assert batch.ask(issuing.current_file, document).startswith(first)
    entry = batch.entries(STREAM)[-1]
    assert entry["action"] == "document.stamped"
    told = entry["facts"]
    newest = batch.ask(issuing.current_file, document)
    assert told["sha256"] == hashlib.sha256(newest).hexdigest()
    assert told["around_sha256"] == hashlib.sha256(first).hexdigest()
    # What was issued first is served as it was to who asks for the issue itself.
    assert batch.ask(issuing.document, document).data == first


def test_a_document_is_issued_while_the_authority_is_silent_and_stamped_later(
    batch: RecordPlant, house_of_time: Any
) -> None:
    good = house_of_time(3650)
    document = notice(batch, TimeAuthority(silent, good.roots))
    assert not checked(batch, document, good).time_proven
    assert renewing.renew_all(batch.house) == 0
    batch.house.services[issuing.AUTHORITY] = good
    batch.work()  # the job that the issue planned
    assert checked(batch, document, good).time_proven


def test_without_an_authority_nothing_is_planned_and_nothing_stamped(batch: RecordPlant) -> None:
    document = notice(batch, None)
    assert renewing.renew_all(batch.house) == 0
    assert checked(batch, document).time_words == "time stated by the site"
