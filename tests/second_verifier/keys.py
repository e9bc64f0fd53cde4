"""Keys, the log, checkpoints (sections 4 and 6 of the evidence format)."""

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.second_verifier.basis import items, need, one, text, unbase64, whole

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P


def good(public: bytes, signature: bytes, message: bytes) -> bool:
    """Ed25519 as section 4 says: no key of small order, none beyond the field."""
    if len(public) != 32 or len(signature) != 64:
        return False
    y = int.from_bytes(public, "little") & (1 << 255) - 1
    small = y in (0, 1, P - 1) or (D * y**4 + 2 * y * y - 1) % P == 0
    if y >= P or small:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def key_id(kind: str, public: bytes) -> str:
    """The name of an export or person key."""
    return hashlib.sha256(f"batchwright-{kind}-key-v1\n".encode() + public).hexdigest()


def vkey(value: Any, kind: int) -> tuple[str, bytes, bytes]:
    """Name, key hash and public key of a vkey."""
    parts = text(value).split("+", 2)
    need(len(parts) == 3 and parts[0], "vkey")
    raw = unbase64(parts[2])
    need(len(raw) == 33 and raw[0] == kind, "vkey of another type")
    mark = hashlib.sha256(parts[0].encode() + b"\n" + raw).digest()[:4]
    need(parts[1] == mark.hex(), "vkey hash")
    return parts[0], mark, raw[1:]


@dataclass(frozen=True)
class Site:
    """What keys/site.json or a trust file says."""

    origin: str
    log: list[tuple[str, bytes, bytes]]
    export: dict[str, bytes]
    witness: list[tuple[str, bytes, bytes]]
    quorum: int


def site(value: Any, *, more: bool) -> Site:
    """The keys; `more` lets unknown members be. ValueError otherwise."""
    need(isinstance(value, dict), "no object")
    known = {"v", "origin", "log", "export", "witness", "quorum"}
    need({"v", "origin", "log", "export"} <= set(value), "members")
    need(more or set(value) <= known, "unknown member")
    one(value["v"])
    log = [vkey(item, 1) for item in items(value["log"])]
    export = {}
    for item in items(value["export"]):
        need(isinstance(item, dict) and set(item) == {"key_id", "public"}, "export key")
        public = unbase64(item["public"])
        need(len(public) == 32 and key_id("export", public) == item["key_id"], "export key")
        export[item["key_id"]] = public
    witness = [vkey(item, 4) for item in items(value.get("witness", []))]
    quorum = whole(value.get("quorum", 0))
    need(log and export and 0 <= quorum <= len(set(witness)), "keys or quorum")
    return Site(text(value["origin"]), log, export, witness, quorum)


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def leaf(entry: bytes) -> bytes:
    """The leaf of an entry."""
    return hashlib.sha256(b"\0" + entry).digest()


def included(index: int, size: int, start: bytes, proof: list[bytes], root: bytes) -> bool:
    """RFC 9162 2.1.3.2."""
    if not 0 <= index < size or any(len(p) != 32 for p in proof):
        return False
    fn, sn, r = index, size - 1, start
    for p in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = _node(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = _node(r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


def consistent(first: int, second: int, old: bytes, new: bytes, proof: list[bytes]) -> bool:
    """RFC 9162 2.1.4.2."""
    if not 0 < first <= second or any(len(p) != 32 for p in [old, new, *proof]):
        return False
    if first == second:
        return not proof and old == new
    path = [old, *proof] if first & (first - 1) == 0 else proof
    if not path:
        return False
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = _node(c, fr), _node(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = _node(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == old and sr == new


def checkpoint(note: bytes, keys: Site) -> tuple[int, bytes, int]:
    """Size, root and number of cosigning witnesses of a note; ValueError otherwise."""
    whole_text = note.decode()
    need(whole_text.endswith("\n"), "line end")
    need(not re.search(r"[\x00-\x09\x0b-\x1f]", whole_text), "control characters")
    head, gap, tail = whole_text.rpartition("\n\n")
    body, lines = head + "\n", tail.split("\n")[:-1]
    parts = head.split("\n")
    need(gap and len(parts) >= 3 and parts[0] and 1 <= len(lines) <= 100, "form")
    need(re.fullmatch(r"0|[1-9][0-9]{0,17}", parts[1]), "size")
    root = unbase64(parts[2])
    need(len(root) == 32 and parts[0] == keys.origin, "root or origin")
    signed, cosigned = False, set()
    for line in lines:
        match = re.fullmatch(r"\u2014 ([^ ]+) ([^ ]+)", line)
        need(match, "signature line")
        assert match
        raw = unbase64(match[2])
        need(len(raw) >= 5, "signature too short")
        for name, mark, public in keys.log:
            if name == match[1] == parts[0] and mark == raw[:4]:
                need(good(public, raw[4:], body.encode()), "wrong signature of the log")
                signed = True
        for name, mark, public in keys.witness:
            if name == match[1] and mark == raw[:4]:
                _cosignature(public, raw[4:], body)
                cosigned.add((name, public))
    need(signed, "not signed by the log")
    return int(parts[1]), root, len(cosigned)


def _cosignature(public: bytes, rest: bytes, body: str) -> None:
    when = int.from_bytes(rest[:8], "big")
    need(len(rest) == 72 and when <= 253402300799, "cosignature")
    message = f"cosignature/v1\ntime {when}\n{body}".encode()
    need(good(public, rest[8:], message), "wrong cosignature")
