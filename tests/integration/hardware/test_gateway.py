"""The gateway against the simulated cell, over OPC UA and Modbus sockets."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from asyncua import ua
from asyncua.common.callback import CallbackType
from sqlalchemy.orm import Session

from audit import trail
from audit.streams import SITE
from audit.trail import TrailGuard
from core.clock import SystemClock
from core.db import Database
from core.errors import Refusal
from core.house import House, moment
from core.settings import Settings
from hardware import commands, democlock, equipment_commands, queries, setup_commands
from hardware.errors import BadValue
from hardware.events import CounterOverLimit, LinkLost, LinkRestored, WriteReported
from hardware.gateway import Gateway, gateway_place
from hardware.gateway_control import GatewayClient, GatewayRefused, GatewayUnreachable
from hardware.historian import Historian
from hardware.models import WriteRequest
from hardware.pki import Pki
from hardware.setup_commands import NewEquipment
from hardware.words import Quality, Reason, WriteState
from tests.integration.hardware.conftest import KERN, TAGS, dryer, make_site
from tests.integration.hardware.rig import (
    Cell,
    eventually,
    historian_of,
    online,
    running_cell,
    running_gateway,
    seed,
    settings_in,
    trust_each_other,
)
from tests.integration.hardware.test_drivers import free_port, opcua_server


def ids_of(command: Callable[..., Any]) -> Callable[..., UUID]:
    """The command, answering the id of its row: rows themselves end with their transaction."""

    def answering_id(session: Session, *args: Any, **keywords: Any) -> UUID:
        row = command(session, *args, **keywords)
        session.flush()
        row_id: UUID = row.id
        return row_id

    return answering_id


@dataclass
class Rig:
    house: House
    cell: Cell
    gateway: GatewayClient
    settings: Settings
    told: list[object]

    def now(self) -> datetime:
        with self.house.reading() as session:
            return moment(session).site

    def advance(self, seconds: float, **arguments: object) -> democlock.Advance:
        return democlock.advance(
            self.house,
            self.cell.control,
            self.gateway,
            self.now() + timedelta(seconds=seconds),
            reason="drying is awaited",
            by=KERN,
            **arguments,  # type: ignore[arg-type]  # keywords of advance
        )

    def tag(self, key: str) -> queries.TagNow:
        with self.house.reading() as session:
            return queries.current(session, key)

    def write(
        self, tag: str, value: str, *, key: str, tolerance: str | None = None
    ) -> WriteRequest:
        request_id = self.house.perform(
            ids_of(commands.request_write),
            tag,
            Decimal(value),
            key=key,
            in_record="batch/B-2045",
            tolerance=None if tolerance is None else Decimal(tolerance),
            by=KERN,
        )
        self.gateway.write_now()
        with self.house.reading() as session:
            return queries.write_request(session, request_id)


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cell]:
    """The simulators, shared: their time only moves forward, so sites begin where it stands."""
    with running_cell(tmp_path_factory.mktemp("cell")) as running:
        yield running


@pytest.fixture
def site(chosen_url: str, tmp_path: Path, cell: Cell) -> Iterator[tuple[House, Settings]]:
    """A site of its own with the plant's tag maps, on the clock of the cell."""
    settings = settings_in(tmp_path, chosen_url)
    make_site(chosen_url, at=datetime.now(UTC), offset=cell.control.offset())
    database = Database(chosen_url)
    house = House(database, guards=[TrailGuard(software="test")], clock=SystemClock())
    historian = Historian(settings.historian_path, clock=house.clock)
    historian.create()
    house.services["historian"] = historian
    trust_each_other(settings, cell, house.clock.now())
    seed(house, opcua=cell.opcua, modbus=cell.modbus)
    yield house, settings
    for line in cell.control.state()["lines"]:
        cell.control.restore(line)
    historian.close()
    database.close()


