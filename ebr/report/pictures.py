"""Photos of a record, for the pages: the files themselves, as they lie in the record."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from documents.pictures import KINDS
from ebr import queries
from ebr.models import Attachment
from ebr.report.model import RecordView


def of(session: Session, record: RecordView) -> dict[str, bytes]:
    """Every picture that was attached to a step, by its SHA-256."""
    wanted = {file.digest for file in record.attachments if file.media_type in KINDS}
    rows = session.scalars(
        select(Attachment)
        .where(
            Attachment.run_id == queries.run_of(session, record.number).id,
            Attachment.digest.in_(wanted),
        )
        .options(undefer(Attachment.data))
    )
    return {row.digest: queries.stored_file(row) for row in rows}
