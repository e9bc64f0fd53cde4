"""A little DER: time stamps and seals whose digests are right and whose signatures are filling.

The verifier compares what they claim; who signed them is checked with other tools. So nothing here
needs a certificate, and the bytes are the same every time.
"""

from __future__ import annotations

import hashlib

from audit import verifier

SHA256 = bytes.fromhex("608648016503040201")
SHA1 = bytes.fromhex("2b0e03021a")
RSA = bytes.fromhex("2a864886f70d010101")
POLICY = bytes.fromhex("2a0304")
NULL = b"\x05\x00"
ROOM = 1200
"""Hexadecimal digits that a seal finds in the PDF."""


def tlv(tag: int, *parts: bytes) -> bytes:
    """One element with its parts as content."""
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def algorithm(oid: bytes = SHA256) -> bytes:
    """An AlgorithmIdentifier."""
    return tlv(0x30, tlv(6, oid), NULL)


def signed_data(kind: bytes, content: bytes | None, digest: bytes) -> bytes:
    """A CMS SignedData of one signer who claims `digest`; the signature is filling."""
    held = b"" if content is None else tlv(0xA0, tlv(4, content))
    attribute = tlv(0x30, tlv(6, verifier.MESSAGE_DIGEST), tlv(0x31, tlv(4, digest)))
    name = tlv(0x30, tlv(0x30), tlv(2, b"\x01"))
    signer = tlv(
        0x30, tlv(2, b"\x01"), name, algorithm(), tlv(0xA0, attribute), algorithm(RSA),
        tlv(4, b"no signature"),
    )  # fmt: skip
    inside = tlv(
        0x30, tlv(2, b"\x03"), tlv(0x31, algorithm()), tlv(0x30, tlv(6, kind), held),
        tlv(0x31, signer),
    )  # fmt: skip
    return tlv(0x30, tlv(6, verifier.SIGNED_DATA), tlv(0xA0, inside))


def time_stamp(
    stamped: bytes,
    *,
    at: str = "20260302120000Z",
    status: int = 0,
    claims: bytes | None = None,
    imprint: bytes | None = None,
    oid: bytes = SHA256,
) -> bytes:
    """A TimeStampResp over those bytes; keywords make it say something else."""
    digest = hashlib.sha256(stamped).digest() if imprint is None else imprint
    info = tlv(
        0x30, tlv(2, b"\x01"), tlv(6, POLICY), tlv(0x30, algorithm(oid), tlv(4, digest)),
        tlv(2, b"\x07"), tlv(0x18, at.encode("ascii")),
    )  # fmt: skip
    claimed = hashlib.sha256(info).digest() if claims is None else claims
    token = signed_data(verifier.TIME_STAMP_INFO, info, claimed)
    return tlv(0x30, tlv(0x30, tlv(2, bytes([status]))), token)


def sealed_pdf(*, digest: bytes | None = None, tail: bytes = b"") -> bytes:
    """A PDF of a few bytes with a seal over all of it (but `tail`)."""
    before = b"%PDF-1.7\n1 0 obj\n<< /Type /Sig /ByteRange "
    form = "[0 {:08d} {:08d} {:08d}] /Contents "
    first = len(before) + len(form.format(0, 0, 0))
    after = b" >>\nendobj\n%%EOF\n"
    head = before + form.format(first, first + ROOM + 2, len(after)).encode("ascii")
    claimed = hashlib.sha256(head + after).digest() if digest is None else digest
    seal = signed_data(verifier.PLAIN_DATA, None, claimed).hex().encode("ascii")
    return head + b"<" + seal.ljust(ROOM, b"0") + b">" + after + tail