@pytest.fixture
def rig(site: tuple[House, Settings], cell: Cell) -> Iterator[Rig]:
    """The whole chain, on real time plus the demonstration clock."""
    house, settings = site
    told: list[object] = []
    for kind in (LinkLost, LinkRestored, WriteReported, CounterOverLimit):
        house.events.on(kind, lambda session, event: told.append(event))
    with running_gateway(house, settings) as gateway:
        eventually(lambda: online(gateway))
        yield Rig(house, cell, gateway, settings, told)


@pytest.mark.urs("URS-PRO-010", "URS-PRO-090")
def test_every_tag_of_the_plant_is_read_good_with_its_provenance(rig: Rig) -> None:
    rig.gateway.sweep(rig.now())
    with rig.house.reading() as session:
        keys = [tag.key for tag in queries.tags(session)]
        now = queries.current_of(session, keys)
    assert len(keys) > 80
    bad = {key: seen.because for key, seen in now.items() if not seen.good}
    assert bad == {}
    assert now["PW-03.QI601"].source_at is None
    assert now["FBD-01.TI102"].source_at is not None
    rig.house.perform(ids_of(commands.take_reading), "FBD-01.TI102", in_record="batch/B-1", by=KERN)
    with rig.house.reading() as session:
        (reading,) = queries.readings(session, "batch/B-1")
    assert reading.server_identity.startswith("sha256:")
    assert reading.raw.startswith("Double ")
    assert (reading.simulated, reading.reasons) == (True, ["simulated"])


@pytest.mark.urs("URS-PRO-040")
def test_a_cut_device_is_a_gap_with_start_and_end_and_never_a_good_value(rig: Rig) -> None:
    rig.advance(20)
    rig.cell.control.cut("FBD-01", 40)
    begin = rig.now()
    rig.advance(30)
    seen = rig.tag("FBD-01.TI102")
    assert (seen.quality, seen.value) == (Quality.BAD, None)
    assert Reason.NO_COMM in seen.reasons
    with pytest.raises(BadValue, match="no connection"):
        rig.house.perform(commands.take_reading, "FBD-01.TI102", by=KERN)
    assert rig.tag("GRA-01.JI101").good
    rig.advance(30)
    assert rig.tag("FBD-01.TI102").good
    lost, back = [each for each in rig.told if isinstance(each, LinkLost | LinkRestored)]
    assert isinstance(back, LinkRestored)
    assert (lost.device, back.device, back.equipment) == ("FBD-01", "FBD-01", ("FBD-01",))
    assert timedelta(seconds=35) <= back.length <= timedelta(seconds=45)
    trend = historian_of(rig.house).trend("FBD-01.TI102", begin - timedelta(seconds=10), rig.now())
    (hole,) = [hole for hole in trend.holes if hole.end is not None]
    assert hole.end is not None
    assert timedelta(seconds=30) <= hole.end - hole.start <= timedelta(seconds=50)
    with rig.house.reading() as session:
        (gap,) = queries.gaps(session, "FBD-01", begin, rig.now())
        assert gap.edge == "end"


@pytest.mark.urs("URS-PRO-040")
@pytest.mark.parametrize("server", ["GRAN", "MODBUS"])
def test_a_cut_server_loses_all_its_devices_and_all_come_back(rig: Rig, server: str) -> None:
    tag = {"GRAN": "GRA-01.JI101", "MODBUS": "WGH-02.WI501"}[server]
    rig.cell.control.cut(server, 40)
    rig.advance(20)
    assert Reason.NO_COMM in rig.tag(tag).reasons
    rig.advance(40)
    assert rig.tag(tag).good
    lost = {each.device for each in rig.told if isinstance(each, LinkLost)}
    back = {each.device for each in rig.told if isinstance(each, LinkRestored)}
    assert lost == back
    assert len(lost) == {"GRAN": 2, "MODBUS": 11}[server]


@pytest.mark.urs("URS-PRO-040")
def test_one_dead_modbus_unit_does_not_take_the_others_with_it(rig: Rig) -> None:
    rig.cell.control.cut("WGH-02")
    rig.advance(30)
    assert Reason.NO_COMM in rig.tag("WGH-02.WI501").reasons
    assert rig.tag("WGH-01.WI501").good
    assert rig.tag("TAB-01.KQ203").good
    rig.cell.control.restore("WGH-02")
    rig.advance(10)
    assert rig.tag("WGH-02.WI501").good


