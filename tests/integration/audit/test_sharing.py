"""Several processes find what one finds (URS-REC-110)."""

from __future__ import annotations

from typing import Any

import pytest

from audit import trail
from audit.keys import KeyBook, SiteKeys
from audit.report import Report
from audit.sequencer import sequence_pending
from audit.sharing import Processes, shared
from audit.streams import Stream
from core.house import House
from tests.integration.audit.conftest import OPERATOR
from tests.integration.audit.test_verifying import (  # noqa: F401 -- fixtures among them
    attack,
    book,
    kept,
    site_keys,
    site_report,
)

EDITS = {
    "row": "UPDATE sample_kettle SET state = 'CLEAN'",
    "entry": "UPDATE entry SET actor = 'P-109' WHERE rec = 'lot/L-1' AND rseq = 1",
    "gap": "DELETE FROM entry WHERE rec = 'lot/L-1' AND rseq = 1",
    "signature": "UPDATE signature SET reason = 'another'",
}


def told(report: Report) -> tuple[Any, ...]:
    """What a report says, whoever found it first."""
    found = sorted(map(str, report.problems)), sorted(report.not_checked)
    return *found, report.streams, report.entries, report.signatures, report.rows, report.logged


def by_two(house: House, book: KeyBook) -> Report:  # noqa: F811
    return site_report(house, book, streams=Processes(house.database.url, 2))


def test_two_processes_count_what_one_counts(kept: House, book: KeyBook) -> None:  # noqa: F811
    report = by_two(kept, book)
    assert report.ok
    assert report.streams == 3
    assert told(report) == told(site_report(kept, book))


@pytest.mark.urs("URS-REC-110")
@pytest.mark.parametrize("edit", EDITS)
def test_two_processes_find_what_one_finds(
    kept: House,  # noqa: F811
    book: KeyBook,  # noqa: F811
    database_url: str,
    edit: str,
) -> None:
    attack(database_url, EDITS[edit])
    report = by_two(kept, book)
    assert not report.ok
    assert told(report) == told(site_report(kept, book))


def test_what_is_written_meanwhile_is_left_to_the_next_verification(
    kept: House,  # noqa: F811
    book: KeyBook,  # noqa: F811
    site_keys: SiteKeys,  # noqa: F811
) -> None:
    processes = Processes(kept.database.url, 2)

    def later(*given: Any) -> Any:
        for stream in (Stream("lot", "L-1"), Stream("lot", "L-2")):
            with (
                kept.transaction() as session,
                trail.act(session, "lot.looked_at", stream=stream, by=OPERATOR),
            ):
                pass
        sequence_pending(kept, site_keys)
        return processes(*given)

    assert site_report(kept, book, streams=later).ok


def test_the_longest_streams_are_dealt_out_first() -> None:
    lengths = {"site": 50, "batch/B-1": 40, "batch/B-2": 30, "lot/L-1": 20}
    assert shared(lengths, 2) == [
        {"site": 50, "lot/L-1": 20},
        {"batch/B-1": 40, "batch/B-2": 30},
    ]
    assert shared({"site": 1}, 4) == [{"site": 1}]
