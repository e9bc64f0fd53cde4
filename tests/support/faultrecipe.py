"""The short recipe of the fault programme: every kind of act that a crash could tear."""

from __future__ import annotations

from tests.support.bpmn import bpmn, end, process, service, start, step, task, timer, wait

HEADER = (
    '<bw:recipe code="REC-0017" title="Fault programme" category="procedure">'
    '<bw:equipmentRequirement key="FBD" class="fluid_bed_dryer">'
    '<bw:label lang="en">Dryer</bw:label>'
    '<bw:tag name="TI102" unit="Cel"/><bw:tag name="TC103" unit="Cel" writable="true"/>'
    "</bw:equipmentRequirement></bw:recipe>"
)
MASS = (
    '<bw:parameter code="mass" dataType="decimal" unit="kg" decimals="2">'
    '<bw:limit tier="action" low="9.50" high="10.50" severity="critical"/></bw:parameter>'
)
READ = (
    '<bw:parameter code="temperature" dataType="decimal" unit="Cel" decimals="1" origin="device"'
    ' source="FBD.TI102"/>'
)
SET = '<bw:setPoint tag="FBD.TC103" value="60.0" unit="Cel" tolerance="0.5" low="20" high="80"/>'
GOOD, BREACH = "10.00", "12.00"
TWO = "performed_verified"
STEPS = ("P", "A", "K", "R", "W", "B", "X", "C")
"""The steps in order; between A and K, T waits for a timer; X breaches its critical limit."""
MASSES = {"A": GOOD, "B": GOOD, "X": BREACH, "C": GOOD}


def recipe(*, machines: bool = True) -> bytes:
    """Bind, weigh, wait, calculate, read a device, write a set point, breach a limit.

    Without `machines` nothing is read and nothing written.
    """
    talking = (
        task("R", step("R", READ, kind="read")),
        task("W", step("W", SET, kind="write")),
    )
    return bpmn(
        process(
            "OP",
            start(),
            task("P", step("P", '<bw:equipment requirement="FBD"/>', kind="bind")),
            task("A", step("A", MASS, kind="entry", mode=TWO)),
            wait("T", timer("duration", "PT1S")),
            service("K"),
            *(talking if machines else ()),
            *(task(key, step(key, MASS, kind="entry", mode=TWO)) for key in ("B", "X", "C")),
            end(),
            flows=f"start > P > A > T > K >{' R > W >' if machines else ''} B > X > C > end",
            header=HEADER,
        )
    )