@pytest.mark.urs("URS-PRO-020")
def test_a_frozen_device_goes_stale_though_its_line_is_open(rig: Rig) -> None:
    rig.advance(10)
    rig.cell.control.freeze("FBD-01")
    rig.advance(20)
    seen = rig.tag("FBD-01.TI102")
    assert seen.quality is Quality.BAD
    assert Reason.STALE in seen.reasons
    with pytest.raises(Refusal, match="too old"):
        rig.house.perform(commands.take_reading, "FBD-01.TI102", by=KERN)


@pytest.mark.urs("URS-PRO-050")
def test_a_write_is_verified_by_what_the_device_shows(rig: Rig) -> None:
    for unit in ("FBD-01", "TAB-01"):
        rig.house.perform(equipment_commands.allocate, unit, batch="B-2045", by=KERN)
    inlet = rig.write("FBD-01.TC103", "60.0", key="B-2045 G140 TC103")
    turret = rig.write("TAB-01.SC201", "40.0", key="B-2045 C050 SC201")
    assert (inlet.state, inlet.read_back) == (WriteState.VERIFIED, Decimal("60.0"))
    assert (turret.state, turret.read_back) == (WriteState.VERIFIED, Decimal("40.0"))
    assert inlet.old_value is not None
    again = rig.write("FBD-01.TC103", "60.0", key="B-2045 G140 TC103")
    assert again.id == inlet.id
    told = [each for each in rig.told if isinstance(each, WriteReported)]
    assert [each.result for each in told] == [WriteState.VERIFIED] * 2


@pytest.mark.urs("URS-PRO-050")
def test_a_write_to_a_lost_device_is_unknown_or_refused_never_verified(rig: Rig) -> None:
    rig.house.perform(equipment_commands.allocate, "FBD-01", batch="B-2045", by=KERN)
    rig.cell.control.cut("FBD-01")
    request = rig.write("FBD-01.TC103", "55.0", key="k1")
    assert request.state == WriteState.UNKNOWN
    assert "read before" in (request.problem or "")
    rig.cell.control.cut("GRAN")
    eventually(lambda: not online(rig.gateway))
    request = rig.write("FBD-01.TC103", "55.0", key="k2")
    assert (request.state, (request.problem or "")[:8]) == (WriteState.REFUSED, "not sent")


@pytest.mark.urs("URS-EQP-050")
def test_a_tool_counter_over_its_limit_is_told_once(rig: Rig) -> None:
    count = rig.cell.control.tool_counter()
    tools = NewEquipment(
        number="TS-12",
        name="tool set",
        equipment_class="tool_set",
        counter_tag="TAB-01.KQ203",
        counter_limit=Decimal(count - 1),
    )
    rig.house.perform(setup_commands.register_equipment, tools, by=KERN)
    eventually(lambda: [each for each in rig.told if isinstance(each, CounterOverLimit)])
    rig.advance(30)
    time.sleep(2.5)
    (told,) = [each for each in rig.told if isinstance(each, CounterOverLimit)]
    assert (told.equipment, told.value) == ("TS-12", Decimal(count))


@pytest.mark.urs("URS-TIM-010")
def test_an_advance_is_one_audited_act_and_may_be_stopped_by_its_tick(rig: Rig) -> None:
    start = rig.now()
    done = rig.advance(600, until=lambda step: step.number == 3)
    assert (done.stopped, done.steps) == (True, 3)
    assert timedelta(seconds=29) < done.reached - start < timedelta(seconds=32)
    points = historian_of(rig.house).points("FBD-01.TI102", start, rig.now())
    assert len([point for point in points if point.at >= start]) >= 3
    with rig.house.reading() as session:
        said = [entry.data for entry in trail.entries(session, SITE)][-2:]
    assert [entry["action"] for entry in said] == ["clock.advanced", "clock.stopped"]
    assert said[0]["reason"] == "drying is awaited"
    assert said[1]["facts"]["steps"] == 3


