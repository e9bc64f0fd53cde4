"""What is thrown and caught inside the flow: messages, signals, escalations, timers."""

from __future__ import annotations

from tests.support.bpmn import (
    boundary,
    bpmn,
    call,
    end,
    escalation,
    event_gateway,
    exclusive,
    message,
    messenger,
    multi_instance,
    named,
    parallel,
    signal,
    standard_loop,
    subprocess,
    task,
    throw,
    timer,
    wait,
)
from tests.support.conformance.making import CHOICE, DATE, ROOTS, Model, done, keyed, opened
from tests.support.running import level

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


MANY = Model(
    bpmn(
        message("msg", "part_done"),
        level(
            "PROC",
            ["S > A > SEND > J > LAST > end", "S > GET > B > J"],
            parallel("S"),
            task("A"),
            messenger("send", "SEND", "msg", loop=multi_instance("2"), max_rounds=4),
            messenger(
                "receive", "GET", "msg", loop=multi_instance("3", sequential=True), max_rounds=4
            ),
            task("B"),
            parallel("J"),
            task("LAST"),
        ),
    ),
    [*done("A#1"), ("message", ("part_done", None)), *done("B#1", "LAST#1")],
    opened=opened("A#1", "B#1", "LAST#1"),
)


AT_ONCE = Model(
    bpmn(
        message("msg", "first"),
        message("msg2", "second"),
        level(
            "PROC",
            ["S > T1 > J > end", "S > T2 > J", "S > G > M1 > X > W > Y > M > J", "G > M2 > Z > M"],
            parallel("S"),
            throw("T1", named("message", "msg")),
            throw("T2", named("message", "msg2")),
            event_gateway("G"),
            wait("M1", named("message", "msg")),
            wait("M2", named("message", "msg2")),
            task("X"),
            wait("W", named("message", "msg2")),
            task("Y"),
            task("Z"),
            exclusive("M"),
            parallel("J"),
        ),
    ),
    done("X#1", "Y#1"),
    opened=opened("X#1", "Y#1"),
)


TOO_FEW = Model(
    bpmn(
        message("msg", "part_done"),
        level(
            "PROC",
            ["GET > A > M > LAST > end", "E > B > M"],
            messenger("receive", "GET", "msg", loop=standard_loop("round < 9", maximum=3)),
            boundary("E", "GET", timer("duration", "PT2H")),
            task("A"),
            task("B"),
            exclusive("M"),
            task("LAST"),
        ),
    ),
    [("message", ("part_done", None)), ("minutes", 120), *done("B#1", "LAST#1")],
    opened=opened("B#1", "LAST#1"),
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


ESCALATED_BOTH = Model(
    bpmn(
        *ROOTS,
        level(
            "PROC",
            ["SP > gone", "E1 > H > He", "E2 > LAST > end"],
            call("SP", "OP"),
            end("gone"),
            boundary("E1", "SP", named("escalation", None), interrupting=False),
            boundary("E2", "SP", named("escalation", "esc2")),
            task("H"),
            end("He"),
            task("LAST"),
        ),
        level(
            "OP",
            "A > X1 > B > X2 > C > end",
            task("A"),
            throw("X1", named("escalation", "esc")),
            task("B"),
            throw("X2", named("escalation", "esc2")),
            task("C"),
        ),
    ),
    done("SP#1/A#1", "SP#1/B#1", "E1#1/H#1", "LAST#1"),
    opened=opened("SP#1/A#1", "E1#1/H#1", "SP#1/B#1", "LAST#1"),
)


WAITING = Model(
    bpmn(
        level(
            "PROC",
            "T > A > U > B > end",
            wait("T", DATE),
            task("A"),
            wait("U", timer("duration", "PT30M")),
            task("B"),
        )
    ),
    [("minutes", 30), *done("A#1"), ("minutes", 30), *done("B#1")],
    opened=opened("A#1", "B#1"),
)
