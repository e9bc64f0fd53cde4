"""Sites kept as files: what a version left behind, for later versions to migrate and go on with.

``python -m tests.support.keptsites NAME`` makes a small site with the product of this checkout and
keeps its whole folder. NAME begins with the version (``0.1.0``; ``0.1.0-first-schema`` was made by
0.1.0 as it was before its second migration). The people exist nowhere, and the keys open nothing
but this file.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZIP_LZMA, ZipFile, ZipInfo

from sqlalchemy.orm import Session

from app import making
from app.acting import Person
from app.bootstrap import compose
from app.seed import people
from app.worker import SiteWorker
from audit import trail
from audit.streams import Stream
from core.actors import Actor
from core.clock import HeldClock
from core.house import House
from core.settings import Settings
from core.sites import SiteMode
from ebr import queries
from ebr.commands import runs
from ebr.commands.corrections import Correction, correct_value
from ebr.commands.runs import NewRun, hold_run
from ebr.commands.steps import StepReference
from ebr.entry import Entry
from tests.support.bpmn import (
    bpmn,
    call,
    end,
    exclusive,
    flow,
    process,
    start,
    step,
    task,
    timer,
    wait,
)
from workflows.importing import import_procedure
from workflows.models import DefinitionFile

FOLDER = Path(__file__).parents[1] / "fixtures" / "sites"
BEGIN = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
NOTE = "kept.json"
"""What who opens the site must know: the time it was left at, and its passphrases."""
LEFT_OUT = {"clock.json", "clock.lock", "site.db.gate"}
"""What processes of one machine tell each other: its clock, and whose turn it is to write."""
ENDED, MIDDLE, HELD, WAITING = "B-0001", "B-0002", "B-0003", "B-0004"
PAUSE = timedelta(hours=2)
HEADER = '<bw:recipe code="REC-0017" title="Kept site" category="procedure"/>'
MASS = (
    '<bw:parameter code="mass" dataType="decimal" unit="kg" decimals="2" critical="true">'
    '<bw:limit tier="action" low="9.50" high="10.50"/></bw:parameter>'
)
POINTS = '<bw:check code="empty"><bw:label lang="en">The room is empty</bw:label></bw:check>'


def recipe() -> bytes:
    """Weigh (two people), look again when it is much, wait two hours, blend below, clear."""
    blend = process("BLEND", start("b0"), task("D"), end("b1"), flows="b0 > D > b1", entry=False)
    nodes = (
        start(),
        task("A", step("A", MASS, kind="entry", mode="performed_verified")),
        exclusive("X", default="X_T"),
        task("B"),
        exclusive("J"),
        wait("T", timer("duration", "PT2H")),
        call("L", "BLEND"),
        task("C", step("C", POINTS, kind="checklist")),
        end(),
    )
    flows = [flow("X", "B", "A.mass > 10 kg"), flow("X", "J", flow_id="X_T")]
    chains = ["start > A > X", "B > J > T > L > C > end"]
    return bpmn(process("OP", *nodes, flows=[*chains, *flows], header=HEADER), blend)


def settings_in(home: Path) -> Settings:
    """Settings of a site in a folder, on SQLite."""
    url = f"sqlite:///{home / 'site.db'}"
    return Settings(home=home, database_url=url, owner_url=url, log_level="WARNING")


@dataclass(frozen=True, slots=True)
class KeptSite:
    """An unpacked site, the time it was left at, and its people by badge."""

    settings: Settings
    left_at: datetime
    people: dict[str, dict[str, str]]

    @contextmanager
    def opened(self) -> Iterator[Shift]:
        """The site a minute after it was left, as the version that is installed runs it."""
        clock = HeldClock(self.left_at + timedelta(minutes=1))
        house = compose(self.settings, clock=clock)
        try:
            staff = {
                badge: Person(house=house, badge=badge, **who) for badge, who in self.people.items()
            }
            yield Shift(house, clock, staff)
        finally:
            house.database.close()


@dataclass
class Shift:
    """The people of a site at work, with its worker."""

    house: House
    clock: HeldClock
    staff: dict[str, Person]
    worker: SiteWorker = field(init=False)

    def __post_init__(self) -> None:
        self.worker = SiteWorker(self.house, owner="kept")

    def settle(self, **span: float) -> None:
        """Let time pass and the worker do what is due, until nothing is left."""
        self.clock.move(timedelta(**span))
        while self.worker.round():
            self.clock.move(timedelta(seconds=1))

    def ready(self, number: str) -> list[str]:
        """Paths of the steps that are open."""
        with self.house.reading() as session:
            return [
                each.path for each in queries.open_steps(session, queries.run_of(session, number))
            ]

    def state(self, number: str) -> str:
        """State of the batch."""
        with self.house.reading() as session:
            return str(queries.run_of(session, number).state)

    def do(self, number: str, entry: Entry | None = None) -> str:
        """Do the open step, the second person's part as well; answers its path."""
        record, (path,) = f"batch/{number}", self.ready(number)
        first, second = self.staff["P-101"], self.staff["P-102"]
        first.start(record, path)
        first.perform(record, path, entry or Entry())
        if path in self.ready(number):
            second.sign_part(record, path, "verifier")
        self.settle(minutes=5)
        return path