@pytest.mark.urs("URS-PRO-010")
def test_a_sweep_reaches_every_line_and_the_clock_goes_in_steps_of_ten_seconds(rig: Rig) -> None:
    rig.advance(50)
    assert set(rig.gateway.sweep(rig.now()).values()) == {"ONLINE"}
    assert rig.advance(500).steps >= 50


@pytest.mark.urs("URS-PRO-010", "URS-PRO-040")
def test_only_the_recorded_device_is_seen_at_each_step_and_its_gap_is_kept(rig: Rig) -> None:
    begin = rig.now()
    rig.cell.control.cut("FBD-01", 40)
    done = rig.advance(120, recording=lambda: {"FBD-01"})
    historian = historian_of(rig.house)

    def times(tag: str) -> list[datetime]:
        return [point.at for point in historian.points(tag, begin, done.reached)]

    recorded, other = times("FBD-01.TI102"), times("WGH-02.WI501")
    assert len(recorded) >= 12
    assert len(other) <= 7
    assert max(b - a for a, b in pairwise(recorded)) <= timedelta(seconds=11)
    assert max(b - a for a, b in pairwise(other)) <= timedelta(seconds=31)
    assert recorded[-1] == other[-1] == done.reached
    (gap,) = historian.gaps("FBD-01", begin, done.reached)
    assert gap.end is not None
    assert timedelta(seconds=35) <= gap.end - gap.start <= timedelta(seconds=45)


@pytest.mark.urs("URS-PRO-040")
def test_a_dead_unit_that_is_recorded_alone_does_not_take_its_line_with_it(rig: Rig) -> None:
    rig.advance(10)
    rig.cell.control.cut("TAB-01")
    rig.advance(60, recording=lambda: {"TAB-01"})
    assert Reason.NO_COMM in rig.tag("TAB-01.KQ203").reasons
    assert rig.tag("WGH-01.WI501").good
    assert {each.device for each in rig.told if isinstance(each, LinkLost)} == {"TAB-01"}
    rig.cell.control.restore("TAB-01")
    rig.advance(20, recording=lambda: {"TAB-01"})
    assert rig.tag("TAB-01.KQ203").good


@pytest.mark.urs("URS-PRO-040")
def test_a_hung_server_is_noticed_and_its_data_come_back(rig: Rig) -> None:
    assert rig.tag("FBD-01.TI102").good
    os.kill(rig.cell.process, signal.SIGSTOP)
    try:
        eventually(lambda: not rig.tag("FBD-01.TI102").good, seconds=8)
        eventually(lambda: not rig.tag("WGH-01.WI501").good, seconds=8)
    finally:
        os.kill(rig.cell.process, signal.SIGCONT)
    eventually(lambda: rig.tag("FBD-01.TI102").good and rig.tag("WGH-01.WI501").good, seconds=15)
    eventually(lambda: any(isinstance(each, LinkRestored) for each in rig.told))


@pytest.mark.urs("URS-PRO-050")
def test_a_refused_write_had_no_effect_and_says_why(rig: Rig) -> None:
    rig.house.perform(equipment_commands.allocate, "FBD-01", batch="B-2045", by=KERN)
    request = rig.write("FBD-01.XC102", "9999", key="nonsense")
    assert request.state == WriteState.REFUSED
    assert "the device refused the write" in (request.problem or "")
    assert rig.tag("FBD-01.XC102").value != 9999


@pytest.mark.urs("URS-PRO-040")
def test_a_stopped_gateway_leaves_bad_values_and_a_gap(
    site: tuple[House, Settings], cell: Cell
) -> None:
    house, settings = site
    with running_gateway(house, settings) as gateway:
        eventually(lambda: online(gateway))
    with house.reading() as session:
        assert not queries.current(session, "FBD-01.TI102").good
        assert queries.open_gap(session, "FBD-01") is not None
    with running_gateway(house, settings) as gateway:
        eventually(lambda: online(gateway))
        eventually(lambda: closed(house))
        with house.reading() as session:
            gaps = queries.gaps(session, "FBD-01", datetime(2020, 1, 1, tzinfo=UTC), far_ahead())
    assert [(gap.edge, gap.cause) for gap in gaps] == [("end", "the gateway was stopped")]


