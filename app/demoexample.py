"""Bringing the example of a bioreactor into a demonstration site that was made already."""

from __future__ import annotations

from collections.abc import Callable

from app import cell
from app.bootstrap import mode_of, opened
from app.clock import site_now
from app.demosite import SEEDING, read_cards
from app.seed import bioreactor
from core.errors import BrokenPromise
from core.settings import Settings
from core.sites import SiteMode

TERMINAL = "set-up"
Say = Callable[[str], None]


def bring(settings: Settings, *, say: Say) -> None:
    """Seed REC-0030 with all that it needs. Raises BrokenPromise for a site that is not for
    demonstration or whose simulated cell was never started, LotExists when it is there already."""
    with opened(settings) as house:
        if mode_of(house) is not SiteMode.DEMONSTRATION:
            raise BrokenPromise("an example is brought into a demonstration site only")
        staff = read_cards(house, settings.home, TERMINAL)
        where = cell.known(settings)
        bioreactor.seed(house, staff, site_now(house), modbus=where.modbus, by=SEEDING)
    say(f"{bioreactor.RECIPE} v{bioreactor.VERSION} is effective: plan a batch of 200 kg on it")
    say("start the site anew, so that its gateway reads BRX-01")
