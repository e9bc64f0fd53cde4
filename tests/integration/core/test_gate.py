"""The queue of writers on SQLite: in order, across processes, and no dead writer blocks it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from core.errors import Busy
from core.gate import TicketGate

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


@contextmanager
def other_process(path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(  # our own interpreter and text
        [sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True
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
