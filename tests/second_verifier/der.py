"""As much DER as time stamps and seals need (section 9, steps 8 and 14)."""

import hashlib

from tests.second_verifier.basis import need

Node = tuple[int, bytes, bytes]
SIGNED = bytes.fromhex("2a864886f70d010702")
DATA = bytes.fromhex("2a864886f70d010701")
TST = bytes.fromhex("2a864886f70d0109100104")
MESSAGE_DIGEST = bytes.fromhex("2a864886f70d010904")
HASHES = {
    bytes.fromhex(f"6086480165030402{n:02x}"): f"sha{b}" for n, b in ((1, 256), (2, 384), (3, 512))
}


def take(data: bytes) -> tuple[Node, bytes]:
    """The first element (tag, content, whole) and what follows it."""
    need(len(data) >= 2 and data[0] & 31 != 31, "DER")
    length, at = data[1], 2
    if length & 0x80:
        count = length & 0x7F
        need(1 <= count <= 4 and len(data) >= 2 + count, "DER length")
        length, at = int.from_bytes(data[2 : 2 + count], "big"), 2 + count
        need(length >= 0x80 and length >> 8 * (count - 1), "DER length not shortest")
    need(len(data) >= at + length, "DER cut off")
    return (data[0], data[at : at + length], data[: at + length]), data[at + length :]


def parts(node: Node, tag: int) -> list[Node]:
    """The elements inside one with this tag."""
    need(node[0] == tag, "DER tag")
    found, rest = [], node[1]
    while rest:
        element, rest = take(rest)
        found.append(element)
    return found


def _hash(algorithm: Node, data: bytes) -> bytes:
    oid = parts(algorithm, 0x30)[0][1]
    need(oid in HASHES, "algorithm")
    return hashlib.new(HASHES[oid], data).digest()


def _signed(content_info: Node) -> tuple[bytes, bytes | None, Node]:
    info = parts(content_info, 0x30)
    need(info[0][:2] == (6, SIGNED), "no SignedData")
    data = parts(parts(info[1], 0xA0)[0], 0x30)
    inner = parts(data[2], 0x30)
    content = parts(inner[1], 0xA0)[0] if len(inner) > 1 else None
    need(content is None or content[0] == 4, "content")
    return inner[0][1], content[1] if content else None, parts(data[-1], 0x31)[0]


def _digest_fits(signer: Node, data: bytes) -> None:
    fields = parts(signer, 0x30)
    attributes = [parts(a, 0x30) for a in parts(fields[3], 0xA0)]
    found = [parts(a[1], 0x31)[0] for a in attributes if a[0][:2] == (6, MESSAGE_DIGEST)]
    need(found and found[0][:2] == (4, _hash(fields[2], data)), "message digest")


def _stamped(content: bytes, signer: Node, data: bytes) -> None:
    _digest_fits(signer, content)
    node, rest = take(content)
    imprint = parts(parts(node, 0x30)[2], 0x30)
    need(not rest and imprint[1][:2] == (4, _hash(imprint[0], data)), "imprint")


def check_response(response: bytes, data: bytes) -> None:
    """A TimeStampResp over the data; ValueError or IndexError otherwise."""
    node, rest = take(response)
    status, token = parts(node, 0x30)
    need(not rest and parts(status, 0x30)[0][:2] in ((2, b"\0"), (2, b"\1")), "status")
    kind, content, signer = _signed(token)
    need(kind == TST and content is not None, "no TSTInfo")
    _stamped(content or b"", signer, data)


def check_seal(seal: bytes, data: bytes) -> None:
    """A seal, filled up with zero bytes, over the data; ValueError or IndexError otherwise."""
    node, rest = take(seal)
    need(not rest.strip(b"\0"), "bytes behind the seal")
    kind, content, signer = _signed(node)
    if kind == TST:
        _stamped(content or b"", signer, data)
    else:
        need(kind == DATA and content is None, "not detached")
        _digest_fits(signer, data)
