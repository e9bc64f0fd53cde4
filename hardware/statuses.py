"""Status codes of values: the 32-bit codes of OPC UA Part 4, used for Modbus as well."""

from __future__ import annotations

GOOD = 0x00000000
UNCERTAIN_LAST_USABLE = 0x40900000
BAD_UNEXPECTED = 0x80010000
BAD_COMMUNICATION = 0x80050000
BAD_DECODING = 0x80070000
BAD_TIMEOUT = 0x800A0000
BAD_NO_COMMUNICATION = 0x80310000
BAD_WAITING = 0x80320000
BAD_DEVICE_FAILURE = 0x808B0000
BAD_OUT_OF_SERVICE = 0x808D0000

NAMES = {
    GOOD: "Good",
    UNCERTAIN_LAST_USABLE: "UncertainLastUsableValue",
    BAD_UNEXPECTED: "BadUnexpectedError",
    BAD_COMMUNICATION: "BadCommunicationError",
    BAD_DECODING: "BadDecodingError",
    BAD_TIMEOUT: "BadTimeout",
    BAD_NO_COMMUNICATION: "BadNoCommunication",
    BAD_WAITING: "BadWaitingForInitialData",
    BAD_DEVICE_FAILURE: "BadDeviceFailure",
    BAD_OUT_OF_SERVICE: "BadOutOfService",
}
OVERFLOW_BIT = 0x80
INFO_TYPE_MASK, INFO_TYPE_DATA = 0xC00, 0x400


def is_bad(code: int) -> bool:
    """Severity bits 10 or 11: the value must not be used."""
    return bool(code & 0x80000000)


def is_uncertain(code: int) -> bool:
    """Severity bits 01: the value may be used by an explicit rule only."""
    return code & 0xC0000000 == 0x40000000


def overflowed(code: int) -> bool:
    """Values were lost in the device's queue (Part 4, InfoBits of a data value)."""
    return code & INFO_TYPE_MASK == INFO_TYPE_DATA and bool(code & OVERFLOW_BIT)


def name(code: int) -> str:
    """The name of a code that we give ourselves, else its number."""
    return NAMES.get(code & 0xFFFF0000, f"0x{code:08X}")
