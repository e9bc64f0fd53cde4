"""Both drivers against misbehaving servers on real sockets."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import pytest
from asyncua import ua
from asyncua.server.server import Server
from asyncua.server.user_managers import PermissiveUserManager

from hardware import statuses
from hardware.drivers import opcua
from hardware.drivers.base import Point, Sample
from hardware.drivers.modbus import ModbusDriver
from hardware.drivers.opcua import OpcUaDriver
from hardware.errors import LinkProblem
from hardware.pki import Pki
from hardware.simulators.pki import ensure_certificate
from hardware.words import Order, TagType

T = TypeVar("T")
LOST = ua.UInt32(statuses.BAD_NO_COMMUNICATION)
NOW = datetime.now(UTC)


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(work, 60))


def point(
    address: str, data_type: TagType = TagType.UINT16, *, unit: int | None = 1, key: str = ""
) -> Point:
    return Point(
        key=key or address,
        device="D",
        unit_id=unit,
        address=address,
        data_type=data_type,
        byte_order=Order.HIGH_FIRST,
        word_order=Order.HIGH_FIRST,
        scale=Decimal(1),
        offset=Decimal(0),
        decimals=None,
        unit="1",
        sampling_ms=500,
    )


# Modbus: a server whose answers the test makes byte by byte.

Reply = Callable[[int, int, int, int], Awaitable[bytes | None]]


@asynccontextmanager
async def modbus_server(reply: Reply) -> AsyncIterator[int]:
    """`reply(unit, function, address, count)` gives the PDU of the answer, or None for silence."""
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                tid, _, length, unit = struct.unpack(">HHHB", await reader.readexactly(7))
                function, address, count = struct.unpack(
                    ">BHH", await reader.readexactly(length - 1)
                )
                pdu = await reply(unit, function, address, count)
                if pdu is not None:
                    writer.write(struct.pack(">HHHB", tid, 0, len(pdu) + 1, unit) + pdu)
                    await writer.drain()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.close()
        await server.wait_closed()


def words(*values: int) -> bytes:
    return struct.pack(f">BB{len(values)}H", 4, 2 * len(values), *values)


async def read_once(reply: Reply, points: list[Point]) -> list[Sample]:
    async with modbus_server(reply) as port:
        driver = ModbusDriver("127.0.0.1", port)
        await driver.connect()
        try:
            return await driver.read(points)
        finally:
            await driver.close()


@pytest.mark.urs("URS-PRO-030")
def test_a_block_is_decoded_and_marked_as_gateway_time() -> None:
    async def reply(unit: int, function: int, address: int, count: int) -> bytes:
        assert (unit, function, address, count) == (1, 4, 0, 3)
        return words(0x41C8, 0x0000, 7)

    asked = [point("IR 0", TagType.FLOAT32), point("IR 2"), point("IR 2.1", TagType.BOOL)]
    float_, number, bit = run(read_once(reply, asked))
    assert [float_.value, number.value, bit.value] == [Decimal("25.0"), 7, 1]
    assert (float_.raw, float_.source_at) == ("41C8 0000", None)


@pytest.mark.urs("URS-PRO-020")
def test_a_short_answer_is_bad_and_not_shifted() -> None:
    async def reply(unit: int, function: int, address: int, count: int) -> bytes:
        return words(*range(count // 2))

    samples = run(read_once(reply, [point(f"IR {i}") for i in range(20)]))
    assert {sample.status_name for sample in samples} == {"ShortAnswer"}
    assert all(sample.value is None for sample in samples)


@pytest.mark.urs("URS-PRO-020")
def test_an_exception_is_a_bad_value_of_a_reached_device() -> None:
    async def reply(unit: int, function: int, address: int, count: int) -> bytes:
        return struct.pack(">BB", function | 0x80, 4)

    (sample,) = run(read_once(reply, [point("IR 0")]))
    assert (sample.status_name, sample.value) == ("ModbusException4", None)
    assert sample.reached


def test_a_block_with_a_forbidden_address_is_split_once_and_then_read() -> None:
    asked: list[tuple[int, int]] = []

    async def reply(unit: int, function: int, address: int, count: int) -> bytes:
        asked.append((address, count))
        if address <= 3 < address + count:
            return struct.pack(">BB", function | 0x80, 2)
        return words(*[address] * count)

    async def twice() -> list[Sample]:
        async with modbus_server(reply) as port:
            driver = ModbusDriver("127.0.0.1", port)
            await driver.connect()
            points = [point("IR 0"), point("IR 8")]
            await driver.read(points)
            samples = await driver.read(points)
            await driver.close()
            return samples

    samples = run(twice())
    assert [sample.value for sample in samples] == [0, 8]
    assert asked == [(0, 9), (0, 1), (8, 1)]


@pytest.mark.urs("URS-PRO-020")
def test_late_answers_never_become_values_of_another_register() -> None:
    slow = True

    async def reply(unit: int, function: int, address: int, count: int) -> bytes:
        nonlocal slow
        if slow and address == 0:
            slow = False
            await asyncio.sleep(1.3)
        return words(*[address] * count)

    async def go() -> list[list[Sample]]:
        async with modbus_server(reply) as port:
            driver = ModbusDriver("127.0.0.1", port, max_gap=0)
            await driver.connect()
            far = [point("IR 0"), point("IR 500", unit=2)]
            rounds = [await driver.read(far) for _ in range(3)]
            await driver.close()
            return rounds

    first, *later = run(go())
    assert not first[0].reached
    for samples in (first[1:], *later):
        assert all(sample.value == int(sample.key.split()[1]) for sample in samples)


@pytest.mark.urs("URS-PRO-040")
def test_a_dead_unit_is_unreached_while_the_others_answer() -> None:
    async def reply(unit: int, function: int, address: int, count: int) -> bytes | None:
        return None if unit == 3 else words(*[unit] * count)

    units = [point("IR 0", unit=unit, key=f"u{unit}") for unit in (1, 2, 3, 4, 5)]
    samples = run(read_once(reply, units))
    assert [sample.reached for sample in samples] == [True, True, False, True, True]
    assert [sample.value for sample in samples] == [1, 2, None, 4, 5]


@pytest.mark.urs("URS-PRO-040")
def test_a_half_open_line_is_a_link_problem_and_not_a_row_of_old_values() -> None:
    async def reply(unit: int, function: int, address: int, count: int) -> None:
        return None

    with pytest.raises(LinkProblem, match="does not answer any more"):
        run(read_once(reply, [point("IR 0"), point("IR 0", unit=2, key="b")]))


@pytest.mark.urs("URS-PRO-050")
def test_an_unanswered_write_is_neither_taken_nor_refused() -> None:
    async def reply(unit: int, function: int, address: int, count: int) -> None:
        return None

    async def go() -> Any:
        async with modbus_server(reply) as port:
            driver = ModbusDriver("127.0.0.1", port)
            await driver.connect()
            answer = await driver.write(point("HR 100"), Decimal(40))
            await driver.close()
            return answer

    answer = run(go())
    assert (answer.taken, answer.answered) == (False, False)


# OPC UA: an asyncua server, sometimes with one more namespace.


@asynccontextmanager
async def opcua_server(folder: Path, *, port: int = 0, extra: int = 0) -> AsyncIterator[Server]:
    """Trusts everybody; `extra` namespaces come before ours and push its index up."""
    server = Server(user_manager=PermissiveUserManager())  # type: ignore[arg-type]  # duck typed
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}")
    certificate = await asyncio.to_thread(ensure_certificate, folder)
    await server.set_application_uri("urn:demo:gran:server")
    server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
    await server.load_certificate(certificate)
    await server.load_private_key(folder / "own" / "key.pem")
    for number in range(extra):
        index = await server.register_namespace(f"urn:impostor:{number}")
        place = ua.NodeId.from_string(f"ns={index};s=T1")
        await server.nodes.objects.add_variable(place, "T1", -777.0)
    index = await server.register_namespace("urn:demo:gran")
    for name, value in (("T1", 41.5), ("T2", float("nan"))):
        node = await server.nodes.objects.add_variable(
            ua.NodeId.from_string(f"ns={index};s={name}"), name, value
        )
        await node.set_writable()
    async with server:
        yield server


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def gateway_pki(folder: Path, *, trusts: Path | None = None) -> Pki:
    pki = Pki(folder / "pki")
    pki.ensure_own(NOW)
    if trusts is not None:
        pki.trust(ensure_certificate(trusts).read_bytes(), "server")
    return pki


T1 = point("nsu=urn:demo:gran;s=T1", TagType.FLOAT64, unit=None)


@pytest.mark.urs("URS-PRO-060")
def test_an_untrusted_server_is_refused_before_any_password_and_waits_for_a_decision(
    tmp_path: Path,
) -> None:
    async def go(pki: Pki) -> list[Sample]:
        port = free_port()
        async with opcua_server(tmp_path / "server", port=port):
            driver = OpcUaDriver(
                f"opc.tcp://127.0.0.1:{port}", pki, user="recipe", password="secret"
            )
            try:
                await driver.connect()
                return await driver.read([T1])
            finally:
                await driver.close()

    pki = gateway_pki(tmp_path)
    with pytest.raises(LinkProblem, match=r"not trusted .*an administrator"):
        run(go(pki))
    (pending,) = pki.list()
    assert pending.standing == "pending"
    pki.move(pending.thumbprint, "trusted")
    (sample,) = run(go(pki))
    assert sample.value == Decimal("41.5")
    pki.move(pending.thumbprint, "rejected")
    with pytest.raises(LinkProblem, match="rejected"):
        run(go(pki))


@pytest.mark.urs("URS-PRO-020")
def test_bad_numbers_and_wrong_types_are_bad_values(tmp_path: Path) -> None:
    async def go() -> list[Sample]:
        port = free_port()
        async with opcua_server(tmp_path / "server", port=port):
            driver = OpcUaDriver(
                f"opc.tcp://127.0.0.1:{port}", gateway_pki(tmp_path, trusts=tmp_path / "server")
            )
            await driver.connect()
            samples = await driver.read(
                [
                    point("nsu=urn:demo:gran;s=T2", TagType.FLOAT64, unit=None),
                    point("nsu=urn:demo:gran;s=T1", TagType.INT32, unit=None),
                    point("nsu=urn:demo:gran;s=T9", TagType.FLOAT64, unit=None),
                ]
            )
            await driver.close()
            return samples

    nan, wrong_type, missing = run(go())
    assert nan.value is None
    assert "no number" in nan.raw
    assert (wrong_type.value, wrong_type.status) == (None, statuses.BAD_DECODING)
    assert missing.status_name == "BadNodeIdUnknown"


@pytest.mark.urs("URS-PRO-040")
def test_after_a_restart_with_shifted_namespaces_never_another_variable(tmp_path: Path) -> None:
    async def go() -> list[Decimal | str | None]:
        port, found = free_port(), []
        pki = gateway_pki(tmp_path, trusts=tmp_path / "server")
        for extra in (0, 2):
            async with opcua_server(tmp_path / "server", port=port, extra=extra):
                driver = OpcUaDriver(f"opc.tcp://127.0.0.1:{port}", pki)
                await driver.connect()
                found += [(await driver.read([T1]))[0].value]
                await driver.close()
        return found

    assert run(go()) == [Decimal("41.5"), Decimal("41.5")]


@pytest.mark.urs("URS-PRO-040")
def test_a_subscription_delivers_and_ends_with_a_reason_when_the_server_goes(
    tmp_path: Path,
) -> None:
    async def go() -> tuple[list[Sample], str]:
        port, got = free_port(), list[Sample]()
        pki = gateway_pki(tmp_path, trusts=tmp_path / "server")
        async with opcua_server(tmp_path / "server", port=port) as server:
            driver = OpcUaDriver(f"opc.tcp://127.0.0.1:{port}", pki)
            await driver.connect()
            watching = asyncio.create_task(driver.subscribe([T1], got.extend))
            index = await server.get_namespace_index("urn:demo:gran")
            node = server.get_node(ua.NodeId.from_string(f"ns={index};s=T1"))
            await asyncio.sleep(0.8)
            await node.write_value(42.5)
            for _ in range(100):
                if got and got[-1].value == Decimal("42.5"):
                    break
                await asyncio.sleep(0.05)
        try:
            await asyncio.wait_for(watching, 15)
        except LinkProblem as problem:
            return got, str(problem)
        finally:
            await driver.close()
        return got, "no problem"

    got, problem = run(go())
    assert {sample.value for sample in got} == {Decimal("41.5"), Decimal("42.5")}
    assert "127.0.0.1" in problem


async def cut_in_the_first_moment(tmp_path: Path) -> list[bool]:
    """The device behind the server is lost after the first value was queued and before anything is
    read: whether each sample that came reached it."""
    port, got = free_port(), list[Sample]()
    pki = gateway_pki(tmp_path, trusts=tmp_path / "server")
    async with opcua_server(tmp_path / "server", port=port) as server:
        driver = OpcUaDriver(f"opc.tcp://127.0.0.1:{port}", pki)
        await driver.connect()
        index = await server.get_namespace_index("urn:demo:gran")
        node = server.get_node(ua.NodeId.from_string(f"ns={index};s=T1"))
        read = driver.read

        async def cut_and_read(points: Any, **more: Any) -> list[Sample]:
            if not got:
                await asyncio.sleep(0.6)  # longer than a publishing interval
                now = ua.DateTime.now(UTC)
                lost = ua.DataValue(
                    StatusCode=ua.StatusCode(LOST), SourceTimestamp=now, ServerTimestamp=now
                )
                await server.write_attribute_value(node.nodeid, lost)
            return await read(points, **more)

        driver.read = cut_and_read  # type: ignore[method-assign]
        watching = asyncio.create_task(driver.subscribe([T1], got.extend))
        await asyncio.sleep(2.0)
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        await driver.close()
    return [sample.reached for sample in got]


@pytest.mark.urs("URS-PRO-040")
def test_a_value_queued_before_the_loss_of_its_device_does_not_end_the_gap(tmp_path: Path) -> None:
    got = run(cut_in_the_first_moment(tmp_path))
    assert len(got) >= 2
    assert not any(got)


def test_without_that_rule_a_gap_would_end_and_begin_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opcua, "_overtaken", lambda sample, confirmed: False)
    got = run(cut_in_the_first_moment(tmp_path))
    assert got[:3] == [False, True, False]


@pytest.mark.urs("URS-PRO-060")
def test_nobody_listening_is_said_in_words(tmp_path: Path) -> None:
    pki = gateway_pki(tmp_path)
    with pytest.raises(LinkProblem, match="cannot be reached"):
        run(OpcUaDriver(f"opc.tcp://127.0.0.1:{free_port()}", pki).connect())
    with pytest.raises(LinkProblem, match="no Modbus device answers"):
        run(ModbusDriver("127.0.0.1", free_port()).connect())
