"""A small batch with everything that a release looks at, driven by real people through commands."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from audit import trail
from audit.streams import Stream
from core.actors import Actor
from ebr.commands.exceptions import (
    ExceptionReference,
    comment_exception,
    release_exception,
)
from ebr.commands.remarks import report_exception
from ebr.commands.steps import StepReference
from ebr.entry import Entry, File
from personnel import commands as people
from production.models import Batch
from quality.commands.release import DecideBatch, decide_batch
from quality.commands.reviews import (
    ItemDecision,
    decide_item,
    finish_review,
    review_audit_trail,
    start_review,
)
from quality.models import Decision, ReviewKind
from tests.support.bpmn import bpmn, end, process, start, step, task
from tests.support.pdffiles import small_pdf
from tests.support.records import RECORD, RecordPlant
from workflows.words import Severity

CLEAR = (
    '<bw:timing validFor="PT8H"/>'
    '<bw:check code="c1"><bw:label lang="en">No material of the batch before</bw:label></bw:check>'
    '<bw:check code="c2"><bw:label lang="en">No label of the batch before</bw:label></bw:check>'
)
MASS = (
    '<bw:parameter code="mass" dataType="decimal" unit="kg" decimals="2">'
    '<bw:limit tier="alert" low="9.80" high="10.20"/>'
    '<bw:limit tier="action" low="9.50" high="10.50" severity="critical"/></bw:parameter>'
)
PLAN = (
    '<bw:sample plan="granules" quantity="15" unit="g" positions="3" pooled="true" custody="QC"/>'
)
MOISTURE = (
    '<bw:parameter code="lod" dataType="decimal" unit="%" decimals="2">'
    '<bw:limit tier="action" low="1.0" high="2.5"/></bw:parameter>'
    '<bw:timing validFor="PT30M"/>'
    '<bw:ipc method="loss_on_drying" specimens="1" sampledAt="S"/>'
)
DECIDE = (
    '<bw:parameter code="decision" dataType="choice"><bw:choice value="released"/>'
    '<bw:choice value="rejected" accepted="false"/></bw:parameter>'
)
YIELD = (
    '<bw:parameter code="actual" dataType="decimal" unit="kg" decimals="2"/>'
    '<bw:parameter code="percent" dataType="decimal" unit="%" decimals="2" origin="calculated"'
    ' expression="Y.actual / 10 kg"><bw:limit tier="action" low="97.0" high="101.0"/>'
    "</bw:parameter>"
)
CERTIFICATE = (
    '<bw:parameter code="certificate" dataType="file"/>'
    '<bw:parameter code="assay" dataType="decimal" unit="%" decimals="1">'
    '<bw:limit tier="registered" low="95.0" high="105.0"/></bw:parameter>'
)
FILE = File(name="coa.pdf", media_type="application/pdf", data=small_pdf("certificate"))
ALL_COMMENTED = (
    '<bw:check code="all"><bw:label lang="en">All exceptions commented</bw:label></bw:check>'
)


PAIR = (
    '<bw:parameter code="lod" dataType="decimal" unit="%" decimals="2" replicates="2">'
    '<bw:label lang="en">Loss on drying</bw:label></bw:parameter>'
    '<bw:parameter code="difference" dataType="decimal" unit="%" decimals="2" origin="calculated"'
    ' expression="max(I.lod) - min(I.lod)"><bw:label lang="en">Difference of the two</bw:label>'
    '<bw:limit tier="action" high="0.30" severity="major"/></bw:parameter>'
    '<bw:parameter code="mean" dataType="decimal" unit="%" decimals="2" origin="calculated"'
    ' expression="mean(I.lod)"><bw:label lang="en">Mean loss on drying</bw:label>'
    '<bw:limit tier="action" low="1.0" high="2.5" severity="major"/></bw:parameter>'
    '<bw:timing validFor="PT30M"/>'
    '<bw:ipc method="loss_on_drying" specimens="2" sampledAt="S"/>'
)
"""The control with two determinations, their difference and their mean."""


def recipe(control: str = MOISTURE) -> bytes:
    """Clearance, mass, sample, control, disposition, yield, production review, certificate."""
    reviewed = '<bw:signature mode="supervisor" meaning="reviewed"/>'
    two = "performed_verified"
    return bpmn(
        process(
            "OP",
            start(),
            task("L", step("L", CLEAR, kind="clearance", mode=two, room="1.12")),
            task("A", step("A", MASS, kind="entry", mode=two, room="1.12")),
            task("S", step("S", PLAN, kind="sample", room="1.12")),
            task("I", step("I", control, kind="ipc", role="QC")),
            task("D", step("D", DECIDE, kind="disposition", role="QC", mode="quality")),
            task("Y", step("Y", YIELD, kind="yield", mode=two)),
            task("Z", step("Z", ALL_COMMENTED, kind="verify", role="SU", signature=reviewed)),
            task("K", step("K", CERTIFICATE, kind="entry", role="QC")),
            end(),
            flows="start > L > A > S > I > D > Y > Z > K > end",
        )
    )


ENTRIES = {
    "L": Entry(checks=("c1", "c2")),
    "A": Entry(values={"mass": ("10.00",)}),
    "S": Entry(),
    "I": Entry(values={"lod": ("1.90",)}),
    "D": Entry(values={"decision": ("released",)}),
    "Y": Entry(values={"actual": ("9.91",)}),
    "Z": Entry(checks=("all",)),
    "K": Entry(values={"assay": ("99.8",)}, files={"certificate": FILE}),
}
PERFORMER = {"I": "P-106", "D": "P-106", "Z": "P-105", "K": "P-106"}
VERIFIED = ("L", "A", "Y")


def plan(plant: RecordPlant, number: str = "B-2045", control: str = MOISTURE) -> None:
    """The batch of production that the record belongs to, and its record under way."""
    plant.house.perform(_plan, number, by=plant.person("P-105").actor)
    plant.start(recipe(control), number=number)


def _plan(session: Session, number: str, *, by: Actor, at: datetime) -> None:
    with trail.act(session, "batch.planned", stream=Stream("batch", number), by=by, object=number):
        session.add(
            Batch(
                number=number,
                order_number="PO-1",
                product_code="500010",
                product_name="Test product",
                recipe="TST-1",
                recipe_version=1,
                size=Decimal("10.00"),
                size_unit="kg",
                due_at=at,
                planned_at=at,
                planned_by=by.id,
            )
        )


def do(plant: RecordPlant, key: str, entry: Entry | None = None, badge: str | None = None) -> None:
    """Perform a step, and verify it where the recipe says so."""
    path = plant.path(key)
    who = plant.person(badge or PERFORMER.get(key, "P-101"))
    who.perform(RECORD, path, ENTRIES[key] if entry is None else entry)
    if key in VERIFIED:
        plant.person("P-102").sign_part(RECORD, path, "verifier")
    plant.work()


def run_up_to(plant: RecordPlant, last: str, **entries: Entry) -> None:
    """Perform the steps from the first to `last`, with other entries where given."""
    for key in ENTRIES:
        do(plant, key, entries.get(key))
        if key == last:
            return


def also(plant: RecordPlant, badge: str, role: str) -> Actor:
    """Give somebody one more role; answers the person acting in it."""
    first, second = plant.person("A-001").actor, plant.person("A-002").actor
    asked = plant.house.perform(people.request_role, badge, role, reason="project", by=first)
    plant.house.perform(people.grant_role, asked, by=second)
    return plant.person(badge, role).actor


def comment(plant: RecordPlant, number: int) -> None:
    """The supervisor says what happened."""
    plant.person("P-105").do(
        comment_exception,
        ExceptionReference(record=RECORD, number=number),
        "scale checked, cause found",
        record=RECORD,
    )


def report(plant: RecordPlant, key: str, text: str) -> None:
    """An operator reports something minor at a step."""
    reference = StepReference(record=RECORD, path=plant.path(key))
    plant.person("P-101").do(report_exception, reference, Severity.MINOR, text, record=RECORD)


def go_on(plant: RecordPlant, number: int, badge: str = "P-105") -> None:
    """Let the flow go on after an exception."""
    plant.person(badge).sign(
        release_exception,
        ExceptionReference(record=RECORD, number=number),
        "cause found, product not affected",
        meaning="approved",
        record=RECORD,
    )
    plant.work()


def decide(plant: RecordPlant, number: int) -> None:
    """The quality unit decides an exception in its review."""
    item = ItemDecision(
        record=RECORD, exception=number, decision="accepted", reason="no effect on the product"
    )
    plant.person("P-107").sign(decide_item, item, meaning="reviewed", record=RECORD)


def begin_review(plant: RecordPlant) -> None:
    """The quality unit begins its review."""
    plant.person("P-107").do(start_review, RECORD, ReviewKind.QUALITY, record=RECORD)


def end_review(plant: RecordPlant) -> None:
    """The quality unit signs its review."""
    plant.person("P-107").sign(
        finish_review,
        RECORD,
        ReviewKind.QUALITY,
        "record complete and consistent",
        meaning="reviewed",
        record=RECORD,
    )


def review_trail(plant: RecordPlant) -> None:
    """The quality unit signs its review of the audit trail."""
    plant.person("P-107").sign(
        review_audit_trail, RECORD, "nothing unexplained", meaning="reviewed", record=RECORD
    )


def review(plant: RecordPlant) -> None:
    """Everything that the quality unit signs before it decides about the batch."""
    begin_review(plant)
    end_review(plant)
    review_trail(plant)


def release(
    plant: RecordPlant,
    badge: str = "P-107",
    role: str | None = None,
    *,
    decision: Decision = Decision.RELEASE_FOR_PACKAGING,
) -> None:
    """Release for packaging, unless it is asked for otherwise."""
    command = DecideBatch(record=RECORD, decision=decision, reason="all conditions are met")
    plant.person(badge, role).sign(decide_batch, command, meaning="approved", record=RECORD)


def reject(plant: RecordPlant) -> None:
    """Reject the batch."""
    command = DecideBatch(
        record=RECORD, decision=Decision.REJECT, reason="assay beyond the specification"
    )
    plant.person("P-107").sign(decide_batch, command, meaning="rejected", record=RECORD)
