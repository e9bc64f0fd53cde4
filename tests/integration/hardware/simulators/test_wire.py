"""The running cell on the real wire: OPC UA and Modbus TCP against foreign clients."""

from __future__ import annotations

import asyncio
import os
import struct
from datetime import datetime, timedelta
from typing import Any

import pytest
from asyncua import ua
from asyncua.client.client import Client
from asyncua.common.node import Node
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.uaerrors import UaError, UaStatusCodeError
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from tests.integration.hardware.simulators.conftest import RunningCell


async def node(client: Client, name: str) -> Node:
    index = await client.get_namespace_index("urn:demo:gran")
    return client.get_node(f"ns={index};s={name}")


async def write(client: Client, name: str, value: float, kind: ua.VariantType) -> None:
    await (await node(client, name)).write_value(value, kind)


async def modbus(cell: RunningCell) -> AsyncModbusTcpClient:
    client = AsyncModbusTcpClient("127.0.0.1", port=cell.modbus_port, timeout=0.5, retries=0)
    assert await client.connect()
    return client


@pytest.mark.urs("URS-PRO-060")
def test_only_an_encrypted_session_of_a_trusted_client_is_accepted(cell: RunningCell) -> None:
    async def connect() -> None:
        unknown = await cell.client(known=False)
        with pytest.raises(UaStatusCodeError, match="BadCertificateUntrusted"):
            await unknown.connect()
        plain = Client(f"opc.tcp://127.0.0.1:{cell.opcua_port}/gran", timeout=4)
        with pytest.raises(UaError, match="No matching endpoints"):
            await plain.connect()
        async with cell.connected() as client:
            assert await (await node(client, "GRA01.SC101")).read_value() >= 0.0

    asyncio.run(connect())


def test_the_private_key_is_for_its_owner_only(cell: RunningCell) -> None:
    assert os.stat(cell.pki / "own" / "key.pem").st_mode & 0o077 == 0


def test_a_node_names_its_unit_range_and_sampling(cell: RunningCell) -> None:
    async def read() -> tuple[Any, Any, Any]:
        async with cell.connected() as client:
            variable = await node(client, "FBD01.TI102")
            span = await (await variable.get_child("0:EURange")).read_value()
            unit = await (await variable.get_child("0:EngineeringUnits")).read_value()
            sampling = await variable.read_attribute(AttributeIds.MinimumSamplingInterval)
            assert sampling.Value is not None
            return span, unit, sampling.Value.Value

    span, unit, sampling = asyncio.run(read())
    assert (span.Low, span.High) == (0.0, 100.0)
    assert (unit.UnitId, unit.DisplayName.Text) == (4_408_652, "Cel")
    assert sampling == 500.0


def test_a_read_carries_the_site_time_of_the_last_advance(cell: RunningCell) -> None:
    async def read() -> ua.DataValue:
        async with cell.connected() as client:
            with cell.control() as control:
                control.advance(control.now() + timedelta(seconds=10))
                value = await (await node(client, "GRA01.TI101")).read_data_value()
                moments.append(control.now())
            return value

    moments: list[datetime] = []
    value = asyncio.run(read())
    assert value.SourceTimestamp is not None
    age = moments[0] - value.SourceTimestamp.replace(tzinfo=moments[0].tzinfo)
    assert timedelta(0) <= age < timedelta(seconds=2)


@pytest.mark.parametrize(
    ("name", "value", "kind", "status"),
    [
        ("GRA01.SC101", 150.5, ua.VariantType.Double, "BadOutOfRange"),
        ("GRA01.SC101", 80, ua.VariantType.Int32, "BadTypeMismatch"),
        ("GRA01.XC101", 999, ua.VariantType.Int32, "BadOutOfRange"),
        ("GRA01.XC101", 104, ua.VariantType.Int32, "BadInvalidState"),
        ("GRA01.SI101", 5.0, ua.VariantType.Double, "BadNotWritable"),
    ],
)
def test_a_refused_write_changes_nothing(
    cell: RunningCell, name: str, value: float, kind: ua.VariantType, status: str
) -> None:
    async def attempt() -> tuple[Any, Any]:
        async with cell.connected() as client:
            before = await (await node(client, name)).read_value()
            with pytest.raises(UaStatusCodeError, match=status):
                await write(client, name, value, kind)
            return before, await (await node(client, name)).read_value()

    before, after = asyncio.run(attempt())
    assert after == before


