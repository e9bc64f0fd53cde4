"""A small batch with everything that a record may hold, made through the commands of the product.

Bind, set point, drying with a hole in its trend, loss on drying with a branch, a value corrected
twice, a late verification, an alert, a refused attempt, a photo, comments, long German names.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from sqlalchemy.orm import Session

from app import keybook, records, seal
from audit import checkpoints, trail
from audit import keys as site_keys
from audit.sequencer import sequence_pending
from audit.streams import Stream
from core.actors import Actor
from core.errors import Refusal
from ebr import queries
from ebr.commands import exceptions
from ebr.commands.corrections import Correction, correct_value
from ebr.commands.exceptions import ExceptionReference
from ebr.commands.steps import StepReference
from ebr.entry import Entry, File
from production import commands as production
from production.models import Batch, Disposition
from tests.integration.ebr.test_waits import DRY, SET, equip, feed, pass_time, send
from tests.support.bpmn import bpmn, call, end, exclusive, flow, process, start, step, task
from tests.support.pdffiles import small_pdf
from tests.support.records import RECORD, RecordPlant, qualify

FONTS = Path(__file__).parents[2] / "web" / "static" / "dist" / "fonts"
LONG_NAME = (
    "Wirbelschichttrocknungsanlagenfilterdruckdifferenzüberwachung geprüft und für die nächste"
    " Charge freigegeben"
)
GREEK = "Partikel ≤ 250 µm, Δp ≥ 10 Pa, α-Lactose; signed by Tomasz Wójcik, Inês Duarte, Hélène"
HEADER = (
    '<bw:recipe code="TST-1" title="Paracetamol 500 mg tablets, drying" category="procedure">'
    '<bw:product code="500010" name="Paracetamol tablets" strength="500 mg" dosageForm="tablet"'
    ' shelfLifeMonths="36"/>'
    '<bw:batchSize reference="100.000" minimum="60.000" maximum="120.000" unit="kg"'
    ' output="160000" outputUnit="1"/>'
    '<bw:ingredient key="paracetamol" code="100010" name="Paracetamol, fine powder"'
    ' function="active" quantity="80.000" unit="kg"/>'
    '<bw:ingredient key="starch" code="200120" name="Maize starch" function="disintegrant"'
    ' quantity="4.000" unit="kg"/>'
    '<bw:theory key="granules" quantity="97.000" unit="kg"/>'
    '<bw:equipmentRequirement key="FBD" class="fluid_bed_dryer" states="clean" calibrated="true">'
    '<bw:label lang="en">Dryer</bw:label>'
    '<bw:capability name="working_volume" unit="L" minimum="150" maximum="300"/>'
    '<bw:tag name="TI102" unit="Cel"/><bw:tag name="TC103" unit="Cel" writable="true"/>'
    "</bw:equipmentRequirement></bw:recipe>"
)
SAY = '<bw:instruction lang="en">{}</bw:instruction>'
LOD = (
    '<bw:parameter code="lod" dataType="decimal" unit="%" decimals="2" replicates="2">'
    '<bw:label lang="en">Loss on drying</bw:label></bw:parameter>'
    '<bw:parameter code="mean" dataType="decimal" unit="%" decimals="2" origin="calculated"'
    ' critical="true" target="1.80" expression="mean(G170.lod)">'
    '<bw:label lang="en">Mean loss on drying</bw:label>'
    '<bw:limit tier="alert" low="1.2" high="2.2"/>'
    '<bw:limit tier="action" low="1.0" high="2.5" severity="critical"/></bw:parameter>'
)
LOOK = (
    '<bw:parameter code="filter_drop" dataType="decimal" unit="Pa" decimals="0">'
    '<bw:label lang="de">Filterdruckdifferenz am Ende der Trocknung</bw:label>'
    '<bw:limit tier="alert" high="2000"/><bw:limit tier="action" high="2500"/></bw:parameter>'
    '<bw:parameter code="look" dataType="choice"><bw:label lang="en">Appearance</bw:label>'
    '<bw:choice value="free_flowing"><bw:label lang="en">free flowing</bw:label></bw:choice>'
    '<bw:choice value="lumps" accepted="false"/></bw:parameter>'
    '<bw:parameter code="note" dataType="text" required="false">'
    '<bw:label lang="en">Remark</bw:label></bw:parameter>'
    '<bw:parameter code="printout" dataType="file"><bw:label lang="en">Printout</bw:label>'
    "</bw:parameter>"
)
POINTS = (
    f'<bw:check code="filter"><bw:label lang="de">{LONG_NAME}</bw:label></bw:check>'
    '<bw:check code="empty"><bw:label lang="en">Room 1.12 is empty</bw:label></bw:check>'
)
YIELD = (
    '<bw:parameter code="actual" dataType="decimal" unit="kg" decimals="2">'
    '<bw:label lang="en">Granules</bw:label></bw:parameter>'
    '<bw:parameter code="percent" dataType="decimal" unit="%" decimals="2" origin="calculated"'
    ' expression="B014.actual / theory.granules"><bw:label lang="en">Yield</bw:label>'
    '<bw:limit tier="alert" low="98.0" high="100.5"/>'
    '<bw:limit tier="action" low="97.0" high="101.0"/></bw:parameter>'
)


def recipe() -> bytes:
    """Procedure, one unit procedure, two operations."""
    return bpmn(
        process(
            "PROC",
            start("s0"),
            call("CA_GRAN", "UP_GRAN", name="Granulation and drying"),
            end("e0"),
            flows="s0 > CA_GRAN > e0",
            isa88="procedure",
            header=HEADER,
        ),
        process(
            "UP_GRAN",
            start("s1"),
            call("CA_DRY", "OP_DRY", name="Dry the granules"),
            call("CA_END", "OP_END", name="Nachbereitung und Ausbeutebestimmung"),
            end("e1"),
            flows="s1 > CA_DRY > CA_END > e1",
            isa88="unit_procedure",
            entry=False,
        ),
        _drying(),
        _ending(),
    )


def _drying() -> str:
    dry = DRY.replace(
        'trend="true">', 'trend="true"><bw:label lang="en">Highest product temperature</bw:label>'
    )
    wet = '<bw:hold name="wet" act="starts" limit="PT30M" severity="major"/>'
    bind = '<bw:equipment requirement="FBD" states="clean" calibrated="true"/>'
    return process(
        "OP_DRY",
        start("s2"),
        task("P", step("P", bind, kind="bind", room="1.12"), name="Assign the dryer"),
        task("W", step("W", wet + SET, kind="write"), name="Download drying set points"),
        task(
            "D",
            step(
                "D",
                dry,
                kind="wait",
                mode="automatic_confirmed",
                before=SAY.format("Dry until the product has held 40.0 Cel for one minute."),
            ),
            tag="serviceTask",
            name="Dry to end point",
        ),
        task(
            "G170",
            step(
                "G170",
                LOD,
                kind="entry",
                role="OP",
                mode="performed_verified",
                before=SAY.format("Take 2 x 5 g, 105 Cel, automatic stop."),
            ),
            name="IPC: loss on drying",
        ),
        exclusive("XG2", default="XG2_e2").replace('id="XG2"', 'id="XG2" name="Dry enough?"'),
        task("G180", step("G180"), name="Dry 10 min more"),
        end("e2"),
        end("e3"),
        flows=[
            "s2 > P > W > D > G170 > XG2",
            flow("XG2", "G180", "G170.mean > 2.5 %"),
            "XG2 > e2",
            "G180 > e3",
        ],
        entry=False,
    )


def _ending() -> str:
    return process(
        "OP_END",
        start("s4"),
        task("L", step("L", POINTS, kind="checklist"), name="Anlage und Raum prüfen"),
        task("V", step("V", LOOK, kind="entry", sop="SOP-118"), name="Inspect the granules"),
        task(
            "B014",
            step("B014", YIELD, kind="yield", mode="performed_verified"),
            name="Granule yield",
        ),
        end("e4"),
        flows="s4 > L > V > B014 > e4",
        entry=False,
    )


def furnish(plant: RecordPlant, folder: Path) -> None:
    """Keys, fonts and additions, as the composed house has them."""
    plant.house.services.update(
        site_keys=site_keys.open_or_make(folder / "keys", checkpoints.origin("Werk Süd")),
        people_keys=keybook.people_keys,
        seal_key=seal.open_or_make(folder / "keys", "Werk Süd", at=plant.clock.now()),
        fonts_folder=FONTS,
        record_additions=records.ADDITIONS,
    )


def begin(plant: RecordPlant) -> None:
    """The batch runs and waits at the assignment of the dryer."""
    equip(plant)
    qualify_on_sop(plant)
    plant.start(recipe(), size=Decimal("100.000"))


def qualify_on_sop(plant: RecordPlant) -> None:
    """The operators are trained on the procedure that one step names."""
    qualify(plant, {"P-101": "SOP-118", "P-102": "SOP-118"})


def run_all(plant: RecordPlant) -> None:
    """From the assignment of the dryer to the end, with what went wrong on the way."""
    begin(plant)
    with suppress(Refusal):
        plant.person("P-103").perform(RECORD, plant.path("P"), Entry(units={"FBD": "FBD-01"}))
    plant.person("P-101").perform(RECORD, plant.path("P"), Entry(units={"FBD": "FBD-01"}))
    send(plant)
    plant.person("P-101").perform(RECORD, plant.path("W"))
    plant.work()
    dry(plant)
    measure(plant)
    finish(plant)


def dry(plant: RecordPlant) -> None:
    """Seven minutes of rising temperature; for 40 s nothing comes from the dryer."""
    for value in ("24.0", "27.5", "31.0", "34.5", "37.0", "38.5"):
        pass_time(plant, value, seconds=30)
    plant.later(seconds=40)
    feed(plant, "40.2")
    for value in ("40.4", "40.9", "41.3", "41.6"):
        pass_time(plant, value, seconds=40)
    if plant.step("D").performed_at is None:
        pass_time(plant, "41.8", seconds=60)
    plant.person("P-101").sign_part(RECORD, plant.path("D"), "confirmer")
    plant.work()


def measure(plant: RecordPlant) -> None:
    """Loss on drying: one determination mistyped twice, corrected with reason, verified late."""
    path = plant.path("G170")
    plant.person("P-101").perform(RECORD, path, Entry(values={"lod": ("1.92", "1.98")}))
    plant.later(minutes=2)
    correct(plant, "1.89", "misread the display of MOI-01", revision=1)
    correct(plant, "1.88", "typing error; the printout of MOI-01 says 1.88 %", revision=2)
    plant.later(minutes=20)
    plant.person("P-102").sign_part(RECORD, path, "verifier", revision=3)
    release_all(plant)
    plant.work()


def correct(plant: RecordPlant, text: str, reason: str, *, revision: int) -> None:
    """Correct the second determination."""
    reference = StepReference(record=RECORD, path=plant.path("G170"), revision=revision)
    plant.person("P-101").sign(
        correct_value,
        reference,
        Correction(code="lod", position=1, text=text, reason=reason),
        meaning="performed",
        record=RECORD,
        shown=lambda outcome: outcome.shown,
    )


def release_all(plant: RecordPlant) -> None:
    """Let the flow go on after every exception that holds it."""
    with plant.house.reading() as session:
        run = queries.run_of(session, "B-2045")
        waiting = [
            (case.number, case.severity)
            for case in queries.exceptions(session, run)
            if not case.released
        ]
    for number, severity in waiting:
        plant.person("P-107" if severity == "critical" else "P-105").sign(
            exceptions.release_exception,
            ExceptionReference(record=RECORD, number=number),
            "printout compared, the value is right",
            meaning="approved",
            record=RECORD,
        )


def finish(plant: RecordPlant) -> None:
    """Checklist, inspection with file and comment, yield."""
    operator, second = plant.person("P-101"), plant.person("P-102")
    plant.later(minutes=4)
    operator.perform(RECORD, plant.path("L"), Entry(checks=("filter", "empty")))
    plant.later(minutes=5)
    operator.perform(
        RECORD,
        plant.path("V"),
        Entry(
            values={"filter_drop": ("2150",), "look": ("free_flowing",), "note": (GREEK,)},
            files={
                "printout": File(
                    name="MOI-01 printout 2.pdf",
                    media_type="application/pdf",
                    data=small_pdf("loss on drying 1.88 %"),
                )
            },
            comment="Filter bag FB-02 was shaken by hand; =cmd() is only text here.",
        ),
    )
    operator.perform(RECORD, plant.path("B014"), Entry(values={"actual": ("96.21",)}))
    second.sign_part(RECORD, plant.path("B014"), "verifier")
    plant.work()


def decide_all(plant: RecordPlant) -> None:
    """The quality unit decides every exception that is open."""
    with plant.house.reading() as session:
        run = queries.run_of(session, "B-2045")
        numbers = [case.number for case in queries.undecided(session, run)]
    for number in numbers:
        plant.person("P-107").sign(
            exceptions.decide_exception,
            ExceptionReference(record=RECORD, number=number),
            "accepted",
            "no influence on the product, see printout",
            meaning="reviewed",
            record=RECORD,
        )


def dispose(plant: RecordPlant, disposition: Disposition) -> None:
    """The batch as a product, and the decision about it."""
    quality = plant.person("P-107").actor
    with plant.house.reading() as session:
        known = session.query(Batch).first() is not None
    if not known:
        plant.house.perform(_add_batch, by=plant.person("P-105").actor)
    plant.house.perform(
        production.take_over_decision,
        "B-2045",
        disposition,
        "all conditions are met",
        by=quality,
    )


def _add_batch(session: Session, *, by: Actor, at: datetime) -> None:
    with trail.act(session, "batch.planned", stream=Stream.parse(RECORD), by=by, object="B-2045"):
        session.add(
            Batch(
                number="B-2045",
                order_number="PO-2045",
                product_code="500010",
                product_name="Paracetamol tablets 500 mg",
                recipe="TST-1",
                recipe_version=1,
                size=Decimal("100.000"),
                size_unit="kg",
                due_at=datetime(2026, 3, 9, tzinfo=UTC),
                planned_at=at,
                planned_by=by.id,
                manufactured_on=date(2026, 3, 2),
                expires_on=date(2029, 3, 31),
            )
        )


def log_all(plant: RecordPlant) -> None:
    """Put everything into the log."""
    sequence_pending(plant.house, plant.house.services["site_keys"])
