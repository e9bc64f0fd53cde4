"""Blocking a unit for a reason, and taking the block away (URS-EQP-020).

Who sees that a unit must not be used blocks it; the quality unit alone says that it may be used
again. A batch that has the unit already is not taken from it: that is decided at the batch.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from core.actors import Actor
from ebr import rules as record_rules
from hardware import equipment_commands as plant
from hardware import queries as units
from maintenance.errors import WorkNotInState
from personnel import permissions


def block_unit(session: Session, number: str, reason: str, *, by: Actor, at: datetime) -> None:
    """Nobody binds the unit to a batch until it is unblocked. Raises NotPermitted, ReasonNeeded,
    and WorkNotInState when it is blocked already."""
    permissions.require(session, by, "equipment.block")
    words = record_rules.need_reason(reason, "the block of a unit")
    known = units.equipment(session, number).blocked_reason
    if known is not None:
        raise WorkNotInState(f"{number} is blocked already: {known}", resolver="quality unit")
    plant.block(session, number, reason=words, by=by, at=at)


def unblock_unit(session: Session, number: str, reason: str, *, by: Actor, at: datetime) -> None:
    """The unit may be used again. Raises NotPermitted, ReasonNeeded, and WorkNotInState when it is
    not blocked."""
    permissions.require(session, by, "equipment.unblock")
    words = record_rules.need_reason(reason, "taking the block away")
    if units.equipment(session, number).blocked_reason is None:
        raise WorkNotInState(f"{number} is not blocked", resolver="nobody: it may be used")
    plant.unblock(session, number, reason=words, by=by, at=at)
