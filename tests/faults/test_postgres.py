"""kill -9 of PostgreSQL while steps are committed (F3): the client lives through it, no
acknowledged step is lost, none is there twice; with synchronous_commit=off some are lost."""

from __future__ import annotations

import multiprocessing
import random
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from core.errors import Unreachable
from tests.support import faultplant, faultreport
from tests.support.faultcheck import Findings
from tests.support.faultpostgres import mortal_postgres
from tests.support.records import RecordPlant

FORK = multiprocessing.get_context("fork")
KILLS, NIGHTLY_KILLS = 10, 100
SEED = 20260302
PACE_SECONDS, SLOW_SECONDS = 0.03, 0.3
"""Between two steps: the record has to last for all kills. In the control the server mostly dies
between two commits, with the last one still in its memory."""
LAZY = {
    "synchronous_commit": "off",
    "wal_writer_delay": "10000ms",
    "wal_writer_flush_after": "1GB",
    "wal_buffers": "64MB",
}
"""Commits are acknowledged before they are stored; nobody hurries to store them."""


def work(url: str, folder: Path, told: Connection, pace: float) -> None:
    """The client: completes steps for ever, tells each after its commit, outlives the server."""
    folder.mkdir()
    plant = RecordPlant(url, folder)
    unreachable = 0
    while True:
        try:
            told.send((faultplant.perform_next(plant), unreachable))
        except Unreachable:
            unreachable += 1
        time.sleep(pace)


def killed(
    folder: Path, kills: int, seed: int, *, pace: float = PACE_SECONDS, **settings: str
) -> tuple[Findings, int, int]:
    """Findings after so many kills, acknowledged steps, and how often the client was refused."""
    chance = random.Random(seed)
    with mortal_postgres(**settings) as (server, databases):
        url = databases.url(databases.create_database())
        faultplant.build(url)
        ours, theirs = FORK.Pipe(duplex=False)
        client = FORK.Process(target=work, args=(url, folder / "client", theirs, pace))
        client.start()
        theirs.close()
        told: list[tuple[str, int]] = []
        try:
            for _ in range(kills):
                told.append(ours.recv())  # the server works again
                time.sleep(chance.uniform(0, 3 * pace))
                server.kill()
                server.start()
            told.append(ours.recv())
        finally:
            client.kill()
            client.join()
        with suppress(EOFError):
            while True:
                told.append(ours.recv())
        plant = RecordPlant(url, folder)
        acknowledged = [path for path, _ in told]
        found = faultplant.check(plant, acknowledged)
        plant.close()
        return found, len(acknowledged), told[-1][1]


@pytest.mark.urs("URS-EXE-090", "URS-AUD-080")
@pytest.mark.timeout(300)
def test_kills_of_the_database_lose_nothing_and_the_client_goes_on(tmp_path: Path) -> None:
    found, acknowledged, refused = killed(tmp_path, KILLS, SEED)
    note = f"{acknowledged} acknowledged steps, {refused} refused meanwhile"
    faultreport.tell("postgres", found, runs=KILLS, note=note)
    assert acknowledged > KILLS
    assert not found.any, found


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_a_hundred_kills_of_the_database_lose_nothing(tmp_path: Path) -> None:
    total, steps = Findings(), 0
    for seed in range(NIGHTLY_KILLS // KILLS):
        (tmp_path / str(seed)).mkdir()
        found, acknowledged, _ = killed(tmp_path / str(seed), KILLS, seed)
        steps += acknowledged
        total.lost += found.lost
        total.doubled += found.doubled
        total.broken += found.broken
    faultreport.tell("postgres", total, runs=NIGHTLY_KILLS, note=f"{steps} acknowledged steps")
    assert not total.any, total


@pytest.mark.timeout(300)
def test_with_commits_that_do_not_wait_the_same_checker_finds_losses(tmp_path: Path) -> None:
    found, _, _ = killed(tmp_path, 5, SEED, pace=SLOW_SECONDS, **LAZY)
    faultreport.tell_control("postgres", "synchronous_commit=off", faultreport.counted(found))
    assert found.lost
