"""Composition: which parts make one house, and who reacts to what. No magic on import."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sqlalchemy.engine import make_url

from app import keybook, outside, presenter, records, rotating, schema, seal, wiring
from app.backup.desk import Desk
from app.installation import Installation
from app.restoring import Restoring
from audit import checkpoints, restored, trail
from audit import keys as site_keys
from audit.attempts import record_refusal
from audit.keys import SiteKeys
from audit.restored import RestoredGuard
from audit.streams import SITE
from audit.trail import TrailGuard
from core import release
from core.actors import Actor
from core.clock import RealClock, SystemClock
from core.db import Database
from core.errors import BrokenPromise
from core.events import EventHandlers
from core.house import House
from core.settings import Settings
from core.sites import SiteMode, the_site
from core.steady import Steady
from documents.sealing import SealKey
from ebr import printables
from ebr.bundle import PEOPLE_KEYS
from ebr.consequences import SERVICE as RUN_CONSEQUENCES
from ebr.gates import Gates
from ebr.host import RecordHost
from ebr.issuing import AUTHORITY, FONTS, SEAL_KEY
from ebr.kinds.base import KindRegistry
from ebr.report.additions import SERVICE as RECORD_ADDITIONS
from engine.host import SERVICE as ENGINE_HOST
from hardware.historian import Historian
from inventory import consequences as material_consequences
from personnel import crypto
from personnel.crypto import Vault
from web.backups import SERVICE as BACKUPS
from web.installation import SERVICE as INSTALLED
from web.restored import SERVICE as RESTORING

INSTALLATION = Actor.service("installation", trigger="its start")
TOLD = 20
FONTS_FOLDER = Path(__file__).parents[1] / "web" / "static" / "dist" / "fonts"
"""Documents are printed with the fonts that the browser assets bring."""


def compose(
    settings: Settings, *, clock: RealClock | None = None, vault: Vault | None = None
) -> House:
    """The house of an existing site, checked: durability, triggers, schema, keys.

    Raises BrokenPromise naming what does not hold; then nothing of it may be used for GMP work.
    """
    require_site(settings)
    database = Database(settings.database_url)
    try:
        database.check_promises()
        schema.check(database)
        return _composed(database, settings, clock, vault)
    except BaseException:
        database.close()
        raise


def _composed(
    database: Database, settings: Settings, clock: RealClock | None, vault: Vault | None
) -> House:
    events = EventHandlers()
    real = clock or SystemClock()
    steady = Steady(real, settings.clock_path)
    guards = (RestoredGuard(), TrailGuard())
    house = House(database, guards=guards, events=events, clock=real, steady=steady)
    house.on_refusal = record_refusal
    wiring.handlers(events)
    house.services.update(
        {
            "step_kinds": _kinds(),
            "gates": _gates(),
            ENGINE_HOST: RecordHost(),
            "historian": _historian(settings.historian_path, clock),
            crypto.SERVICE: vault or Vault.opened(settings.keys, mode_of(house)),
            "site_keys": keys_of(house, settings),
            PEOPLE_KEYS: keybook.people_keys,
            SEAL_KEY: seal_of(house, settings),
            AUTHORITY: seal.authority_of(settings),
            FONTS: FONTS_FOLDER,
            printables.KINDS: wiring.document_kinds(),
            RECORD_ADDITIONS: records.ADDITIONS,
            RUN_CONSEQUENCES: (material_consequences.of_batch,),
            "settings": settings,
        }
    )
    if mode_of(house) is SiteMode.DEMONSTRATION:
        house.services[presenter.SERVICE] = presenter.Presenter(house, settings)
    house.services[RESTORING] = Restoring(settings)
    house.services[BACKUPS] = Desk(settings)
    house.services[INSTALLED] = Installation(house, settings)
    _require_release(house)
    outside.check(house, settings, house.services["site_keys"])
    house.renewals.append(rotating.Watch(house, settings))
    return house


def _require_release(house: House) -> None:
    """What runs is what was released: else no GMP site opens (URS-VAL-050)."""
    name, differences = release.of_this_installation()
    if not differences:
        return
    with (
        house.transaction() as session,
        trail.act(
            session, "installation.differs", stream=SITE, by=INSTALLATION,
            facts={"release": name, "count": len(differences), "first": list(differences[:TOLD])},
        ),
    ):  # fmt: skip
        pass  # The entry is all.
    if mode_of(house) is SiteMode.GMP:
        raise BrokenPromise(
            f"this installation is not {name}: {differences[0]} ({len(differences)} differences);"
            " install the release again"
        )


@contextmanager
def opened(settings: Settings) -> Iterator[House]:
    """The house for one command, whose connections are closed at its end."""
    house = compose(settings)
    try:
        yield house
    finally:
        house.database.close()


def require_site(settings: Settings) -> None:
    """There is a site where the settings point, else BrokenPromise; an empty one is never made."""
    if not site_exists(settings):
        raise BrokenPromise(f"no site was made in {settings.home}: run batchwright run first")


def site_exists(settings: Settings) -> bool:
    """Whether the settings point to a site that was made."""
    url = make_url(settings.database_url)
    if url.get_backend_name() != "sqlite":
        return settings.keys.is_dir()  # also when keys are lost: that is no empty place
    return bool(url.database) and Path(str(url.database)).exists()


def mode_of(house: House) -> SiteMode:
    """The mode that the site has for life."""
    with house.reading() as session:
        return SiteMode(the_site(session).mode)


def keys_of(house: House, settings: Settings) -> SiteKeys:
    """Log and export keys of the site, from its key folder, and the witnesses that it asks."""
    asked = [part.split() for part in settings.log_witness.split(",")]
    witness = tuple(words[1] for words in asked if len(words) == 2)
    with house.reading() as session:
        name = the_site(session).name
        found = site_keys.open_or_make(settings.keys, checkpoints.origin(name))
        return replace(restored.keys_now(session, found), witness=witness)


def seal_of(house: House, settings: Settings) -> SealKey:
    """The key that seals documents, from the key folder."""
    with house.reading() as session:
        name = the_site(session).name
    return seal.open_or_make(settings.keys, name, at=house.clock.now())


def _kinds() -> KindRegistry:
    registry = KindRegistry()
    wiring.kinds(registry)
    return registry


def _gates() -> Gates:
    gates = Gates(wiring.EXPECTED_CHECKS)
    wiring.checks(gates)
    return gates


def _historian(path: Path, clock: RealClock | None) -> Historian:
    historian = Historian(path, clock=clock)
    historian.create()
    return historian
