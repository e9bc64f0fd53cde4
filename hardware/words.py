"""The closed word lists of equipment, tags and readings.

Cleaning, allocation, block, maintenance and calibration are separate dimensions of a unit's status:
one word could not say "clean but blocked" (URS-EQP-010).
"""

from __future__ import annotations

from enum import StrEnum


class Cleaning(StrEnum):
    """The cleaning status of a unit (URS-EQP-020)."""

    CLEAN = "clean"
    TO_BE_CLEANED = "to_be_cleaned"
    IN_CLEANING = "in_cleaning"
    NOT_APPLICABLE = "not_applicable"
    """A unit that touches no product: a scale, a room monitor."""


class Dimension(StrEnum):
    """Which part of a unit's status an event changed."""

    CLEANING = "cleaning"
    ALLOCATION = "allocation"
    BLOCK = "block"
    MAINTENANCE = "maintenance"
    CALIBRATION = "calibration"
    CHECK = "check"
    COUNTER = "counter"


class LogKind(StrEnum):
    """What a line of the equipment log is about (211.182)."""

    USE = "use"
    CLEANING = "cleaning"
    MAINTENANCE = "maintenance"
    CALIBRATION = "calibration"
    FAULT = "fault"


class Verdict(StrEnum):
    """Result of a calibration as found or as left."""

    PASS = "pass"  # noqa: S105 -- a verdict, no secret
    FAIL = "fail"


class Protocol(StrEnum):
    """How a device is spoken to."""

    OPCUA = "opcua"
    MODBUS = "modbus"


class TagType(StrEnum):
    """The type of a value on the wire."""

    BOOL = "bool"
    INT16 = "int16"
    UINT16 = "uint16"
    INT32 = "int32"
    UINT32 = "uint32"
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    TEXT = "text"

    @property
    def registers(self) -> int:
        """How many 16-bit registers a Modbus value of this type takes. KeyError for text."""
        return _REGISTERS[self]


_REGISTERS = {
    TagType.BOOL: 1,
    TagType.INT16: 1,
    TagType.UINT16: 1,
    TagType.INT32: 2,
    TagType.UINT32: 2,
    TagType.FLOAT32: 2,
    TagType.FLOAT64: 4,
}


class Order(StrEnum):
    """Which part comes first: of the bytes in a word, or of the words in a value."""

    HIGH_FIRST = "high_first"
    LOW_FIRST = "low_first"


class SourceTime(StrEnum):
    """What the time stamp of the device means."""

    CYCLIC = "cyclic"
    """Renewed with every scan of the device: an old one means a frozen value."""
    ON_CHANGE = "on_change"
    """Renewed when the value changes: an old one is no fault."""
    NONE = "none"
    """The device sends none (Modbus): the gateway's receive time counts, and the record says so."""


class Quality(StrEnum):
    """The computed quality of a value; only GOOD fills a GMP field by itself (URS-PRO-020)."""

    GOOD = "GOOD"
    UNCERTAIN = "UNCERTAIN"
    BAD = "BAD"


class Reason(StrEnum):
    """Why a value is not simply good."""

    NO_VALUE = "no_value"
    NO_COMM = "no_comm"
    BAD_STATUS = "bad_status"
    UNCERTAIN_STATUS = "uncertain_status"
    STALE = "stale"
    OUT_OF_RANGE = "out_of_range"
    NOT_FINITE = "not_finite"
    NOT_DECODABLE = "not_decodable"
    STUCK = "stuck"
    CLOCK_SKEW = "clock_skew"
    CALIBRATION_OVERDUE = "calibration_overdue"
    SIMULATED = "simulated"
    BACK_FILLED = "back_filled"
    OVERFLOW = "overflow"


class WriteState(StrEnum):
    """Where a write request stands; the last four are final."""

    REQUESTED = "REQUESTED"
    CLAIMED = "CLAIMED"
    VERIFIED = "VERIFIED"
    """Sent, and the device shows the value within tolerance."""
    MISMATCH = "MISMATCH"
    """Sent, and the device shows another value."""
    UNKNOWN = "UNKNOWN"
    """Nobody knows whether it took effect: read first, never send again blindly."""
    REFUSED = "REFUSED"
    """Not sent, or refused by the device: it had no effect."""

    @property
    def final(self) -> bool:
        """No further change is possible."""
        return self not in (WriteState.REQUESTED, WriteState.CLAIMED)


class MapState(StrEnum):
    """Life of a tag map version."""

    DRAFT = "draft"
    EFFECTIVE = "effective"
    SUPERSEDED = "superseded"


class LinkState(StrEnum):
    """States of one supervised link (notes, section 5)."""

    DISABLED = "DISABLED"
    CONNECTING = "CONNECTING"
    SYNCING = "SYNCING"
    ONLINE = "ONLINE"
    DEGRADED = "DEGRADED"
    OFFLINE = "OFFLINE"
    BACKOFF = "BACKOFF"
