"""OPC UA: SignAndEncrypt with pinned servers, one subscription, a watchdog on its publishing.

Measured reasons (notes, section 1): trust is decided before any secret is sent; namespace URIs are
resolved anew on every session, because an index may mean another variable after a restart; session
and keep-alive are short, because the defaults notice a dead server after an hour; built-in
reconnection is not used, each attempt makes a new driver.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from importlib import metadata
from typing import Any

from asyncua import ua
from asyncua.client.client import Client
from asyncua.client.ua_client import UaClient
from asyncua.common.subscription import DataChangeEvent
from asyncua.common.utils import ServiceError
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from asyncua.crypto.validator import CertificateValidator, CertificateValidatorOptions
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaError, UaStatusCodeError
from cryptography import x509

from core.ids import new_id
from hardware import statuses
from hardware.decoding import from_float
from hardware.drivers.base import Point, Sample, Sink, WriteAnswer, decoded, failed
from hardware.drivers.opcua_errors import NO_ANSWER, speaking
from hardware.errors import DecodeProblem, LinkProblem
from hardware.pki import APPLICATION_URI, Pki, thumbprint
from hardware.words import TagType

PATIENCE = 4.0
CONFIRM_SECONDS = 1.0
KEEP_ALIVE = 2.0
SESSION_MS = 60_000
PUBLISH_MS = 250.0
QUEUE = 100_000
BATCH = 500
PLAUSIBLE_YEARS = range(1990, 2200)

KINDS = {
    TagType.BOOL: ua.VariantType.Boolean,
    TagType.INT16: ua.VariantType.Int16,
    TagType.UINT16: ua.VariantType.UInt16,
    TagType.INT32: ua.VariantType.Int32,
    TagType.UINT32: ua.VariantType.UInt32,
    TagType.FLOAT32: ua.VariantType.Float,
    TagType.FLOAT64: ua.VariantType.Double,
    TagType.TEXT: ua.VariantType.String,
}
# UCUM unit of our maps to the UNECE code that servers show as UnitId.
UNECE = {
    "/min": "RPM",
    "kW": "KWT",
    "Cel": "CEL",
    "kg": "KGM",
    "kg/min": "F31",
    "m3/h": "MQH",
    "Pa": "PAL",
    "%": "P1",
}


class OpcUaDriver:
    """One session on one server. `user` and `password` are sent over an encrypted channel only."""

    version = f"opcua 1 (asyncua {metadata.version('asyncua')})"

    def __init__(self, url: str, pki: Pki, *, user: str = "", password: str = "") -> None:
        self._url = url
        self._pki = pki
        self._user, self._password = user, password
        self._client: Client | None = None
        self._nodes: dict[str, ua.NodeId] = {}
        self._namespaces: list[str] = []
        self._wrong_units: dict[str, str] = {}
        self._identity = url
        self._session = ""

    @property
    def identity(self) -> str:
        """The thumbprint of the server's certificate."""
        return self._identity

    @property
    def session(self) -> str:
        """Name of this session."""
        return self._session

    async def connect(self) -> None:
        """Check the server's certificate, open a session, read its namespaces."""
        async with speaking(self._url):
            client = Client(self._url, timeout=PATIENCE, watchdog_intervall=5.0)
            client.session_timeout = SESSION_MS
            client.application_uri = APPLICATION_URI
            client.certificate_validator = self._validate
            certificate = await self._trusted_certificate(client)
            await client.set_security(
                SecurityPolicyBasic256Sha256,
                str(self._pki.certificate_path),
                str(self._pki.key_path),
                server_certificate=certificate,
                mode=ua.MessageSecurityMode.SignAndEncrypt,
            )
            if self._user:
                client.set_user(self._user)
                client.set_password(self._password)
            self._client = client
            await asyncio.wait_for(client.connect(), 2 * PATIENCE)
            self._namespaces = await client.get_namespace_array()
            self._session = str(new_id())

    async def resolve(self, points: Sequence[Point]) -> None:
        """Find the nodes of the points on this session and compare their units with the map."""
        for point in points:
            self._node(point)
        async with speaking(self._url):
            await self._check_units(points)

    async def read(self, points: Sequence[Point], *, hurry: bool = False) -> list[Sample]:
        """Read all points in as few requests as the batch size allows."""
        samples: list[Sample] = []
        async with speaking(self._url):
            for begin in range(0, len(points), BATCH):
                part = points[begin : begin + BATCH]
                request = ua.ReadParameters(
                    TimestampsToReturn=ua.TimestampsToReturn.Both,
                    NodesToRead=[
                        ua.ReadValueId(NodeId=self._node(point), AttributeId=AttributeIds.Value)
                        for point in part
                    ],
                )
                answers = await self._raw().read(request)
                if len(answers) != len(part):
                    raise LinkProblem(f"{self._url} answered {len(answers)} of {len(part)} values")
                samples += [self._sample(p, a) for p, a in zip(part, answers, strict=True)]
        return samples

    async def subscribe(self, points: Sequence[Point], sink: Sink) -> None:
        """Deliver changes as they come, and everything once a second as a confirmation."""
        await self.resolve(points)
        async with speaking(self._url):
            subscription = await self._opened().create_subscription(
                ua.CreateSubscriptionParameters(
                    RequestedPublishingInterval=PUBLISH_MS,
                    RequestedLifetimeCount=120,
                    RequestedMaxKeepAliveCount=round(KEEP_ALIVE * 1000 / PUBLISH_MS),
                    MaxNotificationsPerPublish=0,
                    PublishingEnabled=True,
                    Priority=0,
                ),
                queue_maxsize=QUEUE,
            )
            by_node = {self._node(point): point for point in points}
            await self._monitor(subscription, list(by_node), points)
            await self._deliver(subscription, by_node, points, sink)

    async def write(self, point: Point, value: Decimal) -> WriteAnswer:
        """Write the value with the exact type of the tag; no time stamps, servers refuse them."""
        variant = ua.Variant(_to_native(point, value), KINDS[point.data_type])
        try:
            (status,) = await asyncio.wait_for(
                self._raw().write_attributes(
                    [self._node(point)], [ua.DataValue(variant)], AttributeIds.Value
                ),
                PATIENCE,
            )
        except UaStatusCodeError as error:
            lost = error.code in NO_ANSWER
            return WriteAnswer(False, not lost, ua.StatusCode(ua.UInt32(error.code)).name)
        except (OSError, TimeoutError, UaError) as error:
            return WriteAnswer(False, False, f"no answer: {type(error).__name__}")
        return WriteAnswer(status.is_good(), int(status.value) not in NO_ANSWER, status.name)

    async def browse(self, place: str) -> list[str]:
        """Variables below a node (``nsu=...;s=...``; empty: Objects), as addresses for a map."""
        async with speaking(self._url):
            client = self._opened()
            start = client.get_node(self._parse(place)) if place else client.nodes.objects
            found = []
            for node in await start.get_children():
                if await node.read_node_class() == ua.NodeClass.Variable:
                    found.append(self._address(node.nodeid))
            return found

    async def close(self) -> None:
        """End the session: a leaked one blocks a place on the server until its time-out."""
        client, self._client = self._client, None
        if client is not None:
            try:
                await asyncio.wait_for(client.disconnect(), 2)
            except (Exception, asyncio.CancelledError):  # noqa: BLE001 -- the link is gone anyway
                return

    async def _trusted_certificate(self, client: Client) -> bytes:
        endpoints = await asyncio.wait_for(client.connect_and_get_server_endpoints(), 2 * PATIENCE)
        wanted = SecurityPolicyBasic256Sha256.URI
        mode = ua.MessageSecurityMode.SignAndEncrypt
        for endpoint in endpoints:
            if endpoint.SecurityPolicyUri == wanted and endpoint.SecurityMode == mode:
                certificate = bytes(endpoint.ServerCertificate)
                self._check_trust(x509.load_der_x509_certificate(certificate))
                return certificate
        raise LinkProblem(
            f"{self._url} offers no signed and encrypted connection (Basic256Sha256);"
            " switch it on in the server"
        )

    def _check_trust(self, certificate: x509.Certificate) -> None:
        self._identity = f"sha256:{thumbprint(certificate)}"
        if not self._pki.is_trusted(certificate):
            known = self._pki.remember(certificate)
            raise LinkProblem(
                f"the certificate of {self._url} is not trusted ({known.standing}:"
                f" {known.name}, thumbprint {known.thumbprint[:16]}); an administrator"
                " compares the thumbprint with the server's and trusts it"
            )

    async def _validate(
        self, certificate: x509.Certificate, application: ua.ApplicationDescription
    ) -> None:
        """Called inside the handshake, before the identity of the user is sent."""
        if not self._pki.is_trusted(certificate):
            raise ServiceError(StatusCodes.BadCertificateUntrusted)
        options = (
            CertificateValidatorOptions.BASIC_VALIDATION
            | CertificateValidatorOptions.EXT_KEY_USAGE
            | CertificateValidatorOptions.PEER_SERVER
        )
        await CertificateValidator(options).validate(certificate, application)

    async def _monitor(self, subscription: Any, nodes: list[ua.NodeId], points: Any) -> None:
        client = self._opened()
        sampling = float(min(point.sampling_ms for point in points))
        queue = 2 * max(1, round(PUBLISH_MS / sampling))
        for begin in range(0, len(nodes), BATCH):
            part = [client.get_node(node) for node in nodes[begin : begin + BATCH]]
            handles = await subscription.subscribe_data_change(
                part, queuesize=queue, sampling_interval=sampling
            )
            refused = [handle for handle in handles if isinstance(handle, ua.StatusCode)]
            if refused:
                raise LinkProblem(f"{self._url} refused to watch {len(refused)} of its values")

    async def _deliver(
        self, subscription: Any, by_node: dict[ua.NodeId, Point], points: Any, sink: Sink
    ) -> None:
        started = confirmed = time.monotonic()
        confirmed_as = await self._confirm(points, sink)
        while True:
            event = await subscription.next_event(0.25)
            if isinstance(event, DataChangeEvent):
                point = by_node[event.node.nodeid]
                sample = self._sample(point, event.data.monitored_item.Value)
                if not _overtaken(sample, confirmed_as.get(sample.key)):
                    sink([sample])
            now = time.monotonic()
            if now - max(started, subscription.last_publish_at or 0.0) > 2.5 * KEEP_ALIVE:
                raise LinkProblem(f"{self._url} is connected but sends nothing any more")
            if self._opened().state.name != "CONNECTED":
                raise LinkProblem(f"{self._url} closed the connection")
            if now - confirmed >= CONFIRM_SECONDS:
                confirmed = now
                confirmed_as = await self._confirm(points, sink)

    async def _confirm(self, points: Sequence[Point], sink: Sink) -> dict[str, Sample]:
        """Read everything and record it; answers what was read."""
        samples = await self.read(points)
        sink(samples)
        return {sample.key: sample for sample in samples}

    async def _check_units(self, points: Sequence[Point]) -> None:
        """A unit of measure on the server that contradicts the map makes the tag bad."""
        asked = [point for point in points if point.unit in UNECE]
        for point in asked:
            shown = await self._shown_unit(point)
            wanted = unit_id(UNECE[point.unit])
            if shown is not None and shown != wanted:
                self._wrong_units[point.key] = f"server says UnitId {shown}, map says {point.unit}"

    async def _shown_unit(self, point: Point) -> int | None:
        node = self._opened().get_node(self._node(point))
        try:
            child = await node.get_child("0:EngineeringUnits")
            information = await child.read_value()
        except UaStatusCodeError:
            return None
        return int(information.UnitId) if isinstance(information, ua.EUInformation) else None

    def _sample(self, point: Point, answer: ua.DataValue) -> Sample:
        status = answer.StatusCode or ua.StatusCode(ua.UInt32(0))
        code = int(status.value)
        name = statuses.NAMES.get(code) or status.name
        times = {
            "source_at": _plausible(answer.SourceTimestamp),
            "server_at": _plausible(answer.ServerTimestamp),
        }
        variant = answer.Value
        raw = "" if variant is None else f"{variant.VariantType.name} {variant.Value!r}"
        if point.key in self._wrong_units:
            raw = f"{raw} ({self._wrong_units[point.key]})"
            return failed(point, statuses.BAD_DECODING, raw=raw, name="WrongUnit")
        if statuses.is_bad(code) or variant is None or variant.Value is None:
            bad = code if statuses.is_bad(code) else statuses.BAD_WAITING
            return Sample(key=point.key, value=None, raw=raw, status=bad, status_name=name, **times)
        if point.data_type is TagType.TEXT:
            value = str(variant.Value)
            return Sample(
                key=point.key, value=value, raw=raw, status=code, status_name=name, **times
            )
        return decoded(point, lambda: _to_decimal(point, variant), raw=raw, status=code, **times)

    def _node(self, point: Point) -> ua.NodeId:
        if point.key not in self._nodes:
            self._nodes[point.key] = self._parse(point.address)
        return self._nodes[point.key]

    def _parse(self, address: str) -> ua.NodeId:
        uri, _, identifier = address.removeprefix("nsu=").partition(";")
        if uri not in self._namespaces:
            raise LinkProblem(f"{self._url} does not know the namespace {uri} any more")
        return ua.NodeId.from_string(f"ns={self._namespaces.index(uri)};{identifier}")

    def _address(self, node: ua.NodeId) -> str:
        text = node.to_string().partition(";")[2] or node.to_string()
        return f"nsu={self._namespaces[node.NamespaceIndex]};{text}"

    def _opened(self) -> Client:
        if self._client is None:
            raise LinkProblem(f"{self._url} is not connected")
        return self._client

    def _raw(self) -> UaClient:
        return self._opened().uaclient


