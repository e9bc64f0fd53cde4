"""A granulator, a wash skid and people who clean by CLN-004 v4, as it is shipped."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from io import BytesIO
from pathlib import Path

from PIL import Image

from app.seed import definitions
from core.actors import Actor
from ebr import automatic
from ebr.commands.exceptions import ExceptionReference, release_exception
from ebr.entry import NOTHING, Entry, File
from hardware import commands as links
from hardware import equipment_commands, setup_commands
from hardware import queries as units
from hardware.commands import WriteOutcome
from hardware.setup_commands import NewEquipment, TagSpec
from hardware.words import Cleaning, Protocol, TagType, WriteState
from maintenance.commands import cleaning
from maintenance.commands.cleaning import StartCleaning
from personnel import commands
from tests.support import recorded
from tests.support.records import SETUP, START, RecordPlant, qualify, staffed
from tests.support.samples import arrives

FILE = Path(__file__).parents[2] / "workflows" / "maintenance" / "cln-004-v4.bpmn"
CODE, VERSION, UNIT, SKID = "CLN-004", 4, "GRA-01", "WIP-01"
CLEANER, SECOND, SUPERVISOR, ANALYST, QUALITY = "P-101", "P-102", "P-105", "P-106", "P-107"
GATEWAY = Actor.service("gateway", trigger="test")
SAMPLING = 30
"""Seconds of site time between two samples of the skid."""
MEASURED = (("TI701", "Cel"), ("FI701", "L/min"), ("QI701", "mS/cm"), ("QI702", "uS/cm"))
PHASES = {
    "K050": (1, 6, {"TI701": "40.2", "FI701": "62.0"}),
    "K060": (2, 16, {"TI701": "60.1", "QI701": "5.02"}),
    "K070": (1, 6, {"TI701": "40.4", "FI701": "61.0"}),
    "K080": (3, 6, {"QI702": "1.2"}),
    "K100": (4, 16, {"TI701": "60.5"}),
}
"""Of each step that waits: the phase of the skid, its minutes, what the skid shows."""
PLACES = "bowl_bottom bowl_wall lid impeller shaft chopper valve outlet filter gaskets".split()
BOTH = ("c1", "c2")
NINE = Entry(values={"parts": ("9",)}, checks=BOTH)


def site(folder: Path) -> RecordPlant:
    """A site where CLN-004 v4 is effective, with unit, skid and qualified people."""
    plant = staffed(folder)
    recorded.furnish(plant, folder)
    _equip(plant)
    _qualify(plant)
    people = {
        "P-109": plant.person("P-104", "AUTHOR"),
        "P-105": plant.person(SUPERVISOR),
        "P-107": plant.person(QUALITY),
    }
    definitions.release(people, FILE.read_bytes(), CODE, VERSION, change="CC-2026-131", at=START)
    return plant


def _equip(plant: RecordPlant) -> None:
    granulator = NewEquipment(
        number=UNIT,
        name="Granulator",
        equipment_class="high_shear_granulator",
        room="1.12",
        cleaning=Cleaning.CLEAN,
        clean_until=START + timedelta(days=7),
        properties={"cleaning_procedure": CODE, "clean_hold": "P7D"},
    )
    skid = NewEquipment(
        number=SKID,
        name="Wash skid",
        equipment_class="wash_skid",
        room="1.08",
        calibration_due=START + timedelta(days=90),
    )
    for new in (granulator, skid):
        plant.house.perform(setup_commands.register_equipment, new, by=SETUP)
    author, approver = plant.person(SUPERVISOR).actor, plant.person(QUALITY).actor
    plant.house.perform(
        setup_commands.register_device, SKID, protocol=Protocol.OPCUA,
        endpoint="opc.tcp://127.0.0.1:4840", writable=True, by=author,
    )  # fmt: skip
    specs = [_tag(name, TagType.FLOAT64, unit, decimals=2) for name, unit in MEASURED]
    specs += [_tag(name, TagType.INT32, "1") for name in ("XS701",)]
    specs += [_written("XC701", 9), _written("XC702", 500)]
    plant.house.perform(setup_commands.propose_tag_map, SKID, specs, by=author)
    plant.house.perform(setup_commands.approve_tag_map, SKID, 1, by=approver)


def _tag(name: str, of: TagType, unit: str, decimals: int | None = None) -> TagSpec:
    return TagSpec(
        name=name, description=name, device=SKID, address=f"nsu=urn:demo:gran;s=WIP01.{name}",
        data_type=of, unit=unit, decimals=decimals, stale_seconds=2 * SAMPLING,
    )  # fmt: skip


def _written(name: str, high: int) -> TagSpec:
    return TagSpec(
        name=name, description=name, device=SKID, address=f"nsu=urn:demo:gran;s=WIP01.{name}",
        data_type=TagType.INT32, unit="1", writable=True, write_low=Decimal(0),
        write_high=Decimal(high), tolerance=Decimal(0),
    )  # fmt: skip


def _qualify(plant: RecordPlant) -> None:
    first, second = plant.person("A-001").actor, plant.person("A-002").actor
    asked = plant.house.perform(
        commands.request_role, "P-104", "AUTHOR", reason="draws procedures", by=first
    )
    plant.house.perform(commands.grant_role, asked, by=second)
    for subject in (f"{CODE} v{VERSION}", "SOP-150", "SOP-131"):
        qualify(plant, dict.fromkeys((CLEANER, SECOND, ANALYST), subject))


def photo() -> File:
    """A picture of the bowl."""
    out = BytesIO()
    Image.new("RGB", (40, 30), "silver").save(out, "PNG")
    return File(name="bowl.png", media_type="image/png", data=out.getvalue())


class Washing:
    """One cleaning, worked step by step by cleaner, second person, analyst and skid."""

    def __init__(self, plant: RecordPlant, batch: str) -> None:
        """A batch has soiled the unit; an hour later its cleaning begins."""
        self.plant = plant
        plant.house.perform(equipment_commands.soil, UNIT, batch=batch, product="500010", by=SETUP)
        plant.later(hours=1)
        self.number: str = plant.person(CLEANER).do(
            cleaning.start_cleaning, StartCleaning(equipment=UNIT), record=f"equipment/{UNIT}"
        )
        self.record = f"procedure/{self.number}"
        plant.work()

    def path(self, key: str) -> str:
        """The path of the last performance of a step."""
        return self.plant.step(key, number=self.number).path

    def do(self, key: str, entry: Entry = NOTHING, *, by: str = CLEANER, second: str = "") -> None:
        """A person performs a step, and the second person verifies it."""
        self.plant.later(minutes=2)
        self.plant.person(by).perform(self.record, self.path(key), entry)
        if second:
            self.plant.later(minutes=1)
            self.plant.person(second).sign_part(self.record, self.path(key), "verifier")
        self.plant.work()

    def take_over(self, extent: str = "full", swabs: str = "not_due") -> None:
        """K010 to K030."""
        values = {"previous": ("B-2041",), "extent": (extent,), "campaign": ("1",)}
        values |= {"dirty_hold": ("kept",), "swabs": (swabs,)}
        self.do("K010", Entry(units={"GRA": UNIT, "WIP": SKID}, values=values))
        self.do("K020", NINE)
        self.do("K030", Entry(checks=BOTH))

    def connect(self) -> None:
        """K040: program 3 is sent and read back."""
        self.plant.person(CLEANER).start(self.record, self.path("K040"))
        self._serve_writes()
        self.do("K040")

    def wash(self) -> None:
        """K050 to K100; the detergent is scanned, the parts are washed by hand."""
        for key in ("K050", "K060", "K070", "K080"):
            self.phase(key)
        self.do("K090", NINE, second=SECOND)
        self.phase("K100")

    def phase(self, key: str) -> None:
        """The skid runs the phase of a step; it ends by itself and is confirmed."""
        number, minutes, shown = PHASES[key]
        self._serve_writes()
        for _ in range(minutes * 60 // SAMPLING):
            self._shows(shown, number * 100 + 2)
        self._shows(shown, number * 100 + 3)
        if key == "K060":
            scanned = Entry(values={"detergent": ("DT-0815",)})
            self.plant.person(CLEANER).perform(self.record, self.path(key), scanned)
        automatic.watch(self.plant.house)
        self.plant.person(CLEANER).sign_part(self.record, self.path(key), "confirmer")
        self.plant.work()

    def _shows(self, shown: dict[str, str], state: int) -> None:
        self.plant.later(seconds=SAMPLING)
        values = {name: "0.00" for name, _ in MEASURED} | shown | {"XS701": str(state)}
        arrives(self.plant.historian, SKID, values, at=self.plant.clock.now())

    def _serve_writes(self) -> None:
        for request in self.plant.ask(units.open_writes):
            self.plant.house.perform(links.claim_write, request.id, gateway="g-1", by=GATEWAY)
            outcome = WriteOutcome(result=WriteState.VERIFIED, read_back=request.value)
            self.plant.house.perform(links.report_write, request.id, outcome, by=GATEWAY)
        self.plant.work()

    def inspect(self, result: str = "clean") -> None:
        """K120 by two people."""
        seen = Entry(values={"result": (result,)}, checks=tuple(PLACES), files={"bowl": photo()})
        self.do("K120", seen, second=SECOND)

    def swab(self) -> None:
        """K130 by quality control."""
        found = {"residue": ("0.4", "0.6", "0.3"), "colonies": ("3",)}
        self.do("K130", Entry(values=found), by=ANALYST)

    def close(self) -> None:
        """K140 to K160."""
        self.do("K140", NINE, second=SECOND)
        self.do("K150", Entry(checks=("c1",)))
        self.do("K160", Entry(values={"next_product": ("allowed",)}, checks=("c1",)))

    def let_go_on(self, exception: int, reason: str) -> None:
        """The quality unit lets the flow go on after a critical exception."""
        self.plant.person(QUALITY).sign(
            release_exception,
            ExceptionReference(record=self.record, number=exception),
            reason,
            meaning="approved",
            record=self.record,
        )
        self.plant.work()
