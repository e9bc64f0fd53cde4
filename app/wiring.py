"""How the packages meet: step kinds, gate checks, reactions to events, jobs of the worker."""

from __future__ import annotations

from app import between_pillars, clockincident, scheduledverification, verification
from app.backup import scheduled
from audit import standing
from core.events import EventHandlers
from core.jobs import JobHandler
from ebr import automatic, bundle, holds, issuing, overtime, packages, renewing
from ebr import handlers as record_handlers
from ebr.events import ExceptionRaised, RunEnded, RunStarted, StepCompleted, ValueCorrected
from ebr.gates import Gates
from ebr.host import AUTOMATIC_JOB
from ebr.kinds import neutral, writing
from ebr.kinds.base import KindRegistry
from ebr.printables import DocumentKind
from ebr.report.trailreport import TrailReport
from engine import handlers as engine_handlers
from hardware.events import (
    CounterOverLimit,
    EquipmentStatusChanged,
    LinkRestored,
    WriteReported,
)
from inventory import checks as inventory_checks
from inventory import handlers as inventory_handlers
from inventory.kinds import registering as inventory_kinds
from maintenance import checks as maintenance_checks
from maintenance import expiry
from maintenance import handlers as maintenance_handlers
from maintenance.commands import cleaning_runs
from maintenance.events import CalibrationFailed, UnitCleaned
from maintenance.logbook import Logbook
from production.masterrecipe import MasterRecipe
from production.register import BatchRegister
from quality import checks as quality_checks
from quality import handlers as quality_handlers
from quality.events import (
    BatchRejected,
    BatchReleased,
    BatchUnderReassessment,
    DeviationWasClosed,
)
from quality.exceptionreport import ExceptionReport
from quality.kinds import registering as quality_kinds

EXPECTED_CHECKS = {
    "batch.start": frozenset({"rooms", "equipment", "materials"}),
    "recipe.make_effective": frozenset[str](),
    "step.start": frozenset({"clearance"}),
    "equipment.bind": frozenset({"maintenance", "cleaning"}),
    "lot.use": frozenset({"lot"}),
    "release": frozenset({"record", "independence", "verification", "labels"}),
}


def kinds(registry: KindRegistry) -> None:
    """Every step kind that a recipe of this product may use."""
    neutral.register(registry)
    quality_kinds.register(registry)
    inventory_kinds.register(registry)


def checks(gates: Gates) -> None:
    """Every check of every gate."""
    quality_checks.register(gates)
    inventory_checks.register(gates)
    maintenance_checks.register(gates)
    verification.register(gates)


def handlers(events: EventHandlers) -> None:
    """Who reacts to what, in this order, in the same transaction."""
    events.on(ExceptionRaised, record_handlers.hold_on_critical)
    events.on(ExceptionRaised, quality_handlers.open_deviation_on_critical)
    events.on(ExceptionRaised, quality_handlers.note_new_exception)
    events.on(ValueCorrected, quality_handlers.note_correction)
    events.on(ValueCorrected, quality_handlers.follow_corrected_disposition)
    events.on(BatchReleased, between_pillars.batch_was_released)
    events.on(BatchRejected, between_pillars.batch_was_rejected)
    events.on(BatchUnderReassessment, between_pillars.batch_is_reassessed)
    events.on(RunStarted, clockincident.mark_started_record)
    events.on(StepCompleted, maintenance_handlers.log_shared_use)
    events.on(StepCompleted, maintenance_handlers.soil_where_dirty_hold_starts)
    events.on(RunEnded, maintenance_handlers.give_units_free)
    events.on(RunEnded, cleaning_runs.end_cleaning)
    events.on(RunEnded, inventory_handlers.block_lots_of_ended_batch)
    events.on(CounterOverLimit, maintenance_handlers.order_inspection)
    events.on(CounterOverLimit, between_pillars.tell_recipe_of_counter)
    events.on(EquipmentStatusChanged, maintenance_handlers.watch_clean_hold)
    events.on(CalibrationFailed, between_pillars.open_deviation_on_failed_calibration)
    events.on(DeviationWasClosed, clockincident.end_doubt)
    events.on(UnitCleaned, between_pillars.end_dirty_holds)
    events.on(StepCompleted, inventory_handlers.on_step_completed)
    events.on(LinkRestored, record_handlers.note_data_gap)
    events.on(WriteReported, writing.on_write_reported)


def document_kinds() -> dict[str, DocumentKind]:
    """What is issued besides the records themselves, by name."""
    made: list[DocumentKind] = [
        BatchRegister(),
        ExceptionReport(),
        Logbook(),
        MasterRecipe(),
        TrailReport(),
    ]
    return {kind.name: kind for kind in made}


def jobs() -> dict[str, JobHandler]:
    """What the worker can do, by kind of job."""
    return {
        AUTOMATIC_JOB: automatic.on_automatic_step,
        expiry.CLEAN_HOLD_JOB: expiry.on_clean_hold_due,
        holds.JOB_KIND: holds.on_due,
        overtime.OVERTIME_JOB: overtime.on_overtime,
        issuing.ISSUE_JOB: issuing.on_issue,
        issuing.RENEW_JOB: renewing.on_renew,
        bundle.EXPORT_JOB: bundle.on_export,
        standing.VERIFY_JOB: scheduledverification.on_verify,
        packages.PACKAGE_JOB: packages.on_package,
        **scheduled.JOBS,
        **engine_handlers.JOBS,
    }
