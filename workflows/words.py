"""The closed word lists of a recipe: kinds, roles of values, severities, levels (ISA-88).

Each list is an enumeration in the schema as well, so a word that is not here is refused on import
with its line (architecture, promise 3).
"""

from __future__ import annotations

from enum import StrEnum


class Isa88(StrEnum):
    """The level of one BPMN process; a phase is a task with a `bw:step` (URS-MRC-080)."""

    PROCEDURE = "procedure"
    UNIT_PROCEDURE = "unit_procedure"
    OPERATION = "operation"


class Category(StrEnum):
    """What a definition describes; a master recipe needs all four ISA-88 levels."""

    MASTER_RECIPE = "master_recipe"
    PROCEDURE = "procedure"


class StepKind(StrEnum):
    """The step kinds whose names the schema knows; `ebr` and the pillars carry them out."""

    INSTRUCTION = "instruction"
    ENTRY = "entry"
    SERIES = "series"
    CHECKLIST = "checklist"
    BIND = "bind"
    WEIGH = "weigh"
    CHARGE = "charge"
    READ = "read"
    WRITE = "write"
    WAIT = "wait"
    VERIFY = "verify"
    CLEARANCE = "clearance"
    SAMPLE = "sample"
    IPC = "ipc"
    CALCULATION = "calculation"
    YIELD = "yield"
    RECONCILE = "reconcile"
    DISPOSITION = "disposition"
    LABEL = "label"
    PHOTO = "photo"
    HOLD_TIME = "hold_time"


class DataType(StrEnum):
    """What a parameter holds. `date` is a calendar day; quantities are `decimal` with a unit."""

    DECIMAL = "decimal"
    INTEGER = "integer"
    TEXT = "text"
    CHOICE = "choice"
    BOOLEAN = "boolean"
    DATE = "date"
    TIME = "time"
    PHOTO = "photo"
    FILE = "file"
    SCAN = "scan"


class Origin(StrEnum):
    """Where a value comes from; whatever departs from it is marked in the record for ever."""

    MANUAL = "manual"
    DEVICE = "device"
    CALCULATED = "calculated"
    LABEL = "label"


class Statistic(StrEnum):
    """Which number of a tag's readings over the step (or its last `window`) is the value."""

    LAST = "last"
    MEAN = "mean"
    MINIMUM = "minimum"
    MAXIMUM = "maximum"
    CHANGE = "change"
    STANDARD_DEVIATION = "standard_deviation"


class Tier(StrEnum):
    """Limit tiers, inner to outer; action is the in-process acceptance criterion."""

    ALERT = "alert"
    ACTION = "action"
    REGISTERED = "registered"


class Severity(StrEnum):
    """Exception severities, least to most: listed / flow goes on / next step held / batch held."""

    INFORMATION = "information"
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


class SignatureMode(StrEnum):
    """Who signs a step: nobody, the performer, performer and verifier, one who confirms that the
    equipment performed properly, the shift supervisor, or the quality unit."""

    NONE = "none"
    PERFORMED = "performed"
    PERFORMED_VERIFIED = "performed_verified"
    AUTOMATIC_CONFIRMED = "automatic_confirmed"
    SUPERVISOR = "supervisor"
    QUALITY = "quality"


class Approval(StrEnum):
    """A further approval on top of the signature mode (``P+V, S`` in the plant's short form)."""

    NONE = "none"
    SUPERVISOR = "supervisor"
    QUALITY = "quality"


class Rounding(StrEnum):
    """How a result is rounded to its decimals before it is compared with its limits."""

    HALF_UP = "half_up"
    DOWN = "down"
    UP = "up"


class PotencyBasis(StrEnum):
    """Whether a quantity is meant as weighed, or as pure substance to be corrected by the lot."""

    NONE = "none"
    AS_100_PERCENT = "as_100_percent"


class Occasion(StrEnum):
    """What may go wrong at a step besides a limit, for the step's exception policy."""

    MISSED = "missed"
    LATE = "late"
    TOO_EARLY = "too_early"
    OVER_TIME = "over_time"
    DATA_GAP = "data_gap"
    MANUAL_VALUE = "manual_value"
    REFUSED_SCAN = "refused_scan"
    MISMATCH = "mismatch"
    FAILED_CHECK = "failed_check"
    LATE_VERIFICATION = "late_verification"
    PERFORMED = "performed"


class Combine(StrEnum):
    """Whether all conditions of a wait must hold at once, or any one ends it."""

    ALL = "all"
    ANY = "any"


class AtMaximum(StrEnum):
    """What happens when a step reaches its maximum time: an exception only, or it also ends."""

    EXCEPTION = "exception"
    END = "end"


class HoldAct(StrEnum):
    """Whether a step starts a material or equipment hold time, or ends it."""

    STARTS = "starts"
    ENDS = "ends"


class Since(StrEnum):
    """From where the time between two steps counts: the earlier step was performed, or begun."""

    END = "end"
    START = "start"


class LoopKind(StrEnum):
    """How a call activity repeats; every round is one child instance counted by the engine."""

    PARALLEL = "parallel"
    SEQUENTIAL = "sequential"
    STANDARD = "standard"


class EndKind(StrEnum):
    """How a level ends: normally, with an error for its caller, by ending all its branches, or by
    throwing a signal, message or escalation as its last act."""

    NONE = "none"
    ERROR = "error"
    TERMINATE = "terminate"
    THROW = "throw"


class HitPolicy(StrEnum):
    """Which rules of a decision table count: the only one that holds, the first, any of several
    that agree, or all of them, collected by an aggregation."""

    UNIQUE = "unique"
    FIRST = "first"
    ANY = "any"
    COLLECT = "collect"


class Aggregation(StrEnum):
    """How the values of all rules that hold are collected into one."""

    SUM = "sum"
    COUNT = "count"
    MINIMUM = "minimum"
    MAXIMUM = "maximum"


class TimerForm(StrEnum):
    """The three timer forms of BPMN; the text is plain ISO 8601."""

    DATE = "date"
    DURATION = "duration"
    CYCLE = "cycle"


class NamedForm(StrEnum):
    """Events that are matched by name."""

    MESSAGE = "message"
    SIGNAL = "signal"
    ERROR = "error"
    ESCALATION = "escalation"
