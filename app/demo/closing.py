"""The end of the story: production review, certificate, quality review, release, proof."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import exporting
from app.demo import entries
from app.demo.entries import ticked
from app.demo.script import Script
from app.demo.stage import Stage, StoryBroken
from app.demo.wording import spec
from audit import trail, verifier
from audit.attempts import ACTION as REFUSED
from audit.streams import Stream
from core.types import to_json
from ebr import queries
from ebr.commands.exceptions import ExceptionReference, comment_exception
from ebr.entry import Entry
from ebr.models import ExceptionCase, ExceptionState, ProcedureRun, StepRecord, StepSignature
from inventory.models import Lot, StockTask
from maintenance.models import MaintenanceOrder
from quality import queries as quality
from quality.commands import release, reviews
from quality.commands.release import DecideBatch
from quality.commands.reviews import ItemDecision
from quality.models import Decision, ReviewKind

VOGEL, DUARTE, OKAFOR = "P-105", "P-106", "P-107"
COMMENTS = {
    "data_gap": "cable at the dryer was re-plugged, values before and after agree",
    "out_of_limit": "trend followed, next rounds were back at the centre",
    "late_verification": "second person was called away, charging seen on the camera",
    "manual_value": "no line to the scale; weights read from its display by two people",
    "hold_time": "the next machine was not free in time; material kept covered and cool",
    "event": "looked after at once; cause found and removed, the process went on",
}
DECISIONS = {
    "data_gap": "no effect on drying: temperature before and after the gap agree",
    "out_of_limit": "alert only, acceptance and registered limits were kept",
    "late_verification": "identity confirmed by label and by the camera, no effect on product",
    "manual_value": "both people signed for the weights; the balance of the lot agrees",
    "hold_time": "mass was cool and covered, drying and loss on drying were as usual",
    "event": "short, cause removed, results of the material are as usual",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the demo leaves: a summary, and whether its bundle verifies."""

    valid: bool
    lines: tuple[str, ...]


def close(stage: Stage) -> Outcome:
    """Review, release, issue, verify."""
    stage.say("Z   production review and certificate")
    production_review(stage)
    certificate(stage)
    stage.say("QA  review by exception and release")
    quality_review(stage)
    release_batch(stage)
    stage.say("    PDF and evidence bundle")
    stage.worker.settle()
    stage.sequence()
    exported = exporting.write(stage.house, stage.number, stage.settings.home / "out")
    valid, verdict = verify(exported.bundle, exported.trust)
    return Outcome(valid=valid, lines=(*summary(stage), *exported.lines(), *verdict))


def production_review(stage: Stage, key: str = "Z040") -> None:
    """Every exception has its comment; the supervisor signs the review, at the step `key`."""
    for number, type_ in stage.ask(_open_exceptions, stage.record):
        stage.acting(VOGEL).do(
            comment_exception,
            ExceptionReference(record=stage.record, number=number),
            stage.script.told.get(type_, COMMENTS[type_]),
            record=stage.record,
        )
    stage.do(VOGEL, key, ticked(spec(stage, key)))


def _open_exceptions(session: Session, record: str) -> list[tuple[int, str]]:
    run = queries.run_of(session, record)
    return [(case.number, case.type) for case in queries.undecided(session, run)]


def certificate(stage: Stage) -> None:
    """Z050: the certificate of analysis, values and file."""
    certified = entries.certificate(stage.number)
    values = entries.typed(**certified).values
    file = entries.printout("certificate-of-analysis", to_json(certified))
    stage.do(DUARTE, "Z050", Entry(values=values, files={"certificate": file}))


