"""Composition: which parts make one house, and who reacts to what. No magic on import."""

from __future__ import annotations

from pathlib import Path

from app import schema, wiring
from audit import checkpoints
from audit import keys as site_keys
from audit.attempts import record_refusal
from audit.keys import SiteKeys
from audit.trail import TrailGuard
from core.clock import RealClock
from core.db import Database
from core.events import EventHandlers
from core.house import House
from core.settings import Settings
from core.sites import SiteMode, the_site
from ebr.gates import Gates
from ebr.host import RecordHost
from ebr.kinds.base import KindRegistry
from engine.host import SERVICE as ENGINE_HOST
from hardware.historian import Historian
from personnel import crypto
from personnel.crypto import Vault


def compose(
    settings: Settings, *, clock: RealClock | None = None, vault: Vault | None = None
) -> House:
    """The house of an existing site, checked: durability, triggers, schema, keys.

    Raises BrokenPromise naming what does not hold; then nothing of it may be used for GMP work.
    """
    database = Database(settings.database_url)
    database.check_promises()
    schema.check(database)
    events = EventHandlers()
    house = House(database, guards=[TrailGuard()], events=events, clock=clock)
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
            "settings": settings,
        }
    )
    return house


def mode_of(house: House) -> SiteMode:
    """The mode that the site has for life."""
    with house.reading() as session:
        return SiteMode(the_site(session).mode)


def keys_of(house: House, settings: Settings) -> SiteKeys:
    """Log and export keys of the site, from its key folder."""
    with house.reading() as session:
        name = the_site(session).name
    return site_keys.open_or_make(settings.keys, checkpoints.origin(name))


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
