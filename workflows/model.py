"""The typed model of a definition: what the engine runs and the record shows, as frozen values.

A `Procedure` is one BPMN file: header plus flat levels. Each level is one BPMN process of one
ISA-88 level; it becomes one engine instance when it runs (architecture, section 4). Nothing here
holds layout, so equal procedures have equal content digests whatever the drawing looks like.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from workflows.recipe import Header
from workflows.step import Condition, Step
from workflows.words import EndKind, Isa88, LoopKind, NamedForm, Severity, TimerForm


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """Plain ISO 8601 text: ``2026-11-22T10:00:00Z``, ``PT30M``, ``R/PT15M`` or ``R3/PT15M``."""

    form: TimerForm
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A message, signal, error or escalation; without `name` every error (escalation) is caught.

    A signal reaches all instances of one run, or every run of the site when `plant_wide`.
    `correlation` is an expression whose value a message carries, or must carry to be taken.
    """

    form: NamedForm
    name: str | None = None
    plant_wide: bool = False
    correlation: str | None = None


Trigger: TypeAlias = Timer | Condition | Named


@dataclass(frozen=True, slots=True, kw_only=True)
class StartEvent:
    """The one plain start of a level."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndEvent:
    """An end of a level; `error` is the code that an error end gives its caller.

    `throws` is what an end of kind ``throw`` throws: a message, signal or escalation.
    """

    id: str
    name: str
    kind: EndKind = EndKind.NONE
    error: str | None = None
    throws: Named | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTask:
    """A task with exactly one step; a service task exactly when the step is automatic."""

    id: str
    name: str
    step: Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """How a call activity repeats, never more than `max_rounds` times.

    Parallel and sequential: `cardinality` is an expression for the number of rounds, `completion`
    ends the activity early when true after a round. Standard: goes on while `condition` is true,
    asked before the first round when `test_before`.
    """

    kind: LoopKind
    max_rounds: int
    cardinality: str | None = None
    completion: str | None = None
    condition: str | None = None
    test_before: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CallActivity:
    """Runs another level of the same file as child instance, or one child per round."""

    id: str
    name: str
    called: str
    loop: Loop | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubProcess(CallActivity):
    """A process drawn inside another one; `called` is its own id, which is also its level's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSubProcess(SubProcess):
    """A process inside another one that begins when its trigger happens while that one runs.

    Interrupting, it takes the place of everything that runs there; else it runs beside, each time
    anew. `severity`, when given, is that of the exception raised each time. A process that begins
    by an event stands so in the entry level, beside which it runs (ADR 0013).
    """

    interrupting: bool
    trigger: Trigger
    severity: Severity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExclusiveGateway:
    """Splits on the first true condition in document order, else `default`; or merges."""

    id: str
    name: str
    default: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelGateway:
    """Starts all outgoing branches once every incoming branch has arrived."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InclusiveGateway:
    """Splits on every true condition, on `default` when none is; or joins what may still come.

    `leaves` names the task whose conditional flows it stands for; no gateway is drawn then.
    """

    id: str
    name: str
    default: str | None = None
    leaves: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventGateway:
    """Goes on behind the first of its events that happens; the others are waited for no more."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchEvent:
    """Waits inside the flow for a timer (date or duration), a message, a signal or a condition."""

    id: str
    name: str
    trigger: Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveTask(CatchEvent):
    """Waits for a message as a task does: it may have boundary events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrowEvent:
    """Throws a message, signal or escalation and goes on; without `throws` it is a mark only."""

    id: str
    name: str
    throws: Named | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SendTask(ThrowEvent):
    """Sends a message and goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkEvent:
    """One side of a jump inside a level; the model has a flow from each throw to its catch."""

    id: str
    name: str
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundaryEvent:
    """Watches a task or call activity; interrupting cancels it, else the handler runs beside.

    `severity`, when given, is that of the exception raised each time the event fires.
    """

    id: str
    name: str
    attached_to: str
    interrupting: bool
    trigger: Trigger
    severity: Severity | None = None


