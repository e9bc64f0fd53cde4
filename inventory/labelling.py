"""What stands on the labels of containers: data of the record, never typed for the label.

`documents.labels` turns the answers into a printed label (URS-MAT-040, URS-MAT-080).
"""

from __future__ import annotations

from datetime import UTC, datetime, time

from sqlalchemy.orm import Session

from documents.labels import DispensedContainer, GoodsContainer
from inventory import queries
from inventory.errors import LabelStateWrong
from inventory.models import Container


def dispensed(session: Session, label: str) -> DispensedContainer:
    """The label of a dispensed container. Raises LabelStateWrong when a part is not known."""
    found = queries.container(session, label)
    lot = queries.lot(session, found.lot)
    until = found.use_before or _end_of(session, found)
    net, tare, gross, at = found.net, found.tare, found.gross, found.filled_at
    if net is None or tare is None or gross is None or at is None or until is None:
        raise LabelStateWrong(
            f"label {label} lacks a weight, or the time to use it before",
            resolver="the people who weighed it",
        )
    return DispensedContainer(
        sscc=found.label,
        item_code=found.material,
        item_name=queries.material(session, found.material).name,
        lot=lot.number,
        net_kg=net,
        tare_kg=tare,
        gross_kg=gross,
        batch=found.batch or "",
        operation=found.step or "",
        number=found.number or 1,
        of=_of(session, found),
        weighed_by=found.filled_by or "",
        weighed_at=at,
        use_before=until,
        portion=found.portion or "",
    )


def goods(session: Session, label: str) -> GoodsContainer:
    """The label of a drum in stock, with what the ledger says it holds."""
    found = queries.container(session, label)
    lot = queries.lot(session, found.lot)
    day = queries.facts_of(lot).last_day
    if day is None:
        raise LabelStateWrong(f"lot {lot.number} has no expiry date", resolver="quality control")
    labels = [each.label for each in queries.containers_of(session, lot.number)]
    return GoodsContainer(
        sscc=found.label,
        item_code=found.material,
        item_name=queries.material(session, found.material).name,
        lot=lot.number,
        net_kg=queries.content_of(session, found),
        number=labels.index(found.label) + 1,
        of=len(labels),
        expiry=day,
        status=lot.status,
    )


def _of(session: Session, found: Container) -> int:
    """How many containers the batch has from that step so far."""
    together = queries.containers_of_batch(session, found.batch or "", step=found.step)
    return max(len(together), found.number or 1)


def _end_of(session: Session, found: Container) -> datetime | None:
    """The end of the lot's last day."""
    day = queries.facts_of(queries.lot(session, found.lot)).last_day
    return None if day is None else datetime.combine(day, time.max, tzinfo=UTC)
