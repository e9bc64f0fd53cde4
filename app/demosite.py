"""Making a demonstration site: seeded through the same commands that people use."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from app import making
from app.acting import Person
from app.bootstrap import compose
from app.cell import Cell
from app.clock import site_now
from app.seed import definitions, people, plant, series, stock, tags
from core.actors import Actor
from core.house import House
from core.settings import Settings
from core.sites import SiteMode
from production import commands as production
from production.commands import PlanBatch

SITE_NAME = "Batchwright Demo Plant"
ZONE = "Europe/Berlin"
CARDS = "cards.json"
CARDS_TEXT = "cards.txt"
SEEDING = Actor.service("set-up", trigger="seeding of the demonstration site")
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstBatch:
    """The batch that is planned at the end of seeding."""

    number: int
    order: str


def make(
    settings: Settings, where: Callable[[], Cell], first: FirstBatch, *, say: Say
) -> dict[str, Person]:
    """Make and seed the site; answers its people. Nothing stays when it fails half way.

    `where` is asked when the machines get their addresses: until then the cell may be starting.
    """
    say("making the site and its keys")
    making.make_site(settings, name=SITE_NAME, mode=SiteMode.DEMONSTRATION, zone=ZONE)
    house = compose(settings)
    at = site_now(house)
    say("people, roles, training")
    staff = people.seed(house, at)
    write_cards(settings.home, staff)
    say("equipment and tag maps")
    plant.seed(house, at, by=SEEDING)
    cell = where()
    tags.seed(
        house, staff["P-109"], staff["P-107"], opcua=cell.opcua, modbus=cell.modbus, by=SEEDING
    )
    series.seed(house, by=SEEDING)
    say("materials, lots and containers")
    stock.seed(house, staff, at, by=SEEDING)
    say("recipes REC-0017 v3 and REC-0021 v2 with three signatures each")
    definitions.seed(house, staff, at)
    say("recipe REC-0017 v4 in review")
    definitions.propose(house, staff)
    number = plan_first(house, staff, first)
    say(f"batch {number} is planned")
    house.database.close()
    return staff


def plan_first(house: House, staff: dict[str, Person], first: FirstBatch) -> str:
    """Number series and the first planned batch."""
    series.orders(house, batch=first.number, packaging=first.number, by=SEEDING)
    plan = PlanBatch(
        order_number=first.order,
        recipe=definitions.RECIPE,
        version=definitions.VERSION,
        size=Decimal("100.000"),
        due_at=site_now(house) + timedelta(days=2),
    )
    number: str = staff["P-105"].do(production.plan_batch, plan, record="site")
    return number


def write_cards(home: Path, staff: dict[str, Person]) -> None:
    """The cards of the demo people, for nobody but the owner of the folder."""
    rows = [
        {
            "badge": person.badge,
            "name": person.name,
            "role": person.role,
            "passphrase": person.passphrase,
        }
        for person in staff.values()
    ]
    _private(home / CARDS, json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    lines = [f"{r['badge']}  {r['name']:<20} {r['role']:<7} {r['passphrase']}" for r in rows]
    _private(home / CARDS_TEXT, "\n".join(lines) + "\n")


def read_cards(house: House, home: Path, terminal: str) -> dict[str, Person]:
    """The demo people with their passphrases, from the cards."""
    rows = json.loads((home / CARDS).read_text())
    return {
        row["badge"]: Person(
            house, row["badge"], row["name"], row["role"], row["passphrase"], terminal
        )
        for row in rows
    }


def _private(path: Path, content: str) -> None:
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(content)
