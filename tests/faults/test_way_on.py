"""Blocked states show a way on: every refusal of the demonstration batch, and everything that held
it, is walked from the words that were said to the act that resolved it (promise 5)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from audit import trail
from audit.streams import Stream
from core.jobs import Job
from ebr import queries
from ebr.models import ExceptionCase, RunState
from tests.support import faultreport
from tests.support.faultcheck import Findings
from tests.support.story import RECORD, Played

Entry = dict[str, Any]
WAYS = ("step.started", "step.performed", "weight.taken")
"""Acts with which the work goes on where it was refused."""


def unresolved(entries: list[Entry]) -> Iterator[str]:
    """Refused attempts that say too little, or after which nobody went on as they said."""
    for place, entry in enumerate(entries):
        if entry["action"] != "attempt.refused":
            continue
        facts = entry["facts"]
        if not (facts["rule"] and facts["fact"] and facts["resolver"]):
            yield f"{entry['rseq']} does not explain itself"
        later = (e for e in entries[place + 1 :] if e["action"] != "attempt.refused")
        if not _resolves(entry, next(later, None)):
            yield f"{entry['rseq']} was not resolved: {facts['fact']}"


def _resolves(refused: Entry, done: Entry | None) -> bool:
    """The next act is by who was named, or by the same person without what was refused."""
    if done is None or done["action"] not in WAYS:
        return False
    facts = refused["facts"]
    if done["actor"]["id"] != refused["actor"]["id"]:
        return done["actor"]["id"] in facts["resolver"]
    used = json.dumps([done["facts"], done["changes"]])
    return not any(detail["value"] in used for detail in facts["details"])


def batch_entries(story: Played) -> list[Entry]:
    """The entries of the batch, in order."""
    with story.house.reading() as session:
        return [entry.data for entry in trail.entries(session, Stream.parse(RECORD))]


@pytest.mark.urs("URS-AUD-010", "URS-EXE-090")
def test_every_refusal_of_the_demo_names_a_way_on_that_somebody_went(story: Played) -> None:
    entries = batch_entries(story)
    refused = [entry for entry in entries if entry["action"] == "attempt.refused"]
    found = Findings(broken=list(unresolved(entries)))
    faultreport.tell("way-on", found, runs=len(refused))
    assert len(refused) == len(story.refusals)
    assert not found.any, found


def test_a_refusal_that_nobody_resolved_is_found(story: Played) -> None:
    entries = batch_entries(story)
    last = max(n for n, entry in enumerate(entries) if entry["action"] == "attempt.refused")
    found = list(unresolved(entries[: last + 1]))
    faultreport.tell_control("way-on", "the record ends with a refusal", f"{len(found)} found")
    assert found[-1].startswith(f"{entries[last]['rseq']} was not resolved")


@pytest.mark.urs("URS-DEV-020")
def test_nothing_that_held_the_demo_batch_still_holds_it(story: Played) -> None:
    with story.house.reading() as session:
        run = queries.run_of(session, RECORD)
        cases: list[ExceptionCase] = queries.exceptions(session, run)
        held = [case for case in cases if case.severity in ("major", "critical")]
        assert run.state == RunState.COMPLETE
        assert queries.open_steps(session, run) == []
        assert [case.number for case in held if not case.released] == []
        assert held, "something did hold it"
        assert queries.undecided(session, run) == []
        assert session.scalars(select(Job.kind).where(Job.state == "dead")).all() == []