def closed(house: House) -> bool:
    with house.reading() as session:
        return queries.open_gap(session, "FBD-01") is None


def far_ahead() -> datetime:
    return datetime(2200, 1, 1, tzinfo=UTC)


@pytest.mark.urs("URS-PRO-040")
def test_two_gateways_never_own_one_line(rig: Rig) -> None:
    second = Gateway(rig.house, historian_of(rig.house), Pki(rig.settings.pki), name="second")

    async def attend() -> None:
        task = asyncio.create_task(second.run())
        await asyncio.sleep(2.5)
        assert second.status() == []
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(attend())
    assert online(rig.gateway)


def test_the_control_channel_lets_nobody_in_without_its_token(rig: Rig) -> None:
    place = gateway_place(rig.settings)
    assert place.stat().st_mode & 0o777 == 0o600
    told = json.loads(place.read_text())
    forged = rig.settings.home / "forged.json"
    forged.write_text(json.dumps({"port": told["port"], "token": "guess"}))
    with pytest.raises(GatewayRefused, match="wrong token"):
        GatewayClient(forged)
    with pytest.raises(GatewayRefused, match="no command"):
        rig.gateway.ask("open_sesame")
    with pytest.raises(GatewayUnreachable):
        GatewayClient(rig.settings.home / "nowhere.json")


@pytest.mark.urs("URS-PRO-050")
def test_a_clamped_write_is_a_mismatch(tmp_path: Path, chosen_url: str) -> None:
    settings = settings_in(tmp_path, chosen_url)
    make_site(chosen_url, at=datetime.now(UTC))
    database = Database(chosen_url)
    house = House(database, guards=[TrailGuard(software="test")], clock=SystemClock())
    historian = Historian(settings.historian_path, clock=house.clock)
    historian.create()
    house.services["historian"] = historian
    pki = Pki(settings.pki)
    pki.ensure_own(house.clock.now())

    async def go() -> WriteRequest:
        port = free_port()
        async with opcua_server(tmp_path / "server", port=port) as server:
            pki.trust((tmp_path / "server" / "own" / "cert.der").read_bytes(), "plc")
            index = await server.get_namespace_index("urn:demo:gran")
            place = ua.NodeId.from_string(f"ns={index};s=FBD01.TC103")
            node = await server.nodes.objects.add_variable(place, "TC103", 20.0)
            await node.set_writable()

            async def clamp(event: Any, service: Any) -> None:
                if event.is_external:
                    await node.write_value(55.0)

            server.subscribe_server_callback(CallbackType.PostWrite, clamp)
            request_id = await asyncio.to_thread(ask, f"opc.tcp://127.0.0.1:{port}")
            gateway = Gateway(house, historian, pki)
            running = asyncio.create_task(gateway.run())
            try:
                for _ in range(200):
                    await asyncio.sleep(0.05)
                    with house.reading() as session:
                        row = queries.write_request(session, request_id)
                        if WriteState(row.state).final:
                            return row
                raise AssertionError("no result")
            finally:
                running.cancel()
                with suppress(asyncio.CancelledError):
                    await running

    def ask(endpoint: str) -> UUID:
        dryer(house, TAGS[1])
        house.perform(
            setup_commands.move_device, "FBD-01", endpoint=endpoint, reason="test port", by=KERN
        )
        house.perform(
            equipment_commands.allocate,
            "FBD-01",
            batch="B-2045",
            must_be_clean=False,
            must_be_calibrated=False,
            by=KERN,
        )
        return house.perform(
            ids_of(commands.request_write),
            "FBD-01.TC103",
            Decimal(60),
            key="k",
            in_record="batch/B-2045",
            by=KERN,
        )

    row = asyncio.run(asyncio.wait_for(go(), 60))
    assert row.state == WriteState.MISMATCH
    assert (row.read_back, row.old_value) == (Decimal(55), Decimal(20))
    assert "shows 55" in (row.problem or "")
    historian.close()
    database.close()
