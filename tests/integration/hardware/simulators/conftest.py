"""The simulated cell as a process of its own, and an OPC UA client that it trusts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from asyncua import ua
from asyncua.client.client import Client
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from cryptography.x509.oid import ExtendedKeyUsageOID

from hardware.simulators.control import ControlClient

TOKEN = "a token of the test cell"
CLIENT_URI = "urn:test:client"


@dataclass(frozen=True)
class RunningCell:
    """Addresses and folder of the process under test."""

    pki: Path
    opcua_port: int
    modbus_port: int
    control_port: int
    process: subprocess.Popen[str]

    def control(self) -> ControlClient:
        return ControlClient("127.0.0.1", self.control_port, TOKEN)

    async def client(self, *, known: bool = True) -> Client:
        """An OPC UA client, not yet connected; an unknown one has a certificate of its own."""
        name = "known" if known else "unknown"
        cert, key = self.pki / f"{name}.der", self.pki / f"{name}.pem"
        await setup_self_signed_certificate(
            key, cert, CLIENT_URI, "localhost", [ExtendedKeyUsageOID.CLIENT_AUTH], {}
        )
        if known:
            (self.pki / "trusted" / "client.der").write_bytes(cert.read_bytes())
        client = Client(f"opc.tcp://127.0.0.1:{self.opcua_port}/gran", timeout=4)
        client.application_uri = CLIENT_URI
        await client.set_security(
            SecurityPolicyBasic256Sha256,
            str(cert),
            str(key),
            server_certificate=str(self.pki / "own" / "cert.der"),
            mode=ua.MessageSecurityMode.SignAndEncrypt,
        )
        return client

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Client]:
        client = await self.client()
        async with client:
            yield client


@pytest.fixture(scope="session")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCell]:
    """One process for all tests, because its start costs seconds; it must end cleanly."""
    folder = tmp_path_factory.mktemp("cell")
    (folder / "token").write_text(TOKEN)
    arguments = ["--pki", str(folder), "--token-file", str(folder / "token"), "--offset", "-86400"]
    process = subprocess.Popen(
        [sys.executable, "-m", "hardware.simulators.host", *arguments],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    ports = (ready["opcua_port"], ready["modbus_port"], ready["control_port"])
    yield RunningCell(folder, *ports, process)
    process.terminate()
    assert process.wait(20) == 0
    process.stdout.close()
