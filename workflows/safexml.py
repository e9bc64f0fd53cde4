"""Reads the bytes of an uploaded file as XML without ever following anything in it.

No DTD, no entity, no network, no inclusion, no processing instruction, nothing unpacked; size,
depth, number of elements and attributes are bounded before a tree exists (URS-MRC-090, ASVS 1.5.1).
"""

from __future__ import annotations

from typing import Any

from lxml import etree

from workflows.errors import DefinitionRefused, Finding
from workflows.textform import decoded, without_declaration

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 32
MAX_ELEMENTS = 60_000
MAX_ATTRIBUTES = 100
"""Of one element; the BPMN element with most of them has 14."""
MAX_ALL_ATTRIBUTES = 200_000
CHUNK = 64 * 1024
INCLUSION = "{http://www.w3.org/2001/XInclude}"


def read_xml(data: bytes) -> etree._Element:
    """The root element. Raises DefinitionRefused; never anything else for any bytes."""
    if len(data) > MAX_BYTES:
        message = f"the file has {len(data)} bytes, allowed are {MAX_BYTES}"
        raise _refused("xml.size", message, "Split it.")
    text = without_declaration(decoded(data))
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise _refused("xml.doctype", "the file declares a document type or entities", _PLAIN)
    parser = etree.XMLPullParser(
        events=("start", "end", "pi"),
        # The parser obeys this and nothing that the file says about itself.
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
    )
    try:
        return _fed(parser, text.encode())
    except etree.XMLSyntaxError as error:
        # The library has a depth limit of its own and may meet it first within one chunk.
        code = "xml.depth" if "depth" in str(error.msg) else "xml.malformed"
        line = error.lineno or 0
        raise _refused(code, f"not well formed: {error.msg}", _PLAIN, line) from error


_PLAIN = "Export the file again from the editor as plain BPMN 2.0 XML."


def _fed(parser: etree.XMLPullParser, data: bytes) -> etree._Element:
    depth = elements = attributes = 0
    for offset in range(0, max(len(data), 1), CHUNK):
        parser.feed(data[offset : offset + CHUNK])
        for event, found in parser.read_events():
            if event == "pi" or not isinstance(found, etree._Element):
                message = "a processing instruction"
                raise _refused("xml.instruction", message, "Remove it.", line_of(found))
            depth += 1 if event == "start" else -1
            if event == "start":
                elements += 1
                attributes += len(found.attrib)
                _check_bounds(depth, elements, attributes, found)
    return parser.close()


def line_of(element: Any) -> int:
    """The line of an element in the file, 0 when the parser does not know it."""
    return int(getattr(element, "sourceline", None) or 0)


def _check_bounds(depth: int, elements: int, attributes: int, found: etree._Element) -> None:
    if depth > MAX_DEPTH:
        raise _refused(
            "xml.depth", f"elements nest deeper than {MAX_DEPTH}", _PLAIN, line_of(found)
        )
    if elements > MAX_ELEMENTS:
        message = f"more than {MAX_ELEMENTS} elements"
        raise _refused("xml.elements", message, "Split it.", line_of(found))
    if len(found.attrib) > MAX_ATTRIBUTES or attributes > MAX_ALL_ATTRIBUTES:
        message = f"more than {MAX_ATTRIBUTES} attributes on an element, or {MAX_ALL_ATTRIBUTES}"
        raise _refused("xml.attributes", message, _PLAIN, line_of(found))
    # A prefix without a namespace is refused at the end only, so the name may be no name yet.
    if str(found.tag).startswith(INCLUSION):
        remedy = "Put what it includes into the file."
        raise _refused("xml.inclusion", "the file includes other files", remedy, line_of(found))


def _refused(code: str, message: str, remedy: str, line: int = 0) -> DefinitionRefused:
    return DefinitionRefused([Finding(code=code, message=message, remedy=remedy, line=line)])
