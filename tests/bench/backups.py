"""How long a backup of 100 MB takes, and a drill that restores it; memory stays flat."""

from __future__ import annotations

import os
import resource
import statistics
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from app import making as sitemaking
from app.backup import age, drilling, making
from app.backup.making import Order
from app.bootstrap import opened
from core.actors import Actor
from core.settings import Settings
from core.sites import SiteMode

SIZE = 100_000_000
FILES = 10
ROUNDS = 5
BY = Actor.service("backup", trigger="make bench")
MIB = 1 << 20


def measure() -> Mapping[str, float]:
    """Seconds for one encrypted, complete and durable file of 100 MB of attachments that do not
    compress, and for the drill that restores it; MiB that the process grew by meanwhile."""
    with TemporaryDirectory() as folder:
        settings = _site(Path(folder))
        before = _peak()
        backed_up = [_backed_up(settings, Path(folder), each) for each in range(ROUNDS)]
        return {
            "backup_100mb_s": statistics.median(backed_up),
            "backup_100mb_drill_s": _drilled(settings, Path(folder)),
            "backup_100mb_growth_mib": _peak() - before,
        }


def _site(folder: Path) -> Settings:
    url = f"sqlite:///{folder / 'site' / 'site.db'}"
    settings = Settings(home=folder / "site", database_url=url, owner_url=url)
    sitemaking.make_site(settings, name="Bench", mode=SiteMode.DEMONSTRATION, zone="Europe/Berlin")
    place = settings.attachments / "be"
    place.mkdir(parents=True)
    for number in range(FILES):
        (place / f"be{number}").write_bytes(os.urandom(SIZE // FILES))
    (folder / "kept").mkdir()
    secret, recipient = age.new_identity()
    (folder / "backup.key").write_text(secret)
    (folder / "recipient").write_text(recipient)
    return settings


def _backed_up(settings: Settings, folder: Path, number: int) -> float:
    order = Order(folder=folder / "kept", recipient=(folder / "recipient").read_text())
    now = datetime.now(UTC) + timedelta(seconds=number)
    with opened(settings) as house:
        began = time.perf_counter()
        made = making.back_up(house, settings, order, by=BY, now=now)
        took = time.perf_counter() - began
    if made.size < SIZE:
        raise ValueError(f"the backup holds {made.size} bytes, {SIZE} were to be in it")
    return took


def _drilled(settings: Settings, folder: Path) -> float:
    with opened(settings) as house:
        began = time.perf_counter()
        drilling.drill(
            house, settings, folder / "backup.key", by=BY, now=datetime.now(UTC), scheduled=False
        )
        return time.perf_counter() - began


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MIB
