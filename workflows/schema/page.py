"""Writes the reference page of the `bw:` elements from the one definition."""

from __future__ import annotations

from collections.abc import Iterable

from workflows.schema.definition import ELEMENTS, NAMESPACE, PREFIX
from workflows.schema.grammar import Attribute, Child, Element, ValueType

FORMS = {
    ValueType.TEXT: "text",
    ValueType.KEY: "letter, then letters, digits, `_` (at most 40)",
    ValueType.ITEM: "letters, digits, `_` (at most 40)",
    ValueType.CODE: "letters, digits, `.` `_` `-` (at most 40)",
    ValueType.TAG: "`REQUIREMENT.TAG`",
    ValueType.LANG: "language tag such as `en`",
    ValueType.UNIT: "approved UCUM unit",
    ValueType.DECIMAL: "decimal with a point, no exponent",
    ValueType.INTEGER: "whole number, not negative",
    ValueType.BOOLEAN: "`true` or `false`",
    ValueType.DURATION: "ISO 8601 duration such as `PT30M`",
    ValueType.EXPRESSION: "[expression](expressions.md)",
    ValueType.KEYS: "keys with blanks between",
    ValueType.SHA256: "SHA-256 in lower-case hexadecimal",
    ValueType.SIDE: "`low`, `high` or `both`",
}

INTRODUCTION = f"""<!-- Generated from workflows/schema/definition.py; change it there. -->
# Recipe schema

The elements with which a BPMN file becomes a recipe. Namespace `{NAMESPACE}`, prefix `{PREFIX}`.
They stand in `bpmn:extensionElements`; what may be drawn around them is in the
[BPMN profile](bpmn-profile.md). One definition makes this page, the XML Schema that the server
checks with (`workflows/schema/recipe.xsd`) and the descriptor of the editor
(`workflows/schema/recipe.json`).

Decimals are text everywhere and keep their digits: `9.950` stays `9.950`. Children stand in the
order given here. The meaning of an attribute never changes within this namespace.
"""


def page_text() -> str:
    """The whole page, deterministic to the byte."""
    parts = [INTRODUCTION]
    parts += ["\n".join(_element(element)) for element in ELEMENTS.values()]
    return "\n".join(parts)


def _element(element: Element) -> Iterable[str]:
    yield f"## {PREFIX}:{element.name}"
    yield ""
    yield f"{element.help[0].upper()}{element.help[1:]}."
    if element.within:
        hosts = ", ".join(f"`bpmn:{name[0].lower()}{name[1:]}`" for name in element.within)
        yield f"Stands on {hosts}."
    yield ""
    if element.attributes:
        yield "| Attribute | Form | Needed | Meaning |"
        yield "|---|---|---|---|"
        yield from (_attribute(attribute) for attribute in element.attributes)
        yield ""
    if element.children:
        yield "Children: " + ", ".join(_child(child) for child in element.children) + "."
        yield ""
    if element.body:
        yield "Holds text."
        yield ""


def _child(child: Child) -> str:
    least = "at least one" if child.required else "any number"
    most = "one" if child.required else "at most one"
    return f"`{child.element}` ({least if child.many else most})"


def _attribute(attribute: Attribute) -> str:
    kind = attribute.type
    form = (
        FORMS[kind]
        if isinstance(kind, ValueType)
        else ", ".join(f"`{word.value}`" for word in kind)
    )
    needed = "yes" if attribute.required else ""
    return f"| `{attribute.name}` | {form} | {needed} | {attribute.help} |"
