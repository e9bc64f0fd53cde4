"""What only the whole house can compare: files, stock, alarms and trends with what the record says.

The trail proves rows. Four things lie beside it: bytes that a row names by their digest, stock
balances that follow from movements, jobs that ring at the end of a wait, and samples of the
historian behind a trend. Nobody may change one of them unseen (URS-REC-110, URS-AUD-060).
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, LargeBinary, Table, select, true
from sqlalchemy.orm import Session, undefer

from audit.report import Report
from core.db import mappers, site_of
from core.jobs import Job
from ebr import holds
from ebr import queries as records
from ebr.models import Attachment, HoldTime, RunState
from ebr.report.trends import MEDIA_TYPE
from engine.models import Subscription
from engine.subscriptions import TIMER
from hardware import queries as plant
from hardware.series import Point
from inventory import ledger

DIGEST_OF = {"data": "digest", "content": "content_digest"}
"""Bytes that the trail holds by their SHA-256 only, and the column that names it."""
A_FEW = 20
SHARE = 100
OPEN = (RunState.RUNNING, RunState.HELD)


def check(session: Session, report: Report) -> None:
    """Compare all four; each difference is a problem of the report, with its place."""
    check_contents(session, report)
    _check_stock(session, report)
    _check_alarms(session, report)
    _check_trends(session, report)


def check_often(session: Session, report: Report, *, chance: random.Random) -> None:
    """What every verification of new entries compares, too: stock, alarms, the files of runs that
    are open, and one in `SHARE` of all others, which nobody knows before."""
    _check_stock(session, report)
    _check_alarms(session, report)
    for run in records.runs(session, states=OPEN):
        check_contents(session, report, run=run.id)
    left = 0
    for table, data, digest in stored_contents():
        query = select(table.c.id).where(table.c.site_id == site_of(session)).order_by(table.c.id)
        known = list(session.scalars(query))
        some = chance.sample(known, -(-len(known) // SHARE))
        left += len(known) - len(some)
        _check_bytes(session, report, table, data, digest, table.c.id.in_(some))
    report.not_checked.append(
        f"{left} files of runs that may have ended, and the samples behind trends: verify the"
        " whole site"
    )


def check_contents(session: Session, report: Report, *, run: UUID | None = None) -> None:
    """Stored files have the digest that their sealed rows name; with `run`, those of a run only."""
    for table, data, digest in stored_contents():
        if run is None:
            _check_bytes(session, report, table, data, digest, true())
        elif "run_id" in table.c:
            _check_bytes(session, report, table, data, digest, table.c.run_id == run)


def stored_contents() -> Iterator[tuple[Table, Column[Any], Column[Any]]]:
    """Every secret column of bytes with the column that holds its digest."""
    for mapper in mappers():
        table = mapper.local_table
        for name in sorted(mapper.class_.__secret_columns__ & DIGEST_OF.keys()):
            if isinstance(table, Table) and isinstance(table.c[name].type, LargeBinary):
                yield table, table.c[name], table.c[DIGEST_OF[name]]


def _check_bytes(
    session: Session,
    report: Report,
    table: Table,
    data: Column[Any],
    digest: Column[Any],
    which: ColumnElement[bool],
) -> None:
    query = select(table.c.id, data, digest, table.c.digest.label("whole"))
    query = query.where(table.c.site_id == site_of(session), which).order_by(table.c.id)
    for row_id, stored, named, whole in session.execute(query.execution_options(yield_per=A_FEW)):
        # A bundle has its content inside: the digest of the whole file stands for both.
        if named == whole and data.name != "data":
            continue
        if hashlib.sha256(stored or b"").hexdigest() != named:
            place = f"table {table.name}, row {row_id}"
            report.add(place, f"{data.name} is not the file with the digest {named}")


def _check_stock(session: Session, report: Report) -> None:
    for told in ledger.unbalanced(session):
        report.add("stock", f"a movement does not balance: {told}")
    for told in ledger.differences(session):
        report.add("stock", f"a balance is not the sum of its movements: {told}")


def _check_alarms(session: Session, report: Report) -> None:
    """Who waits for a time still has the job that rings then, and at that time."""
    waits = [*_hold_times(session), *_timers(session)]
    known = {
        job.id: job
        for job in session.scalars(select(Job).where(Job.id.in_([wait[1] for wait in waits])))
    }
    for place, job_id, due in waits:
        job = known.get(job_id)
        if job is None or job.state == "cancelled":
            report.add(place, "the job that rings when its time is over is gone")
        elif job.state == "waiting" and job.due_at != due:
            report.add(place, f"its job rings at {job.due_at}, it is over at {due}")


def _hold_times(session: Session) -> Iterator[tuple[str, UUID, datetime]]:
    query = select(HoldTime).where(
        HoldTime.site_id == site_of(session),
        HoldTime.ended_at.is_(None),
        HoldTime.exceeded.is_(False),
    )
    for row in session.scalars(query.order_by(HoldTime.id)):
        if row.job_id is not None and row.due_at is not None:
            yield f"hold time {row.name}, row {row.id}", row.job_id, row.due_at + holds.AFTER


def _timers(session: Session) -> Iterator[tuple[str, UUID, datetime]]:
    query = select(Subscription).where(
        Subscription.site_id == site_of(session),
        Subscription.kind == TIMER,
        Subscription.state == "open",
    )
    for row in session.scalars(query.order_by(Subscription.id)):
        if row.job_id is not None and row.due_at is not None:
            yield f"timer {row.element} at {row.host_path}", row.job_id, row.due_at


def _check_trends(session: Session, report: Report) -> None:
    """The samples behind each sealed trend still say what the trend says.

    Samples may have come in late since, so more of them is no problem.
    """
    query = select(Attachment).where(
        Attachment.site_id == site_of(session), Attachment.media_type == MEDIA_TYPE
    )
    for file in session.scalars(query.order_by(Attachment.id).options(undefer(Attachment.data))):
        if hashlib.sha256(file.data).hexdigest() == file.digest:
            _check_trend(session, file.name, json.loads(file.data), report)


def _check_trend(session: Session, name: str, body: Any, report: Report) -> None:
    if not isinstance(body, dict) or not {"tag", "points", "from", "to"} <= body.keys():
        return
    told = [(datetime.fromisoformat(at), value) for at, value in body["points"]]
    start = min((at for at, _ in told), default=datetime.fromisoformat(body["from"]))
    until = datetime.fromisoformat(body["to"]) + timedelta(microseconds=1)
    kept = plant.historian(session).points(body["tag"], start, until)
    if told and not kept:
        report.not_checked.append(f"{name}: the historian has no samples of that time any more")
        return
    for at, value in _differing(told, kept):
        place = f"historian, tag {body['tag']} at {at.isoformat()}"
        report.add(place, f"it no longer has the value {value} that the sealed {name} has")


def _differing(
    told: Iterable[tuple[datetime, str | None]], kept: Iterable[Point]
) -> list[tuple[datetime, str | None]]:
    samples = {(point.at, point.value) for point in kept}
    return [
        (at, value)
        for at, value in told
        if (at, None if value is None else Decimal(value)) not in samples
    ]
