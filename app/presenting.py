"""Acts on the simulated plant, audited: who made the plant do what (DEMONSTRATION sites only)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.cell import Cell
from audit import trail
from audit.streams import SITE
from core.actors import Actor, ActorKind
from core.errors import Refusal
from core.house import House
from core.sites import SiteMode, the_site
from hardware.simulators.control import ControlRefused
from personnel import permissions

ACTS = frozenset(
    {"place", "remove", "tare", "start", "stop", "charge", "cut", "freeze", "restore", "set"}
)
NUMBERS = frozenset({"mass", "seconds", "value", "revolutions", "speed"})


class CannotPresent(Refusal):
    """The plant cannot be played like this."""

    rule = "plant.present"
    http_status = 422


def present(house: House, cell: Cell, act: str, arguments: Mapping[str, Any], *, by: Actor) -> str:
    """Let the simulated plant do something; answers what it did.

    Raises CannotPresent for an unknown act, a GMP site, or what the cell refuses; the act is
    recorded first, so that nothing happens unseen.
    """
    if act not in ACTS:
        raise CannotPresent(f"the plant knows no act {act}", resolver="the presenter page")
    given = {name: _plain(name, value) for name, value in arguments.items() if value != ""}
    house.perform(_record, act, given, by=by)
    try:
        with cell.client() as client:
            answer = getattr(client, act)(**given)
    except ControlRefused as refused:
        raise CannotPresent(str(refused), resolver=refused.resolver) from refused
    return f"{act}: {answer}" if answer else f"{act}: done"


def _plain(name: str, value: Any) -> Any:
    return float(value) if name in NUMBERS else value


def _record(
    session: Session, act: str, given: Mapping[str, Any], *, by: Actor, at: datetime
) -> None:
    if the_site(session).mode != SiteMode.DEMONSTRATION:
        raise CannotPresent("this is a GMP site", resolver="nobody: its plant is real")
    if by.kind is ActorKind.PERSON:
        permissions.require(session, by, "plant.present")
    facts = {"act": act, **{name: str(value) for name, value in given.items()}}
    with trail.act(session, "plant.played", stream=SITE, by=by, object=act, facts=facts):
        pass
