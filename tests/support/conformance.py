"""The conformance models: a small procedure for every element that we execute.

Each runs straight, with every move in a process of its own, with all caches forgotten, and built
again from its journal, and must come to the same journal each time; beside that it must open the
steps that stand in it (`tests/integration/engine/test_resume.py`, `test_replay.py`). The profile
page says which element is carried out in which model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.bpmn import (
    boundary,
    bpmn,
    call,
    end,
    error,
    escalation,
    event_gateway,
    exclusive,
    flow,
    inclusive,
    lane,
    lanes,
    link,
    message,
    messenger,
    multi_instance,
    named,
    parallel,
    service,
    signal,
    standard_loop,
    start,
    step,
    subprocess,
    task,
    throw,
    timer,
    wait,
)
from tests.support.moving import Move
from tests.support.running import level

FLAGS = "".join(f'<bw:parameter code="b{n}" dataType="boolean"/>' for n in range(3))
CHOICE = (
    '<bw:parameter code="lot" dataType="choice"><bw:choice value="L1"/><bw:choice value="L2"/>'
    "</bw:parameter>"
)


@dataclass(frozen=True)
class Model:
    """A procedure, what happens in it, and the values that the record would know.

    `opened` are the steps that must have become ready, in order; `state` is that of the run after
    the last move.
    """

    data: bytes
    moves: list[Move]
    values: Mapping[str, Any] = field(default_factory=dict)
    opened: tuple[str, ...] = ()
    state: str = "complete"


def done(*paths: str) -> list[Move]:
    """Steps of the entry level by their key and ordinal, or of any level by their path."""
    return [("complete", f"PROC/{path}") for path in paths]


def opened(*paths: str) -> tuple[str, ...]:
    """Paths below the entry level."""
    return tuple(f"PROC/{path}" for path in paths)


def keyed(name: str, parameters: str) -> str:
    """A step that enters values which decide the way."""
    return task(name, step(name, parameters, kind="entry"))


INSIDE = Model(
    bpmn(
        level(
            "PROC",
            "A > SP > LAST > end",
            task("A"),
            subprocess(
                "SP",
                ["SP_start > B > IN > C > SP_end"],
                task("B"),
                subprocess("IN", "IN_start > D > IN_end", task("D"), end("IN_end")),
                task("C"),
                end("SP_end"),
            ),
            task("LAST"),
        )
    ),
    done("A#1", "SP#1/B#1", "SP#1/IN#1/D#1", "SP#1/C#1", "LAST#1"),
    opened=opened("A#1", "SP#1/B#1", "SP#1/IN#1/D#1", "SP#1/C#1", "LAST#1"),
)
ROUNDS_INSIDE = Model(
    bpmn(
        level(
            "PROC",
            "SP > RP > LAST > end",
            subprocess(
                "SP",
                "SP_start > B > SP_end",
                task("B"),
                end("SP_end"),
                loop=multi_instance("2"),
                max_rounds=4,
            ),
            subprocess(
                "RP",
                "RP_start > C > RP_end",
                task("C"),
                end("RP_end"),
                loop=standard_loop("round < 1", maximum=3),
            ),
            task("LAST"),
        )
    ),
    done("SP#1.2/B#1", "SP#1.1/B#1", "RP#1.1/C#1", "LAST#1"),
    opened=opened("SP#1.1/B#1", "SP#1.2/B#1", "RP#1.1/C#1", "LAST#1"),
)
ERROR_INSIDE = Model(
    bpmn(
        error("err", "leak"),
        level(
            "PROC",
            ["SP > M > LAST > end", "E > FIX > M"],
            subprocess(
                "SP",
                ["SP_start > S > A > IN > SP_end", "S > B > SP_end2"],
                parallel("S"),
                task("A"),
                task("B"),
                subprocess("IN", "IN_start > T > IN_bad", task("T"), end("IN_bad", error="err")),
                end("SP_end"),
                end("SP_end2"),
            ),
            boundary("E", "SP", named("error", "err")),
            task("FIX"),
            exclusive("M"),
            task("LAST"),
        ),
    ),
    done("SP#1/A#1", "SP#1/IN#1/T#1", "FIX#1", "LAST#1"),
    opened=opened("SP#1/A#1", "SP#1/B#1", "SP#1/IN#1/T#1", "FIX#1", "LAST#1"),
)
TERMINATED_INSIDE = Model(
    bpmn(
        level(
            "PROC",
            "SP > LAST > end",
            subprocess(
                "SP",
                ["SP_start > S > A > SP_stop", "S > B > SP_end"],
                parallel("S"),
                task("A"),
                task("B"),
                end("SP_stop", terminate=True),
                end("SP_end"),
            ),
            task("LAST"),
        )
    ),
    done("SP#1/A#1", "LAST#1"),
    opened=opened("SP#1/A#1", "SP#1/B#1", "LAST#1"),
)


def first_of(*, expires: bool) -> Model:
    """Wait for a message or for a quarter of an hour, whatever comes first."""
    happens: Move = ("minutes", 15) if expires else ("message", ("result", None))
    way = "LATE#1" if expires else "GOOD#1"
    return Model(
        bpmn(
            message("msg", "result"),
            level(
                "PROC",
                ["A > G > MSG > GOOD > M > end", "G > TIME > LATE > M"],
                task("A"),
                event_gateway("G"),
                wait("MSG", named("message", "msg")),
                wait("TIME", timer("duration", "PT15M")),
                task("GOOD"),
                task("LATE"),
                exclusive("M"),
            ),
        ),
        [*done("A#1"), happens, *done(way)],
        opened=opened("A#1", way),
    )


SOME_OF = bpmn(
    level(
        "PROC",
        [
            "K > S",
            "A > A2 > J > LAST > end",
            "B > J",
            "C > J",
            flow("S", "A", "K.b0"),
            flow("S", "B", "K.b1"),
            flow("S", "C"),
        ],
        keyed("K", FLAGS),
        inclusive("S", default="S_C"),
        task("A"),
        task("A2"),
        task("B"),
        task("C"),
        inclusive("J"),
        task("LAST"),
    )
)
BOTH = Model(
    SOME_OF,
    done("K#1", "B#1", "A#1", "A2#1", "LAST#1"),
    {"K.b0": True, "K.b1": True},
    opened("K#1", "A#1", "B#1", "A2#1", "LAST#1"),
)
NONE_OF = Model(
    SOME_OF,
    done("K#1", "C#1", "LAST#1"),
    {"K.b0": False, "K.b1": False},
    opened("K#1", "C#1", "LAST#1"),
)
BRANCH_THAT_ENDS = Model(
    bpmn(
        level(
            "PROC",
            [
                "K > S",
                "A > J > LAST > end",
                "B > X > gone",
                "D > J",
                flow("X", "J", "K.b2"),
                flow("S", "A", "K.b0"),
                flow("S", "D", "K.b1"),
                flow("S", "B", "K.b0"),
                flow("S", "gone2"),
            ],
            keyed("K", FLAGS),
            inclusive("S", default="S_gone2"),
            task("A"),
            task("B"),
            task("D"),
            exclusive("X", default="X_gone"),
            inclusive("J"),
            task("LAST"),
            end("gone"),
            end("gone2"),
        )
    ),
    done("K#1", "A#1", "B#1", "LAST#1"),
    {"K.b0": True, "K.b1": False, "K.b2": False},
    opened("K#1", "A#1", "B#1", "LAST#1"),
)
LEAVING = Model(
    bpmn(
        level(
            "PROC",
            [
                "K > A",
                flow("A", "B", "K.b0"),
                flow("A", "C"),
                flow("A", "D", "K.b1"),
                "B > J > LAST > end",
                "C > J",
                "D > J",
            ],
            keyed("K", FLAGS),
            task("A"),
            task("B"),
            task("C"),
            task("D"),
            inclusive("J"),
            task("LAST"),
        )
    ),
    done("K#1", "A#1", "C#1", "D#1", "LAST#1"),
    {"K.b0": False, "K.b1": True},
    opened("K#1", "A#1", "C#1", "D#1", "LAST#1"),
)
LEAVING_BACK = Model(
    bpmn(
        level(
            "PROC",
            [
                "M > A",
                flow("A", "M", "round < 2", max_rounds=1),
                flow("A", "LAST", flow_id="on"),
                "LAST > end",
            ],
            exclusive("M"),
            task("A", default="on"),
            task("LAST"),
        )
    ),
    done("A#1", "A#2"),
    opened=opened("A#1", "A#2"),
    state="held",
)
TALKING = Model(
    bpmn(
        message("msg", "sample_ready"),
        level(
            "PROC",
            ["K > S > SEND > X > J > LAST > end", "S > MSG > Y > J"],
            keyed("K", CHOICE),
            parallel("S"),
            messenger("send", "SEND", "msg", correlation="K.lot"),
            task("X"),
            wait("MSG", named("message", "msg"), correlation="K.lot"),
            task("Y"),
            parallel("J"),
            task("LAST"),
        ),
    ),
    done("K#1", "Y#1", "X#1", "LAST#1"),
    {"K.lot": "L1"},
    opened("K#1", "Y#1", "X#1", "LAST#1"),
)
THROWN_EARLY = Model(
    bpmn(
        message("msg", "sample_ready"),
        level(
            "PROC",
            ["MT > A > R > S > LAST > ME", "S > end"],
            throw("MT", named("message", "msg")),
            task("A"),
            messenger("receive", "R", "msg"),
            parallel("S"),
            task("LAST"),
            end("ME", named("message", "msg")),
        ),
    ),
    done("A#1", "LAST#1"),
    opened=opened("A#1", "LAST#1"),
)
RECEIVING = Model(
    bpmn(
        message("msg", "result"),
        level(
            "PROC",
            ["R > A > M > end", "T > B > M", "N > NH > Ne"],
            messenger("receive", "R", "msg"),
            boundary("T", "R", timer("duration", "PT2H")),
            boundary("N", "R", timer("cycle", "R2/PT30M"), interrupting=False),
            task("NH"),
            end("Ne"),
            task("A"),
            task("B"),
            exclusive("M"),
        ),
    ),
    [("minutes", 30), ("minutes", 90), *done("N#1/NH#1", "N#2/NH#1", "B#1")],
    opened=opened("N#1/NH#1", "N#2/NH#1", "B#1"),
)
SIGNALLED = Model(
    bpmn(
        signal("sig", "line_clear"),
        level(
            "PROC",
            ["S > A > ST > B > J > LAST > end", "S > SC > C > J"],
            parallel("S"),
            task("A"),
            throw("ST", named("signal", "sig")),
            task("B"),
            wait("SC", named("signal", "sig")),
            task("C"),
            parallel("J"),
            task("LAST"),
        ),
    ),
    done("A#1", "C#1", "B#1", "LAST#1"),
    opened=opened("A#1", "C#1", "B#1", "LAST#1"),
)
SIGNAL_AT_END = Model(
    bpmn(
        signal("sig", "line_clear"),
        level(
            "PROC",
            ["S > SP > J > LAST > end", "S > W > J", "EV > H > He"],
            parallel("S"),
            subprocess("SP", "SP_start > A > SE", task("A"), end("SE", named("signal", "sig"))),
            task("W"),
            boundary("EV", "W", named("signal", "sig"), interrupting=False),
            task("H"),
            end("He"),
            parallel("J"),
            task("LAST"),
        ),
    ),
    done("SP#1/A#1", "W#1", "LAST#1", "EV#1/H#1"),
    opened=opened("W#1", "SP#1/A#1", "EV#1/H#1", "LAST#1"),
)
ESCALATED = Model(
    bpmn(
        escalation("esc", "low_yield"),
        escalation("bad", "no_yield"),
        level(
            "PROC",
            ["SP > M > LAST > end", "E1 > H > He", "E2 > FIX > M"],
            subprocess(
                "SP",
                "SP_start > A > ET > B > EE",
                task("A"),
                throw("ET", named("escalation", "esc")),
                task("B"),
                end("EE", named("escalation", "bad")),
            ),
            boundary("E1", "SP", named("escalation", "esc"), interrupting=False),
            boundary("E2", "SP", named("escalation", None)),
            task("H"),
            end("He"),
            task("FIX"),
            exclusive("M"),
            task("LAST"),
        ),
    ),
    done("SP#1/A#1", "E1#1/H#1", "SP#1/B#1", "FIX#1", "LAST#1"),
    opened=opened("SP#1/A#1", "E1#1/H#1", "SP#1/B#1", "FIX#1", "LAST#1"),
)
LINKED = Model(
    bpmn(
        level(
            "PROC",
            ["K > X", flow("X", "A", "K.b0"), "X > B > T2", "A > T1", "C > LAST > end"],
            keyed("K", FLAGS),
            exclusive("X", default="X_B"),
            task("A"),
            task("B"),
            throw("T1", link("on")),
            throw("T2", link("on")),
            wait("C", link("on")),
            throw("MARK"),
            task("LAST"),
        )
        .replace('sourceRef="C" targetRef="LAST"', 'sourceRef="C" targetRef="MARK"')
        .replace("</bpmn:process>", flow("MARK", "LAST") + "</bpmn:process>"),
    ),
    done("K#1", "A#1", "LAST#1"),
    {"K.b0": True},
    opened("K#1", "A#1", "LAST#1"),
)


def beside(begins: str, *roots: str, key: str = "H") -> bytes:
    """A level with two steps in a row and an event subprocess with one step."""
    return bpmn(
        *roots,
        level(
            "PROC",
            "OP > LAST > end",
            subprocess(
                "OP",
                "OP_start > A > B > OP_end",
                task("A"),
                task("B"),
                end("OP_end"),
                subprocess(
                    "ESP",
                    f"ESP_start > {key} > ESP_end",
                    task(key),
                    end("ESP_end"),
                    begins=begins,
                ),
            ),
            task("LAST"),
        ),
    )


TAKEN_OVER = Model(
    beside(start("ESP_start", named("signal", "sig")), signal("sig", "spill")),
    [*done("OP#1/A#1"), ("signal", "spill"), *done("OP#1/ESP#1/H#1", "LAST#1")],
    opened=opened("OP#1/A#1", "OP#1/B#1", "OP#1/ESP#1/H#1", "LAST#1"),
)
BESIDE = Model(
    beside(start("ESP_start", named("message", "msg"), interrupting=False), message("msg", "call")),
    [
        ("message", ("call", None)),
        ("message", ("call", None)),
        *done("OP#1/A#1", "OP#1/B#1", "OP#1/ESP#2/H#1"),
        ("message", ("call", None)),
        *done("OP#1/ESP#1/H#1", "OP#1/ESP#3/H#1", "LAST#1"),
    ],
    opened=opened(
        "OP#1/A#1",
        "OP#1/ESP#1/H#1",
        "OP#1/ESP#2/H#1",
        "OP#1/B#1",
        "OP#1/ESP#3/H#1",
        "LAST#1",
    ),
)
EVERY_HOUR = Model(
    beside(start("ESP_start", timer("cycle", "R2/PT1H"), interrupting=False)),
    [
        ("minutes", 60),
        ("minutes", 60),
        ("minutes", 60),
        *done("OP#1/ESP#1/H#1", "OP#1/A#1", "OP#1/B#1", "OP#1/ESP#2/H#1", "LAST#1"),
    ],
    opened=opened("OP#1/A#1", "OP#1/ESP#1/H#1", "OP#1/ESP#2/H#1", "OP#1/B#1", "LAST#1"),
)
TOO_LONG = Model(
    beside(start("ESP_start", timer("duration", "PT1H"))),
    [("minutes", 60), *done("OP#1/ESP#1/H#1", "LAST#1")],
    opened=opened("OP#1/A#1", "OP#1/ESP#1/H#1", "LAST#1"),
)


def raised(form: str, begins: str, root: str) -> bytes:
    """A level that throws out of a subprocess in it, with an event subprocess that catches."""
    return bpmn(
        root,
        level(
            "PROC",
            ["S > IN > J > end", "S > W > J"],
            parallel("S"),
            subprocess("IN", "IN_start > A > X", task("A"), thrower(form)),
            task("W"),
            parallel("J"),
            subprocess("ESP", "ESP_start > H > ESP_end", task("H"), end("ESP_end"), begins=begins),
        ),
    )


def thrower(form: str) -> str:
    """An end that throws an error or an escalation."""
    return end("X", error="r") if form == "error" else end("X", named(form, "r"))


CAUGHT_INSIDE = Model(
    raised("error", start("ESP_start", named("error", "r")), error("r", "leak")),
    done("IN#1/A#1", "ESP#1/H#1"),
    opened=opened("W#1", "IN#1/A#1", "ESP#1/H#1"),
)
ESCALATED_INSIDE = Model(
    raised(
        "escalation",
        start("ESP_start", named("escalation", "r"), interrupting=False),
        escalation("r", "slow"),
    ),
    done("IN#1/A#1", "W#1", "ESP#1/H#1"),
    opened=opened("W#1", "IN#1/A#1", "ESP#1/H#1"),
)
IN_LANES = Model(
    bpmn(
        level(
            "PROC",
            "A > B > end",
            lanes(lane("L1", "OP", "A"), lane("L2", "QA", "B")),
            task("A", step("A").replace(' role="OP"', "")),
            task("B", step("B", role="QA")),
        )
    ),
    done("A#1", "B#1"),
    opened=opened("A#1", "B#1"),
)
KINDS_OF_TASKS = Model(
    bpmn(
        level(
            "PROC",
            ["A > B > C > D > end", "EC > H > He"],
            task("A", tag="manualTask"),
            service("B"),
            call("C", "OP"),
            keyed("D", FLAGS),
            boundary("EC", "D", timer("date", "2026-03-02T07:00:00Z"), interrupting=False),
            task("H"),
            end("He"),
        ),
        level("OP", "Z", task("Z")),
    ),
    [*done("A#1", "B#1", "C#1/Z#1"), ("minutes", 60), *done("D#1", "EC#1/H#1")],
    opened=opened("A#1", "B#1", "C#1/Z#1", "D#1", "EC#1/H#1"),
)

MODELS: dict[str, Model] = {
    "kinds of tasks": KINDS_OF_TASKS,
    "drawn inside": INSIDE,
    "rounds of what is drawn inside": ROUNDS_INSIDE,
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
    "lanes": IN_LANES,
}
