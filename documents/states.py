"""State words and signs: the one list for screen, PDF, API and tests (ux.md 4.3b).

A state has one word wherever it is shown; screens translate it. A code that has no word of its own
is shown as its own words.
"""

from __future__ import annotations

from collections.abc import Mapping

from documents.views import State

SHAPES: Mapping[str, tuple[State, str]] = {
    # steps
    "ready": (State.WAITING, "ready"),
    "started": (State.IN_PROGRESS, "in progress"),
    "performed": (State.IN_PROGRESS, "to be signed"),
    "held": (State.ON_HOLD, "held"),
    "complete": (State.DONE, "complete"),
    "cancelled": (State.NOT_TAKEN, "cancelled"),
    "not_taken": (State.NOT_TAKEN, "not taken"),
    # runs
    "planned": (State.WAITING, "planned"),
    "issued": (State.WAITING, "issued"),
    "running": (State.IN_PROGRESS, "running"),
    "stopped": (State.OUT_OF_LIMIT, "stopped"),
    "aborted": (State.OUT_OF_LIMIT, "aborted"),
    # values
    "in": (State.DONE, "within limits"),
    "alert": (State.NEAR_LIMIT, "alert limit passed"),
    "action": (State.OUT_OF_LIMIT, "out of action limit"),
    "registered": (State.OUT_OF_LIMIT, "out of specification"),
    "no_good_value": (State.NO_GOOD_VALUE, "no good value"),
    # exceptions
    "listed": (State.DONE, "listed"),
    "open": (State.NEAR_LIMIT, "open"),
    "decided": (State.DONE, "decided"),
    "information": (State.WAITING, "information"),
    "minor": (State.NEAR_LIMIT, "minor"),
    "major": (State.OUT_OF_LIMIT, "major"),
    "critical": (State.OUT_OF_LIMIT, "critical"),
    # equipment, lots, versions, people
    "clean": (State.DONE, "clean"),
    "to_be_cleaned": (State.WAITING, "to be cleaned"),
    "dirty": (State.WAITING, "to be cleaned"),
    "in_use": (State.IN_PROGRESS, "in use"),
    "blocked": (State.OUT_OF_LIMIT, "blocked"),
    "released": (State.DONE, "released"),
    "quarantine": (State.WAITING, "quarantine"),
    "rejected": (State.OUT_OF_LIMIT, "rejected"),
    "expired": (State.OUT_OF_LIMIT, "expired"),
    "none": (State.WAITING, "not decided"),
    "released_for_packaging": (State.DONE, "released for packaging"),
    "overdue": (State.NEAR_LIMIT, "calibration overdue"),
    "out_of_service": (State.OUT_OF_LIMIT, "out of service"),
    "available": (State.DONE, "available"),
    "in_cleaning": (State.IN_PROGRESS, "being cleaned"),
    "full": (State.DONE, "full"),
    "dispensed": (State.DONE, "dispensed"),
    "charged": (State.NOT_TAKEN, "charged"),
    "empty": (State.NOT_TAKEN, "empty"),
    "destroyed": (State.NOT_TAKEN, "destroyed"),
    "due": (State.WAITING, "due"),
    "in_work": (State.IN_PROGRESS, "in work"),
    "to_verify": (State.NEAR_LIMIT, "to be verified"),
    "closed": (State.DONE, "closed"),
    "draft": (State.WAITING, "draft"),
    "in_review": (State.IN_PROGRESS, "in review"),
    "approved": (State.DONE, "approved"),
    "effective": (State.DONE, "effective"),
    "superseded": (State.NOT_TAKEN, "superseded"),
    "withdrawn": (State.NOT_TAKEN, "withdrawn"),
}


def shape(code: str) -> State:
    """Sign and border of a state; an unknown word looks like waiting."""
    return SHAPES[code][0] if code in SHAPES else State.WAITING


def word(code: str) -> str:
    """The English word of a state; codes never reach a reader."""
    return SHAPES[code][1] if code in SHAPES else code.replace("_", " ").lower()


def shown(code: str) -> tuple[State, str]:
    """Sign and word together, as they always stand."""
    return shape(code), word(code)
