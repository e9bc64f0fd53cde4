"""Moving the clock of a demonstration site, with the cell and the gateway in step."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from app import cell, recording
from app.worker import SiteWorker
from core.actors import Actor
from core.house import House, moment
from core.settings import Settings
from hardware import democlock
from hardware.democlock import Advance, Step
from hardware.gateway import gateway_place
from hardware.gateway_control import GatewayClient


def advance(
    house: House,
    settings: Settings,
    to: datetime,
    *,
    reason: str,
    by: Actor,
    worker: SiteWorker | None = None,
    until: Callable[[], bool] | None = None,
) -> Advance:
    """Move to a site time, or until `until`; a worker given here does its rounds in step."""

    with (
        cell.known(settings).client() as simulators,
        GatewayClient(gateway_place(settings)) as link,
    ):
        return advance_with(
            house, simulators, link, to, reason=reason, by=by, worker=worker, until=until
        )


def advance_with(
    house: House,
    simulators: democlock.Simulators,
    link: democlock.Sweeper,
    to: datetime,
    *,
    reason: str,
    by: Actor,
    worker: SiteWorker | None = None,
    until: Callable[[], bool] | None = None,
) -> Advance:
    """As `advance`, with a cell and a gateway that are at hand."""
    steps = _Steps(house, link, worker, until)
    return democlock.advance(
        house,
        simulators,
        link,
        to,
        reason=reason,
        by=by,
        recording=lambda: steps.recorded,
        until=steps.tick,
    )


class _Steps:
    """What is done and asked at each step of the clock, in as few looks as possible."""

    def __init__(
        self,
        house: House,
        link: democlock.Sweeper,
        worker: SiteWorker | None,
        until: Callable[[], bool] | None,
    ) -> None:
        self._house = house
        self._link = link
        self._worker = worker
        self._until = until
        self._known: tuple[tuple[UUID, ...], frozenset[str]] = ((), frozenset())
        with house.reading() as session:
            self.recorded = self._recorded(session)

    def tick(self, step: Step) -> bool:
        """Let the worker do what is due; True when what was waited for has come."""
        if step.everything:
            self._forget()
        with self._house.reading() as session:
            worker = self._worker
            needed = worker is not None and worker.is_needed(session)
            self.recorded = self._recorded(session)
        if worker is not None and needed:
            self._work(worker, step)
        return self._until is not None and self._until()

    def _work(self, worker: SiteWorker, step: Step) -> None:
        # What follows may take any value: each must be of now.
        if not step.everything:
            self._link.sweep(step.at)
        worker.settle()
        self._forget()
        with self._house.reading() as session:
            self.recorded = self._recorded(session)

    def _forget(self) -> None:
        # A unit may have been bound anew, a condition begun to be watched.
        self._known = ((), frozenset())

    def _recorded(self, session: Session) -> Collection[str] | bool:
        """The devices that steps wait for; True for all, False while nothing waits."""
        steps = recording.waiting_steps(session)
        if not steps:
            return False
        if steps != self._known[0]:
            self._known = (steps, recording.devices_of(session, steps))
        return self._known[1] or True


def site_now(house: House) -> datetime:
    """The site's time now."""
    with house.reading() as session:
        return moment(session).site