Node: TypeAlias = (
    StartEvent
    | EndEvent
    | StepTask
    | CallActivity
    | ExclusiveGateway
    | ParallelGateway
    | InclusiveGateway
    | EventGateway
    | CatchEvent
    | ThrowEvent
    | LinkEvent
    | BoundaryEvent
)
Gateway: TypeAlias = ExclusiveGateway | ParallelGateway | InclusiveGateway | EventGateway
Catching: TypeAlias = BoundaryEvent | CatchEvent | EventSubProcess
"""What waits for a trigger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A sequence flow; `max_rounds` bounds how often a backward flow may be taken."""

    id: str
    source: str
    target: str
    name: str = ""
    condition: str | None = None
    max_rounds: int | None = None


# Without slots: the indexes lie in the instance once they are asked for, so that finding a step
# costs the same in a recipe of any size.
@dataclass(frozen=True, kw_only=True)
class Level:
    """One BPMN process: nodes and flows in document order. `id` names it in call activities.

    What is drawn inside a process, however deep, is `part_of` that one and has its ISA-88 level.
    """

    id: str
    name: str
    isa88: Isa88
    nodes: tuple[Node, ...]
    flows: tuple[Flow, ...]
    part_of: str | None = None

    @property
    def start(self) -> StartEvent:
        """The one start event (the profile check makes sure of it)."""
        return next(node for node in self.nodes if isinstance(node, StartEvent))

    def node(self, node_id: str) -> Node:
        """The node with this BPMN id. Raises KeyError."""
        return self._nodes_by_id[node_id]

    def outgoing(self, node_id: str) -> tuple[Flow, ...]:
        """The flows that leave a node, in document order."""
        return tuple(flow for flow in self.flows if flow.source == node_id)

    def incoming(self, node_id: str) -> tuple[Flow, ...]:
        """The flows that enter a node, in document order."""
        return tuple(flow for flow in self.flows if flow.target == node_id)

    def boundaries(self, node_id: str) -> tuple[BoundaryEvent, ...]:
        """The boundary events attached to a task or call activity, in document order."""
        return self._boundaries_by_host.get(node_id, ())

    def event_subprocesses(self) -> tuple[EventSubProcess, ...]:
        """What begins inside this level by an event, in document order."""
        return tuple(node for node in self.nodes if isinstance(node, EventSubProcess))

    def gateway_before(self, node_id: str) -> EventGateway | None:
        """The event-based gateway that waits for this event, if one does."""
        for flow in self.incoming(node_id):
            before = self.node(flow.source)
            if isinstance(before, EventGateway):
                return before
        return None

    @cached_property
    def _nodes_by_id(self) -> dict[str, Node]:
        return {node.id: node for node in reversed(self.nodes)}

    @cached_property
    def _boundaries_by_host(self) -> dict[str, tuple[BoundaryEvent, ...]]:
        found: dict[str, tuple[BoundaryEvent, ...]] = {}
        for node in self.nodes:
            if isinstance(node, BoundaryEvent):
                found[node.attached_to] = (*found.get(node.attached_to, ()), node)
        return found


# Without slots as a level is.
@dataclass(frozen=True, kw_only=True)
class Procedure:
    """One definition: header and levels, the `entry` level first to run."""

    header: Header
    entry: str
    levels: tuple[Level, ...]

    def level(self, level_id: str) -> Level:
        """The level with this process id. Raises KeyError."""
        return self._levels_by_id[level_id]

    def steps(self) -> Iterator[Step]:
        """Every step of every level, in document order."""
        for level in self.levels:
            for node in level.nodes:
                if isinstance(node, StepTask):
                    yield node.step

    def step(self, key: str) -> Step:
        """The step with this key. Raises KeyError."""
        return self._steps_by_key[key]

    @cached_property
    def _levels_by_id(self) -> dict[str, Level]:
        return {level.id: level for level in reversed(self.levels)}

    @cached_property
    def _steps_by_key(self) -> dict[str, Step]:
        return {step.key: step for step in reversed(tuple(self.steps()))}
