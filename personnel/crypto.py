"""Passphrases and personal keys: one derivation both authenticates and opens the key.

    Argon2id(passphrase, salt) -> HKDF-SHA-256(salt=pepper, info=domain|badge) -> verifier | KEK

Stored are SHA-256(verifier) and the Ed25519 private key under AES-256-GCM(KEK), bound to badge and
public key; a stolen hash neither opens a key nor logs in. The pepper lies in a file beside the
database, never in it (URS-SEC-040). Nobody but who knows the passphrase can sign (URS-SIG-070).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from audit.signatures import key_id
from core.errors import BrokenPromise, Busy
from core.sites import SiteMode
from personnel.passphrases import as_bytes, normal

DOMAIN = b"batchwright-credential-v1"
SERVICE = "vault"
"""Name under which the house provides the vault."""
SALT_BYTES = 16
GCM_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Argon2id parameters, stored with each credential."""

    memory_kib: int
    iterations: int
    lanes: int

    def as_json(self) -> dict[str, int]:
        """As stored."""
        return asdict(self)


STANDARD = Cost(memory_kib=46 * 1024, iterations=1, lanes=1)
LIGHT = Cost(memory_kib=64, iterations=1, lanes=1)


class Queue(StrEnum):
    """Two queues for the costly derivation, so that a login storm cannot starve signing."""

    LOGIN = "login"
    SIGNING = "signing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What is stored of one passphrase and the key that it opens."""

    cost: Cost
    salt: bytes
    verifier_hash: bytes
    sealed_key: bytes
    public_key: bytes

    @property
    def key_id(self) -> str:
        """The name of the public key, which follows from the key itself."""
        return key_id(self.public_key)


def create_pepper(keys: Path) -> Path:
    """Make the pepper of a new site (mode 0600); an existing one stays as it is."""
    path = keys / "pepper"
    keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path
    with os.fdopen(descriptor, "wb") as file:
        file.write(os.urandom(32))
        file.flush()
        os.fsync(file.fileno())
    return path


class Vault:
    """Seals and opens personal keys; one per process.

    A cost below `STANDARD` is for tests: it needs `for_tests=True` and is refused in a GMP site
    with `BrokenPromise`, and a stored credential cheaper than `STANDARD` opens nowhere else.
    """

    def __init__(
        self,
        pepper: bytes,
        mode: SiteMode,
        *,
        cost: Cost = STANDARD,
        for_tests: bool = False,
        patience: float = 20.0,
    ) -> None:
        if len(pepper) != 32:
            raise BrokenPromise("the pepper must have 32 bytes")
        self._pepper = pepper
        self.cost = cost
        self._for_tests = for_tests
        self.check(mode)
        self._floor = cost if for_tests else STANDARD
        self._patience = patience
        each = max((os.cpu_count() or 2) // 2, 1)
        self._slots = {queue: threading.BoundedSemaphore(each) for queue in Queue}

    def check(self, mode: SiteMode) -> None:
        """`BrokenPromise` when this vault is too light for such a site."""
        light = _cheaper(self.cost, STANDARD)
        if light and (not self._for_tests or mode is SiteMode.GMP):
            raise BrokenPromise("a lighter Argon2id profile is for tests only")

    @classmethod
    def opened(cls, keys: Path, mode: SiteMode) -> Vault:
        """The vault of a site; `BrokenPromise` when its pepper is missing (never made anew)."""
        try:
            return cls((keys / "pepper").read_bytes(), mode)
        except FileNotFoundError:
            raise BrokenPromise(f"the pepper file is missing in {keys.name}/") from None

    def seal_new(self, badge: str, passphrase: str) -> Sealed:
        """A new key of its own for the person, sealed under the passphrase."""
        return self.seal(badge, passphrase, Ed25519PrivateKey.generate())

    def seal(self, badge: str, passphrase: str, key: Ed25519PrivateKey) -> Sealed:
        """Seal a key under a (new) passphrase, with a new salt."""
        public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        salt = os.urandom(SALT_BYTES)
        verifier, kek = self._derive(badge, passphrase, salt, self.cost, Queue.LOGIN)
        nonce = os.urandom(GCM_NONCE_BYTES)
        box = AESGCM(kek).encrypt(nonce, key.private_bytes_raw(), _bound_to(badge, public))
        return Sealed(
            cost=self.cost,
            salt=salt,
            verifier_hash=hashlib.sha256(verifier).digest(),
            sealed_key=nonce + box,
            public_key=public,
        )

    def renewed(
        self, badge: str, passphrase: str, opened: Sealed, key: Ed25519PrivateKey
    ) -> Sealed | None:
        """The key sealed anew where it was sealed at another cost than today's, else None."""
        return None if opened.cost == self.cost else self.seal(badge, passphrase, key)

    def open(
        self, badge: str, passphrase: str, sealed: Sealed | None, queue: Queue
    ) -> Ed25519PrivateKey | None:
        """The key, or None for a wrong passphrase; costs the same when there is nothing to open."""
        stored = sealed or self._nothing()
        if _cheaper(stored.cost, self._floor):
            raise BrokenPromise(f"the credential of {badge} is cheaper than this site allows")
        verifier, kek = self._derive(badge, passphrase, stored.salt, stored.cost, queue)
        right = hmac.compare_digest(hashlib.sha256(verifier).digest(), stored.verifier_hash)
        if sealed is None or not right:
            return None
        return _unseal(badge, kek, sealed)

    def _nothing(self) -> Sealed:
        return Sealed(
            cost=self.cost,
            salt=bytes(SALT_BYTES),
            verifier_hash=bytes(32),
            sealed_key=b"",
            public_key=b"",
        )

    def _derive(
        self, badge: str, passphrase: str, salt: bytes, cost: Cost, queue: Queue
    ) -> tuple[bytes, bytes]:
        with self._slot(queue):
            stretched = Argon2id(
                salt=salt,
                length=32,
                iterations=cost.iterations,
                lanes=cost.lanes,
                memory_cost=cost.memory_kib,
            ).derive(as_bytes(normal(passphrase)))
        info = DOMAIN + b"|" + as_bytes(badge)
        both = HKDF(hashes.SHA256(), 64, salt=self._pepper, info=info).derive(stretched)
        return both[:32], both[32:]

    @contextmanager
    def _slot(self, queue: Queue) -> Iterator[None]:
        slots = self._slots[queue]
        if not slots.acquire(timeout=self._patience):
            raise Busy("too many people log in at this moment", resolver="try again")
        try:
            yield
        finally:
            slots.release()


def cost_of(stored: dict[str, Any]) -> Cost:
    """Parameters as stored with a credential."""
    return Cost(**stored)


def _cheaper(cost: Cost, than: Cost) -> bool:
    work, least = cost.memory_kib * cost.iterations, than.memory_kib * than.iterations
    return cost.memory_kib < than.memory_kib or work < least


def _bound_to(badge: str, public_key: bytes) -> bytes:
    return badge.encode() + b"|" + public_key


def _unseal(badge: str, kek: bytes, sealed: Sealed) -> Ed25519PrivateKey:
    nonce, box = sealed.sealed_key[:GCM_NONCE_BYTES], sealed.sealed_key[GCM_NONCE_BYTES:]
    try:
        raw = AESGCM(kek).decrypt(nonce, box, _bound_to(badge, sealed.public_key))
    except InvalidTag:
        raise BrokenPromise(f"the sealed key of {badge} was changed") from None
    return Ed25519PrivateKey.from_private_bytes(raw)
