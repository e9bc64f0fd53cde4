"""What higher packages add to a record: facts for its header and tables of their own.

`ebr` does not know deviations, lots or reviews. Whoever does registers a function in the house's
service ``record_additions``; it is asked each time a record is shown, in the same session.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from ebr.models import ProcedureRun
from ebr.report.model import SectionView
from ebr.report.stepmodel import Pair

SERVICE = "record_additions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """Header facts and sections of one package."""

    facts: tuple[Pair, ...] = ()
    sections: tuple[SectionView, ...] = ()


Adds = Callable[[Session, ProcedureRun], Addition]


def of(session: Session, run: ProcedureRun) -> list[Addition]:
    """What the packages of this house add, in the order of their registration."""
    registered: Sequence[Adds] = session.info["services"].get(SERVICE, ())
    return [add(session, run) for add in registered]