def weighed(text: str) -> Entry:
    """A mass in kilograms, as typed."""
    return Entry(values={"mass": (text,)})


def make(home: Path) -> KeptSite:
    """Make the site: a batch that has ended, one in the middle, one HELD, one that waits."""
    settings, clock = settings_in(home), HeldClock(BEGIN)
    mode = SiteMode.DEMONSTRATION
    making.make_site(settings, name="Kept site", mode=mode, zone="Europe/Zurich", clock=clock)
    house = compose(settings, clock=clock)
    try:
        shift = Shift(house, clock, people.seed(house, BEGIN))
        shift.settle()
        _batches(shift)
        told = {
            badge: {name: getattr(who, name) for name in ("name", "role", "passphrase", "terminal")}
            for badge, who in shift.staff.items()
        }
        return KeptSite(settings, clock.now(), told)
    finally:
        house.database.close()


def _batches(shift: Shift) -> None:
    """The mass of the HELD one is below its limit, that of the one in the middle went another way.

    The last one waits for its timer.
    """
    supervisor = shift.staff["P-105"]
    for number in (ENDED, MIDDLE, HELD, WAITING):
        supervisor.do(_start, number, record=f"batch/{number}")
    _end(shift)
    shift.do(MIDDLE, weighed("10.20"))
    shift.do(MIDDLE)
    shift.do(HELD, weighed("9.10"))
    shift.settle(seconds=PAUSE.total_seconds())
    supervisor.do(hold_run, f"batch/{HELD}", "the room is too warm", record=f"batch/{HELD}")
    shift.do(WAITING, weighed("9.90"))
    shift.settle(minutes=1)


def _end(shift: Shift) -> None:
    """To the end, with a value corrected and verified again on the way."""
    shift.do(ENDED, weighed("9.80"))
    record, performer = f"batch/{ENDED}", shift.staff["P-101"]
    reference = StepReference(record=record, path="OP/A#1", revision=1)
    change = Correction(code="mass", position=0, text="9.82", reason="misread the display")
    performer.sign(
        correct_value,
        reference,
        change,
        meaning="performed",
        record=record,
        shown=lambda told: told.shown,
    )
    shift.staff["P-102"].sign_part(record, "OP/A#1", "verifier", revision=2)
    shift.settle(seconds=PAUSE.total_seconds())
    shift.do(ENDED)
    shift.do(ENDED, Entry(checks=("empty",)))


def _start(session: Session, number: str, *, by: Actor, at: datetime) -> None:
    data = recipe()
    imported, stream = import_procedure(data), Stream("batch", number)
    digest, content = imported.file_digest, imported.content_digest
    with trail.act(session, "batch.opened", stream=stream, by=by, object=number):
        if not session.query(DefinitionFile).filter_by(file_digest=digest).count():
            row = DefinitionFile(file_digest=digest, content_digest=content, body=data.decode())
            session.add(row)
            session.flush()
        new = NewRun(
            number=number,
            stream=stream,
            code="REC-0017",
            version_label="v3",
            title="Kept site",
            language="en",
            file_digest=digest,
            content_digest=content,
        )
        runs.start_run(session, runs.open_run(session, new), by=by, at=at)


def keep(name: str) -> Path:
    """Make a site and write its folder to one file; answers that."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    file = FOLDER / f"{name}.zip"
    with TemporaryDirectory() as folder:
        site = make(Path(folder) / "site")
        note = {"left_at": site.left_at.isoformat(), "people": site.people}
        (site.settings.home / NOTE).write_text(json.dumps(note, indent=1), encoding="utf-8")
        _pack(site.settings.home, file)
    return file


def _pack(home: Path, file: Path) -> None:
    for database in home.glob("*.db"):
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("VACUUM")
    with ZipFile(file, "w", ZIP_LZMA) as archive:
        for path in sorted(home.rglob("*")):
            if path.is_file() and path.name not in LEFT_OUT:
                info = ZipInfo(path.relative_to(home).as_posix(), BEGIN.timetuple()[:6])
                archive.writestr(info, path.read_bytes(), ZIP_LZMA)


def unpack(file: Path, home: Path) -> KeptSite:
    """A kept site in a folder of its own, readable for its owner only, as a site is."""
    with ZipFile(file) as archive:
        archive.extractall(home)
    settings = settings_in(home)
    for folder in (home, settings.keys, settings.pki, settings.attachments):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o700)
    for path in home.rglob("*"):
        if path.is_file():
            path.chmod(0o600)
    note = json.loads((home / NOTE).read_text(encoding="utf-8"))
    return KeptSite(settings, datetime.fromisoformat(note["left_at"]), note["people"])


if __name__ == "__main__":
    written = keep(*sys.argv[1:])
    sys.stdout.write(f"{written.name}: {written.stat().st_size} bytes\n")
