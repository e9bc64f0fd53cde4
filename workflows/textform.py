"""The text of an XML file and the encoding it came in; decoding loses nothing.

Every encoding here gives the same bytes again (`as_bytes`), so the stored text and the digest of
the file are enough to return a file exactly as it came (URS-MRC-040). Only we decode: the parser
is told what it reads, so that there is one reading of a file and no second one.
"""

from __future__ import annotations

import codecs
import hashlib
import re

from workflows.errors import DefinitionRefused, Finding

ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "iso-8859-1", "iso-8859-15", "cp1252")
"""What a stored text may have been; the first that gives the digest is the one it was."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"<\x00", "utf-16-le"),
    (b"\x00<", "utf-16-be"),
)
_DECLARED = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    # Written by programs that save their text as UTF-8 afterwards: eight-bit text is no UTF-16.
    "utf-16": "utf-8",
    "unicode": "utf-8",
    "iso-8859-1": "iso-8859-1",
    "latin1": "iso-8859-1",
    "iso-8859-15": "iso-8859-15",
    "windows-1252": "cp1252",
    "cp1252": "cp1252",
}
_WIDE = (b"\x00\x00\xfe\xff", b"\xff\xfe\x00\x00")
_PACKED = (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"\x28\xb5\x2f\xfd")
_DECLARATION = re.compile(r"""^<\?xml\s[^>]*?encoding\s*=\s*["']([^"'>]{0,40})["'][^>]*\?>""")
_HEAD = 200
_SAVE = "Save it as UTF-8."


def decoded(data: bytes) -> str:
    """The text of a file, its byte order mark kept as a character.

    Raises DefinitionRefused for a packed file and for an encoding that is unknown or not kept to.
    """
    if data.startswith(_PACKED):
        # Never unpacked here: what a packed file holds is bounded by nothing that we have read.
        remedy = "Unpack it, or export the diagram itself as BPMN 2.0 XML."
        raise _refused("xml.packed", "the file is packed (an archive or a project)", remedy)
    encoding = _encoding(data)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        message = f"the file is not {encoding.upper()} throughout (byte {error.start + 1})"
        raise _refused("xml.encoding", message, _SAVE) from None


def as_bytes(text: str, digest: str) -> bytes | None:
    """The bytes with that SHA-256 of which this is the text; None when there are none."""
    for encoding in ENCODINGS:
        try:
            data = text.encode(encoding)
        except UnicodeEncodeError:
            continue
        if hashlib.sha256(data).hexdigest() == digest:
            return data
    return None


def without_declaration(text: str) -> str:
    """The text without mark and XML declaration, its lines still counting as in the file."""
    bare = text.removeprefix("\ufeff")
    found = _DECLARATION.match(bare, 0, _HEAD)
    return bare if found is None else "\n" * found.group().count("\n") + bare[found.end() :]


def _encoding(data: bytes) -> str:
    if data.startswith(_WIDE):
        raise _refused("xml.encoding", "the file is UTF-32", _SAVE)
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding
    declared = _DECLARATION.match(data[:_HEAD].decode("ascii", errors="replace"))
    if declared is None:
        return "utf-8"
    known = _DECLARED.get(declared[1].strip().lower())
    if known is None:
        raise _refused("xml.encoding", f"the file declares encoding {declared[1]!r}", _SAVE)
    return known


def _refused(code: str, message: str, remedy: str) -> DefinitionRefused:
    return DefinitionRefused([Finding(code=code, message=message, remedy=remedy)])
