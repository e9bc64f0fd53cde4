"""The contract of the trail: what changes something leaves an entry (URS-AUD-010).

While tests run, every transaction that was committed with an act notes which functions were at
work when the act began and when rows were added to it. After a whole run each operation of the
product must have been seen that way, or stand in the short list of those that change nothing that
is kept, with the reason. Operations are found, not listed: views that answer to anything but GET,
functions with the shape of a command, handlers of jobs, verbs of the command line.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any
from unittest.mock import patch
from weakref import WeakKeyDictionary

import click
from flask import Flask
from sqlalchemy import event
from sqlalchemy.orm import Session

from audit import attempts
from audit.trail import Act, TrailGuard, trail_of

HOUSE = Path(__file__).parents[2]
PACKAGES = (
    "app audit core documents ebr engine hardware inventory maintenance personnel production"
    " quality web workflows"
).split()
SILENT_BECAUSE = {
    "it asks for a job; the entry is that of the job, and names who asked": (
        "app.advancing.request_advance",
        "ebr.bundle.request_bundle",
        "ebr.issuing.request",
        "ebr.issuing.request_record",
        "ebr.packages.request_package",
        "web.documents.ask",
        "web.ebr_record.ask_bundle",
        "web.ebr_record.ask_pdf",
        "web.exports.ask",
        "web.presenter.advance",
    ),
    "it asks whether a person may, and changes nothing": (
        "ebr.bundle.allow_export",
        "ebr.opening.context_of",
        "ebr.opening.open_step",
        "ebr.packages.allow",
        "ebr.packages.package_for",
    ),
    "it plays the simulated plant, which is no part of the record": ("web.presenter.story",),
    "it is kept in the browser; every entry names the terminal": (
        "web.personnel.language",
        "web.personnel.look",
        "web.personnel.set_terminal",
    ),
    "it keeps a session alive that its beginning has told of": ("web.personnel.touch",),
    "browsers tell it without anybody signed in; it is a line of the log file": (
        "web.live.csp_report",
    ),
    "it only reads": (
        "app.anchorcli.show",
        "app.cli.demo_labels",
        "app.keycli.list_keys",
        "app.messagecli.waiting",
        "app.recipecli.check_recipe",
        "app.simulatecli.state",
        "app.usercli.list_people",
    ),
    "it works beside the site, which is only read": ("app.rebuildcli.rebuild",),
    "it makes a site, whose trail begins with the entry of that": ("app.backupcli.restore",),
    "it has no site: keys and files of somebody else": (
        "app.anchorcli.key",
        "app.backupcli.backup_key",
        "app.witnesscli.key",
        "app.witnesscli.new_history",
        "app.witnesscli.serve",
        "app.witnesscli.show",
        "app.witnesscli.trust",
    ),
    "it starts the parts of a site, whose acts leave their entries": (
        "app.cli.demo_history",
        "app.cli.gateway",
        "app.cli.run",
        "app.cli.web",
        "app.cli.worker",
    ),
    "it puts a whole demonstration site aside, its trail with it": ("app.cli.demo_reset",),
    "its commands are those of set-up; a test of the culture uses them without the verb": (
        "app.cli.demo_bioreactor",
    ),
    "it plays the simulated cell, which is no part of the record": (
        "app.simulatecli._command.<locals>.play",
        "app.simulatecli.advance",
    ),
}
SILENT = {name: why for why, names in SILENT_BECAUSE.items() for name in names}
"""Operations that leave no entry of their own, each with the reason."""
READING = {"GET", "HEAD", "OPTIONS"}
WRITING_WORDS = ("by", "at")


class Observer:
    """Notes for each committed act the functions of the product that were at work in it."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self._open: WeakKeyDictionary[Session, set[str]] = WeakKeyDictionary()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch this process; the product itself is not changed by its tests."""
        begin, commit = Act.__init__, TrailGuard.before_commit

        def beginning(act: Act, *given: Any, **named: Any) -> None:
            begin(act, *given, **named)
            act.at_work = at_work()  # type: ignore[attr-defined]  # a note of the tests

        def committing(guard: TrailGuard, session: Session) -> None:
            commit(guard, session)
            self.note(trail_of(session).acts, self._open.pop(session, set()))

        with (
            patch.object(Act, "__init__", beginning),
            patch.object(TrailGuard, "before_commit", committing),
            listening("after_attach", lambda session, _: self._at_work_in(session)),
            listening("before_flush", lambda session, *_: self._changed_in(session)),
            listening("after_rollback", lambda session: self._open.pop(session, None)),
        ):
            yield

    def _at_work_in(self, session: Session) -> None:
        self._open.setdefault(session, set()).update(at_work())

    def _changed_in(self, session: Session) -> None:
        if session.new or session.dirty:
            self._at_work_in(session)

    def note(self, acts: Iterable[Act], beside: Iterable[str] = ()) -> None:
        """A refused attempt shows that it is written down, not that the operation is."""
        for act in acts:
            if act.action != attempts.ACTION:
                self.seen |= getattr(act, "at_work", set())
                self.seen.update(beside)


