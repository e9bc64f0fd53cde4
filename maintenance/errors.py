"""Refusals of maintenance, each with its rule."""

from __future__ import annotations

from core.errors import Invalid, NotFound, Refusal


class NoSuchWork(NotFound):
    """There is no maintenance order, cleaning entry or calibration of that number."""

    rule = "maintenance.unknown"


class WorkNotInState(Refusal):
    """The order or entry is not in the state that the act needs."""

    rule = "maintenance.state"


class UnitInUse(Refusal):
    """The unit belongs to a batch; it is not cleaned or worked on meanwhile."""

    rule = "equipment.in_use"


class LimitMissing(Invalid):
    """After an inspection the usage counter needs a new limit above what it counts."""

    rule = "maintenance.counter_limit"


class CalibrationIncomplete(Invalid):
    """A calibration names its certificate and a due date after it was performed."""

    rule = "calibration.incomplete"


class NoCleaningProcedure(Refusal):
    """The procedure that the unit is cleaned by has no effective version."""

    rule = "cleaning.procedure"


class NotToBeCleaned(Refusal):
    """The unit needs no cleaning, or is being cleaned already."""

    rule = "equipment.cleaning"
