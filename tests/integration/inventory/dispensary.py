"""A dispensary with the demo plant's lots and scales, and a short recipe that uses all of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from core.actors import Actor
from ebr.commands.steps import StepReference
from ebr.entry import Entry
from hardware import equipment_commands, setup_commands
from hardware.setup_commands import NewEquipment, TagSpec
from hardware.words import Cleaning, Protocol, SourceTime, TagType
from inventory import queries
from inventory.commands import scales, stock
from inventory.commands.dispensing import make_label_series
from inventory.commands.stock import NewContainer, NewLot, NewMaterial
from inventory.models import Container, LotStatus
from personnel import commands as people
from tests.support.bpmn import bpmn, call, end, multi_instance, process, start, step, task
from tests.support.records import RECORD, START, RecordPlant
from tests.support.samples import arrives

D = Decimal
DRUMS = ("095212340000001010", "095212340000001027")
TODAY = START.date()
STORES = "1.20"

HEADER = (
    '<bw:recipe code="TST-1" title="Weighing" category="procedure">'
    '<bw:product code="500010" name="Tablets" strength="500 mg" dosageForm="tablet"/>'
    '<bw:batchSize reference="100.000" minimum="60.000" maximum="120.000" unit="kg"/>'
    '<bw:ingredient key="paracetamol" code="100010" name="Paracetamol" function="active"'
    ' quantity="80.000" unit="kg" tolerance="0.20" potency="as_100_percent" usedAt="G060"/>'
    '<bw:ingredient key="cellulose" code="200110" name="Cellulose" function="filler"'
    ' quantity="8.500" unit="kg" tolerance="0.50" compensates="true" usedAt="G060"/>'
    '<bw:ingredient key="silica" code="200150" name="Silica" function="glidant"'
    ' quantity="0.500" unit="kg" tolerance="1.0" usedAt="G060"/>'
    + "".join(
        f'<bw:equipmentRequirement key="{key}" class="{name}" shared="true">'
        f'<bw:label lang="en">{key}</bw:label><bw:tag name="WI501" unit="kg"/>'
        '<bw:tag name="WI502" unit="kg"/><bw:tag name="WI503" unit="kg"/>'
        "</bw:equipmentRequirement>"
        for key, name in (
            ("WGH1", "floor_scale"),
            ("WGH2", "bench_scale"),
            ("BAL", "precision_balance"),
        )
    )
    + "</bw:recipe>"
)
WEIGHTS = (
    '<bw:parameter code="target" dataType="decimal" unit="kg" decimals="{d}" origin="label"/>'
    '<bw:parameter code="tare" dataType="decimal" unit="kg" decimals="{d}" origin="device"'
    ' source="{s}.WI503"/>'
    '<bw:parameter code="gross" dataType="decimal" unit="kg" decimals="{d}" origin="device"'
    ' source="{s}.WI502"/>'
    '<bw:parameter code="net" dataType="decimal" unit="kg" decimals="{d}" origin="device"'
    ' source="{s}.WI501" critical="{critical}"><bw:limit tier="action" low="{low} * {k}.target"'
    ' high="{high} * {k}.target"/></bw:parameter>'
)
ACTIVE = (
    '<bw:parameter code="share" dataType="decimal" unit="1" decimals="6" origin="label"/>'
    '<bw:parameter code="pure" dataType="decimal" unit="kg" decimals="6" origin="label"/>'
    '<bw:parameter code="counted" dataType="decimal" unit="kg" decimals="2" origin="label"/>'
    '<bw:material code="100010" quantity="formula.paracetamol" unit="kg" tolerance="0.20"'
    ' potency="as_100_percent" containers="1"/>'
)
SUMS = (
    '<bw:parameter code="pure" dataType="decimal" unit="kg" decimals="6" origin="calculated"'
    ' expression="sum(D040.pure)"/>'
    '<bw:parameter code="cellulose" dataType="decimal" unit="kg" decimals="3" origin="calculated"'
    ' expression="formula.cellulose - (sum(D040.counted) - formula.paracetamol)"/>'
)
RECONCILED = (
    '<bw:parameter code="issued" dataType="decimal" unit="kg" decimals="3" origin="label"/>'
    '<bw:parameter code="dispensed" dataType="decimal" unit="kg" decimals="3" origin="label"/>'
    '<bw:parameter code="returned" dataType="decimal" unit="kg" decimals="3" origin="label"/>'
    '<bw:parameter code="difference" dataType="decimal" unit="%" decimals="2"'
    ' origin="calculated"'
    ' expression="abs(D130.issued - D130.dispensed - D130.returned) / D130.issued">'
    '<bw:limit tier="action" high="0.20"/></bw:parameter>'
    '<bw:parameter code="printed" dataType="integer" origin="label"/>'
    '<bw:parameter code="used" dataType="integer" origin="label"/>'
    '<bw:parameter code="destroyed" dataType="integer" origin="label"/>'
    '<bw:parameter code="missing" dataType="integer" origin="calculated"'
    ' expression="D130.printed - D130.used - D130.destroyed">'
    '<bw:limit tier="action" low="0" high="0"/></bw:parameter>'
)
CHARGED = (
    '<bw:material code="100010" weighedAt="D040" containers="2"/>'
    '<bw:material code="200110" weighedAt="D060"/>'
    '<bw:material code="100010" weighedAt="D040" containers="count(D040.net) - 2"/>'
    '<bw:material code="200150" weighedAt="D110"/>'
)
DRUMS_OF = (
    '<bw:parameter code="drum" dataType="decimal" unit="kg" decimals="2" origin="device"'
    ' source="WGH1.WI501" replicates="2"/>'
    '<bw:parameter code="net" dataType="decimal" unit="kg" decimals="2" origin="calculated"'
    ' expression="sum(C140.drum)"/>'
    '<bw:parameter code="mean_mass" dataType="decimal" unit="mg" decimals="1"'
    ' origin="calculated" expression="625.4 mg"/>'
    '<bw:parameter code="tablets_total" dataType="integer" origin="label"/>'
    '<bw:material code="500010" containers="2"/>'
    '<bw:equipment requirement="WGH1" calibrated="true"/>'
    '<bw:labelPrint template="bulk_drum" copies="2"/>'
)
TWO = "performed_verified"


def weigh(key: str, scale: str, decimals: int, percent: str, rest: str, critical: str) -> str:
    """A weigh step of the recipe."""
    share = D(percent) / 100
    low, high = (f"{end:f}" for end in (1 - share, 1 + share))
    weights = WEIGHTS.format(d=decimals, s=scale, k=key, low=low, high=high, critical=critical)
    content = (
        weights + rest + f'<bw:equipment requirement="{scale}" calibrated="true"'
        ' minimumLoad="true"/><bw:labelPrint template="dispensed_container"/>'
    )
    return task(key, step(key, content, kind="weigh", role="DI", mode=TWO, room="1.04"))


def _material(code: str, quantity: str, tolerance: str) -> str:
    return (
        f'<bw:material code="{code}" quantity="{quantity}" unit="kg" tolerance="{tolerance}"'
        ' containers="1"/>'
    )


def recipe() -> bytes:
    """Bind, weigh the active (4 containers), cellulose and silica, reconcile, charge, drums."""
    bind = "".join(
        f'<bw:equipment requirement="{key}" calibrated="true"/>' for key in ("WGH1", "WGH2", "BAL")
    )
    cellulose, silica = (
        _material("200110", "D050.cellulose", "0.50"),
        _material("200150", "formula.silica", "1.0"),
    )
    main = process(
        "MAIN",
        start(),
        task("P020", step("P020", bind, kind="bind", role="DI")),
        call(
            "CA",
            "OP_WEIGH",
            loop=multi_instance(
                "12", sequential=True, completion="sum(D040.pure) >= 0.998 * formula.paracetamol"
            ),
            max_rounds=12,
        ),
        task(
            "D050",
            step("D050", SUMS, kind="calculation", role="DI", mode="none"),
            tag="serviceTask",
        ),
        weigh("D060", "WGH2", 3, "0.50", cellulose, "false"),
        weigh("D110", "BAL", 5, "1.0", silica, "false"),
        task("D130", step("D130", RECONCILED, kind="reconcile", role="DI", mode=TWO)),
        task("G060", step("G060", CHARGED, kind="charge", mode=TWO)),
        task("C140", step("C140", DRUMS_OF, kind="label", mode=TWO)),
        task(
            "Z030",
            step(
                "Z030",
                '<bw:parameter code="location" dataType="scan" origin="label"/>'
                '<bw:material code="500010" weighedAt="C140" containers="2"/>',
                kind="charge",
                room=STORES,
            ),
        ),
        end(),
        flows="start > P020 > CA > D050 > D060 > D110 > D130 > G060 > C140 > Z030 > end",
        header=HEADER,
    )
    called = process(
        "OP_WEIGH",
        start("start_2"),
        weigh("D040", "WGH1", 2, "0.20", ACTIVE, "true"),
        end("end_2"),
        flows="start_2 > D040 > end_2",
        entry=False,
    )
    return bpmn(main, called)


def drums_only() -> bytes:
    """Bind the scales, then weigh and label two drums of the product."""
    bind = "".join(
        f'<bw:equipment requirement="{key}" calibrated="true"/>' for key in ("WGH1", "WGH2", "BAL")
    )
    main = process(
        "MAIN",
        start(),
        task("P020", step("P020", bind, kind="bind", role="DI")),
        task("C140", step("C140", DRUMS_OF, kind="label", mode=TWO)),
        end(),
        flows="start > P020 > C140 > end",
        header=HEADER,
    )
    return bpmn(main)


# What belongs to the plant


def equip(plant: RecordPlant) -> None:
    """Scales with tags, materials, lots, people of the stores; everything checked and released."""
    author, approver = plant.person("P-105").actor, plant.person("P-107").actor
    for number, name, spec in (
        ("WGH-01", "floor_scale", ("0.01", "150", "8.20", 2)),
        ("WGH-02", "bench_scale", ("0.001", "35", "0.820", 3)),
        ("BAL-01", "precision_balance", ("0.00001", "6.2", "0.0082", 5)),
        ("BAL-02", "precision_balance", ("0.00001", "6.2", "0.0082", 5)),
    ):
        add_scale(plant, number, name, spec, author, approver)
    _stores(plant, author)


def add_scale(
    plant: RecordPlant,
    number: str,
    name: str,
    spec: tuple[str, str, str, int],
    author: Actor,
    approver: Actor,
) -> None:
    """One scale with its tags, in calibration and checked today; BAL-02 alone is overdue."""
    readability, capacity, minimum, decimals = spec
    overdue = number == "BAL-02"
    house = plant.house
    house.perform(
        setup_commands.register_equipment,
        NewEquipment(
            number=number,
            name=f"Scale {number}",
            equipment_class=name,
            room="1.04",
            properties={
                "readability": readability,
                "capacity": capacity,
                "minimum_net": minimum,
            },
            cleaning=Cleaning.NOT_APPLICABLE,
            calibration_due=START + timedelta(days=-1 if overdue else 60),
            check_required=True,
        ),
        by=author,
    )
    house.perform(
        setup_commands.register_device,
        number,
        protocol=Protocol.MODBUS,
        endpoint="127.0.0.1:5020",
        unit=len(number) + ord(number[-1]),
        by=author,
    )
    house.perform(setup_commands.propose_tag_map, number, _tags(number, decimals), by=author)
    house.perform(setup_commands.approve_tag_map, number, 1, by=approver)
    house.perform(
        equipment_commands.record_check,
        number,
        passed=True,
        valid_until=START + timedelta(hours=24),
        by=author,
    )


def _tags(number: str, decimals: int) -> list[TagSpec]:
    def tag(name: str, address: str, type_: TagType, unit: str, places: int | None) -> TagSpec:
        return TagSpec(
            name=name,
            description=name,
            device=number,
            address=address,
            data_type=type_,
            unit=unit,
            decimals=places,
            source_time=SourceTime.NONE,
            simulated=True,
        )

    return [
        tag("WI501", "IR 0", TagType.FLOAT32, "kg", decimals),
        tag("WI502", "IR 2", TagType.FLOAT32, "kg", decimals),
        tag("WI503", "IR 4", TagType.FLOAT32, "kg", decimals),
        tag("XS501", "IR 6.0", TagType.BOOL, "1", None),
    ]


def _stores(plant: RecordPlant, author: Actor) -> None:
    house = plant.house
    administrators = plant.person("A-001").actor, plant.person("A-002").actor
    asked = house.perform(people.request_role, "P-104", "WH", reason="stores", by=administrators[0])
    house.perform(people.grant_role, asked, by=administrators[1])
    house.perform(make_label_series, "9521234", first=5001, by=author)
    house.perform(stock.register_location, STORES, "Bin store", room=STORES, by=author)
    for code, name, minimum in (
        ("100010", "Paracetamol", "100"),
        ("200110", "Cellulose", "20"),
        ("200150", "Silica", "2.6"),
        ("500010", "Tablets", None),
    ):
        new = NewMaterial(code=code, name=name, minimum=D(minimum) if minimum else None)
        house.perform(stock.register_material, new, by=author)
    receive(plant, "PA-0411", "100010", ("25.00", "11.50"), 95, DRUMS, assay=("99.4", "0.30"))
    receive(plant, "PA-0457", "100010", ("25",) * 7, 400, assay=("99.8", "0.20"))
    receive(plant, "PA-0463", "100010", ("25",) * 2, 700, assay=("99.6", "0.20"), released=False)
    receive(plant, "MC-2210", "200110", ("40.000",), 300)
    receive(plant, "MC-2188", "200110", ("12.000",), -2)
    receive(plant, "SI-0119", "200150", ("3.000",), 400)


def receive(
    plant: RecordPlant,
    number: str,
    material: str,
    contents: Sequence[str],
    days: int,
    labels: Sequence[str] = (),
    *,
    assay: tuple[str, str] | None = None,
    released: bool = True,
) -> None:
    """A delivery in drums, released by the quality unit."""
    names = labels or [f"{number}-{place}" for place in range(1, len(contents) + 1)]
    new = NewLot(
        number=number,
        material=material,
        location=STORES,
        supplier="Acme",
        containers=tuple(
            NewContainer(label=label, quantity=D(content))
            for label, content in zip(names, contents, strict=True)
        ),
        expires_on=TODAY + timedelta(days=days),
        assay=D(assay[0]) if assay else None,
        assay_basis="dried" if assay else None,
        loss_on_drying=D(assay[1]) if assay else None,
    )
    plant.house.perform(stock.receive_lot, new, by=storekeeper(plant))
    if released:
        decide(plant, number, LotStatus.RELEASED)


def decide(plant: RecordPlant, lot: str, status: LotStatus) -> None:
    """The quality unit decides about a lot."""
    plant.house.perform(
        stock.change_status,
        lot,
        status,
        reason="certificate and sample examined",
        by=plant.person("P-107").actor,
        record=f"lot/{lot}",
    )


def storekeeper(plant: RecordPlant) -> Actor:
    """Menon in the stores."""
    return plant.person("P-104", "WH").actor


# What people do


def show(
    plant: RecordPlant, unit: str, net: str, *, tare: str = "1.0", stable: bool = True
) -> None:
    """The gateway has stored what a scale shows now."""
    decimals = len(net.partition(".")[2])
    packed = D(tare).quantize(D(1).scaleb(-decimals))
    values = {
        "WI501": net,
        "WI502": f"{D(net) + packed}",
        "WI503": f"{packed}",
        "XS501": "1" if stable else "0",
    }
    arrives(plant.historian, unit, values, at=plant.clock.now())


def bind(plant: RecordPlant) -> None:
    """The scales of the recipe."""
    units = {"WGH1": "WGH-01", "WGH2": "WGH-02", "BAL": "BAL-01"}
    plant.person("P-104").perform(RECORD, plant.path("P020"), Entry(units=units))
    plant.work()


def take(plant: RecordPlant, key: str, badge: str = "P-104") -> dict[str, list[UUID]]:
    """Take what the scale of a step shows."""
    readings: dict[str, list[UUID]] = plant.house.perform(
        scales.take_weight,
        StepReference(record=RECORD, path=plant.path(key)),
        by=plant.person(badge).actor,
        record=RECORD,
    )
    return readings


def dispense(
    plant: RecordPlant,
    key: str,
    source: str,
    net: str,
    unit: str,
    *,
    verified: bool = True,
    reason: str = "",
) -> None:
    """Put a weight on the scale, take it, perform the step, verify it."""
    show(plant, unit, net)
    readings = take(plant, key)
    entry = Entry(scans=(source,), reason=reason)
    plant.person("P-104").perform(RECORD, plant.path(key), entry, readings=readings)
    if verified:
        verify(plant, key)


def verify(plant: RecordPlant, key: str, badge: str = "P-102") -> None:
    """The second person."""
    plant.person(badge).sign_part(RECORD, plant.path(key), "verifier")
    plant.later(minutes=1)
    plant.work()


def weigh_active(plant: RecordPlant, nets: Sequence[str] = ("25.00", "11.50")) -> None:
    """The four containers of the golden batch, or other nets of the first lot."""
    for drum, net in zip(DRUMS, nets, strict=True):
        dispense(plant, "D040", drum, net, "WGH-01")
    for place in (1, 2):
        with plant.house.reading() as session:
            label = f"PA-0457-{place}"
            content = queries.content_of(session, queries.container(session, label))
        assert content == 25
        dispense(plant, "D040", label, next_target(plant, label), "WGH-01")


def next_target(plant: RecordPlant, source: str) -> str:
    """The target that the step would give now."""
    from ebr.opening import open_step
    from inventory import weighing

    with plant.house.reading() as session:
        context = open_step(
            session,
            RECORD,
            plant.path("D040"),
            by=plant.person("P-104").actor,
            at=plant.clock.now(),
            lock=False,
        )
        container = queries.container(session, source)
        return f"{weighing.next_container(context, container, D('0.01')).plan.target:f}"


def everything_weighed(plant: RecordPlant) -> None:
    """All three materials are dispensed and checked."""
    weigh_active(plant)
    dispense(plant, "D060", "MC-2210-1", "8.000", "WGH-02")
    dispense(plant, "D110", "SI-0119-1", "0.50000", "BAL-01")


def reconcile(plant: RecordPlant) -> None:
    """D130 with both signatures."""
    plant.person("P-104").perform(RECORD, plant.path("D130"))
    verify(plant, "D130")


def portions(plant: RecordPlant, key: str) -> list[Container]:
    """The dispensed containers of a weigh step, read."""
    found: list[Container] = plant.ask(queries.containers_of_batch, "B-2045", step=key)
    return found


def labels_in_order(plant: RecordPlant) -> list[str]:
    """The labels in the charging order of the recipe."""
    active = [container.label for container in portions(plant, "D040")]
    (cellulose,) = (container.label for container in portions(plant, "D060"))
    (silica,) = (container.label for container in portions(plant, "D110"))
    return [*active[:2], cellulose, *active[2:], silica]
