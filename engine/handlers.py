"""Jobs of the engine: timers that have become due, signals that reach beyond their run."""

from __future__ import annotations

from uuid import UUID

from audit import trail
from audit.streams import Stream
from core import jobs
from core.actors import Actor
from core.house import House, moment
from core.jobs import Claim, JobHandler
from engine import commands
from engine.events import SIGNAL_JOB
from engine.subscriptions import TIMER_JOB


def fire_timer(house: House, claimed: Claim) -> None:
    """Fire the timer that this job stands for, exactly once (URS-EXE-070)."""
    record = Stream.parse(claimed.payload["record"])
    subscription = UUID(claimed.payload["subscription"])
    by = Actor.service("engine", trigger="timer")
    with house.transaction() as session:
        jobs.finish(session, claimed)
        if not commands.timer_waits(session, record, subscription, claimed.id):
            return
        with trail.act(session, "timer.fired", stream=record, by=by):
            commands.fire_timer(
                session, record, subscription, claimed.id, by=by, at=moment(session).site
            )


def deliver_signal(house: House, claimed: Claim) -> None:
    """Give a plant-wide signal of one run to another run that waited for it then."""
    record = Stream.parse(claimed.payload["record"])
    by = Actor.service("engine", trigger="signal")
    with house.transaction() as session:
        jobs.finish(session, claimed)
        with trail.act(session, "signal.reached", stream=record, by=by):
            commands.deliver_signal(
                session, record, claimed.payload["name"], by=by, at=moment(session).site
            )


JOBS: dict[str, JobHandler] = {TIMER_JOB: fire_timer, SIGNAL_JOB: deliver_signal}
"""What the worker does for the engine, by kind of job."""
