"""Moving the clock of a demonstration site, with the cell and the gateway in step."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select

from app import cell
from app.worker import SiteWorker
from core.actors import Actor
from core.house import House, moment
from core.settings import Settings
from ebr.models import ProcedureRun, RunState, StepRecord, StepState
from hardware import democlock
from hardware.democlock import Advance, Step
from hardware.gateway import gateway_place
from hardware.gateway_control import GatewayClient
from workflows.words import StepKind


def is_recording(house: House) -> bool:
    """Whether a running step waits for process values, whose trend must have its points."""
    with house.reading() as session:
        found = session.execute(
            select(StepRecord.id)
            .join(ProcedureRun, StepRecord.run_id == ProcedureRun.id)
            .where(
                StepRecord.kind == StepKind.WAIT.value,
                StepRecord.state == StepState.STARTED,
                ProcedureRun.state == RunState.RUNNING,
            )
            .limit(1)
        ).first()
        return found is not None


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

    def tick(step: Step) -> bool:
        if worker is not None and worker.is_needed():
            worker.settle()
        return until is not None and until()

    return democlock.advance(
        house,
        simulators,
        link,
        to,
        reason=reason,
        by=by,
        recording=lambda: is_recording(house),
        until=tick,
    )


def site_now(house: House) -> datetime:
    """The site's time now."""
    with house.reading() as session:
        return moment(session).site
