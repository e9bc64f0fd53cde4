"""The profile check: is this definition one that we execute exactly as drawn? Pure rules.

Order: hierarchy of levels (URS-MRC-080), flow of each level (URS-MRC-040), content of each step
and header (URS-MRC-030). Every rule adds to one complete list; none stops at the first mistake.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from workflows.errors import Finding
from workflows.findings import Report
from workflows.flow_rules import check_flow
from workflows.header_rules import check_header
from workflows.known import known_of
from workflows.model import CallActivity, Level, Procedure, StepTask, SubProcess
from workflows.names import RESERVED, declared_names
from workflows.step_rules import check_step
from workflows.words import Category, Isa88

MAX_NODES = 60
MAX_CHECKED = 600
"""A level with more nodes must be divided first; its flow is not checked before (bounded work)."""
MAX_LEVELS = 500

CALLABLE: Mapping[Isa88, frozenset[Isa88]] = {
    Isa88.PROCEDURE: frozenset({Isa88.UNIT_PROCEDURE}),
    Isa88.UNIT_PROCEDURE: frozenset({Isa88.OPERATION}),
    Isa88.OPERATION: frozenset({Isa88.OPERATION}),
}


def check_profile(procedure: Procedure, lines: Mapping[str, int]) -> list[Finding]:
    """Everything in which the definition departs from the profile; empty when it is accepted."""
    report = Report(lines=lines, names=declared_names(procedure))
    _check_levels(procedure, report)
    _check_calls(procedure, report)
    _check_keys(procedure, report)
    check_header(procedure, report)
    known = known_of(procedure)
    for level in procedure.levels:
        if len(level.nodes) <= MAX_CHECKED:
            check_flow(level, report)
        for node in level.nodes:
            if isinstance(node, StepTask):
                check_step(known, node, report)
    return report.findings


def _check_levels(procedure: Procedure, report: Report) -> None:
    if len(procedure.levels) > MAX_LEVELS:
        report.add("level.count", "", f"more than {MAX_LEVELS} processes", "Split the recipe.")
    master = procedure.header.category is Category.MASTER_RECIPE
    for level in procedure.levels:
        if master and level.id == procedure.entry and level.isa88 is not Isa88.PROCEDURE:
            message = "a master recipe starts with a procedure, not with one of its parts"
            report.add("level.hierarchy", level.id, message, 'Use isa88="procedure".')
        if len(level.nodes) > MAX_NODES:
            message = f"{len(level.nodes)} nodes in one level, allowed are {MAX_NODES}"
            report.add("level.size", level.id, message, "Move a part to a called process.")
        for node in level.nodes:
            if isinstance(node, StepTask) and level.isa88 is not Isa88.OPERATION:
                message = f"a step (phase) stands in a {level.isa88.value}"
                report.add("level.hierarchy", node.id, message, "Move it into an operation.")


def _check_calls(procedure: Procedure, report: Report) -> None:
    levels = {level.id: level for level in procedure.levels}
    calls: dict[str, set[str]] = {level.id: set() for level in procedure.levels}
    begun = frozenset(
        node.id
        for level in procedure.levels
        for node in level.event_subprocesses()
        if node.called in levels and levels[node.called].part_of is None
    )
    for level in procedure.levels:
        for node in level.nodes:
            if isinstance(node, CallActivity):
                _check_call(level, node, levels, begun, report)
                calls[level.id].add(node.called)
    reached = _closure(procedure.entry, calls)
    for level in procedure.levels:
        if level.id not in reached:
            remedy = "Call it, or remove it."
            report.add("level.unused", level.id, "the process is never called", remedy)
        if level.id in set().union(*(_closure(c, calls) for c in calls[level.id])):
            remedy = "Draw repetition as a loop of the call activity."
            report.add("call.cycle", level.id, "the process ends up calling itself", remedy)


def _check_call(
    level: Level,
    node: CallActivity,
    levels: Mapping[str, Level],
    begun: frozenset[str],
    report: Report,
) -> None:
    called = levels.get(node.called)
    if called is None:
        # A call out of the file would run whatever version is there: nothing pins it.
        if node.called not in report.lines:
            message = f"{node.called} is no process of this file"
            report.add("call.target", node.id, message, "Draw the called process in this file.")
        return
    if called.part_of is not None and isinstance(node, SubProcess):
        return
    if not isinstance(node, SubProcess) and called.id in begun:
        message = f"{node.called} begins by an event of its own, so nothing can call it"
        remedy = "Let it begin plainly and wait for the event behind its start."
        report.add("call.target", node.id, message, remedy)
    if called.part_of is not None:
        message = f"{node.called} is drawn inside {called.part_of} and called from elsewhere"
        report.add("call.target", node.id, message, "Draw it as a process of its own.")
    if called.isa88 not in CALLABLE[level.isa88]:
        message = f"a {level.isa88.value} calls a {called.isa88.value}"
        remedy = "A procedure calls unit procedures, these call operations."
        report.add("level.hierarchy", node.id, message, remedy)


def _closure(start: str, calls: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        at = waiting.pop()
        if at not in found:
            found.add(at)
            waiting.extend(calls.get(at, ()))
    return found


def _check_keys(procedure: Procedure, report: Report) -> None:
    counts = Counter(step.key for step in procedure.steps())
    taken = RESERVED | {requirement.key for requirement in procedure.header.equipment}
    for level in procedure.levels:
        for node in level.nodes:
            if not isinstance(node, StepTask):
                continue
            if counts[node.step.key] > 1:
                message = f"the step key {node.step.key} is used twice"
                report.add("step.key", node.id, message, "Give each step its own key.")
            if node.step.key in taken:
                message = f"{node.step.key} already names something else in expressions"
                report.add("step.key", node.id, message, "Choose another key.")
