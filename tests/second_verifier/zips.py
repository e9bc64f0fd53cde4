"""Zip files by section 3 of the evidence format."""

import re
import struct
import zlib
from typing import Any

from tests.second_verifier.basis import Bad, need

PART = r"[A-Za-z0-9_-][A-Za-z0-9._-]*"
NAME = re.compile(rf"{PART}(/{PART})*")
FLAGS = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 11
EXTRA = {0x5455, 0x7875, 0x5855, 0x000A}
LIMIT = 2 << 30


def unzip(data: bytes) -> dict[str, bytes]:
    """Every file by name; Bad with place `zip` otherwise."""
    try:
        return _unzip(data)
    except (ValueError, struct.error, zlib.error) as error:
        raise Bad("zip", str(error)) from error


def _unzip(data: bytes) -> dict[str, bytes]:
    need(22 <= len(data) <= LIMIT, "length")
    end = struct.unpack("<4s4H2LH", data[-22:])
    mark, disk, disk_list, here, count, length, start, comment = end
    need(mark == b"PK\5\6" and not (disk or disk_list or comment), "end record")
    need(here == count and start + length == len(data) - 22, "list")
    need(count <= 10_000, "too many")
    files: dict[str, bytes] = {}
    seen: set[str] = set()
    found: list[tuple[Any, bytes, str]] = []
    at, place, total = start, 0, 0
    for _ in range(count):
        head = struct.unpack("<4s6H3L5H2L", data[at : at + 46])
        need(head[0] == b"PK\1\2", "central header")
        name_length, extra_length = head[10], head[11]
        raw = data[at + 46 : at + 46 + name_length]
        _extra(data[at + 46 + name_length : at + 46 + name_length + extra_length])
        need(len(raw) == name_length, "cut off")
        at += 46 + name_length + extra_length
        need(at <= len(data) - 22, "position")
        name = raw.decode("ascii")
        folder = name.endswith("/")
        _head(head, name, folder)
        need(name.removesuffix("/").lower() not in seen, "name twice")
        seen.add(name.removesuffix("/").lower())
        total += head[9]
        need(total <= LIMIT, "too much")
        found.append((head, raw, "" if folder else name))
    for head, raw, name in sorted(found, key=lambda each: int(each[0][16])):
        need(head[16] == place, "bytes that belong to nothing")
        content, place = _local(data, place, head, raw, start)
        if name:
            files[name] = content
    need(at == len(data) - 22 and place == start, "bytes that belong to nothing")
    return files


def _head(head: tuple[Any, ...], name: str, folder: bool) -> None:
    mode = head[15] >> 16 & 0o170000
    need(len(name) <= 200 and NAME.fullmatch(name[:-1] if folder else name), "name")
    need(mode in ((0, 0o100000, 0o040000) if folder else (0, 0o100000)), "no plain file")
    need(not head[3] & ~FLAGS and head[4] in (0, 8), "flags or method")
    need(head[12] == 0 and head[13] == 0, "comment or disk")
    need(head[4] == 8 or head[8] == head[9], "sizes")
    need(head[9] <= 1 << 20 or head[9] <= 500 * head[8], "too well packed")
    need(not folder or head[9] == 0, "a folder with content")


def _extra(data: bytes) -> None:
    while data:
        kind, length = struct.unpack("<2H", data[:4])
        need(kind in EXTRA and len(data) >= 4 + length, "extra field")
        data = data[4 + length :]


def _local(
    data: bytes, at: int, head: tuple[Any, ...], raw: bytes, limit: int
) -> tuple[bytes, int]:
    local = struct.unpack("<4s5H3L2H", data[at : at + 30])
    need(local[0] == b"PK\3\4" and local[2:4] == head[3:5], "local header")
    sums = head[7:10]
    later = head[3] & 8
    need(local[6:9] == sums or (later and local[6:9] == (0, 0, 0)), "local sizes")
    body = at + 30 + local[9] + local[10]
    need(data[at + 30 : at + 30 + local[9]] == raw, "local name")
    _extra(data[at + 30 + local[9] : body])
    stop = body + head[8]
    need(stop <= limit, "cut off")
    content = _unpack(data[body:stop], head[4], head[9])
    need(len(content) == head[9] and zlib.crc32(content) == head[7], "CRC or length")
    if later:
        words = struct.pack("<3L", *sums)
        marked = data[stop : stop + 16] == b"PK\7\x08" + words
        need(marked or data[stop : stop + 12] == words, "descriptor")
        stop += 16 if marked else 12
    return content, stop


def _unpack(packed: bytes, method: int, size: int) -> bytes:
    if method == 0:
        return packed
    inflate = zlib.decompressobj(-15)
    content = inflate.decompress(packed, size + 1)
    need(inflate.eof and not inflate.unused_data and not inflate.unconsumed_tail, "deflate")
    return content
