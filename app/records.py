"""What the pillars add to a record: facts of the order beside the product."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from ebr.models import ProcedureRun
from ebr.report.additions import Addition
from ebr.report.model import Pair
from production.models import Batch


def of_production(session: Session, run: ProcedureRun) -> Addition:
    """Order, day of manufacture and expiry of a batch; nothing for other records."""
    batch = session.scalars(select(Batch).where(Batch.number == run.number)).one_or_none()
    if batch is None:
        return Addition()
    facts = [Pair(name="Order", text=batch.order_number)]
    for name, day in (("Manufactured", batch.manufactured_on), ("Expiry", batch.expires_on)):
        if day is not None:
            facts.append(Pair(name=name, text=day.isoformat()))
    return Addition(facts=tuple(facts))
