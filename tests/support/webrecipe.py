"""A small recipe that shows every kind of input once, for tests of the pages."""

from __future__ import annotations

from tests.support.bpmn import bpmn, end, process, start, step, task

SAY = '<bw:instruction lang="en">{}</bw:instruction>'
MASS = (
    '<bw:parameter code="mass" dataType="decimal" unit="kg" decimals="2" target="10.00"'
    ' critical="true"><bw:label lang="en">Net mass</bw:label>'
    '<bw:limit tier="alert" low="9.80" high="10.20"/>'
    '<bw:limit tier="action" low="9.50" high="10.50"/></bw:parameter>'
)
LOOK = (
    '<bw:parameter code="look" dataType="choice"><bw:label lang="en">Appearance</bw:label>'
    '<bw:choice value="clear"/><bw:choice value="lumps" accepted="false"/></bw:parameter>'
    '<bw:parameter code="note" dataType="text" required="false">'
    '<bw:label lang="en">Remark on the solution</bw:label></bw:parameter>'
    '<bw:parameter code="picture" dataType="photo" required="false">'
    '<bw:label lang="en">Picture of the vessel</bw:label></bw:parameter>'
)
POINTS = (
    '<bw:check code="empty"><bw:label lang="en">Room and equipment are empty</bw:label></bw:check>'
    '<bw:check code="labels"><bw:label lang="en">No label of another batch</bw:label></bw:check>'
)


def recipe() -> bytes:
    """Weigh (performed, verified), look (performed), clear the line (performed)."""
    return bpmn(
        process(
            "OP",
            start(),
            task(
                "A",
                step(
                    "A",
                    MASS,
                    kind="entry",
                    mode="performed_verified",
                    before=SAY.format("Weigh ten kilograms of granules on the floor scale."),
                ),
                name="Weigh the granules",
            ),
            task(
                "B",
                step(
                    "B",
                    LOOK,
                    kind="entry",
                    before=SAY.format("Look at the solution against the light."),
                ),
                name="Look at the solution",
            ),
            task("C", step("C", POINTS, kind="checklist"), name="Clear the line"),
            end(),
            flows="start > A > B > C > end",
        )
    )