def test_one_refused_item_does_not_hold_up_the_others(cell: RunningCell) -> None:
    async def attempt() -> tuple[list[Any], float]:
        async with cell.connected() as client:
            nodes = [await node(client, n) for n in ("GRA01.SC102", "GRA01.SC101")]
            values = [ua.DataValue(ua.Variant(v, ua.VariantType.Double)) for v in (700.0, 999.0)]
            found = await client.write_values(nodes, values, raise_on_partial_error=False)
            return found, await nodes[0].read_value()

    found, chopper = asyncio.run(attempt())
    assert [status.name for status in found] == ["Good", "BadOutOfRange"]
    assert chopper == 700.0


def test_a_command_shows_in_the_state_word_at_once_and_a_subscriber_hears_of_it(
    cell: RunningCell,
) -> None:
    heard: list[Any] = []

    class Handler:
        def datachange_notification(self, _node: Node, value: Any, _data: Any) -> None:
            heard.append(value)

    async def command() -> None:
        async with cell.connected() as client:
            subscription = await client.create_subscription(250, Handler())
            await subscription.subscribe_data_change(await node(client, "GRA01.XS101"))
            await asyncio.sleep(0.3)
            await write(client, "GRA01.SC101", 80.0, ua.VariantType.Double)
            await write(client, "GRA01.XC101", 101, ua.VariantType.Int32)
            assert await (await node(client, "GRA01.XS101")).read_value() == 102
            await write(client, "GRA01.XC101", 105, ua.VariantType.Int32)
            with cell.control() as control:
                control.advance(control.now() + timedelta(seconds=5))
            await asyncio.sleep(0.6)
            await subscription.delete()

    asyncio.run(command())
    assert heard[0] not in (102, 109, 110)
    assert heard[-1] == 110
    assert 109 in heard


def test_a_cut_device_answers_bad_and_comes_back_after_its_time(cell: RunningCell) -> None:
    async def cut() -> list[ua.DataValue]:
        async with cell.connected() as client:
            product, air = await node(client, "FBD01.TI102"), await node(client, "FBD01.FC102")
            with cell.control() as control:
                control.cut("FBD-01", 40)
                during = await product.read_data_value(raise_on_bad_status=False)
                with pytest.raises(UaStatusCodeError, match="BadNoCommunication"):
                    await air.write_value(1000.0)
                other = await (await node(client, "GRA01.TI101")).read_data_value()
                control.advance(control.now() + timedelta(seconds=40))
                return [during, other, await product.read_data_value()]

    during, other, after = asyncio.run(cut())
    assert during.StatusCode is not None
    assert during.StatusCode.name == "BadNoCommunication"
    assert other.StatusCode is not None
    assert other.StatusCode.is_good()
    assert after.Value is not None
    assert 15.0 < after.Value.Value < 60.0


def test_a_cut_server_closes_its_socket_and_listens_again(cell: RunningCell) -> None:
    async def cut() -> None:
        with cell.control() as control:
            client = await cell.client()
            await client.connect()
            control.cut("GRAN", 20)
            with pytest.raises(OSError, match="Connect call failed"):
                await asyncio.open_connection("127.0.0.1", cell.opcua_port)
            with pytest.raises((ConnectionError, UaError)):
                await (await node(client, "GRA01.TI101")).read_value()
            control.advance(control.now() + timedelta(seconds=20))
            async with cell.connected() as again:
                assert await (await node(again, "GRA01.TI101")).read_value() > 0.0

    asyncio.run(cut())


