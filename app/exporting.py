"""The evidence bundle for the command line, and the keys that its reader must get another way."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from app.bootstrap import opened
from audit.errors import NotYetLogged
from audit.keys import SiteKeys
from core.house import House
from core.settings import Settings
from core.types import to_json
from ebr.bundle import export_bundle

TRUST = "trust.json"
PATIENCE_SECONDS = 30.0
LOOK_AGAIN_SECONDS = 0.5
ANOTHER_WAY = (
    f"hand {TRUST} to the reader by another way than the bundle (in person, from your web page):"
    " who sends both could have made both"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written: the bundle, and the site's public keys to verify it with."""

    bundle: Path
    trust: Path

    def lines(self) -> tuple[str, ...]:
        """What the reader has to know, line by line."""
        return (
            f"bundle {self.bundle}",
            f"keys   {self.trust}",
            ANOTHER_WAY,
            f"verify with: python3 -I verify.py {self.bundle.name} --trust {TRUST}"
            " (verify.py lies in the bundle)",
        )


def export(settings: Settings, batch: str, folder: Path) -> Exported:
    """Export a batch of the site to `folder`. Raises NoSuchRun when there is none."""
    with opened(settings) as house:
        return write(house, batch, folder)


def write(house: House, batch: str, folder: Path) -> Exported:
    """Write bundle and keys of a batch to `folder`, which is made when it is missing.

    A running worker may hold the log: then this waits for it. Raises NotYetLogged after 30 s.
    """
    bundle = _patiently(house, batch, folder)
    return Exported(bundle=bundle, trust=write_trust(house, folder))


def write_trust(house: House, folder: Path) -> Path:
    """The public keys of the site, for auditors."""
    keys: SiteKeys = house.services["site_keys"]
    path = folder / TRUST
    path.write_text(to_json(keys.published()) + "\n", encoding="utf-8")
    return path


def _patiently(house: House, batch: str, folder: Path) -> Path:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return export_bundle(house, batch, folder)
        except NotYetLogged:
            if time.monotonic() > deadline:
                raise
            time.sleep(LOOK_AGAIN_SECONDS)
