"""OPC UA server GRAN over the cell: Basic256Sha256, SignAndEncrypt only, loopback only.

Every node shows what its instrument shows; a read carries the site time of the last publication
as source timestamp, a subscription is told of changes only. A cut device answers
BadNoCommunication and refuses writes with the same code; a frozen one keeps value and time.
Writes are checked as a PLC does: outside the range BadOutOfRange, a command not taken in the
present state BadInvalidState.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from asyncua import ua
from asyncua.common.callback import CallbackType
from asyncua.common.node import Node
from asyncua.server.binary_server_asyncio import BinaryServer
from asyncua.server.server import Server
from asyncua.server.user_managers import PermissiveUserManager
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.status_codes import StatusCodes

from core.errors import Refusal
from hardware.simulators.cell import Cell
from hardware.simulators.errors import OutOfRange
from hardware.simulators.lines import OPCUA_SERVER, Lines
from hardware.simulators.nodes import (
    APPLICATION_URI,
    NAMESPACE,
    NODES,
    UNIT_CODES,
    PlantNode,
    unit_id,
)
from hardware.simulators.pki import HOST, TrustedClients, ensure_certificate

_log = logging.getLogger(__name__)

DEVICES = sorted({node.device for node in NODES})
SAMPLING_MS = 500.0
UNECE = "http://www.opcfoundation.org/UA/units/un/cefact"
GOOD = ua.StatusCode(ua.UInt32(StatusCodes.Good))
CUT = ua.StatusCode(ua.UInt32(StatusCodes.BadNoCommunication))
Changed = Callable[[], Awaitable[None]]


class Shown:
    """What one node shows at present."""

    def __init__(self, node: PlantNode, node_id: ua.NodeId, at: datetime) -> None:
        self.node = node
        self.node_id = node_id
        self.value: float | int = 0
        self.at = at
        self.cut = False

    def data_value(self, *_asked: object) -> ua.DataValue:
        """The data value as a reader gets it now."""
        if self.cut:
            return ua.DataValue(
                StatusCode=CUT,
                SourceTimestamp=_wire_time(self.at),
                ServerTimestamp=_wire_time(datetime.now(UTC)),
            )
        kind = ua.VariantType.Int32 if self.node.is_word else ua.VariantType.Double
        return ua.DataValue(
            ua.Variant(self.value, kind),
            GOOD,
            SourceTimestamp=_wire_time(self.at),
            ServerTimestamp=_wire_time(datetime.now(UTC)),
        )


class GranServer:
    """The server process side of GRAN; `port` 0 lets the system choose one."""

    def __init__(self, cell: Cell, lines: Lines, *, port: int, pki: Path, changed: Changed) -> None:
        self._cell = cell
        self._lines = lines
        self._pki = pki
        self._changed = changed
        self.port = port
        self._server = Server(user_manager=PermissiveUserManager())  # type: ignore[arg-type]  # duck typed
        self._shown: dict[ua.NodeId, Shown] = {}
        self._answers: dict[int, dict[int, int]] = {}

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"opc.tcp://{HOST}:{self.port}/gran"

    async def start(self) -> None:
        """Build the address space and listen; raises OSError when the port is taken."""
        if self.port == 0:
            self.port = _free_port()
        certificate = ensure_certificate(self._pki)
        server = self._server
        await server.init()
        server.set_endpoint(self.url)
        server.set_server_name("GRAN (simulated)")
        await server.set_application_uri(APPLICATION_URI)
        server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
        server.set_identity_tokens([ua.AnonymousIdentityToken])
        await server.load_certificate(certificate)
        await server.load_private_key(self._pki / "own" / "key.pem")
        server.set_certificate_validator(TrustedClients(self._pki / "trusted"))
        await self._build()
        server.subscribe_server_callback(CallbackType.PreWrite, self._before_write)
        server.subscribe_server_callback(CallbackType.PostWrite, self._after_write)
        await server.start()

    async def stop(self) -> None:
        """Close all connections and end."""
        await self._server.stop()

    async def close_socket(self) -> None:
        """Drop every client and refuse new ones until `open_socket`."""
        if self._server.bserver is not None:
            await self._server.bserver.stop()
            self._server.bserver = None

    async def open_socket(self) -> None:
        """Listen again on the same port; sessions of before are gone."""
        if self._server.bserver is not None:
            return
        server = self._server
        listener = BinaryServer(server.iserver, HOST, self.port, server.limits)
        listener.set_policies(server._policies)
        await listener.start()
        server.bserver = listener

    async def _build(self) -> None:
        index = await self._server.register_namespace(NAMESPACE)
        folders: dict[str, Node] = {}
        for node in NODES:
            if node.group not in folders:
                name = _node_id(node.group, index)
                folders[node.group] = await self._server.nodes.objects.add_object(
                    name, ua.QualifiedName(node.group, index)
                )
            await self._add(folders[node.group], node, index)

    async def _add(self, folder: Node, node: PlantNode, index: int) -> None:
        node_id = _node_id(node.identifier, index)
        shown = Shown(node, node_id, self._cell.now)
        shown.value = self._present(node)
        kind = ua.VariantType.Int32 if node.is_word else ua.VariantType.Double
        variable = await folder.add_variable(
            node_id, ua.QualifiedName(node.tag, index), shown.value, kind
        )
        await variable.write_attribute(
            AttributeIds.MinimumSamplingInterval,
            ua.DataValue(ua.Variant(SAMPLING_MS, ua.VariantType.Double)),
        )
        if not node.is_word:
            await _describe(variable, node)
        if node.writable:
            await variable.set_writable()
        self._shown[node_id] = shown
        self._server.set_attribute_value_setter(node_id, _leave)
        self._server.set_attribute_value_callback(node_id, shown.data_value)

    def _present(self, node: PlantNode) -> float | int:
        return node.shown(self._cell.values(node.device)[node.tag])

    async def publish(self) -> None:
        """Show the present values of the cell; subscribers hear of changed ones."""
        values = {device: self._cell.values(device) for device in DEVICES}
        for shown in self._shown.values():
            node, cut = shown.node, self._is_cut(shown.node)
            if self._lines.is_frozen(node.device) and not cut:
                continue
            value = node.shown(values[node.device][node.tag])
            shown.at = self._cell.now
            if value != shown.value or cut != shown.cut:
                shown.value, shown.cut = value, cut
                await self._server.write_attribute_value(shown.node_id, shown.data_value())

    def _is_cut(self, node: PlantNode) -> bool:
        return self._lines.is_cut(node.device) or self._lines.is_cut(OPCUA_SERVER)

    async def _before_write(self, event: Any, _service: Any) -> None:
        """Let the model take the values of a client's request, each with its own status.

        The stack would store any value; so the items are turned into ones that it leaves alone,
        and `_after_write` puts in the answers of the model.
        """
        if not event.is_external:
            return
        answers = {}
        for place, item in enumerate(event.request_params.NodesToWrite):
            shown = self._shown.get(item.NodeId)
            if shown is not None and item.AttributeId == AttributeIds.Value:
                answers[place] = self._take(shown.node, item.Value)
                item.AttributeId = AttributeIds.WriteMask
        self._answers[id(event.request_params)] = answers

    def _take(self, node: PlantNode, value: ua.DataValue) -> int:
        """The status code of one written value, after the model has taken or refused it."""
        kind = ua.VariantType.Int32 if node.is_word else ua.VariantType.Double
        if self._is_cut(node):
            return StatusCodes.BadNoCommunication
        if not node.writable:
            return StatusCodes.BadNotWritable
        if value.Value is None or value.Value.VariantType is not kind or value.Value.is_array:
            return StatusCodes.BadTypeMismatch
        try:
            self._cell.unit(node.device).write(node.tag, value.Value.Value)
        except OutOfRange as refusal:
            _log.info("write refused: %s", refusal)
            return StatusCodes.BadOutOfRange
        except Refusal as refusal:
            _log.info("write refused: %s", refusal)
            return StatusCodes.BadInvalidState
        return StatusCodes.Good

    async def _after_write(self, event: Any, _service: Any) -> None:
        """Put in the answers, and show at once what follows, such as the state word."""
        answers = self._answers.pop(id(event.request_params), {})
        for place, code in answers.items():
            event.response_params[place] = ua.StatusCode(ua.UInt32(code))
        if answers:
            await self._changed()


def _leave(_node: Any, _attribute: AttributeIds, _value: ua.DataValue) -> None:
    """Keep the stack from storing a value: readers ask `Shown.data_value`."""


async def _describe(variable: Node, node: PlantNode) -> None:
    code, name = UNIT_CODES[node.ucum]
    unit = ua.EUInformation(
        NamespaceUri=UNECE,
        UnitId=unit_id(code),
        DisplayName=ua.LocalizedText(node.ucum),
        Description=ua.LocalizedText(name),
    )
    span = ua.Range(Low=float(node.low), High=float(node.high))
    await variable.add_property(ua.NodeId(), ua.QualifiedName("EURange", 0), span)
    await variable.add_property(ua.NodeId(), ua.QualifiedName("InstrumentRange", 0), span)
    await variable.add_property(ua.NodeId(), ua.QualifiedName("EngineeringUnits", 0), unit)


def _node_id(identifier: str, index: int) -> ua.NodeId:
    return ua.NodeId.from_string(f"ns={index};s={identifier}")


def _wire_time(moment: datetime) -> ua.DateTime:
    # The stack takes any aware datetime; its type of that name only carries the encoding.
    return cast(ua.DateTime, moment)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
