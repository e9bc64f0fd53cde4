"""The control channel of a running cell."""

from __future__ import annotations

import json
import socket
import time
from datetime import UTC, datetime, timedelta

import pytest

from hardware.simulators.control import ControlClient, ControlRefused, ControlUnreachable
from tests.integration.hardware.simulators.conftest import TOKEN, RunningCell


def test_the_cell_begins_at_the_given_offset_and_follows_real_time(cell: RunningCell) -> None:
    with cell.control() as control:
        first = control.now()
        assert first <= datetime.now(UTC) + control.offset()
        time.sleep(0.1)
        assert control.now() - first >= timedelta(seconds=0.1)


def test_an_advance_moves_site_time_and_the_offset(cell: RunningCell) -> None:
    with cell.control() as control:
        before, offset = control.now(), control.offset()
        advanced = control.advance(before + timedelta(seconds=10))
        assert advanced.reached == before + timedelta(seconds=10)
        assert timedelta(seconds=9) < advanced.offset - offset <= timedelta(seconds=10)
        assert control.now() >= advanced.reached


def test_an_advance_can_take_the_exact_offset_of_the_site_clock(cell: RunningCell) -> None:
    with cell.control() as control:
        offset = control.offset() + timedelta(seconds=30)
        to = datetime.now(UTC) + offset
        assert control.advance(to, offset=offset).offset == offset
        with pytest.raises(ControlRefused, match="only grows"):
            control.advance(to, offset=offset - timedelta(minutes=1))


def test_an_offset_that_is_late_by_a_moment_leaves_the_clock_alone(cell: RunningCell) -> None:
    with cell.control() as control:
        offset = control.offset()
        late = offset - timedelta(milliseconds=20)
        assert control.advance(control.now(), offset=late).offset == offset


def test_an_advance_stops_where_a_unit_changes(cell: RunningCell) -> None:
    with cell.control() as control:
        control.start("BLE-01", revolutions=36, speed=12)
        start = control.now()
        advanced = control.advance(start + timedelta(hours=1), until_change=True)
        assert [(c.unit, c.state) for c in advanced.changes] == [("BLE-01", 0)]
        assert timedelta(seconds=180) <= advanced.reached - start <= timedelta(seconds=190)


def test_time_does_not_go_back(cell: RunningCell) -> None:
    with cell.control() as control, pytest.raises(ControlRefused, match="only moves forward"):
        control.advance(control.now() - timedelta(minutes=1))


def test_a_container_is_weighed_with_tare(cell: RunningCell) -> None:
    with cell.control() as control:
        control.place("WGH-02", 1.25, "container 1")
        with pytest.raises(ControlRefused, match="not stable"):
            control.tare("WGH-02")
        control.advance(control.now() + timedelta(seconds=2))
        assert control.tare("WGH-02") == 1.25
        control.place("WGH-02", 9.25, "container 1")
        control.advance(control.now() + timedelta(seconds=2))
        scale = control.state()["units"]["WGH-02"]
        assert scale["values"]["WI501"] == 8.0
        assert scale["model"]["label"] == "container 1"
        control.remove("WGH-02")


WRONG = [
    ("fly", {}, "simulator.argument"),
    ("now", {"extra": 1}, "simulator.argument"),
    ("advance", {"to": "tomorrow"}, "simulator.argument"),
    ("advance", {"to": "2099-01-01T00:00:00"}, "simulator.argument"),
    ("advance", {}, "simulator.argument"),
    ("place", {"scale": "WGH-01", "mass": "heavy"}, "simulator.argument"),
    ("place", {"scale": "WGH-01", "mass": True}, "simulator.argument"),
    ("place", {"scale": "GRA-01", "mass": 1}, "simulator.argument"),
    ("place", {"scale": "WGH-01", "mass": float("nan")}, "simulator.argument"),
    ("remove", {"scale": "WGH-03"}, "simulator.state"),
    ("start", {"unit": "GRA-01"}, "simulator.argument"),
    ("start", {"unit": "TAB-01"}, "simulator.state"),
    ("stop", {"unit": "BLE-01"}, "simulator.state"),
    ("charge", {"unit": "BV-01", "material": "wine", "mass": 1}, "simulator.argument"),
    ("cut", {"device": "FBD-01", "seconds": -1}, "simulator.argument"),
    ("cut", {"device": "???"}, "simulator.argument"),
    ("restore", {"device": "FBD-01"}, "simulator.state"),
    ("set", {"unit": "TAB-01", "quantity": "luck", "value": 1}, "simulator.argument"),
    ("set", {"unit": "GRA-01", "quantity": "SC101", "value": 500}, "simulator.range"),
]


@pytest.mark.parametrize(("command", "arguments", "rule"), WRONG)
def test_a_wrong_command_names_its_rule_and_changes_nothing(
    cell: RunningCell, command: str, arguments: dict[str, object], rule: str
) -> None:
    with cell.control() as control:
        with pytest.raises(ControlRefused) as refused:
            control.ask(command, **arguments)
        assert refused.value.cell_rule == rule
        assert refused.value.fact
        assert refused.value.resolver
        assert control.state()["lines"] == {}


def test_without_the_token_nothing_is_answered_but_a_refusal(cell: RunningCell) -> None:
    with pytest.raises(ControlRefused, match="token is wrong"):
        ControlClient("127.0.0.1", cell.control_port, TOKEN + "!")
    with socket.create_connection(("127.0.0.1", cell.control_port), timeout=5) as raw:
        raw.sendall(b'{"command": "state"}\n')
        stream = raw.makefile("rb")
        answer = json.loads(stream.readline())
        assert answer["rule"] == "simulator.token"
        assert set(answer) == {"ok", "rule", "fact", "resolver"}
        assert stream.readline() == b""
        stream.close()


@pytest.mark.parametrize("line", [b"[]\n", b"{\n", b'"state"\n', b"\xff\n", b"x" * 70_000 + b"\n"])
def test_a_line_that_is_no_request_is_refused(cell: RunningCell, line: bytes) -> None:
    with socket.create_connection(("127.0.0.1", cell.control_port), timeout=5) as raw:
        raw.sendall(line)
        stream = raw.makefile("rb")
        assert json.loads(stream.readline())["ok"] is False
        stream.close()


def test_a_closed_client_says_that_the_cell_is_not_reachable(cell: RunningCell) -> None:
    control = cell.control()
    control.close()
    control.close()
    with pytest.raises(ControlUnreachable):
        control.now()


def test_nobody_listening_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(ControlUnreachable):
            ControlClient("127.0.0.1", taken.getsockname()[1], TOKEN, timeout=2)
