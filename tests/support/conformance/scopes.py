"""Event subprocesses: taking over or beside, by every kind of event."""

from __future__ import annotations

from tests.support.bpmn import (
    bpmn,
    conditional,
    end,
    error,
    escalation,
    message,
    named,
    parallel,
    signal,
    start,
    subprocess,
    task,
    throw,
    timer,
)
from tests.support.conformance.making import DATE, ROOTS, Model, done, opened
from tests.support.running import level


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


def event_inside(name: str, definition: str, *, interrupting: bool) -> str:
    """An event subprocess with one step, whose names begin with `name`."""
    return subprocess(
        name,
        f"{name}_start > {name}_H > {name}_end",
        task(f"{name}_H"),
        end(f"{name}_end"),
        begins=start(f"{name}_start", definition, interrupting=interrupting),
    )


INSIDE_EVENTS = (
    ("F", DATE),
    ("G", timer("duration", "PT1H")),
    ("H", named("message", "msg")),
    ("I", named("signal", "sig")),
    ("J", named("escalation", "esc")),
    ("L", conditional("round > 0")),
)


EVENTS_BESIDE = Model(
    bpmn(
        *ROOTS,
        level(
            "PROC",
            "A > ESC > B > end",
            task("A"),
            throw("ESC", named("escalation", "esc")),
            task("B"),
            *(event_inside(n, definition, interrupting=False) for n, definition in INSIDE_EVENTS),
        ),
    ),
    [
        ("minutes", 60),
        ("message", ("call", None)),
        ("signal", "spill"),
        ("condition", "L"),
        *done("A#1", "B#1"),
        *done(*(f"{n}#1/{n}_H#1" for n, _ in INSIDE_EVENTS)),
    ],
    opened=opened("A#1", *(f"{n}#1/{n}_H#1" for n in "FGHILJ"), "B#1"),
)


def taken_over(name: str, definition: str) -> str:
    """A subprocess that an event subprocess takes over while its first step is open."""
    return subprocess(
        f"S{name}",
        [f"S{name}_start > A{name} > E{name} > B{name} > S{name}_end"],
        task(f"A{name}"),
        throw(f"E{name}", named("escalation", "esc")),
        task(f"B{name}"),
        end(f"S{name}_end"),
        event_inside(name, definition, interrupting=True),
    )


EVENTS_TAKE_OVER = Model(
    bpmn(
        *ROOTS,
        level(
            "PROC",
            " > ".join([*(f"S{n}" for n, _ in INSIDE_EVENTS), "end"]),
            *(taken_over(n, definition) for n, definition in INSIDE_EVENTS),
        ),
    ),
    [
        ("minutes", 30),
        *done("SF#1/F#1/F_H#1"),
        ("minutes", 60),
        *done("SG#1/G#1/G_H#1"),
        ("message", ("call", None)),
        *done("SH#1/H#1/H_H#1"),
        ("signal", "spill"),
        *done("SI#1/I#1/I_H#1", "SJ#1/AJ#1", "SJ#1/J#1/J_H#1"),
        ("condition", "L"),
        *done("SL#1/L#1/L_H#1"),
    ],
    opened=opened(
        *(f"S{n}#1/{part}" for n, _ in INSIDE_EVENTS for part in (f"A{n}#1", f"{n}#1/{n}_H#1"))
    ),
)