def unit_id(code: str) -> int:
    """The UnitId of OPC UA Part 8: the characters of the UNECE code as a number."""
    number = 0
    for character in code:
        number = number << 8 | ord(character)
    return number


def _to_decimal(point: Point, variant: ua.Variant) -> Decimal:
    if variant.VariantType is not KINDS[point.data_type] or variant.is_array:
        raise DecodeProblem(
            f"the server sends {variant.VariantType.name}, the map says {point.data_type}"
        )
    if isinstance(variant.Value, float):
        return from_float(variant.Value, single=point.data_type is TagType.FLOAT32)
    return Decimal(int(variant.Value))


def _to_native(point: Point, value: Decimal) -> float | int | bool:
    wire = point.wire(value)
    if point.data_type in (TagType.FLOAT32, TagType.FLOAT64):
        return float(wire)
    return bool(wire) if point.data_type is TagType.BOOL else int(wire)


def _overtaken(sample: Sample, confirmed: Sample | None) -> bool:
    """A value from before the device was lost that comes after its loss: it must not end the gap.

    A server queues what it has sampled; what it is asked for itself overtakes the queue.
    """
    if confirmed is None or confirmed.reached or not sample.reached:
        return False
    lost_at = confirmed.server_at or confirmed.source_at
    true_at = sample.server_at or sample.source_at
    return lost_at is not None and true_at is not None and true_at < lost_at


def _plausible(moment: datetime | None) -> datetime | None:
    """A time stamp of a stranger: year 9999 has been seen for "unknown"."""
    if moment is None or moment.year not in PLAUSIBLE_YEARS:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