@contextmanager
def listening(name: str, hear: Callable[..., Any]) -> Iterator[None]:
    """Hear of an event of every session for a while."""
    event.listen(Session, name, hear)
    try:
        yield
    finally:
        event.remove(Session, name, hear)


def at_work() -> set[str]:
    """The functions of the product on the stack of the caller."""
    found = set()
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if name := _named(str(frame.f_globals.get("__name__", "")), frame.f_code):
            found.add(name)
        frame = frame.f_back
    return found


@cache
def _named(module: str, code: CodeType) -> str:
    """The name of a function of the product, else nothing; asked very often."""
    return f"{module}.{code.co_qualname}" if module.partition(".")[0] in PACKAGES else ""


def name_of(function: Callable[..., Any]) -> str:
    """As `at_work` names it."""
    plain = inspect.unwrap(function)
    return f"{plain.__module__}.{plain.__qualname__}"


def operations() -> dict[str, str]:
    """Every operation that may change something: its name, and what kind of thing it is."""
    return {
        **dict.fromkeys(commands(), "command"),
        **dict.fromkeys(jobs(), "job"),
        **dict.fromkeys(views(), "view"),
        **dict.fromkeys(verbs(), "verb of the command line"),
    }


def views() -> Iterator[str]:
    """Views that answer to another method than GET."""
    from web import blueprints

    app = Flask("contract")
    for blueprint in (*blueprints.EVERYWHERE, *blueprints.DEMONSTRATION_ONLY):
        app.register_blueprint(blueprint)
    for rule in app.url_map.iter_rules():
        if (rule.methods or set()) - READING:
            yield name_of(app.view_functions[rule.endpoint])


def commands() -> Iterator[str]:
    """Public functions with the shape of a command: a session first, `by` and `at` by keyword."""
    for module in modules():
        for name, function in vars(module).items():
            own = getattr(function, "__module__", "") == module.__name__
            if own and not name.startswith("_") and is_command(function):
                yield name_of(function)


def is_command(thing: object) -> bool:
    """Whether a thing has that shape."""
    if not inspect.isfunction(thing):
        return False
    parameters = list(inspect.signature(thing).parameters.values())
    by_keyword = {each.name for each in parameters if each.kind is each.KEYWORD_ONLY}
    return (
        bool(parameters)
        and parameters[0].name == "session"
        and by_keyword.issuperset(WRITING_WORDS)
    )


def modules() -> Iterator[ModuleType]:
    """Every module of the product but the migrations."""
    for package in PACKAGES:
        for found in pkgutil.walk_packages([str(HOUSE / package)], f"{package}."):
            if ".migrations" not in found.name:
                yield importlib.import_module(found.name)


def jobs() -> Iterator[str]:
    """Handlers of the worker's jobs."""
    from app import advancing, wiring

    for handler in {**wiring.jobs(), **advancing.JOBS}.values():
        yield name_of(handler)


def verbs() -> Iterator[str]:
    """The functions behind the command line, group by group."""
    from app.cli import main

    yield from _verbs(main, click.Context(main))


def _verbs(group: click.Group, context: click.Context) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _verbs(command, context)
        elif command.callback is not None:
            yield name_of(command.callback)


def broken(
    operations: Mapping[str, str], seen: Iterable[str], silent: Mapping[str, str]
) -> list[str]:
    """Where the contract does not hold, a line each; empty when it does.

    Who only asks may be at work inside the act of somebody else, so that a silent one was seen is
    no breach.
    """
    known = set(seen)
    lines = [
        f"{kind} {name}: no test saw it leave an entry"
        for name, kind in operations.items()
        if name not in known and name not in silent
    ]
    lines += [f"{name} is named silent, but there is none" for name in silent.keys() - operations]
    lines += [f"{name} is named silent without a reason" for name, why in silent.items() if not why]
    return sorted(lines)
