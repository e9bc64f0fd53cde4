"""Writes the moddle descriptor of the `bw:` elements, which the recipe editor loads.

Decimals are String: the editor's Real would write 9.950 as 9.95.
"""

from __future__ import annotations

import json
from typing import Any

from workflows.schema.definition import ELEMENTS, NAMESPACE, PREFIX
from workflows.schema.grammar import Attribute, Element, ValueType

SIMPLE = {ValueType.BOOLEAN: "Boolean", ValueType.INTEGER: "Integer"}


def descriptor_text() -> str:
    """The whole descriptor as JSON, deterministic to the byte."""
    return json.dumps(descriptor(), indent=2, ensure_ascii=False) + "\n"


def descriptor() -> dict[str, Any]:
    """The descriptor: one moddle type per element, word lists as enumerations."""
    return {
        "name": "Batchwright recipe",
        "prefix": PREFIX,
        "uri": NAMESPACE,
        "xml": {"tagAlias": "lowerCase"},
        "enumerations": _enumerations(),
        "types": [_type(element) for element in ELEMENTS.values()],
    }


def _type_name(element: str) -> str:
    return element[0].upper() + element[1:]


def _type(element: Element) -> dict[str, Any]:
    properties = [_property(attribute) for attribute in element.attributes]
    if element.body:
        properties.append({"name": element.body, "isBody": True, "type": "String"})
    for child in element.children:
        entry: dict[str, Any] = {"name": child.field, "type": _type_name(child.element)}
        properties.append(entry | ({"isMany": True} if child.many else {}))
    described: dict[str, Any] = {
        "name": _type_name(element.name),
        "superClass": ["Element"],
        "description": element.help,
        "properties": properties,
    }
    if element.within:
        described["meta"] = {"allowedIn": [f"bpmn:{host}" for host in element.within]}
    return described


def _property(attribute: Attribute) -> dict[str, Any]:
    kind = attribute.type
    named = SIMPLE.get(kind, "String") if isinstance(kind, ValueType) else f"{kind.__name__}Word"
    described = {"name": attribute.name, "isAttr": True, "type": named}
    return described | ({"description": attribute.help} if attribute.help else {})


def _enumerations() -> list[dict[str, Any]]:
    found = {
        attribute.type.__name__: attribute.type
        for element in ELEMENTS.values()
        for attribute in element.attributes
        if not isinstance(attribute.type, ValueType)
    }
    return [
        {"name": f"{name}Word", "literalValues": [{"name": word.value} for word in found[name]]}
        for name in sorted(found)
    ]
