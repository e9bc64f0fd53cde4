"""Reads the bytes of an uploaded file as XML without ever following anything in it.

No DTD, no entity, no network, no processing instruction; size, depth and number of elements are
bounded before a tree exists (URS-MRC-090, ASVS 1.5.1).
"""

from __future__ import annotations

import re
from typing import Any

from lxml import etree

from workflows.errors import DefinitionRefused, Finding

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 32
MAX_ELEMENTS = 60_000
CHUNK = 64 * 1024

_ENCODING = re.compile(r"""^<\?xml[^>]*?encoding\s*=\s*["']([^"']*)["']""")


def read_xml(data: bytes) -> etree._Element:
    """The root element. Raises DefinitionRefused; never anything else for any bytes."""
    text = _checked_text(data)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise _refused("xml.doctype", "the file declares a document type or entities", _PLAIN)
    parser = etree.XMLPullParser(
        events=("start", "end", "pi"),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
    )
    try:
        return _fed(parser, data)
    except etree.XMLSyntaxError as error:
        # The library has a depth limit of its own and may meet it first within one chunk.
        code = "xml.depth" if "depth" in str(error.msg) else "xml.malformed"
        line = error.lineno or 0
        raise _refused(code, f"not well formed: {error.msg}", _PLAIN, line) from error


_PLAIN = "Export the file again from the editor as plain BPMN 2.0 XML."


def _checked_text(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise _refused(
            "xml.size", f"the file has {len(data)} bytes, allowed are {MAX_BYTES}", "Split it."
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _refused("xml.encoding", "the file is not UTF-8", "Save it as UTF-8.") from None
    declared = _ENCODING.match(text)
    if declared and declared[1].upper() != "UTF-8":
        raise _refused("xml.encoding", f"declares {declared[1]!r}", "Save it as UTF-8.")
    return text


def _fed(parser: etree.XMLPullParser, data: bytes) -> etree._Element:
    depth = elements = 0
    for offset in range(0, max(len(data), 1), CHUNK):
        parser.feed(data[offset : offset + CHUNK])
        for event, found in parser.read_events():
            line = line_of(found)
            if event == "pi":
                raise _refused("xml.instruction", "a processing instruction", "Remove it.", line)
            depth += 1 if event == "start" else -1
            elements += event == "start"
            _check_bounds(depth, elements, line)
    return parser.close()


def line_of(element: Any) -> int:
    """The line of an element in the file, 0 when the parser does not know it."""
    return int(getattr(element, "sourceline", None) or 0)


def _check_bounds(depth: int, elements: int, line: int) -> None:
    if depth > MAX_DEPTH:
        raise _refused("xml.depth", f"elements nest deeper than {MAX_DEPTH}", _PLAIN, line)
    if elements > MAX_ELEMENTS:
        raise _refused("xml.elements", f"more than {MAX_ELEMENTS} elements", "Split it.", line)


def _refused(code: str, message: str, remedy: str, line: int = 0) -> DefinitionRefused:
    return DefinitionRefused([Finding(code=code, message=message, remedy=remedy, line=line)])