def test_a_frozen_device_keeps_value_and_time(cell: RunningCell) -> None:
    async def freeze() -> tuple[ua.DataValue, ua.DataValue]:
        async with cell.connected() as client:
            product = await node(client, "FBD01.TI102")
            with cell.control() as control:
                control.freeze("FBD-01")
                before = await product.read_data_value()
                control.set("FBD-01", "product_temperature", 60.0)
                control.advance(control.now() + timedelta(seconds=10))
                after = await product.read_data_value()
                control.restore("FBD-01")
                control.set("FBD-01", "product_temperature", 21.0)
            return before, after

    before, after = asyncio.run(freeze())
    assert before.Value == after.Value
    assert before.SourceTimestamp == after.SourceTimestamp


@pytest.mark.urs("URS-PRO-090")
def test_a_scale_reads_over_modbus_what_was_put_on_it(cell: RunningCell) -> None:
    async def read() -> list[int]:
        client = await modbus(cell)
        try:
            with cell.control() as control:
                control.place("WGH-01", 36.50, "drum")
                control.advance(control.now() + timedelta(seconds=2))
                answer = await client.read_input_registers(0, count=7, device_id=11)
                control.remove("WGH-01")
            return list(answer.registers)
        finally:
            client.close()

    registers = asyncio.run(read())
    net, gross, tare, status = struct.unpack(">fffH", struct.pack(">7H", *registers))
    assert (net, gross, tare, status) == (36.5, 36.5, 0.0, 3)


def test_the_press_takes_permit_and_speed_in_range_only(cell: RunningCell) -> None:
    async def attempt() -> list[Any]:
        client = await modbus(cell)
        try:
            good = await client.write_register(100, 400, device_id=1)
            fast = await client.write_register(100, 501, device_id=1)
            wrong = await client.write_register(101, 400, device_id=1)
            permit = await client.write_coil(0, True, device_id=1)
            speed = await client.read_holding_registers(100, count=1, device_id=1)
            coil = await client.read_coils(0, count=1, device_id=1)
            identity = await client.read_input_registers(90, count=2, device_id=1)
            await client.write_coil(0, False, device_id=1)
        finally:
            client.close()
        codes = [good.isError(), fast.exception_code, wrong.exception_code, permit.isError()]
        return [*codes, speed.registers, coil.bits[0], identity.registers]

    assert asyncio.run(attempt()) == [False, 3, 2, False, [400], True, [0x5431, 3]]


def test_a_cut_and_an_unknown_unit_do_not_answer_while_the_others_do(cell: RunningCell) -> None:
    async def attempt() -> None:
        client = await modbus(cell)
        try:
            with cell.control() as control:
                control.cut("WGH-01", 20)
                for unit in (11, 99):
                    with pytest.raises(ModbusException):
                        await client.read_input_registers(0, count=2, device_id=unit)
                assert not (await client.read_input_registers(0, count=2, device_id=12)).isError()
                control.advance(control.now() + timedelta(seconds=20))
            assert not (await client.read_input_registers(0, count=2, device_id=11)).isError()
        finally:
            client.close()

    asyncio.run(attempt())


def test_a_cut_modbus_server_refuses_connections_until_it_is_restored(cell: RunningCell) -> None:
    async def attempt() -> None:
        with cell.control() as control:
            control.cut("MODBUS")
            with pytest.raises(OSError, match="Connect call failed"):
                await asyncio.open_connection("127.0.0.1", cell.modbus_port)
            control.restore("MODBUS")
            client = await modbus(cell)
            assert not (await client.read_input_registers(0, count=2, device_id=22)).isError()
            client.close()

    asyncio.run(attempt())


def test_a_frozen_scale_keeps_its_registers(cell: RunningCell) -> None:
    async def attempt() -> tuple[list[int], list[int]]:
        client = await modbus(cell)
        try:
            with cell.control() as control:
                control.freeze("WGH-03")
                control.place("WGH-03", 50.0)
                first = await client.read_input_registers(2, count=2, device_id=15)
                control.place("WGH-03", 100.0)
                control.advance(control.now() + timedelta(seconds=5))
                second = await client.read_input_registers(2, count=2, device_id=15)
                control.restore("WGH-03")
                control.remove("WGH-03")
            return list(first.registers), list(second.registers)
        finally:
            client.close()

    first, second = asyncio.run(attempt())
    assert first == second
