"""Rules of the flow of one level: ends, gateways, loops, boundaries (URS-MRC-040).

Each rule exists because the construct would otherwise be executed differently from how it looks,
or silently not at all (notes on the engine, section 1).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from workflows.durations import BadDuration, check_timer, duration
from workflows.findings import Report
from workflows.graph import Graph
from workflows.model import (
    BoundaryEvent,
    CallActivity,
    CatchEvent,
    EndEvent,
    EventGateway,
    EventSubProcess,
    ExclusiveGateway,
    Flow,
    Gateway,
    InclusiveGateway,
    Level,
    LinkEvent,
    Node,
    ReceiveTask,
    StartEvent,
    StepTask,
    ThrowEvent,
    Timer,
    Trigger,
)
from workflows.model import Named as NamedEvent
from workflows.soundness import check_soundness
from workflows.step import Condition
from workflows.words import LoopKind, NamedForm, TimerForm

MAX_ROUNDS = 200
MAX_REPETITIONS = 2000
"""A flow that leads back lengthens its level; a repeated activity is an instance each time."""
MAX_INCLUSIVE = 6
DECIDING = (ExclusiveGateway, InclusiveGateway)
DOING = (StepTask, CallActivity, ThrowEvent, ReceiveTask)


def check_flow(level: Level, report: Report) -> None:
    """All rules of one level; the token check runs only on a level that is drawn whole."""
    before = len(report.findings)
    if not _is_complete(level, report):
        return
    _check_ends(level, report)
    for node in level.nodes:
        _check_node(level, node, report)
    for flow in level.flows:
        _check_condition(level, flow, report)
    _check_rounds(level, report)
    _check_reach(level, report)
    if len(report.findings) == before:
        check_soundness(level, report)


def _is_complete(level: Level, report: Report) -> bool:
    """False when a part was refused before, so that its absence is not reported once more."""
    known = {node.id for node in level.nodes}
    complete = True
    for flow in level.flows:
        for end in (flow.source, flow.target):
            if end not in known:
                complete = False
                if end not in report.lines:
                    message = f"the flow leads from or to {end}, which is not in this process"
                    report.add("flow.end", flow.id, message, "Connect both ends.")
    return complete


def _check_ends(level: Level, report: Report) -> None:
    starts = [node for node in level.nodes if isinstance(node, StartEvent)]
    if len(starts) != 1:
        message = f"{len(starts)} start events"
        report.add("flow.start", level.id, message, "Draw exactly one plain start event.")
    if not any(isinstance(node, EndEvent) for node in level.nodes):
        report.add("flow.no_end", level.id, "no end event", "Draw an end event.")
    if not any(isinstance(node, DOING) for node in level.nodes):
        report.add("flow.empty", level.id, "the process does nothing", "Draw a step or a call.")


def _check_node(level: Level, node: Node, report: Report) -> None:
    if isinstance(node, Gateway):
        _check_gateway(level, node, report)
        return
    entering, leaving = len(level.incoming(node.id)), len(level.outgoing(node.id))
    has_entry = not isinstance(node, (StartEvent, BoundaryEvent, EventSubProcess))
    has_exit = not isinstance(node, (EndEvent, EventSubProcess))
    jumped_to = isinstance(node, LinkEvent) and entering > 0
    if entering != int(has_entry) and not jumped_to:
        message = f"{entering} flows enter, {int(has_entry)} expected"
        remedy = "Join branches with a gateway." if entering > 1 else "Connect it."
        report.add("flow.entering", node.id, message, remedy)
    if leaving != int(has_exit):
        message = f"{leaving} flows leave, {int(has_exit)} expected"
        remedy = "Split with a gateway." if leaving > 1 else "Connect it."
        report.add("flow.leaving", node.id, message, remedy)
    if isinstance(node, BoundaryEvent):
        _check_boundary(level, node, report)
    elif isinstance(node, EventSubProcess):
        _check_trigger(node.id, node.trigger, report, interrupting=node.interrupting)
        _check_error_interrupts(node.id, node.trigger, report, interrupting=node.interrupting)
        _check_twice(level.event_subprocesses(), node, report)
    elif isinstance(node, CatchEvent):
        _check_trigger(node.id, node.trigger, report, interrupting=True)
    elif isinstance(node, CallActivity):
        _check_loop(node, report)
    if isinstance(node, (ThrowEvent, EndEvent)) and node.throws is not None:
        _check_correlation(node.id, node.throws, report)


def _check_gateway(level: Level, node: Gateway, report: Report) -> None:
    entering, leaving = len(level.incoming(node.id)), level.outgoing(node.id)
    splits, joins = entering == 1 and len(leaving) > 1, entering > 1 and len(leaving) == 1
    if not splits and not joins:
        message = f"{entering} flows enter and {len(leaving)} leave the gateway"
        report.add("gateway.shape", node.id, message, "A gateway either splits or joins.")
    elif isinstance(node, EventGateway):
        _check_awaited(level, node, report)
    elif isinstance(node, InclusiveGateway) and node.leaves is not None:
        _check_leaving(node, leaving, report)
    elif isinstance(node, InclusiveGateway) and Graph.of(level).is_in_cycle(node.id):
        message = "an inclusive gateway stands in a loop: who may still come is not certain there"
        remedy = "Use exclusive and parallel gateways, or a loop of a called process."
        report.add("gateway.inclusive_cycle", node.id, message, remedy)
    if isinstance(node, InclusiveGateway) and len(leaving) > MAX_INCLUSIVE:
        message = f"{len(leaving)} flows leave an inclusive choice, allowed are {MAX_INCLUSIVE}"
        report.add("gateway.inclusive_size", node.id, message, "Divide it into several.")
    if isinstance(node, DECIDING) and getattr(node, "leaves", None) is None:
        _check_default(node, leaving, splits, report)


def _check_awaited(level: Level, node: EventGateway, report: Report) -> None:
    """Behind an event-based gateway stand events that only it leads to."""
    for flow in level.outgoing(node.id):
        target = level.node(flow.target)
        if not isinstance(target, CatchEvent) or isinstance(target, ReceiveTask):
            message = f"{flow.target} behind an event-based gateway is no catching event"
            remedy = "Draw an intermediate event: a timer, a message, a signal or a condition."
            report.add("gateway.events", node.id, message, remedy)


def _check_leaving(node: InclusiveGateway, leaving: Iterable[Flow], report: Report) -> None:
    """Flows out of a task: whatever the conditions say, at least one is taken."""
    flows = list(leaving)
    if node.default is not None and node.default not in {flow.id for flow in flows}:
        message = "the default is no flow that leaves the task"
        report.add("gateway.default", node.id, message, "Mark one leaving flow as default.")
    if node.default is None and all(flow.condition is not None for flow in flows):
        message = "every flow that leaves the task has a condition"
        report.add("gateway.default", node.id, message, "Mark one of them as default.")
    for flow in flows:
        if flow.id == node.default and flow.condition is not None:
            remedy = "Remove its condition."
            report.add("gateway.default", flow.id, "the default flow has a condition", remedy)


def _check_default(
    node: ExclusiveGateway | InclusiveGateway,
    leaving: Iterable[Flow],
    splits: bool,
    report: Report,
) -> None:
    if not splits:
        if node.default is not None:
            remedy = "Remove the default."
            report.add("gateway.default", node.id, "a default where nothing splits", remedy)
        return
    if node.default not in {flow.id for flow in leaving}:
        remedy = "Mark one leaving flow as default."
        report.add("gateway.default", node.id, "the gateway has no default flow", remedy)
    for flow in leaving:
        if flow.id == node.default and flow.condition is not None:
            remedy = "Remove its condition."
            report.add("gateway.default", flow.id, "the default flow has a condition", remedy)
        elif flow.id != node.default and flow.condition is None:
            remedy = "Give it a condition, or make it the default."
            report.add("gateway.condition", flow.id, "the flow has no condition", remedy)


def _check_condition(level: Level, flow: Flow, report: Report) -> None:
    if flow.condition is None:
        return
    source = level.node(flow.source)
    if not isinstance(source, DECIDING):
        remedy = "Draw an exclusive or inclusive gateway and put the condition behind it."
        report.add("flow.condition", flow.id, "a condition outside a gateway", remedy)
    elif len(level.outgoing(source.id)) < 2:
        remedy = "Remove the condition."
        report.add("flow.condition", flow.id, "a condition where nothing splits", remedy)
    report.condition(flow.condition, flow.id, "condition")


def _check_rounds(level: Level, report: Report) -> None:
    graph = Graph.of(level)
    for flow in level.flows:
        if flow.max_rounds is None:
            continue
        if not graph.leads(flow.target, flow.source):
            message = "rounds on a flow that does not lead back"
            report.add("flow.rounds", flow.id, message, "Remove bw:rounds.")
        elif not 1 <= flow.max_rounds <= MAX_ROUNDS:
            message = f"{flow.max_rounds} rounds"
            remedy = f"Allow 1 to {MAX_ROUNDS}; repeat more often with a call activity."
            report.add("flow.rounds", flow.id, message, remedy)
        elif not isinstance(level.node(flow.source), DECIDING):
            message = "a flow leads back that no gateway can leave out"
            report.add("flow.rounds", flow.id, message, "Draw the way out at a gateway.")
    for closing in graph.unbounded_cycle_flows():
        message = "the flow closes a loop without bound"
        report.add("flow.unbounded", closing, message, "Add bw:rounds to the flow that leads back.")


def _check_reach(level: Level, report: Report) -> None:
    graph = Graph.of(level)
    starts = [node.id for node in level.nodes if isinstance(node, (StartEvent, EventSubProcess))]
    reached = graph.reached(starts)
    ends = [node.id for node in level.nodes if isinstance(node, (EndEvent, EventSubProcess))]
    ending = graph.reaching(ends)
    for node in level.nodes:
        if starts and node.id not in reached:
            report.add("flow.unreachable", node.id, "nothing leads here", "Connect or remove it.")
        if ends and node.id not in ending:
            report.add("flow.endless", node.id, "no end is reached from here", "Lead it to an end.")


def _check_timer(element: str, timer: Timer, allowed: Iterable[TimerForm], report: Report) -> None:
    forms = tuple(allowed)
    if timer.form not in forms:
        words = " or ".join(form.value for form in forms)
        message = f"a timer of form {timer.form.value} does not fit here"
        report.add("timer.form", element, message, f"Use a {words}.")
        return
    try:
        check_timer(timer)
    except BadDuration as error:
        report.add("timer.text", element, str(error), "Write plain ISO 8601.")


HOSTS = (StepTask, CallActivity, ReceiveTask)


def _check_boundary(level: Level, event: BoundaryEvent, report: Report) -> None:
    hosts = {n.id: n for n in level.nodes if isinstance(n, HOSTS)}
    host = hosts.get(event.attached_to)
    if host is None or isinstance(host, EventSubProcess):
        message = f"{event.attached_to or 'nothing'} is no task or call of this process"
        report.add("boundary.host", event.id, message, "Attach it to a task or call activity.")
    _check_trigger(event.id, event.trigger, report, interrupting=event.interrupting)
    _check_error_interrupts(event.id, event.trigger, report, interrupting=event.interrupting)
    _check_twice(level.boundaries(event.attached_to), event, report)
    if isinstance(event.trigger, NamedEvent):
        _check_named(event, event.trigger, host, report)


def _check_trigger(element: str, trigger: Trigger, report: Report, *, interrupting: bool) -> None:
    match trigger:
        case Timer():
            once = (TimerForm.DATE, TimerForm.DURATION)
            _check_timer(
                element, trigger, once if interrupting else (*once, TimerForm.CYCLE), report
            )
        case Condition():
            _check_watch(element, trigger, report)
        case NamedEvent():
            _check_correlation(element, trigger, report)


def _check_watch(element: str, condition: Condition, report: Report) -> None:
    report.condition(condition.expression, element, "condition")
    if condition.sustained is not None:
        try:
            duration(condition.sustained)
        except BadDuration as error:
            report.add("timer.text", element, str(error), "Write a duration such as PT30S.")


def _check_correlation(element: str, named: NamedEvent, report: Report) -> None:
    if named.correlation is not None:
        report.text(named.correlation, element, "correlation")


def _check_error_interrupts(
    element: str, trigger: Trigger, report: Report, *, interrupting: bool
) -> None:
    form = trigger.form if isinstance(trigger, NamedEvent) else None
    if form is NamedForm.ERROR and not interrupting:
        message = "an error cannot leave its place running"
        report.add("boundary.error", element, message, "Make it interrupting, or use a signal.")


def _check_twice(
    events: Iterable[BoundaryEvent | EventSubProcess],
    event: BoundaryEvent | EventSubProcess,
    report: Report,
) -> None:
    """One event that two handlers wait for at one place would go to either."""
    if not isinstance(event.trigger, NamedEvent):
        return
    same = [each for each in events if each.trigger == event.trigger]
    for _, later in pairwise(same):
        if later.id == event.id:
            message = "the same event is watched twice at one place"
            report.add("boundary.twice", event.id, message, "Keep one of them.")


def _check_named(
    event: BoundaryEvent, named: NamedEvent, host: Node | None, report: Report
) -> None:
    if named.form is NamedForm.ERROR and not isinstance(host, CallActivity):
        message = "a step raises exceptions, no errors"
        remedy = "Put the error boundary on the call activity of the level that ends in error."
        report.add("boundary.error", event.id, message, remedy)
    if named.form is NamedForm.ESCALATION and not isinstance(host, CallActivity):
        message = "a step escalates by its exception policy, not by an event"
        remedy = "Put the boundary on the call activity of the level that throws the escalation."
        report.add("boundary.escalation", event.id, message, remedy)


def _check_loop(node: CallActivity, report: Report) -> None:
    loop = node.loop
    if loop is None:
        return
    if not 1 <= loop.max_rounds <= MAX_REPETITIONS:
        remedy = f"Set bw:rounds (or loopMaximum of a standard loop) to 1 to {MAX_REPETITIONS}."
        report.add("loop.bound", node.id, "the repetition has no bound", remedy)
    if loop.kind is LoopKind.STANDARD:
        report.condition(loop.condition, node.id, "loop condition")
        return
    if not loop.cardinality:
        remedy = "Give it a loopCardinality."
        report.add("loop.cardinality", node.id, "the number of rounds is not given", remedy)
    else:
        report.quantity(loop.cardinality, None, node.id, "number of rounds")
    if loop.completion is not None:
        report.condition(loop.completion, node.id, "completion condition")
