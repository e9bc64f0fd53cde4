"""What lets a held batch go on, as pages show it: the act, and who can do it now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from core.house import moment
from ebr import goingon
from ebr.goingon import NextAct
from ebr.models import ExceptionCase, ProcedureRun
from engine.detours import Way
from personnel import queries as people
from web import identity
from web.i18n import gettext as _


@dataclass(frozen=True, slots=True, kw_only=True)
class NextView:
    """One thing to be done so that the batch goes on, with who can do it."""

    act: str
    case: ExceptionCase | None
    ways: Sequence[tuple[str, str]]
    proposed: str
    proposed_by: str
    because: str
    refusable: bool
    """Whether the proposal may be refused: the recipe leads on without it."""
    people: Sequence[str]
    mine: bool

    @property
    def words(self) -> str:
        """What is to be done, in one line."""
        if self.act == "restart" or self.case is None:
            return _("Restart the batch")
        if self.act == "propose":
            return _("Say how it goes on: %(fact)s", fact=self.case.text)
        if self.act == "end":
            return _("Stop or abort the batch: %(fact)s", fact=self.case.text)
        return _("Decide about exception %(n)s: %(fact)s", n=self.case.number, fact=self.case.text)


def next_views(session: Session, run: ProcedureRun) -> list[NextView]:
    """What lets the batch go on, each with the people who can do it now."""
    return [
        _view(session, each) for each in goingon.next_acts(session, run, at=moment(session).site)
    ]


def _view(session: Session, each: NextAct) -> NextView:
    proposal = (each.case and goingon.proposal_of(each.case)) or {}
    by = people.find(session, proposal["by"]) if proposal else None
    return NextView(
        act=each.act.value,
        case=each.case,
        ways=[(way.name, _way_words(way)) for way in each.blockage.ways] if each.blockage else (),
        proposed=proposal.get("label", ""),
        proposed_by=by.name if by else "",
        because=proposal.get("reason", ""),
        refusable=each.case is not None and goingon.is_open_proposal(each.case),
        people=people.people_who_can(session, each.permission),
        mine=identity.may(each.permission),
    )


def _way_words(way: Way) -> str:
    if way.element is None:
        return _("end “%(name)s” here; what comes after it follows", name=way.label)
    return _("go on at: %(name)s", name=way.label)
