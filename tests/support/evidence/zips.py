"""Zip files written by hand, so that each part of them can be made wrong."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

UNIX = 3 << 8 | 20
PLAIN_FILE = 0o100644 << 16
STORED, DEFLATED = 0, 8
DESCRIPTOR = 1 << 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One file; what the central header says can differ from what lies there."""

    name: bytes
    data: bytes
    method: int = STORED
    flags: int = 0
    attributes: int = PLAIN_FILE
    extra: bytes = b""
    central_extra: bytes | None = None
    comment: bytes = b""
    crc: int | None = None
    size: int | None = None
    central_name: bytes | None = None
    packed: bytes | None = None

    @property
    def stored(self) -> bytes:
        """The bytes as they lie in the file."""
        if self.packed is not None:
            return self.packed
        return self.data if self.method == STORED else deflated(self.data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What lies around the files."""

    before: bytes = b""
    between: bytes = b""
    after: bytes = b""
    comment: bytes = b""
    count: int | None = None


PLAIN = Shape()


def parts(files: Mapping[str, bytes], **same: int) -> list[Part]:
    """Files in order of their names."""
    return [
        replace(Part(name=name.encode("utf-8"), data=files[name]), **same)  # type: ignore[arg-type]
        for name in sorted(files)
    ]


def packed(files: Mapping[str, bytes]) -> list[Part]:
    """Files in order of their names, packed as usual: the bytes depend on the library."""
    found = []
    for part in parts(files, method=DEFLATED):
        packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        found.append(replace(part, packed=packer.compress(part.data) + packer.flush()))
    return found


def deflated(data: bytes) -> bytes:
    """A deflate stream of stored blocks: the same bytes with every library."""
    pieces = [data[at : at + 0xFFFF] for at in range(0, len(data), 0xFFFF)] or [b""]
    return b"".join(
        struct.pack("<BHH", number == len(pieces), len(piece), len(piece) ^ 0xFFFF) + piece
        for number, piece in enumerate(pieces, start=1)
    )


def zipped(found: Sequence[Part], shape: Shape = PLAIN) -> bytes:
    """The zip file."""
    out, listed = bytearray(shape.before), bytearray()
    for part in found:
        offset = len(out)
        out += _local(part)
        listed += _central(part, offset)
    out += shape.between
    start = len(out)
    count = len(found) if shape.count is None else shape.count
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(listed), start,
                      len(shape.comment))  # fmt: skip
    return bytes(out + listed + end + shape.comment + shape.after)


def _told(part: Part) -> tuple[int, int, int]:
    crc = zlib.crc32(part.data) if part.crc is None else part.crc
    size = len(part.data) if part.size is None else part.size
    return crc, len(part.stored), size


def _local(part: Part) -> bytes:
    told = _told(part)
    late = bool(part.flags & DESCRIPTOR)
    head = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, part.flags, part.method, 0, 33,
                       *((0, 0, 0) if late else told), len(part.name), len(part.extra))  # fmt: skip
    tail = struct.pack("<4s3L", b"PK\x07\x08", *told) if late else b""
    return head + part.name + part.extra + part.stored + tail


def _central(part: Part, offset: int) -> bytes:
    name = part.name if part.central_name is None else part.central_name
    extra = part.extra if part.central_extra is None else part.central_extra
    head = struct.pack(
        "<4s6H3L5H2L", b"PK\x01\x02", UNIX, 20, part.flags, part.method, 0, 33, *_told(part),
        len(name), len(extra), len(part.comment), 0, 0, part.attributes, offset,
    )  # fmt: skip
    return head + name + extra + part.comment
