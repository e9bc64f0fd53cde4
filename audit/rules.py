"""What the trail asks of an act: who, from where, what, and why (URS-AUD-020, URS-AUD-040)."""

from __future__ import annotations

import re

from audit.errors import ActIncomplete, ReasonMissing
from core.actors import Actor

ACTION = re.compile(r"[a-z][a-z_]*\.[a-z][a-z_]*\Z")
PLACEHOLDERS = frozenset({"n/a", "na", "n.a.", "none", "nil", "null", "tbd", "test", "asdf", "xyz"})


def check_action(action: str) -> None:
    """An action reads ``subject.verb_past``, else `ActIncomplete`."""
    if not ACTION.match(action):
        raise ActIncomplete(f"action {action!r} is not written as subject.verb_past")


def check_actor(actor: Actor) -> None:
    """Id, printed name, role and terminal (of a service: its trigger) are named."""
    for field in ("id", "name", "role", "terminal"):
        if not str(getattr(actor, field)).strip():
            raise ActIncomplete(f"the actor of an audited act has no {field}")


def is_placeholder(reason: str) -> bool:
    """Text that says nothing: blanks, punctuation, one letter over and over, ``n/a``."""
    said = reason.strip().casefold()
    letters = [letter for letter in said if letter.isalnum()]
    return len(set(letters)) < 2 or said in PLACEHOLDERS


def check_reason(reason: str | None) -> None:
    """A reason, where one is given, says something; else `ReasonMissing`."""
    if reason is not None and is_placeholder(reason):
        raise ReasonMissing(
            f"{reason.strip()!r} is not a reason", resolver="the person who makes the change"
        )
