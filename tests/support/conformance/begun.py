"""Processes of a file that nothing calls: each begins when its event happens."""

from __future__ import annotations

from tests.support.bpmn import (
    bpmn,
    conditional,
    end,
    message,
    named,
    process,
    signal,
    start,
    task,
    timer,
)
from tests.support.conformance.making import DATE, FLAGS, Model, done, keyed, opened
from tests.support.running import level


def begun(process_id: str, begins: str) -> str:
    """A process with one step that begins by an event."""
    return process(
        process_id,
        begins,
        task(f"{process_id}_H"),
        end(f"{process_id}_end"),
        flows=f"{process_id}_start > {process_id}_H > {process_id}_end",
        entry=False,
    )


BY_EVENTS = Model(
    bpmn(
        message("msg", "sample_wanted"),
        signal("sig", "spill"),
        level("PROC", "K > LAST", keyed("K", FLAGS), task("LAST")),
        begun("F", start("F_start", DATE)),
        begun("G", start("G_start", timer("duration", "PT1H"))),
        begun("H", start("H_start", named("message", "msg"), correlation="K.round")),
        begun("I", start("I_start", named("signal", "sig"), severity="minor")),
        begun("L", start("L_start", conditional("K.b0"), sustained="PT1M")),
    ),
    [
        *done("K#1"),
        ("message", ("sample_wanted", "1")),
        ("signal", "spill"),
        ("minutes", 60),
        ("condition", "L"),
        ("message", ("sample_wanted", "1")),
        *done("LAST#1", *(f"{n}#1/{n}_H#1" for n in "FGHIL"), "H#2/H_H#1"),
    ],
    {"K.round": 1},
    opened("K#1", "LAST#1", *(f"{n}#1/{n}_H#1" for n in "HIFGL"), "H#2/H_H#1"),
)


EVERY_HOUR = Model(
    bpmn(
        level("PROC", "A > LAST", task("A"), task("LAST")),
        begun("EM", start("EM_start", timer("cycle", "R2/PT1H"))),
    ),
    [
        ("minutes", 60),
        *done("A#1", "EM#1/EM_H#1"),
        ("minutes", 60),
        ("minutes", 60),
        *done("LAST#1", "EM#2/EM_H#1"),
    ],
    opened=opened("A#1", "EM#1/EM_H#1", "LAST#1", "EM#2/EM_H#1"),
)
