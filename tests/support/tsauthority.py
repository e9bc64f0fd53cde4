"""A time stamp authority of the tests: `openssl ts` with keys of its own, no network."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

CONFIG = """\
[tsa]
default_tsa = own
[own]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""
EXTENSIONS = """\
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=critical,timeStamping
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
"""


@dataclass(frozen=True, slots=True)
class TestAuthority:
    """The folder with keys; `ask` answers a request, `root` is the certificate to trust."""

    __test__ = False
    folder: Path

    @property
    def root(self) -> bytes:
        """The certificate (PEM) of the authority's issuer."""
        return (self.folder / "ca.pem").read_bytes()

    def ask(self, request: bytes) -> bytes:
        """The TimeStampResp for a TimeStampReq, both DER."""
        question, answer = self.folder / "request.tsq", self.folder / "answer.tsr"
        question.write_bytes(request)
        _run(
            *("ts", "-reply", "-config", str(self.folder / "tsa.cnf"), "-section", "own"),
            *("-queryfile", str(question), "-out", str(answer)),
        )
        return answer.read_bytes()


def make(folder: Path, *, days: int = 3650) -> TestAuthority:
    """A new authority whose certificate holds so many days."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tsa.cnf").write_text(CONFIG.format(folder=folder))
    (folder / "ext.cnf").write_text(EXTENSIONS)
    (folder / "serial").write_text("01\n")
    _run(
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "7300", "-subj"),
        *("/O=Time House/CN=Time House Root", "-addext", "basicConstraints=critical,CA:TRUE"),
        *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        *("-keyout", str(folder / "ca.key"), "-out", str(folder / "ca.pem")),
    )
    _run(
        *("req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/O=Time House/CN=Stamp 1"),
        *("-keyout", str(folder / "tsa.key"), "-out", str(folder / "tsa.csr")),
    )
    _run(
        *("x509", "-req", "-in", str(folder / "tsa.csr"), "-days", str(days)),
        *("-CA", str(folder / "ca.pem"), "-CAkey", str(folder / "ca.key"), "-CAcreateserial"),
        *("-extfile", str(folder / "ext.cnf"), "-out", str(folder / "tsa.pem")),
    )
    return TestAuthority(folder)


def _run(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)
