"""The running installation as its user sees it: started, stopped, killed, and started again."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app import cell, demosite, serving
from app.bootstrap import compose
from app.standby import CELL, WORKER, Standby, end_all
from audit import trail
from audit.streams import SITE
from core.errors import BrokenPromise
from tests.integration.app.conftest import Seeded, settings_of

PATIENCE = 120.0
ADDRESS = re.compile(r"open (http://127\.0\.0\.1:\d+)/")


class Running:
    """`batchwright run` as a process group of its own, like a terminal's."""

    def __init__(self, home: Path) -> None:
        command = [sys.executable, "-m", "app.cli", "run", "--port=0"]
        self.home = home
        self.said: list[str] = []
        self.process = subprocess.Popen(
            command,
            env={**os.environ, **serving.environment(settings_of(home))},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def address(self) -> str:
        """Where it serves, as soon as it says so."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            if told := ADDRESS.match(line):
                return told.group(1)
        raise AssertionError(f"it ended with {self.process.wait()}: {''.join(self.said)}")

    def parts(self) -> list[int]:
        """The processes below it."""
        return _below(self.process.pid)


@contextmanager
def run(home: Path) -> Iterator[Running]:
    running = Running(home)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
        running.process.communicate(timeout=PATIENCE)


def _below(parent: int) -> list[int]:
    found = []
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = place.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent and fields[0] != "Z":
            child = int(place.parent.name)
            found += [child, *_below(child)]
    return found


def _alive(process: int) -> bool:
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return fields[0] != "Z"


def eventually(met: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not met():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)


def page(address: str) -> str:
    host, _, port = address.removeprefix("http://").partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    connection.request("GET", "/login")
    answer = connection.getresponse()
    assert answer.status == 200
    text = answer.read().decode()
    connection.close()
    return text


def interrupt(running: Running) -> None:
    """Ctrl-C in its terminal: everything has ended when it ends."""
    parts = running.parts()
    assert len(parts) >= 4, "cell, gateway, worker, web"
    os.killpg(running.process.pid, signal.SIGINT)
    assert running.process.wait(PATIENCE) == 0
    assert [part for part in parts if _alive(part)] == []


def made(site: Seeded) -> int:
    """How often the site was made."""
    house = compose(site.settings)
    with house.reading() as session:
        found = [entry for entry in trail.entries(session, SITE) if entry.action == "site.made"]
    house.database.close()
    return len(found)


@pytest.mark.timeout(300)
def test_a_site_is_served_again_after_ctrl_c_with_the_same_data(site: Seeded) -> None:
    cards = (site.settings.home / demosite.CARDS).read_bytes()
    for _ in range(2):
        with run(site.settings.home) as running:
            assert "<form" in page(running.address())
            interrupt(running)
    assert (site.settings.home / demosite.CARDS).read_bytes() == cards
    assert made(site) == 1


@pytest.mark.nightly
@pytest.mark.timeout(300)
def test_a_killed_site_leaves_no_process_and_starts_again_over_its_files(site: Seeded) -> None:
    home = site.settings.home
    with run(home) as killed:
        assert "<form" in page(killed.address())
        parts = killed.parts()
        places = {(home / name) for name in ("cell.json", "gateway.json")}
        eventually(lambda: all(place.exists() for place in places))
        killed.process.kill()
        eventually(lambda: not any(_alive(part) for part in parts))
    for place in places:
        place.write_text(json.dumps({"port": 1, "control_port": 1, "token": "of another time"}))
    with run(home) as again:
        assert "<form" in page(again.address())
        interrupt(again)
    assert made(site) == 1


@pytest.mark.sqlite("a site is put aside with its file")
def test_a_site_whose_making_breaks_off_is_put_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken_off(*_: object, **__: object) -> None:
        (tmp_path / "site" / "site.db").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(demosite, "make", broken_off)
    said: list[str] = []
    settings = settings_of(tmp_path / "site")
    with pytest.raises(KeyboardInterrupt):
        serving.run(settings, port=serving.free_port(), say=said.append)
    assert not settings.home.exists()
    assert [place.name for place in tmp_path.glob("site-*/site.db")] == ["site.db"]
    assert "the next run makes a new one" in said[-1]


@pytest.mark.sqlite("a site is put aside with its file")
def test_a_site_whose_making_was_killed_is_put_aside_by_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(tmp_path / "site")
    settings.home.mkdir()
    (settings.home / "site.db").touch()
    (settings.home / serving.UNFINISHED).touch()
    asked: list[Path] = []

    def begun(*_: object, **__: object) -> None:
        asked.append(settings.home)
        raise KeyboardInterrupt

    monkeypatch.setattr(demosite, "make", begun)
    with pytest.raises(KeyboardInterrupt):
        serving.run(settings, port=serving.free_port(), say=lambda _: None)
    assert asked == [settings.home], "a new site is made"
    assert len(list(tmp_path.glob("site-*/site.db"))) == 1


def test_a_part_that_was_never_begun_ends_with_the_rest() -> None:
    parts = [Standby(CELL), Standby(WORKER)]
    end_all(parts)
    assert all(part.process.returncode is not None for part in parts)


def test_a_part_ends_when_nobody_wants_it_any_more() -> None:
    part = Standby(WORKER)
    assert part.process.stdin is not None
    part.process.stdin.close()
    assert part.process.wait(PATIENCE) == 0
    part.end()


def test_a_part_that_cannot_begin_is_seen_by_who_waits_for_it(tmp_path: Path) -> None:
    part = Standby(CELL)
    part.begin([f"--pki={tmp_path}"])
    assert part.process.wait(PATIENCE) == 2, "the token file is missing"
    with pytest.raises(BrokenPromise, match="did not start"):
        cell.Starting(settings_of(tmp_path), part, "").cell()
    part.end()
