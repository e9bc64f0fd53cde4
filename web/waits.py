"""A step that waits, as people at the machine watch it: what for, how far, since when, what then.

Everything is worked out by the server from the same conditions and stored values that decide the
end (`ebr.kinds.waiting`); the browser only draws them and adds new points to the charts
(URS-EXE-050, URS-PRO-040).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from ebr.context import StepContext
from ebr.kinds import waiting
from ebr.kinds.waiting import Standing
from ebr.models import StepState
from hardware.queries import TagNow
from web import conditions, filters, watched
from web.i18n import gettext as _
from workflows.durations import duration
from workflows.model import BoundaryEvent, StepTask
from workflows.step import Step
from workflows.words import AtMaximum, Combine, StepKind

WIDTH = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing that is waited for: in words, what is there now, and whether it is met.

    `share` is how much of the needed time it has held, in thousandths; None without such a time.
    """

    words: str
    now: str
    met: bool
    share: int | None = None
    held: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A planned time on the bar: its place in thousandths, and what it is."""

    place: int
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitView:
    """How a running wait stands."""

    over: bool
    lines: Sequence[Line]
    any_of: bool
    started: datetime
    elapsed: str
    plan: str
    late: bool
    filled: int
    marks: Sequence[Mark]
    events: Sequence[tuple[str, bool]]
    """What the recipe watches besides, and whether it ends the step."""


def of(context: StepContext) -> WaitView | None:
    """The view of a wait that has been started and is not over; None for any other step."""
    step, started = context.step, context.step.started_at
    if step.kind != StepKind.WAIT or step.state != StepState.STARTED or started is None:
        return None
    elapsed = max(context.at - started, timedelta(0))
    longest = _length(context.spec, "maximum")
    lines = [*_minimum_lines(context.spec, elapsed), *_condition_lines(context)]
    lines += _phase_lines(context)
    filled, marks = _bar(context.spec, elapsed)
    wait = context.spec.wait_for
    return WaitView(
        over=waiting.progress(context).over,
        lines=lines,
        any_of=wait is not None and wait.combine is Combine.ANY and len(wait.conditions) > 1,
        started=started,
        elapsed=filters.span(elapsed),
        plan=_plan(context.spec, started, elapsed),
        late=longest is not None and elapsed > longest,
        filled=filled,
        marks=marks,
        events=_events(context),
    )


# --- times -------------------------------------------------------------------------------------


def _length(spec: Step, name: str) -> timedelta | None:
    text = getattr(spec.timing, name, None) if spec.timing else None
    return duration(text) if text else None


def _plan(spec: Step, started: datetime, elapsed: timedelta) -> str:
    """What is left of the planned time: of the expected one, else until the latest end."""
    expected, longest = _length(spec, "expected"), _length(spec, "maximum")
    if longest is not None and elapsed > longest:
        return _("%(span)s over its longest time", span=filters.span(elapsed - longest))
    if expected is not None and elapsed < expected:
        return _("about %(span)s left as planned", span=filters.span(expected - elapsed))
    if expected is not None:
        return _("%(span)s longer than planned", span=filters.span(elapsed - expected))
    if longest is not None:
        return _("%(span)s left at most", span=filters.span(longest - elapsed))
    return ""


def _bar(spec: Step, elapsed: timedelta) -> tuple[int, list[Mark]]:
    """The filled part and the marks of the bar of time; without planned times there is none."""
    times = {
        _("at least"): _length(spec, "minimum"),
        _("planned"): _length(spec, "expected"),
        _("ends at") if _is_ended(spec) else _("at most"): _length(spec, "maximum"),
    }
    known = {name: length for name, length in times.items() if length is not None}
    if not known:
        return 0, []
    whole = max(*known.values(), elapsed, timedelta(seconds=1))
    marks = [
        Mark(place=WIDTH * length // whole, words=f"{name} {filters.span(length)}")
        for name, length in known.items()
    ]
    return WIDTH * elapsed // whole, marks


def _is_ended(spec: Step) -> bool:
    return spec.timing is not None and spec.timing.at_maximum is AtMaximum.END


def _minimum_lines(spec: Step, elapsed: timedelta) -> list[Line]:
    least = _length(spec, "minimum")
    if least is None:
        return []
    met = elapsed >= least
    return [
        Line(
            words=_("at least %(span)s in all", span=filters.span(least)),
            now="" if met else _("%(span)s left", span=filters.span(least - elapsed)),
            met=met,
            share=min(WIDTH, WIDTH * elapsed // least),
        )
    ]


# --- conditions --------------------------------------------------------------------------------


def _condition_lines(context: StepContext) -> list[Line]:
    return [_condition_line(context, standing) for standing in waiting.standings(context)]


def _condition_line(context: StepContext, standing: Standing) -> Line:
    phase = _phase_line(context, standing)
    if phase is not None:
        return phase
    expression = standing.condition.expression.replace(
        f"{context.spec.key}.elapsed", _("time since the start")
    )
    sustained = bool(standing.needed)
    held = standing.held or timedelta(0)
    return Line(
        words=conditions.in_words(context.session, expression, standing),
        now=conditions.values_now(context.session, standing.tags, partial(_word_of, context)),
        met=standing.met,
        share=int(WIDTH * held / standing.needed) if sustained else None,
        held=_("holds for %(now)s of %(all)s", now=filters.span(held),
               all=filters.span(standing.needed)) if sustained and held else "",
    )  # fmt: skip


# --- phases of equipment -----------------------------------------------------------------------


def _phase_lines(context: StepContext) -> list[Line]:
    command, wait = context.spec.phase_command, context.spec.wait_for
    if command is None or (wait is not None and wait.conditions):
        return []
    tag = context.tag_of(command.state)
    found = None if tag is None else watched.value_now(context.session, tag)
    wanted = command.phase * 100 + waiting.COMPLETE
    met = found is not None and found.good and found.value == wanted
    return [_line_of_phase(context, command.state, found, met)]


def _phase_line(context: StepContext, standing: Standing) -> Line | None:
    """The line of a condition that asks for the end of the phase which the step started."""
    command = context.spec.phase_command
    if command is None:
        return None
    if standing.condition.expression != f"{command.state} = {command.phase * 100 + 3}":
        return None
    found = watched.value_now(context.session, standing.tags.get(command.state, ""))
    return _line_of_phase(context, command.state, found, standing.met)


def _line_of_phase(context: StepContext, state: str, found: TagNow | None, met: bool) -> Line:
    unit = context.unit_of(state.partition(".")[0]) or ""
    shown = _("no good value") if found is None or not found.good else _word_of(context, found)
    return Line(
        words=_("%(unit)s has completed its phase", unit=unit),
        now=_("now %(values)s", values=shown) if shown else "",
        met=met,
    )


def _word_of(context: StepContext, found: TagNow) -> str:
    """The word of a number that stands for a state; nothing for what is measured."""
    if found.value is None:
        return ""
    command = context.spec.phase_command
    if command is not None and context.tag_of(command.state) == found.tag:
        return _phase_words().get(int(found.value) % 100, str(found.value))
    return ""


def _phase_words() -> dict[int, str]:
    """States of an equipment phase (ISA-88) by their number on the wire."""
    return {
        1: _("idle"),
        2: _("running"),
        3: _("complete"),
        4: _("holding"),
        5: _("held"),
        6: _("restarting"),
        7: _("stopping"),
        8: _("stopped"),
        9: _("aborting"),
        10: _("aborted"),
    }


def _events(context: StepContext) -> list[tuple[str, bool]]:
    """What the recipe watches at the step besides its end, by name."""
    for level in context.procedure.levels:
        here = {
            node.id
            for node in level.nodes
            if isinstance(node, StepTask) and node.step.key == context.spec.key
        }
        found = [
            (node.name, node.interrupting)
            for node in level.nodes
            if isinstance(node, BoundaryEvent) and node.attached_to in here and node.name
        ]
        if here:
            return found
    return []
