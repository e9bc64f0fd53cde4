"""The condition of a release that only the whole house can judge: the record proves itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from app import crosscheck, keybook
from audit import standing
from audit.streams import Stream
from audit.verifiedmodels import Verification
from audit.verifying import verify_record
from core.house import service
from ebr import queries as records
from ebr.gates import Condition, Gates


def register(gates: Gates) -> None:
    """Add the check to the gate of the release."""
    gates.register("release", "verification", record_verifies)


def record_verifies(session: Session, facts: Mapping[str, Any]) -> list[Condition]:
    """Chain, signatures, rows and files of the record hold, and no failed verification of the site
    that may concern it stands (URS-REL-030, URS-REC-110).

    The evidence names counts only, so that it is the same when shown and when signed.
    """
    run = records.run_of(session, facts["record"])
    book = keybook.of_site(session, service(session, "site_keys"))
    report = verify_record(session, Stream.parse(run.stream), book)
    crosscheck.check_contents(session, report, run=run.id)
    alarm = standing.alarm(session)
    if report.ok and alarm is not None and standing.concerns(alarm, run.stream):
        return [_alarmed(alarm)]
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


def _alarmed(alarm: Verification) -> Condition:
    first = alarm.problems[0]
    return Condition(
        rule="release.verification",
        met=False,
        fact=(
            f"the verification of the site found {alarm.count} problems:"
            f" {first['place']}: {first['what']}"
        ),
        resolver="quality unit and administrator, with the incident, then a whole verification",
    )
