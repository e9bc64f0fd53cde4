"""Evidence bundles for the command line, and the keys that their reader must get another way."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeVar

from app.bootstrap import opened
from audit import restored
from audit.errors import NotYetLogged
from core.clock import local
from core.errors import Invalid
from core.house import House, moment
from core.settings import Settings
from core.types import to_json
from ebr import bundle, packages, queries
from ebr.bundle import Options
from ebr.packages import Wanted

TRUST = "trust.json"
PATIENCE_SECONDS = 30.0
LOOK_AGAIN_SECONDS = 0.5
ANOTHER_WAY = (
    f"hand {TRUST} to the reader by another way than the bundle (in person, from your web page):"
    " who sends both could have made both"
)

Say = Callable[[str], object]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written: the bundle or package, and the site's public keys to verify it with."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which records: by `numbers`, or those that began on the site's days `first` to `last`."""

    numbers: tuple[str, ...] = ()
    first: date | None = None
    last: date | None = None


def export(settings: Settings, asked: Asked, folder: Path, options: Options, say: Say) -> Exported:
    """Export records of the site to `folder`: one as a bundle, several as a package.

    `say` hears of each record. What was made before a break is not made again, and a file appears
    whole or not at all. Raises NoSuchRun, Invalid when nothing is asked for.
    """
    with opened(settings) as house:
        numbers = chosen(house, asked)
        if len(numbers) == 1:
            return write(house, numbers[0], folder, options)
        return write_package(house, numbers, folder, options, say)


def chosen(house: House, asked: Asked) -> tuple[str, ...]:
    """The numbers that are asked for, each once. Raises NoSuchRun, and Invalid for none."""
    with house.reading() as session:
        numbers = [queries.run_of(session, number).number for number in asked.numbers]
        if asked.first is not None or asked.last is not None:
            zone = moment(session).zone
            first, last = asked.first or date.min, asked.last or date.max
            numbers += [
                run.number
                for run in queries.runs(session)
                if run.started_at is not None
                and first <= local(run.started_at, zone).date() <= last
            ]
    if not numbers:
        raise Invalid("no record is named, and none began on these days", resolver="who exports")
    return tuple(dict.fromkeys(numbers))


def write(house: House, batch: str, folder: Path, options: Options | None = None) -> Exported:
    """Write bundle and keys of a batch to `folder`, which is made when it is missing.

    A running worker may hold the log: then this waits for it. Raises NotYetLogged after 30 s.
    """
    made = _patiently(lambda: bundle.export_bundle(house, batch, folder, options=options))
    return Exported(bundle=made, trust=write_trust(house, folder))


def write_package(
    house: House, numbers: Sequence[str], folder: Path, options: Options, say: Say
) -> Exported:
    """Write a package of several records, and the keys. Raises as `write`."""
    wanted = Wanted(numbers=tuple(numbers), options=options)

    def tell(done: int, number: str) -> None:
        say(f"{done + 1} of {len(numbers)}: {number}")

    made = _patiently(lambda: packages.export_package(house, wanted, folder, tell=tell))
    return Exported(bundle=made, trust=write_trust(house, folder))


def write_trust(house: House, folder: Path) -> Path:
    """The public keys of the site, for auditors."""
    with house.reading() as session:
        keys = restored.keys_now(session, house.services["site_keys"])
    return bundle.put(folder, TRUST, (to_json(keys.published()) + "\n").encode("utf-8"))


def _patiently(attempt: Callable[[], T]) -> T:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return attempt()
        except NotYetLogged:
            if time.monotonic() > deadline:
                raise
            time.sleep(LOOK_AGAIN_SECONDS)
