"""Refusals of the record, each with its rule (promise 5: every refusal explains itself)."""

from __future__ import annotations

from core.errors import Invalid, NotFound, NotPermitted, Refusal, Stale


class NoSuchRun(NotFound):
    """There is no record of that number."""

    rule = "record.unknown"


class NoSuchStep(NotFound):
    """The run has no such step, or the flow has not reached it."""

    rule = "step.unknown"


class StepOutOfOrder(Refusal):
    """The step is not in the state that the act needs (URS-EXE-010)."""

    rule = "step.order"


class RunNotRunning(Refusal):
    """The batch is not running: not issued yet, HELD, or ended."""

    rule = "run.state"


class StepChanged(Stale):
    """Somebody else acted on this step since it was shown."""

    rule = "step.changed"


class NotQualified(NotPermitted):
    """The person lacks a current qualification that the step needs (URS-IAM-110)."""

    rule = "person.qualification"


class WrongRole(NotPermitted):
    """The person does not hold the role that the recipe names for this act."""

    rule = "person.role"


class SignatureNeeded(Refusal):
    """The step needs a signature that was not given."""

    rule = "signature.needed"
    http_status = 422


class ValueRefused(Invalid):
    """A value is not of the declared type, unit, format or range (URS-EXE-060)."""

    rule = "value.format"


class ValueMissing(Invalid):
    """A required value is blank (URS-EXE-030)."""

    rule = "value.missing"


class ReasonNeeded(Invalid):
    """The act needs a reason in words (URS-AUD-040)."""

    rule = "reason.needed"


class FileNotAccepted(Invalid):
    """A file carries what may run, call elsewhere or hide another file (URS-SEC-030)."""

    rule = "attachment.content"


class NumberNotTyped(Invalid):
    """Aborting a batch needs its number typed, so that it is never the wrong one."""

    rule = "abort.number"


class CheckMissing(Invalid):
    """A point of the checklist is not confirmed."""

    rule = "checklist.incomplete"


class NotBound(Refusal):
    """No unit is bound to an equipment requirement of the recipe."""

    rule = "equipment.not_bound"


class GateClosed(Refusal):
    """A gate has unmet conditions; `details` lists them."""

    rule = "gate.closed"


class NothingToDecide(Refusal):
    """The exception is not waiting for this decision."""

    rule = "exception.state"


class WayMissing(Refusal):
    """The recipe leads no further here, and nobody has said how to go on (URS-DEV-020)."""

    rule = "run.way_missing"


class WaitNotOver(Refusal):
    """The condition that the step waits for is not met yet."""

    rule = "step.waiting"


class TooEarly(Refusal):
    """A shortest time of the recipe has not passed yet (URS-EXE-070)."""

    rule = "step.too_early"


class UnitNotSuitable(Refusal):
    """The unit cannot serve the equipment requirement (URS-EQP-010)."""

    rule = "equipment.not_suitable"


class WriteNotReported(Refusal):
    """The gateway has not reported all writes of the step yet."""

    rule = "equipment.write_open"


class NobodyWaits(Refusal):
    """Nothing in the batch waits for this message or signal now, and it is not to be kept."""

    rule = "message.nobody_waits"


class UnknownMessage(Refusal):
    """The recipe of the batch waits for no message (signal) of that name anywhere."""

    rule = "message.unknown"


class WrongCorrelation(Refusal):
    """The batch waits for this message with another correlation: it is meant for something else."""

    rule = "message.correlation"


class PayloadRefused(Invalid):
    """A message does not say who sent it, or carries what the record cannot keep."""

    rule = "message.payload"


class FileTampered(Refusal):
    """A stored file of a record is not the one whose digest the trail holds (URS-REC-110)."""

    rule = "file.tampered"
