"""How the packages meet: step kinds, gate checks, reactions to events, jobs of the worker."""

from __future__ import annotations

from core.events import EventHandlers
from core.jobs import JobHandler
from ebr import automatic, holds, overtime
from ebr import handlers as record_handlers
from ebr.events import ExceptionRaised
from ebr.gates import Gates
from ebr.host import AUTOMATIC_JOB
from ebr.kinds import neutral, writing
from ebr.kinds.base import KindRegistry
from engine import handlers as engine_handlers
from hardware.events import LinkRestored, WriteReported

EXPECTED_CHECKS = {
    "batch.start": frozenset[str](),
    "recipe.make_effective": frozenset[str](),
    "equipment.bind": frozenset[str](),
    "lot.use": frozenset[str](),
    "release": frozenset[str](),
}


def kinds(registry: KindRegistry) -> None:
    """Every step kind that a recipe of this product may use."""
    neutral.register(registry)


def checks(gates: Gates) -> None:
    """Every check of every gate."""


def handlers(events: EventHandlers) -> None:
    """Who reacts to what, in this order, in the same transaction."""
    events.on(ExceptionRaised, record_handlers.hold_on_critical)
    events.on(LinkRestored, record_handlers.note_data_gap)
    events.on(WriteReported, writing.on_write_reported)


def jobs() -> dict[str, JobHandler]:
    """What the worker can do, by kind of job."""
    return {
        AUTOMATIC_JOB: automatic.on_automatic_step,
        holds.JOB_KIND: holds.on_due,
        overtime.OVERTIME_JOB: overtime.on_overtime,
        **engine_handlers.JOBS,
    }
