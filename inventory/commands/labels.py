"""Labels: every copy is printed, reprinted, used and destroyed once, and counted (URS-MAT-080)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from audit import trail
from audit.streams import Stream
from core.actors import Actor
from ebr.rules import need_reason
from inventory import queries
from inventory.errors import LabelStateWrong
from inventory.models import LabelAct, LabelPrint
from personnel import permissions
from personnel import queries as people

PRINTS = (LabelAct.PRINTED, LabelAct.REPRINTED)
ENDS = (LabelAct.USED, LabelAct.DESTROYED)


def print_label(
    session: Session,
    label: str,
    template: str,
    *,
    record: str,
    step: str | None,
    by: Actor,
    at: datetime,
) -> None:
    """Count the first copy of a label, inside the act that fills the container."""
    session.add(
        LabelPrint(
            label=label,
            copy=1,
            act=LabelAct.PRINTED,
            template=template,
            record=record,
            step=step,
            at=at,
            by=by.id,
        )
    )
    session.flush()


def reprint_label(session: Session, label: str, *, reason: str, by: Actor, at: datetime) -> int:
    """Print a label once more, for a reason; answers the number of the copy."""
    permissions.require(session, by, "lot.label")
    words = need_reason(reason, "printing a label again")
    first = _first(session, label)
    copy = max(act.copy for act in queries.label_acts(session, label)) + 1
    with trail.act(
        session,
        "label.reprinted",
        stream=Stream.parse(first.record),
        by=by,
        object=label,
        reason=words,
    ):
        session.add(_next(first, copy, LabelAct.REPRINTED, by, at, reason=words))
    return copy


def use_label(session: Session, label: str, *, by: Actor, at: datetime) -> None:
    """The newest copy is on its container, inside the act that checks it."""
    first = _first(session, label)
    session.add(_next(first, _open_copies(session, label)[-1], LabelAct.USED, by, at))
    session.flush()


def destroy_label(
    session: Session, label: str, copy: int, *, reason: str, witness: str, by: Actor, at: datetime
) -> None:
    """Destroy one printed copy that is not on a container, before another person as witness."""
    permissions.require(session, by, "lot.label")
    words = need_reason(reason, "destroying a label")
    people.require_independent(session, witness, {by.id})
    first = _first(session, label)
    if copy not in _open_copies(session, label):
        raise _wrong(label, f"copy {copy} was used or destroyed already")
    with trail.act(
        session,
        "label.destroyed",
        stream=Stream.parse(first.record),
        by=by,
        object=label,
        reason=words,
        facts={"copy": str(copy), "witness": witness},
    ):
        session.add(_next(first, copy, LabelAct.DESTROYED, by, at, reason=words, witness=witness))


def _first(session: Session, label: str) -> LabelPrint:
    acts = queries.label_acts(session, label)
    if not acts:
        raise _wrong(label, "it was never printed")
    return acts[0]


def _open_copies(session: Session, label: str) -> list[int]:
    acts = queries.label_acts(session, label)
    ended = {act.copy for act in acts if act.act in ENDS}
    found = [act.copy for act in acts if act.act in PRINTS and act.copy not in ended]
    if not found:
        raise _wrong(label, "no copy of it is left")
    return found


def _next(
    first: LabelPrint,
    copy: int,
    act: LabelAct,
    by: Actor,
    at: datetime,
    *,
    reason: str | None = None,
    witness: str | None = None,
) -> LabelPrint:
    return LabelPrint(
        label=first.label,
        copy=copy,
        act=act,
        template=first.template,
        record=first.record,
        step=first.step,
        reason=reason,
        witness=witness,
        at=at,
        by=by.id,
    )


def _wrong(label: str, fact: str) -> LabelStateWrong:
    return LabelStateWrong(f"label {label}: {fact}", resolver="the person who holds the labels")
