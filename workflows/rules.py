"""The life cycle of a version: which state follows which, who may, when it may be used. Pure.

draft -> in review (author signs) -> checked (still in review) -> approved (quality signs)
-> effective -> superseded or withdrawn. From review on the content is fixed; going back to draft
takes away the signatures (URS-MRC-010, -020, -050).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from workflows.errors import IllegalTransition, NotStartable


class VersionState(StrEnum):
    """Where a version stands."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    EFFECTIVE = "effective"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"


TRANSITIONS: Mapping[VersionState, frozenset[VersionState]] = {
    VersionState.DRAFT: frozenset({VersionState.IN_REVIEW, VersionState.WITHDRAWN}),
    VersionState.IN_REVIEW: frozenset({VersionState.DRAFT, VersionState.APPROVED}),
    VersionState.APPROVED: frozenset({VersionState.EFFECTIVE, VersionState.WITHDRAWN}),
    VersionState.EFFECTIVE: frozenset({VersionState.SUPERSEDED, VersionState.WITHDRAWN}),
    VersionState.SUPERSEDED: frozenset(),
    VersionState.WITHDRAWN: frozenset(),
}


def can_move(state: str, target: VersionState) -> bool:
    """Whether the life cycle leads from one state to the other in one move."""
    return target in TRANSITIONS[VersionState(state)]


def check_move(name: str, state: str, target: VersionState) -> None:
    """Raise IllegalTransition when the life cycle does not lead there."""
    if not can_move(state, target):
        raise IllegalTransition(
            f"{name} is {words(state)} and cannot become {words(target)}",
            resolver="the recipe author, with a new version",
        )


def check_editable(name: str, state: str) -> None:
    """Raise IllegalTransition unless the content may still change (URS-MRC-010)."""
    if state != VersionState.DRAFT:
        raise IllegalTransition(
            f"{name} is {words(state)}; its content no longer changes",
            resolver="the recipe author, with a new version",
        )


def check_startable(name: str, state: str, effective_from: datetime | None, at: datetime) -> None:
    """Raise NotStartable unless the version is effective at that moment (URS-MRC-050)."""
    if state != VersionState.EFFECTIVE:
        raise NotStartable(f"{name} is {words(state)}, not effective", resolver="quality assurance")
    if effective_from is None or at < effective_from:
        raise NotStartable(f"{name} is not effective yet", resolver="nobody before that moment")


def words(state: str) -> str:
    """The state as people say it."""
    return state.replace("_", " ")
