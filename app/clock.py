"""Moving the clock of a demonstration site, with the cell and the gateway in step."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime

from sqlalchemy.orm import Session

from app import cell, recording
from app.worker import SiteWorker
from core.actors import Actor
from core.house import House, moment
from core.settings import Settings
from ebr import awaited
from hardware import democlock
from hardware.democlock import Advance, Step
from hardware.gateway import gateway_place
from hardware.gateway_control import GatewayClient

State = tuple[awaited.Key, ...]


def advance(
    house: House,
    settings: Settings,
    to: datetime,
    *,
    reason: str,
    by: Actor,
    worker: SiteWorker | None = None,
    until: Callable[[], bool] | None = None,
    telling: Callable[[], object] | None = None,
) -> Advance:
    """Move to a site time, or until `until`; a worker given here does its rounds in step.

    `until` asks the records of running batches: it is asked again only when something was done on
    one of them. `telling` is called at each step.
    """
    with (
        cell.known(settings).client() as simulators,
        GatewayClient(gateway_place(settings)) as link,
    ):
        return advance_with(
            house,
            simulators,
            link,
            to,
            reason=reason,
            by=by,
            worker=worker,
            until=until,
            telling=telling,
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
    telling: Callable[[], object] | None = None,
) -> Advance:
    """As `advance`, with a cell and a gateway that are at hand."""
    steps = _Steps(house, link, worker, until, telling)
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
    """What is done and asked at each step of the clock, in as few looks as possible.

    Steps, bound units and watched conditions change only in acts on the record of a batch, so
    they are worked out anew only when a record has moved.
    """

    def __init__(
        self,
        house: House,
        link: democlock.Sweeper,
        worker: SiteWorker | None,
        until: Callable[[], bool] | None,
        telling: Callable[[], object] | None,
    ) -> None:
        self._house = house
        self._link = link
        self._worker = worker
        self._until = until
        self._telling = telling
        self._asked: State | None = None
        with house.reading() as session:
            self._state = awaited.state(session)
            self.recorded = _recorded(session)

    def tick(self, step: Step) -> bool:
        """Let the worker do what is due; True when what was waited for has come."""
        if self._telling is not None:
            self._telling()
        with self._house.reading() as session:
            worker = self._worker
            needed = worker is not None and worker.is_needed(session)
            self._look(session)
        if worker is not None and needed:
            self._work(worker, step)
        return self._has_come()

    def _work(self, worker: SiteWorker, step: Step) -> None:
        # What follows may take any value: each must be of now.
        if not step.everything:
            self._link.sweep(step.at)
        worker.settle()
        with self._house.reading() as session:
            self._look(session)

    def _look(self, session: Session) -> None:
        state = awaited.state(session)
        if state != self._state:
            self._state, self.recorded = state, _recorded(session)

    def _has_come(self) -> bool:
        if self._until is None or self._asked == self._state:
            return False
        self._asked = self._state
        return self._until()


def _recorded(session: Session) -> Collection[str] | bool:
    """The devices that steps wait for; True for all, False while nothing waits."""
    steps = recording.waiting_steps(session)
    return recording.devices_of(session, steps) or True if steps else False


def site_now(house: House) -> datetime:
    """The site's time now."""
    with house.reading() as session:
        return moment(session).site
