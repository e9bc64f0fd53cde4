"""State words and signs: one list for screen, PDF, API and tests (ux.md 4.3b)."""

from __future__ import annotations

from documents.views import State
from web.i18n import gettext


def _(text: str) -> str:
    return text  # Marks a text for the catalogues; it is translated when it is shown.


SHAPES: dict[str, tuple[State, str]] = {
    # steps
    "ready": (State.WAITING, _("ready")),
    "started": (State.IN_PROGRESS, _("in progress")),
    "performed": (State.IN_PROGRESS, _("to be signed")),
    "held": (State.ON_HOLD, _("held")),
    "complete": (State.DONE, _("complete")),
    "cancelled": (State.NOT_TAKEN, _("cancelled")),
    "not_taken": (State.NOT_TAKEN, _("not taken")),
    # runs
    "planned": (State.WAITING, _("planned")),
    "issued": (State.WAITING, _("issued")),
    "running": (State.IN_PROGRESS, _("running")),
    "stopped": (State.NOT_TAKEN, _("stopped")),
    "aborted": (State.NOT_TAKEN, _("aborted")),
    # values
    "in": (State.DONE, _("within limits")),
    "alert": (State.NEAR_LIMIT, _("alert limit passed")),
    "action": (State.OUT_OF_LIMIT, _("out of action limit")),
    "registered": (State.OUT_OF_LIMIT, _("out of specification")),
    "no_good_value": (State.NO_GOOD_VALUE, _("no good value")),
    # exceptions
    "listed": (State.DONE, _("listed")),
    "open": (State.NEAR_LIMIT, _("open")),
    "decided": (State.DONE, _("decided")),
    "information": (State.WAITING, _("information")),
    "minor": (State.NEAR_LIMIT, _("minor")),
    "major": (State.OUT_OF_LIMIT, _("major")),
    "critical": (State.OUT_OF_LIMIT, _("critical")),
    # equipment, lots, versions, people
    "clean": (State.DONE, _("clean")),
    "to_be_cleaned": (State.WAITING, _("to be cleaned")),
    "dirty": (State.WAITING, _("to be cleaned")),
    "in_use": (State.IN_PROGRESS, _("in use")),
    "blocked": (State.OUT_OF_LIMIT, _("blocked")),
    "released": (State.DONE, _("released")),
    "quarantine": (State.WAITING, _("quarantine")),
    "rejected": (State.OUT_OF_LIMIT, _("rejected")),
    "expired": (State.OUT_OF_LIMIT, _("expired")),
    "none": (State.WAITING, _("not decided")),
    "released_for_packaging": (State.DONE, _("released for packaging")),
    "overdue": (State.NEAR_LIMIT, _("calibration overdue")),
    "out_of_service": (State.OUT_OF_LIMIT, _("out of service")),
    "available": (State.DONE, _("available")),
    "in_cleaning": (State.IN_PROGRESS, _("being cleaned")),
    "full": (State.DONE, _("full")),
    "dispensed": (State.DONE, _("dispensed")),
    "charged": (State.NOT_TAKEN, _("charged")),
    "empty": (State.NOT_TAKEN, _("empty")),
    "destroyed": (State.NOT_TAKEN, _("destroyed")),
    "due": (State.WAITING, _("due")),
    "in_work": (State.IN_PROGRESS, _("in work")),
    "to_verify": (State.NEAR_LIMIT, _("to be verified")),
    "closed": (State.DONE, _("closed")),
    "draft": (State.WAITING, _("draft")),
    "in_review": (State.IN_PROGRESS, _("in review")),
    "approved": (State.DONE, _("approved")),
    "effective": (State.DONE, _("effective")),
    "superseded": (State.NOT_TAKEN, _("superseded")),
    "withdrawn": (State.NOT_TAKEN, _("withdrawn")),
}


def shape(code: str) -> State:
    """Sign and border of a state; an unknown word looks like waiting."""
    return SHAPES[code][0] if code in SHAPES else State.WAITING


def word(code: str) -> str:
    """The word of a state in the language of this request."""
    return gettext(SHAPES[code][1]) if code in SHAPES else code.replace("_", " ").lower()
