"""REC-0030 through the record with people and the simulated bioreactor: samples, feeds, a watch
beside, low oxygen, harvest, release. The recipe is the shipped one with hours for days, because the
clock of a site moves in steps of ten seconds while a trend is recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from app import exporting
from app.clock import site_now
from app.demo import closing
from app.demo.entries import printout, ticked, typed
from app.demo.wording import spec
from app.history import batches, running, site
from app.history.site import FirstNumbers
from app.history.stage import PastStage
from app.seed import bioreactor, definitions
from core.clock import SystemClock
from ebr import queries
from ebr.entry import Entry
from inventory import genealogy
from inventory import queries as stock
from production import commands as production
from production.commands import PlanBatch
from tests.support.history import light_vault, settings_of
from tests.support.story import PATIENCE_SECONDS

pytestmark = [pytest.mark.xdist_group("cultured"), pytest.mark.timeout(PATIENCE_SECONDS)]
KERN, ROTH, VOGEL, DUARTE = "P-101", "P-102", "P-105", "P-106"
SHORTER = (("R/PT24H", "R/PT20M"), ("14 d", "50 min"))
"""What the shipped recipe says, and what this one says instead."""
UNITS = {"BRX": "BRX-01", "ANA": "ANA-01"}
SAMPLES = (("96.0", "2400"), ("95.1", "5200"))
"""Viability in percent and glucose in mg/L of each sample; the first asks for a feed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cultured:
    """The site after the batch; nothing may be written to it."""

    stage: PastStage
    out: exporting.Exported

    def ask(self, query: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        return self.stage.ask(query, *arguments, **more)

    def values(self, key: str, occurrence: int = -1) -> dict[str, str | None]:
        """The first value in force of each parameter of an occurrence of a step."""
        with self.stage.house.reading() as session:
            run = queries.run_of(session, self.stage.number)
            step = queries.steps_of_key(session, run, key)[occurrence]
            found = queries.current_values(session, step)
            return {code: values[0].text for code, values in found.items()}


@pytest.fixture(scope="module")
def cultured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cultured]:
    """One batch from the plan to the release."""
    folder = tmp_path_factory.mktemp("cultured")
    settings, s = settings_of(folder / "site"), SystemClock().now()
    numbers = FirstNumbers(batch=3001, deviation=313, cleaning=312)
    site.make(settings, s, timedelta(days=1), numbers, vault_of=light_vault, say=lambda _: None)
    first = batches.past(2038)
    with running.opened(settings, s, first, vault_of=light_vault, say=lambda _: None) as stage:
        bring(stage)
    with running.opened(settings, s, first, vault_of=light_vault, say=lambda _: None) as stage:
        here = replace(stage, record=f"batch/{plan(stage)}")
        prepare(here)
        culture(here)
        harvest(here)
        here.worker.settle()
        here.sequence()
        yield Cultured(stage=here, out=exporting.write(here.house, here.number, folder / "out"))


def bring(stage: PastStage) -> None:
    """The example is brought into the site, with its times shortened."""
    body = definitions.recipe_file(bioreactor.FILE).decode()
    for shipped, short in SHORTER:
        assert shipped in body
        body = body.replace(shipped, short)
    bioreactor.seed(
        stage.house,
        stage.people,
        site_now(stage.house),
        modbus=site.MODBUS,
        by=stage.people["A-001"].actor,
        body=body.encode(),
    )


def plan(stage: PastStage) -> str:
    """The order."""
    wanted = PlanBatch(
        order_number="PO-9001",
        recipe=bioreactor.RECIPE,
        version=bioreactor.VERSION,
        size=Decimal(200),
        due_at=site_now(stage.house) + timedelta(days=20),
    )
    number: str = stage.acting(VOGEL).do(production.plan_batch, wanted, record="site")
    return number


def prepare(stage: PastStage) -> None:
    """R005 to R070: issued, assigned, filled, conditioned, inoculated."""
    stage.acting(VOGEL).do(production.open_batch, stage.number, record=stage.record)
    stage.do(VOGEL, "R005", ticked(spec(stage, "R005"), size="200"))
    stage.do(KERN, "R010", Entry(units=UNITS))
    stage.do(KERN, "R020", ticked(spec(stage, "R020")), verifier=ROTH)
    stage.plant.charge("BRX-01", "medium", 160.0)
    filled = {"filled": [stage.take(KERN, "R030", "BRX-01.WI901")]}
    medium = Entry(values={"filter": ("passed",)}, scans=bags(stage, "CM-4401"))
    stage.do(KERN, "R030", medium, verifier=ROTH, readings=filled)
    stage.start(KERN, "R040")
    stage.writes()
    stage.do(KERN, "R040")
    stage.wait_for("R050", most=120, why="the medium is conditioned")
    stage.sign(KERN, "R050", "confirmer")
    fit = typed(cells="4.20", viability="97.5", purity="pure")
    stage.do(DUARTE, "R060", fit)
    stage.sign(KERN, "R060", "verifier")
    seed = Entry(values={"density": ("0.51",)}, scans=bags(stage, "SD-0071"))
    stage.do(KERN, "R070", seed, verifier=ROTH)


