"""Carrying the published manipulations out: a fresh copy for each, then every check."""

from __future__ import annotations

import io
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import bootstrap
from app.attack import bundles, entries, files, guards, logs, people, rows
from app.attack.detecting import Detectives, Finding
from app.attack.model import Family, Manipulation, Means, NotHere
from app.attack.scene import (
    CUT,
    DATABASE,
    Loot,
    Scene,
    act,
    backup,
    copy_site,
    duplicate,
    settings_in,
)
from audit import checkpoints, notefile, trail, verifier
from audit.models import Signature
from audit.sequencer import sequence_pending
from audit.signatures import key_id
from audit.streams import Stream
from core.actors import Actor
from core.clock import HeldClock
from core.errors import Refusal
from core.house import House, moment
from core.settings import Settings
from documents.sealing import SealKey
from ebr.bundle import export_bundle
from ebr.models import ProcedureRun
from personnel.models import KeyRevocation, PublicKey

Say = Callable[[str], None]
PREPARING = Actor.service("attack", trigger="preparation of a copy")
VICTIM = "victim"
CATALOGUES = (
    rows.ROWS, people.PEOPLE, guards.GUARDS, entries.ENTRIES, logs.LOG, logs.HISTORY,
    files.FILES, files.PDF, bundles.BUNDLE,
)  # fmt: skip
MANIPULATIONS: tuple[Manipulation, ...] = tuple(
    each for catalogue in CATALOGUES for each in catalogue.all
)


def silent(text: str) -> None:
    """Tell nobody."""


def _nothing(scene: Scene) -> None:
    """Nothing is changed."""


CONTROL = Manipulation(
    name="control",
    family=Family.ROWS,
    means=(Means.DATABASE,),
    does="Nothing is changed",
    act=_nothing,
    undetectable="there is nothing to find",
)


class NothingToAttack(Refusal):
    """The site has no signed record, or there is no manipulation of that name."""

    rule = "attack.nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one manipulation; `here` is False where the site lacks what it changes."""

    manipulation: Manipulation
    here: bool
    found: Sequence[Finding] = ()

    @property
    def as_the_model_says(self) -> bool:
        """Every promised detector found it; what none is promised for was found by none."""
        by = {each.detector for each in self.found}
        return self.manipulation.must <= by and (bool(self.manipulation.must) or not by)


def named(name: str | None) -> tuple[Manipulation, ...]:
    """All manipulations, or the one of that name. Raises NothingToAttack."""
    chosen = tuple(each for each in MANIPULATIONS if name in (None, each.name))
    if not chosen:
        raise NothingToAttack(
            f"there is no manipulation {name}", resolver="the list in docs/explanation/attacks.md"
        )
    return chosen


def attack(
    settings: Settings,
    folder: Path,
    *,
    chosen: Sequence[Manipulation] = MANIPULATIONS,
    say: Say = silent,
) -> list[Outcome]:
    """Attack a copy of the site below `folder`: the control first, then each manipulation.

    Nothing is written to the site. Raises NotOnThis, NothingToAttack, BrokenPromise (the site
    cannot be started), and whatever export refuses.
    """
    say("copying the site and exporting a record of the copy")
    outcomes = []
    with prepared(settings, folder) as stage:
        say(f"{len(chosen)} manipulations, each on a copy of its own")
        for manipulation in (CONTROL, *chosen):
            outcomes.append(carry_out(stage, manipulation))
    return outcomes


@dataclass(frozen=True, slots=True)
class Stage:
    """A prepared copy, of which every manipulation gets one of its own."""

    home: Path
    loot: Loot
    detectives: Detectives


def carry_out(stage: Stage, manipulation: Manipulation) -> Outcome:
    """One manipulation on a fresh copy, which is thrown away afterwards."""
    home = stage.home.with_name(VICTIM)
    duplicate(stage.home, home)
    try:
        scene = Scene(home, stage.loot)
        try:
            manipulation.act(scene)
        except NotHere:
            return Outcome(manipulation=manipulation, here=False)
        found = stage.detectives.find(scene, everything=manipulation is CONTROL)
        return Outcome(manipulation=manipulation, here=True, found=found)
    finally:
        shutil.rmtree(home)


@contextmanager
def prepared(settings: Settings, folder: Path) -> Iterator[Stage]:
    """A copy of the site with an exported record, stolen keys, and an older copy put aside."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=folder, prefix="attack-") as below:
        home, old = Path(below, "copy"), Path(below, "old.db")
        copied = copy_site(settings, home)
        left_at = datetime.now(UTC)
        house = bootstrap.compose(copied, clock=HeldClock(left_at))
        with closing(house.database):
            loot = _looted(house, copied, Path(below), old, left_at)
        yield Stage(home, loot, Detectives(settings_in(home.with_name(VICTIM))))


def _looted(house: House, copied: Settings, below: Path, old: Path, left_at: datetime) -> Loot:
    keys = house.services["site_keys"]
    seal: SealKey = house.services["seal_key"]
    sequence_pending(house, keys)
    with house.reading() as session:
        record, number, victim = _best_record(session)
    bundle = export_bundle(house, number, below / "out").read_bytes()
    thief, former = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    with house.transaction() as session:
        _enrol(session, victim, thief, former)
    sequence_pending(house, keys)
    backup(copied.home / DATABASE, old)
    for number_ in range(CUT):
        act(house, f"work {number_}", by=PREPARING)
    sequence_pending(house, keys)
    with house.reading() as session:
        newest = checkpoints.latest(session)
    anchors = below / "anchors.txt"
    if newest is not None:
        notefile.append(anchors, newest.note, at=left_at)
    return Loot(
        record=record,
        anchors=anchors,
        outside=() if newest is None else (newest.note,),
        origin=keys.log.origin,
        bundle=bundle,
        pdf=zipfile.ZipFile(io.BytesIO(bundle)).read(verifier.RECORD_PDF),
        certificate=seal.certificate_pem,
        trust=keys.published(),
        victim=victim,
        thief=thief,
        former=former,
        old=old,
        left_at=left_at,
    )


def _best_record(session: Session) -> tuple[str, str, str]:
    """The record with the most signatures: its stream, its number and who signed in it first."""
    query = (
        select(ProcedureRun.stream, ProcedureRun.number)
        .join(Signature, Signature.record == ProcedureRun.stream)
        .group_by(ProcedureRun.stream, ProcedureRun.number)
        .order_by(func.count().desc(), ProcedureRun.number)
        .limit(1)
    )
    found = session.execute(query).one_or_none()
    if found is None:
        raise NothingToAttack("no record of this site bears a signature", resolver="production")
    signer = session.scalars(
        select(Signature.signer).where(Signature.record == found.stream).order_by(Signature.id)
    ).first()
    return found.stream, found.number, str(signer)


def _enrol(
    session: Session, badge: str, thief: Ed25519PrivateKey, former: Ed25519PrivateKey
) -> None:
    """Two more keys of a person, whose private halves are known here; one is revoked."""
    now = moment(session).site
    with trail.act(session, "credential.enrolled", stream=Stream("person", badge), by=PREPARING):
        for key in (thief, former):
            public = key.public_key().public_bytes_raw()
            session.add(
                PublicKey(
                    key_id=key_id(public),
                    badge=badge,
                    public_key=public.hex(),
                    valid_from=now - timedelta(days=1),
                )
            )
        revoked = key_id(former.public_key().public_bytes_raw())
        session.add(KeyRevocation(key_id=revoked, revoked_at=now, reason="reported as stolen"))
