"""The condition of a release that only the whole house can judge: the record proves itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from app import keybook
from audit.streams import Stream
from audit.verifying import verify_record
from core.house import service
from ebr import queries as records
from ebr.gates import Condition, Gates


def register(gates: Gates) -> None:
    """Add the check to the gate of the release."""
    gates.register("release", "verification", record_verifies)


def record_verifies(session: Session, facts: Mapping[str, Any]) -> list[Condition]:
    """Chain, signatures and rows of the record hold (URS-REL-030).

    The evidence names counts only, so that it is the same when shown and when signed.
    """
    run = records.run_of(session, facts["record"])
    book = keybook.of_site(session, service(session, "site_keys"))
    report = verify_record(session, Stream.parse(run.stream), book)
    if report.ok:
        fact = f"the record verifies: {report.entries} entries, {report.signatures} signatures"
        return [Condition(rule="release.verification", met=True, fact=fact)]
    first = str(report.problems[0])
    return [
        Condition(
            rule="release.verification",
            met=False,
            fact=f"the record does not verify ({len(report.problems)} problems): {first}",
            resolver="quality unit and administrator, with an incident",
        )
    ]