def bags(stage: PastStage, lot: str) -> tuple[str, ...]:
    """The labels of the bags of a lot that hold something."""
    found: tuple[str, ...] = stage.ask(_bags, lot)
    return found


def _bags(session: Session, lot: str) -> tuple[str, ...]:
    return tuple(each.label for each in stock.containers_of(session, lot, with_content=True))


def culture(stage: PastStage) -> None:
    """R080 with its samples and feeds; oxygen is low for a quarter of an hour."""
    path, taken = stage.path("R080"), 0
    stage.plant.set("BRX-01", "oxygen_loss", 25.0)
    while not stage.is_over(path):
        stage.wait(30, "the culture grows", until=lambda: due(stage, path))
        if stage.is_open("R110"):
            stage.plant.set("BRX-01", "oxygen_loss", 0.0)
            stage.do(KERN, "R110", typed(cause="sparger line was kinked, straightened"))
            stage.go_on()
        if stage.is_open("R090"):
            sample(stage, *SAMPLES[min(taken, 1)])
            taken += 1
    stage.sign(KERN, "R080", "confirmer")
    stage.go_on()
    stage.wait_for("R130", most=5, why="the watch ends with the culture")
    stage.sign(KERN, "R130", "confirmer")
    stage.go_on()


def weighed(stage: PastStage) -> dict[str, list[UUID]]:
    """The harvest as the tank scale shows it."""
    return {"net": [stage.take(KERN, "R160", "BRX-01.WI903")]}


def due(stage: PastStage, path: str) -> bool:
    """Whether the culture has ended or somebody has to do something."""
    return stage.is_over(path) or stage.is_open("R090") or stage.is_open("R110")


def sample(stage: PastStage, viability: str, glucose: str) -> None:
    """R090, and the feed that follows from it."""
    values = typed(cells="3.10", viability=viability, glucose=glucose, lactate="900")
    stage.do(KERN, "R090", values)
    stage.worker.settle()
    if stage.is_open("R100"):
        stage.plant.charge("BRX-01", "feed", 8.32)
        fed = {"fed": [stage.take(KERN, "R100", "BRX-01.WI902")]}
        stage.do(KERN, "R100", Entry(scans=bags(stage, "GF-2210")), verifier=ROTH, readings=fed)


def harvest(stage: PastStage) -> None:
    """R140 to the release."""
    stage.wait_for("R140", most=120, why="the vessel is cooled")
    stage.sign(KERN, "R140", "confirmer")
    stage.do(KERN, "R150", verifier=ROTH)
    stage.plant.charge("BRX-01", "harvest", 195.0)
    stage.wait(0.5, "the harvest tank is weighed")
    stage.do(KERN, "R160", verifier=ROTH, readings=weighed(stage))
    results = typed(titre="3120", bioburden="0", mycoplasma="absent", decision="released")
    stage.do(DUARTE, "R170", results)
    file = printout("certificate-of-analysis", "titre 3120 mg/L; no colonies; mycoplasma absent")
    stage.do(DUARTE, "R175", Entry(values={"number": ("CoA-3001",)}, files={"certificate": file}))
    closing.production_review(stage, "R180")
    closing.quality_review(stage)
    closing.release_batch(stage)


@pytest.mark.urs("URS-EXE-010")
def test_samples_repeat_and_only_low_glucose_is_fed(cultured: Cultured) -> None:
    with cultured.stage.house.reading() as session:
        run = queries.run_of(session, cultured.stage.number)
        samples = queries.steps_of_key(session, run, "R090")
        feeds = queries.steps_of_key(session, run, "R100")
        assert run.state == "complete"
    assert (len(samples), len(feeds)) == (2, 1)
    assert cultured.values("R090", 0)["feed"] == "8.32"
    assert cultured.values("R090", 1)["feed"] == "0.00"
    assert cultured.values("R100")["fed"] == "8.32"


@pytest.mark.urs("URS-PRO-020", "URS-DEV-010")
def test_low_oxygen_is_looked_after_while_the_culture_goes_on(cultured: Cultured) -> None:
    assert cultured.values("R110")["cause"] == "sparger line was kinked, straightened"
    lowest = Decimal(cultured.values("R080")["oxygen_low"] or "")
    assert Decimal(13) < lowest < Decimal(17)
    with cultured.stage.house.reading() as session:
        run = queries.run_of(session, cultured.stage.number)
        found = {(case.type, case.severity) for case in queries.exceptions(session, run)}
    assert ("out_of_limit", "major") in found


@pytest.mark.urs("URS-MAT-060", "URS-MAT-070")
def test_medium_seed_and_the_mass_that_was_fed_are_in_the_books(cultured: Cultured) -> None:
    back = cultured.ask(genealogy.backward, f"batch/{cultured.stage.number}")
    used = {hop.source: hop.quantity for hop in back}
    assert used == {
        "lot/CM-4401": Decimal("160"), "lot/SD-0071": Decimal("20"), "lot/GF-2210": Decimal("8.32")
    }  # fmt: skip


@pytest.mark.urs("URS-REC-030")
def test_its_bundle_verifies(cultured: Cultured) -> None:
    valid, told = closing.verify(cultured.out.bundle, cultured.out.trust)
    assert valid, told
