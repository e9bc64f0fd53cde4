"""Running the headless batch: a new site of its own, the story, release, PDF, bundle, verdict."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy.engine import make_url

from app import cell, demosite, serving
from app.bootstrap import FONTS_FOLDER, compose
from app.demo import closing, dispensing, headless, story
from app.demo.stage import Stage
from app.demosite import FirstBatch
from app.standby import CELL, GATEWAY, Standby, end_all, loading
from app.worker import SiteWorker
from core.clock import SystemClock
from core.errors import BatchwrightError
from core.settings import Settings
from documents.fonts import load_fonts
from hardware.gateway import gateway_place
from hardware.gateway_control import GatewayClient, GatewayUnreachable

BATCH = FirstBatch(number=2045, order=headless.SCRIPT.order)
TERMINAL = "Room 1.12"
PATIENCE_SECONDS = 60
LOG_LAG = timedelta(seconds=0.5)
Say = Callable[[str], None]


def run(
    folder: Path,
    *,
    say: Say,
    parts: Mapping[str, Standby] | None = None,
    given: Settings | None = None,
) -> int:
    """Run the whole batch in a new site below `folder`; 0 when its bundle verifies.

    The site uses the database of a server when `given` names one; it must hold no site yet.
    """
    started = time.monotonic()
    settings = settings_below(folder, given)
    say(f"a new demonstration site in {settings.home}")
    with ExitStack() as ending:
        try:
            stage = open_stage(settings, ending, say, parts)
            play(stage)
            outcome = closing.close(stage)
        except BatchwrightError as error:
            say(f"the story stopped: {error}")
            return 1
        for line in outcome.lines:
            say(line)
        say(f"done in {time.monotonic() - started:.0f} s")
        return 0 if outcome.valid else 1


def settings_below(folder: Path, given: Settings | None = None) -> Settings:
    """Settings of a new site in a dated folder, with a file of its own or the server's database."""
    now = SystemClock().now()
    home = (folder / f"{now:%Y%m%d-%H%M%S}").absolute()
    if given is not None and make_url(given.database_url).get_backend_name() != "sqlite":
        return replace(given, home=home, log_level="WARNING")
    url = f"sqlite:///{home / 'site.db'}"
    return Settings(home=home, database_url=url, owner_url=url, log_level="WARNING")


def open_stage(
    settings: Settings, ending: ExitStack, say: Say, parts: Mapping[str, Standby] | None = None
) -> Stage:
    """Start cell and gateway, make the site, and open the stage; `ending` stops everything.

    Cell and gateway load while the site is made.
    """
    parts = parts or loading()
    ending.callback(end_all, list(parts.values()))
    _unpack_fonts()
    starting = cell.start(serving.settings_home(settings), parts[CELL], offset=timedelta(0))
    demosite.make(settings, starting.cell, BATCH, say=say)
    gateway = serving.begin(settings, parts[GATEWAY], ["gateway"])
    house = compose(settings)
    ending.callback(house.database.close)
    wait_for_gateway(settings, gateway)
    control = ending.enter_context(starting.cell().client())
    return Stage(
        house=house,
        settings=settings,
        worker=SiteWorker(house, owner="demo", lag=LOG_LAG),
        people=demosite.read_cards(house, settings.home, TERMINAL),
        cell=control,
        record=f"batch/B-{BATCH.number}",
        say=say,
        script=headless.SCRIPT,
    )


def _unpack_fonts() -> None:
    """Beside the start of cell and gateway, where this process only waits: used at the end."""
    threading.Thread(target=load_fonts, args=[FONTS_FOLDER], daemon=True).start()


def wait_for_gateway(settings: Settings, process: subprocess.Popen[str]) -> None:
    """Until every line is online. Raises GatewayUnreachable when it ended or takes too long."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise GatewayUnreachable(f"the gateway ended by itself (code {process.returncode})")
        try:
            with GatewayClient(gateway_place(settings)) as link:
                lines = link.status()
            if lines and all(line["state"] == "ONLINE" for line in lines):
                return
        except GatewayUnreachable:
            pass
        time.sleep(0.2)
    raise GatewayUnreachable("the lines of the gateway did not come up in time")


def play(stage: Stage) -> None:
    """All scenes in the order of the recipe."""
    story.preparation(stage)
    dispensing.dispense(stage)
    story.drying_and_granulation(stage)
    story.press_set_up(stage)
    story.blending(stage)
    story.compression(stage)
    story.bulk_and_close(stage)
