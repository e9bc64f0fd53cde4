"""All conformance models by name."""

from __future__ import annotations

from tests.support.conformance.activities import (
    ERROR_INSIDE,
    IN_LANES,
    INSIDE,
    KINDS_OF_TASKS,
    REPEATED_STEPS,
    ROUNDS_INSIDE,
    TERMINATED_INSIDE,
)
from tests.support.conformance.begun import BY_EVENTS
from tests.support.conformance.begun import EVERY_HOUR as BEGUN_EVERY_HOUR
from tests.support.conformance.borders import OUTLIVED, SAME_ERRORS, SAME_SIGNALS
from tests.support.conformance.boundaries import BESIDE_A_STEP, INTERRUPTED_STEPS
from tests.support.conformance.conditions import AGAIN, AT_LEVELS, IN_THE_FLOW, first_to_hold
from tests.support.conformance.gateways import (
    BOTH,
    BRANCH_THAT_ENDS,
    LEAVING,
    LEAVING_BACK,
    LINKED,
    NONE_OF,
    first_of,
)
from tests.support.conformance.making import Model
from tests.support.conformance.messages import (
    AT_ONCE,
    ESCALATED,
    ESCALATED_BOTH,
    MANY,
    RECEIVING,
    SIGNAL_AT_END,
    SIGNALLED,
    TALKING,
    THROWN_EARLY,
    TOO_FEW,
    WAITING,
)
from tests.support.conformance.scopes import (
    BESIDE,
    CAUGHT_INSIDE,
    ESCALATED_INSIDE,
    EVENTS_BESIDE,
    EVENTS_TAKE_OVER,
    EVERY_HOUR,
    TAKEN_OVER,
    TOO_LONG,
)

MODELS: dict[str, Model] = {
    "kinds of tasks": KINDS_OF_TASKS,
    "drawn inside": INSIDE,
    "rounds of what is drawn inside": ROUNDS_INSIDE,
    "steps that repeat": REPEATED_STEPS,
    "an error over two levels": ERROR_INSIDE,
    "terminated inside": TERMINATED_INSIDE,
    "message before the time": first_of(expires=False),
    "time before the message": first_of(expires=True),
    "both branches of an inclusive choice": BOTH,
    "default of an inclusive choice": NONE_OF,
    "a branch ends before its inclusive join": BRANCH_THAT_ENDS,
    "conditional flows leave a task": LEAVING,
    "a flow leads back from a task": LEAVING_BACK,
    "a message from branch to branch": TALKING,
    "a message thrown early": THROWN_EARLY,
    "receiving with a limit": RECEIVING,
    "a signal from branch to branch": SIGNALLED,
    "a signal at an end": SIGNAL_AT_END,
    "escalations": ESCALATED,
    "links": LINKED,
    "taken over by a signal": TAKEN_OVER,
    "messages beside": BESIDE,
    "every hour beside": EVERY_HOUR,
    "taken over after an hour": TOO_LONG,
    "an error caught inside": CAUGHT_INSIDE,
    "an escalation caught inside": ESCALATED_INSIDE,
    "events beside a step": BESIDE_A_STEP,
    "steps interrupted by events": INTERRUPTED_STEPS,
    "event subprocesses beside": EVENTS_BESIDE,
    "event subprocesses that take over": EVENTS_TAKE_OVER,
    "waiting in the flow": WAITING,
    "escalations of a call": ESCALATED_BOTH,
    "lanes": IN_LANES,
    "a condition in the flow": IN_THE_FLOW,
    "a condition before the time": first_to_hold(expires=False),
    "time before the condition": first_to_hold(expires=True),
    "conditions of levels": AT_LEVELS,
    "conditions that hold again": AGAIN,
    "processes that events begin": BY_EVENTS,
    "a process begun every hour": BEGUN_EVERY_HOUR,
    "message tasks that repeat": MANY,
    "two messages at once": AT_ONCE,
    "receiving that is cut short": TOO_FEW,
    "the same error at three borders": SAME_ERRORS,
    "the same signal at two borders": SAME_SIGNALS,
    "handlers that outlive a repeated host": OUTLIVED,
}