def quality_review(stage: Stage) -> None:
    """Each open exception is decided with reason; the audit trail is reviewed; both signed."""
    okafor = stage.acting(OKAFOR)
    okafor.do(reviews.start_review, stage.number, ReviewKind.QUALITY, record=stage.record)
    for number, type_ in stage.ask(_open_exceptions, stage.record):
        okafor.sign(
            reviews.decide_item,
            ItemDecision(
                record=stage.number,
                exception=number,
                decision=_decision(stage.script),
                reason=stage.script.judged.get(type_, DECISIONS[type_]),
            ),
            meaning="reviewed",
            record=stage.record,
        )
    okafor.sign(
        reviews.review_audit_trail,
        stage.number,
        "corrections, refused attempts and late acts seen; nothing open",
        meaning="reviewed",
        record=stage.record,
    )
    okafor.sign(
        reviews.finish_review,
        stage.number,
        ReviewKind.QUALITY,
        "all exceptions decided, record complete",
        meaning="reviewed",
        record=stage.record,
    )


def _decision(script: Script) -> str:
    return "accepted" if script.rejected_because is None else "not_accepted"


def reject_batch(stage: Stage, reason: str) -> None:
    """The quality unit rejects the batch; its lot is blocked."""
    stage.sequence()
    stage.acting(OKAFOR).sign(
        release.decide_batch,
        DecideBatch(record=stage.number, decision=Decision.REJECT, reason=reason),
        meaning="rejected",
        record=stage.record,
    )


def release_batch(stage: Stage) -> None:
    """The quality unit releases the batch: bulk tablets for packaging, packed ones as they are."""
    stage.sequence()
    stage.acting(OKAFOR).sign(
        release.decide_batch,
        DecideBatch(
            record=stage.number,
            decision=stage.ask(_release_of, stage.record),
            reason="record reviewed, specification met",
        ),
        meaning="approved",
        record=stage.record,
    )
    for lot, status in stage.ask(_lots_made, stage.number):
        if status != "released":
            raise StoryBroken(f"lot {lot} is not released")


def _release_of(session: Session, record: str) -> Decision:
    return quality.release_of(session, queries.run_of(session, record))


def _lots_made(session: Session, batch: str) -> list[tuple[str, str]]:
    rows = session.execute(select(Lot.number, Lot.status).where(Lot.batch == batch))
    return [(number, status) for number, status in rows]


def verify(bundle: Path, trust: Path) -> tuple[bool, Sequence[str]]:
    """Run the stand-alone verifier as an auditor would: a bare Python, nothing of ours."""
    command = [sys.executable, "-I", "-S", verifier.__file__, str(bundle), "--trust", str(trust)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    told = [line for line in done.stdout.splitlines() if line.strip()]
    return done.returncode == 0, told[:1] + told[-3:] if told else [done.stderr.strip()]


def summary(stage: Stage) -> tuple[str, ...]:
    """What an auditor would count."""
    found: tuple[str, ...] = stage.ask(_summary, stage.record)
    return found


def _summary(session: Session, record: str) -> tuple[str, ...]:
    run = queries.run_of(session, record)
    cases = queries.exceptions(session, run)
    still_open = sum(case.state == ExceptionState.OPEN for case in cases)
    return (
        f"batch {run.number} {run.code} {run.version_label}: {run.state}",
        f"signed acts {signed_acts(session, run)}, exceptions {len(cases)} ({_kinds(cases)}),"
        f" open {still_open}",
        f"refused attempts {refused(session, record)},"
        f" maintenance orders {_count(session, MaintenanceOrder)},"
        f" stock tasks {_count(session, StockTask)}",
    )


def _kinds(cases: Sequence[ExceptionCase]) -> str:
    return ", ".join(f"{case.severity} {case.type.replace('_', ' ')}" for case in cases)


def signed_acts(session: Session, run: ProcedureRun) -> int:
    """Signatures on steps of the run, superseded ones included."""
    return (
        session.scalar(
            select(func.count())
            .select_from(StepSignature)
            .join(StepRecord, StepRecord.id == StepSignature.step_id)
            .where(StepRecord.run_id == run.id)
        )
        or 0
    )


def refused(session: Session, record: str) -> int:
    """Refused attempts in the stream of the record."""
    entries_ = trail.entries(session, Stream.parse(record))
    return sum(entry.action == REFUSED for entry in entries_)


def _count(session: Session, table: type[MaintenanceOrder] | type[StockTask]) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0
