"""What ending a batch early means for its material: all of it stays, with its status (W5).

Dispensed portions wait for reconciliation or destruction, sources that stand at the batch go back
to store by hand, lots that the batch made wait in their status for the quality unit.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.orm import Session

from ebr.consequences import Consequence
from ebr.models import ProcedureRun
from inventory import queries
from inventory.models import ContainerState


def of_batch(session: Session, run: ProcedureRun) -> list[Consequence]:
    """Portions, opened sources and lots of a batch; nothing for other records."""
    if not run.stream.startswith("batch/"):
        return []
    return [*_portions(session, run), *_sources(session, run), *_lots(session, run)]


def _portions(session: Session, run: ProcedureRun) -> Iterator[Consequence]:
    for found in queries.containers_of_batch(session, run.number):
        if found.state != ContainerState.DISPENSED:
            continue
        net = "" if found.net is None else f" {found.net:f}"
        yield Consequence(
            area="material",
            what=f"{found.label}: {found.material} of lot {found.lot}{net}, dispensed",
            then="stays dispensed, for reconciliation or destruction",
        )


def _sources(session: Session, run: ProcedureRun) -> Iterator[Consequence]:
    for label in queries.sources_at_batch(session, run.number):
        found = queries.container(session, label)
        yield Consequence(
            area="material",
            what=f"{label} of lot {found.lot} stands at this batch",
            then="stays until stores bring it back",
        )


def _lots(session: Session, run: ProcedureRun) -> Iterator[Consequence]:
    for lot in queries.lots_of_batch(session, run.number):
        yield Consequence(
            area="lots",
            what=f"lot {lot.number} of {lot.material} is {lot.status}",
            then="is blocked until the quality unit decides"
            if lot.status == "released"
            else "stays so until the quality unit decides",
        )
