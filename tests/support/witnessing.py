"""A log outside any database, witnesses and a time-stamp authority on loopback, for tests."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import checkpoints, log
from audit.keys import LogSigner
from audit.verifier import leaf_hash
from audit.witness import Witness
from audit.witnessserver import WitnessServer


@dataclass
class LooseLog:
    """A log of made-up leaves with its own key: what a site would send."""

    origin: str = "batchwright/loose"
    signer: LogSigner = field(init=False)
    nodes: dict[tuple[int, int], bytes] = field(default_factory=dict)
    size: int = 0

    def __post_init__(self) -> None:
        self.signer = LogSigner(self.origin, Ed25519PrivateKey.generate())

    def grow(self, by: int, salt: str = "") -> LooseLog:
        leaves = [leaf_hash(f"{salt}{self.size + n}".encode()) for n in range(by)]
        self.nodes |= log.grown(self.read, self.size, leaves)
        self.size += by
        return self

    def read(self, level: int, index: int) -> bytes:
        return self.nodes[level, index]

    def root(self, size: int) -> bytes:
        return log.root(self.read, size)

    def note(self, size: int | None = None) -> str:
        size = size or self.size
        return checkpoints.sign(self.signer, size, self.root(size))

    def proof(self, old: int, size: int | None = None) -> list[bytes]:
        return log.consistency_proof(self.read, old, size or self.size) if old else []


@contextmanager
def serving(witness: Witness) -> Iterator[str]:
    """The address of a witness that answers over HTTP on loopback."""
    with _running(WitnessServer(("127.0.0.1", 0), witness)) as address:
        yield address


@contextmanager
def _running(server: ThreadingHTTPServer) -> Iterator[str]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


TSA_CONFIG = """
oid_section = oids
[oids]
policy1 = 1.3.6.1.4.1.55555.1
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[signer]
basicConstraints = critical,CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[tsa]
default_tsa = tsa_config
[tsa_config]
serial = {folder}/serial
signer_cert = {folder}/signer.pem
signer_key = {folder}/signer.key
signer_digest = sha256
default_policy = policy1
digests = sha256, sha384, sha512
ess_cert_id_alg = sha256
"""


@dataclass(frozen=True)
class Authority:
    """A time-stamp authority: its address and the PEM file of its root certificate."""

    url: str
    root: Path


class AuthorityFiles:
    """Keys and certificates of a time-stamp authority, made once; `answer` runs `openssl ts`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "root.pem"
        self.asked = 0
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "tsa.cnf").write_text(TSA_CONFIG.format(folder=folder))
        (folder / "serial").write_text("01\n")
        self._make("root", "/CN=Test time root", ["-x509", "-days", "7300"], "root")
        self._make("signer", "/CN=Test time stamps", [], None)
        self._run(
            "x509", "-req", "-in", "signer.csr", "-CA", "root.pem", "-CAkey", "root.key",
            "-set_serial", "2", "-days", "3650", "-extfile", "tsa.cnf", "-extensions", "signer",
            "-out", "signer.pem",
        )  # fmt: skip

    def _make(self, name: str, subject: str, more: list[str], extensions: str | None) -> None:
        ending = "pem" if extensions else "csr"
        chosen = ["-extensions", extensions] if extensions else []
        self._run(
            "req", "-new", "-newkey", "rsa:2048", "-nodes", "-config", "tsa.cnf", "-subj", subject,
            "-keyout", f"{name}.key", "-out", f"{name}.{ending}", *more, *chosen,
        )  # fmt: skip

    def _run(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    def answer(self, query: bytes) -> bytes:
        """The DER answer to one DER query; OpenSSL keeps its serial number in a file."""
        with self._lock:
            self.asked += 1
            (self.folder / "query").write_bytes(query)
            self._run(
                "ts", "-reply", "-config", "tsa.cnf", "-section", "tsa_config",
                "-queryfile", "query", "-out", "answer",
            )  # fmt: skip
            return (self.folder / "answer").read_bytes()


class _Stamping(BaseHTTPRequestHandler):
    files: AuthorityFiles

    def do_POST(self) -> None:
        query = self.rfile.read(int(self.headers["Content-Length"]))
        data = self.files.answer(query)
        self.send_response(200)
        self.send_header("Content-Type", "application/timestamp-reply")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def time_stamping(files: AuthorityFiles) -> Iterator[Authority]:
    """A time-stamp authority on loopback (RFC 3161 over HTTP), its tokens made by OpenSSL."""
    handler = type("Stamping", (_Stamping,), {"files": files})
    with _running(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as url:
        yield Authority(url, files.root)
