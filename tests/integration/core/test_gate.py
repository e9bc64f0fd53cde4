"""The queue of writers on SQLite: in order, across processes, and no dead writer blocks it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest
from sqlalchemy import text

from core.db import Database, gate_path
from core.errors import Busy
from core.gate import COUNTER, TicketGate

HOLDER = """
import sys, time
from pathlib import Path
from core.gate import TicketGate
gate = TicketGate(Path(sys.argv[1]))
print("arrived", flush=True)
with gate.turn():
    print("served", flush=True)
    time.sleep(60)
"""

PASSER = """
import sys
from pathlib import Path
from core.gate import TicketGate
gate = TicketGate(Path(sys.argv[1]))
print("arrived", flush=True)
with gate.turn(), Path(sys.argv[2]).open("a") as order:
    order.write(sys.argv[3])
"""
"""Goes through the gate and writes down there that it did."""
WRITER = """
import sys
from sqlalchemy import text
from core.db import Database, gate_path
database = Database(f"sqlite:///{sys.argv[1]}")
if sys.argv[2] == "past the gate":
    database._gate = None
print("arrived", flush=True)
with database.turn_to_write(), database.writer.begin() as connection:
    connection.execute(text("INSERT INTO written VALUES (1)"))
print("served", flush=True)
database.close()
"""
"""Writes to a site as every transaction does, or without queueing."""


@contextmanager
def other_process(path: Path, script: str = HOLDER, *more: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(  # our own interpreter and text
        [sys.executable, "-c", script, str(path), *more], stdout=subprocess.PIPE, text=True
    )
    try:
        assert line(process) == "arrived"
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_writers_are_served_in_the_order_of_arrival(tmp_path: Path) -> None:
    gate, order = TicketGate(tmp_path / "gate"), []

    def write(number: int) -> None:
        with gate.turn():
            order.append(number)

    threads = [Thread(target=write, args=(number,)) for number in range(8)]
    with gate.turn():
        for thread in threads:
            thread.start()
            time.sleep(0.01)  # each has drawn its ticket before the next one comes
        assert order == []
    for thread in threads:
        thread.join()
    assert order == sorted(order)


def drawn(gate: Path) -> int:
    """The ticket that was drawn last."""
    return int(COUNTER.unpack(gate.read_bytes()[: COUNTER.size])[0])


def await_ticket(gate: Path, after: int) -> None:
    """Until somebody has drawn one more."""
    while drawn(gate) == after:
        time.sleep(0.005)


@pytest.mark.parametrize("arrival", ["0123", "2031"])
def test_processes_are_served_in_the_order_of_arrival(tmp_path: Path, arrival: str) -> None:
    path, order = tmp_path / "gate", tmp_path / "order"
    with ExitStack() as ending:
        processes = []
        with TicketGate(path).turn():
            for number in arrival:
                before = drawn(path)
                passer = other_process(path, PASSER, str(order), number)
                processes.append(ending.enter_context(passer))
                await_ticket(path, before)
            assert not order.exists()
        assert [process.wait() for process in processes] == [0] * len(arrival)
    assert order.read_text() == arrival


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Database]:
    """A database with one table."""
    database = Database(f"sqlite:///{tmp_path / 'site.db'}")
    with database.turn_to_write(), database.writer.begin() as connection:
        connection.execute(text("CREATE TABLE written (number INTEGER)"))
    yield database
    database.close()


@pytest.mark.urs("URS-EXE-090")
def test_a_writer_of_another_process_waits_for_its_turn_although_the_file_is_free(
    site: Database,
) -> None:
    path = Path(str(site.url.database))
    with ExitStack() as ending:
        with site.turn_to_write():  # no transaction: the file itself is free
            before = drawn(gate_path(site.url))
            writer = ending.enter_context(other_process(path, WRITER, "in its turn"))
            assert writer.stdout is not None
            await_ticket(gate_path(site.url), before)
            os.set_blocking(writer.stdout.fileno(), False)
            time.sleep(0.3)
            assert line(writer) == ""
            os.set_blocking(writer.stdout.fileno(), True)
        assert line(writer) == "served"


def test_past_the_gate_it_would_not_wait(site: Database) -> None:
    """The control: a writer that does not queue is served while another has the turn."""
    path = Path(str(site.url.database))
    with site.turn_to_write(), other_process(path, WRITER, "past the gate") as writer:
        assert line(writer) == "served"


@pytest.mark.urs("URS-EXE-090")
def test_a_killed_holder_of_another_process_blocks_nobody(tmp_path: Path) -> None:
    path = tmp_path / "gate"
    with other_process(path) as holder:
        assert line(holder) == "served"
        with pytest.raises(Busy), TicketGate(path, patience=0.2).turn():
            pass
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
        with TicketGate(path, patience=5).turn():
            pass


@pytest.mark.urs("URS-EXE-090")
def test_a_killed_waiter_of_another_process_blocks_nobody(tmp_path: Path) -> None:
    path = tmp_path / "gate"
    gate, served = TicketGate(path, patience=20), Event()

    def write() -> None:
        with gate.turn():
            served.set()

    with gate.turn(), other_process(path) as waiter:
        time.sleep(0.1)
        thread = Thread(target=write)
        thread.start()
        os.kill(waiter.pid, signal.SIGKILL)
        waiter.wait()
    thread.join()
    assert served.is_set()


def test_two_processes_do_not_hold_the_gate_together(tmp_path: Path) -> None:
    path = tmp_path / "gate"
    with other_process(path) as first, other_process(path) as second:
        assert line(first) == "served"
        os.set_blocking(second.stdout.fileno(), False)  # type: ignore[union-attr]
        time.sleep(0.2)
        assert line(second) == ""
        os.set_blocking(second.stdout.fileno(), True)  # type: ignore[union-attr]
        os.kill(first.pid, signal.SIGKILL)
        assert line(second) == "served"


def test_without_the_gate_they_would(tmp_path: Path) -> None:
    """The control: two gates on two files are no queue, and the test above would see it."""
    with (
        other_process(tmp_path / "one") as first,
        other_process(tmp_path / "two") as second,
    ):
        assert (line(first), line(second)) == ("served", "served")
