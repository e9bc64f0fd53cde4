"""Who may open which page: every view carries a mark, and a view without one is never shown.

Deny by default (URS-IAM-020). The commands behind the pages check again; this is the outer door.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from flask import Flask

from core.errors import BrokenPromise

View = TypeVar("View", bound=Callable[..., Any])
MARK = "__access__"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """`permission` None: anybody signed in, or anybody at all when `public`.

    `for_anyone`: a form of this page is not bound to the person it was shown to (login, lock).
    `passive`: asking for it is no activity of a person (polling), so the idle time goes on.
    """

    permission: str | None = None
    public: bool = False
    for_anyone: bool = False
    passive: bool = False


def public(view: View) -> View:
    """Everybody may open it, signed in or not; its forms belong to nobody."""
    return _marked(view, Access(public=True, for_anyone=True))


def signed_in(view: View) -> View:
    """Everybody who is signed in may open it."""
    return _marked(view, Access())


def needs(permission: str) -> Callable[[View], View]:
    """Only people whose roles hold the permission may open it."""

    def mark(view: View) -> View:
        return _marked(view, Access(permission=permission))

    return mark


def passive(view: View) -> View:
    """Asking for it does not count as activity; put this mark above the other one."""
    return _marked(view, replace(access_of(view), passive=True))


def for_anyone(view: View) -> View:
    """A form of this page may be sent by another person than it was shown to."""
    return _marked(view, replace(access_of(view), for_anyone=True))


def _marked(view: View, access: Access) -> View:
    setattr(view, MARK, access)
    return view


def access_of(view: Callable[..., Any]) -> Access:
    """The mark of a view; `BrokenPromise` when it carries none."""
    found = getattr(view, MARK, None)
    if not isinstance(found, Access):
        raise BrokenPromise(f"the page {view.__name__} says nothing about who may open it")
    return found


def matrix(app: Flask) -> dict[str, Access]:
    """The mark of every endpoint, for the table that tests and auditors read."""
    return {name: access_of(view) for name, view in sorted(app.view_functions.items())}
