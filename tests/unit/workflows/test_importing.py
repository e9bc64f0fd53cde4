"""What comes in: well-formed BPMN within bounds; everything hostile or malformed is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.bpmn import bpmn, end, extension, flow, process, start, step, task
from workflows import safexml
from workflows.errors import DefinitionRefused, Finding
from workflows.importing import Imported, import_procedure
from workflows.model import StepTask
from workflows.safexml import MAX_BYTES, MAX_ELEMENTS, read_xml
from workflows.words import DataType, SignatureMode, StepKind, Tier

PLAIN = (start(), task("A"), end())
CHAIN = "start > A > end"


def codes(data: bytes) -> list[str]:
    return [finding.code for finding in findings(data)]


def findings(data: bytes) -> tuple[Finding, ...]:
    with pytest.raises(DefinitionRefused) as caught:
        import_procedure(data)
    return caught.value.findings


def plain(*, declarations: str = "") -> bytes:
    return bpmn(process("OP", *PLAIN, flows=CHAIN), declarations=declarations)


def test_a_plain_file_becomes_a_typed_procedure() -> None:
    imported = import_procedure(plain())
    level = imported.procedure.level("OP")
    assert [node.id for node in level.nodes] == ["start", "A", "end"]
    assert [(f.source, f.target) for f in level.flows] == [("start", "A"), ("A", "end")]
    assert imported.procedure.entry == "OP"
    assert len(imported.file_digest) == len(imported.content_digest) == 64


def test_a_step_is_read_with_everything_it_says() -> None:
    parameter = (
        '<bw:parameter code="lod" dataType="decimal" unit="%" decimals="2" critical="true"'
        ' target="1.80"><bw:label lang="en">Loss on drying</bw:label>'
        '<bw:limit tier="action" low="1.0" high="2.5">'
        '<bw:severity level="information" side="high" when="A.round &lt; 3"/></bw:limit>'
        "</bw:parameter>"
    )
    content = parameter + '<bw:ipc method="drying" specimens="2"/>'
    drawn = task("A", step("A", content, kind="ipc", role="QC", mode="performed_verified"))
    procedure = import_procedure(bpmn(process("OP", start(), drawn, end(), flows=CHAIN))).procedure
    node = procedure.level("OP").node("A")
    assert isinstance(node, StepTask)
    assert node.step.kind is StepKind.IPC
    assert node.step.signature.mode is SignatureMode.PERFORMED_VERIFIED
    assert node.step.signature.signed_acts == 2
    lod = node.step.parameter("lod")
    assert (lod.data_type, lod.unit, lod.critical) == (DataType.DECIMAL, "%", True)
    assert lod.limits[0].tier is Tier.ACTION
    assert (lod.limits[0].low, lod.limits[0].high) == ("1.0", "2.5")
    assert lod.limits[0].severities[0].when == "A.round < 3"


LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
)
OUTSIDE = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
NETWORK = '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">'


@pytest.mark.parametrize("declaration", [LAUGHS, OUTSIDE, NETWORK, "<!DOCTYPE x>"])
@pytest.mark.urs("URS-MRC-090")
def test_a_document_type_is_refused_whatever_it_declares(declaration: str) -> None:
    assert codes(plain(declarations=declaration)) == ["xml.doctype"]


def nested(depth: int) -> bytes:
    return b"<a>" * depth + b"</a>" * depth


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "xml.malformed"),
        (b"\x00\x01\x02", "xml.malformed"),
        (b"<", "xml.malformed"),
        (b"<a><b></a>", "xml.malformed"),
        (b"<a>&nowhere;</a>", "xml.malformed"),
        (b"<a/><a/>", "xml.malformed"),
        (b"\xff\xfe<\x00a\x00/\x00>\x00", "bpmn.root"),
        (b"\xff\xfe<\x00a\x00/\x00>", "xml.encoding"),
        (b'<?xml version="1.0" encoding="UTF-7"?><a/>', "xml.encoding"),
        (b"<a>" + b"9" * (10 * 1024 * 1024) + b"</a>", "xml.size"),
        (nested(33), "xml.depth"),
        (nested(100_000), "xml.depth"),
        (b"<a>" + b"<b/>" * 70_000 + b"</a>", "xml.elements"),
        (b"<a><?php run ?></a>", "xml.instruction"),
        (b"<a/>", "bpmn.root"),
        (b"<html><body>no recipe</body></html>", "bpmn.root"),
    ],
)
@pytest.mark.urs("URS-MRC-090")
def test_a_hostile_or_broken_file_is_refused(data: bytes, code: str) -> None:
    assert code in codes(data)


@pytest.mark.urs("URS-MRC-090")
def test_a_file_beyond_the_bounds_is_read_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies behind the element too many is never looked at, whatever the size of the file."""
    looked: list[int] = []
    real = safexml._check_bounds

    def counted(*given: Any) -> None:
        looked.append(given[1])
        real(*given)

    monkeypatch.setattr(safexml, "_check_bounds", counted)
    assert codes(b"<a>" + b"<b/>" * (4 * MAX_ELEMENTS) + b"</a>") == ["xml.elements"]
    assert len(looked) == MAX_ELEMENTS + 1
    looked.clear()
    assert codes(b"<a/>" + b" " * MAX_BYTES) == ["xml.size"]
    assert looked == []


def test_a_file_of_exactly_the_largest_size_is_read() -> None:
    padding = b"<!--" + b"x" * (MAX_BYTES - len(plain()) - 7) + b"-->"
    padded = plain().rstrip() + b"\n" + padding
    assert len(padded) == MAX_BYTES
    assert import_procedure(padded).procedure.entry == "OP"
    assert codes(padded + b" ") == ["xml.size"]


@settings(max_examples=200, deadline=2000)
@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    outcome: object = refused_or(lambda: read_xml(data))
    assert outcome is not None


@settings(max_examples=150, deadline=2000)
@given(st.data())
def test_a_damaged_file_never_crashes_the_import(data: st.DataObject) -> None:
    whole = plain()
    at = data.draw(st.integers(0, len(whole) - 1))
    length = data.draw(st.integers(0, 40))
    other = data.draw(st.binary(max_size=20))
    damaged = whole[:at] + other + whole[at + length :]
    assert refused_or(lambda: import_procedure(damaged)) is not None


def refused_or(act: Callable[[], object]) -> object:
    try:
        return act()
    except DefinitionRefused as refusal:
        return refusal


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ('<bw:step key="A" kind="dance" role="OP"><bw:signature mode="none"/></bw:step>', "dance"),
        ('<bw:step key="A" kind="entry" role="OP"/>', "signature"),
        (step("A", colour="red"), "colour"),
        (step("A", '<bw:timing minimum="5 min"/>'), "5 min"),
        (
            step("A", '<bw:parameter code="x" dataType="decimal" decimals="two"/>'),
            "decimals",
        ),
        (
            step("A", '<bw:sample plan="x" quantity="9,950" unit="g"/>'),
            "9,950",
        ),
        (step("A", "<bw:unheard/>"), "unheard"),
    ],
)
@pytest.mark.urs("URS-MRC-040")
def test_what_the_schema_does_not_know_is_refused_with_its_line(wrong: str, said: str) -> None:
    data = bpmn(process("OP", start(), "\n\n" + task("A", wrong), end(), flows=CHAIN))
    found = [finding for finding in findings(data) if finding.code == "schema.invalid"]
    assert found
    assert said in found[0].message
    assert found[0].element == "A"
    assert found[0].line == data.decode().split("<bpmn:userTask")[0].count("\n") + 1


UNSUPPORTED = [
    '<bpmn:scriptTask id="X"/>',
    '<bpmn:task id="X"/>',
    '<bpmn:adHocSubProcess id="X"/>',
    '<bpmn:transaction id="X"/>',
    '<bpmn:complexGateway id="X"/>',
    '<bpmn:dataObjectReference id="X"/>',
    "<camunda:thing xmlns:camunda='http://camunda.org/schema/1.0/bpmn' id='X'/>",
]


@pytest.mark.parametrize("element", UNSUPPORTED)
@pytest.mark.urs("URS-MRC-040")
def test_what_is_not_executed_is_refused_with_place_and_remedy(element: str) -> None:
    found = findings(bpmn(process("OP", *PLAIN, element, flows=CHAIN)))
    unconnected = {"flow.entering", "flow.leaving", "flow.unreachable", "flow.endless"}
    assert [f.code for f in found if f.code not in unconnected] == ["bpmn.unsupported"]
    assert all(finding.line > 0 and finding.remedy for finding in found)


@pytest.mark.parametrize(
    "wrong",
    [
        '<bpmn:userTask id="A" isForCompensation="true">'
        + extension(step("A"))
        + "</bpmn:userTask>",
        '<bpmn:userTask id="A" implementation="x">' + extension(step("A")) + "</bpmn:userTask>",
        '<bpmn:userTask id="A" xmlns:c="urn:c" c:form="x">'
        + extension(step("A"))
        + "</bpmn:userTask>",
        '<bpmn:userTask id="A">'
        + extension(step("A"))
        + '<bpmn:standardLoopCharacteristics loopMaximum="3"/></bpmn:userTask>',
        '<bpmn:userTask id="A">' + extension(step("A") + step("A")) + "</bpmn:userTask>",
        '<bpmn:userTask id="A">' + extension(step("A") + "<x xmlns='urn:x'/>") + "</bpmn:userTask>",
        '<bpmn:userTask id="A">' + extension('<bw:level isa88="operation"/>') + "</bpmn:userTask>",
        '<bpmn:userTask id="A"/>',
        *(
            '<bpmn:userTask id="A">' + extension(step("A")) + f"<bpmn:{ignored}/></bpmn:userTask>"
            for ignored in ("performer", "humanPerformer", "potentialOwner", "resourceRole")
        ),
        '<bpmn:userTask id="A">' + extension(step("A")) + "stray words</bpmn:userTask>",
        '<bpmn:userTask id="A">'
        + extension(step("A"))
        + "<bpmn:incoming>elsewhere</bpmn:incoming></bpmn:userTask>",
    ],
)
@pytest.mark.urs("URS-MRC-040")
def test_nothing_on_a_task_is_silently_ignored(wrong: str) -> None:
    assert codes(bpmn(process("OP", start(), wrong, end(), flows=CHAIN)))


def test_every_mistake_is_listed_in_the_order_of_the_file() -> None:
    wrong = step("B", '<bw:parameter code="x" dataType="decimal" unit="stone"/>', kind="entry")
    data = bpmn(
        process(
            "OP",
            start(),
            task("A", step("A", kind="weigh", role="PILOT")),
            task("B", wrong),
            end(),
            flows=["start > A > B > end", flow("start", "B")],
        )
    )
    found = findings(data)
    assert {"step.role", "step.kind", "unit.unknown", "parameter.decimals", "flow.leaving"} <= {
        finding.code for finding in found
    }
    assert [finding.line for finding in found] == sorted(finding.line for finding in found)
    assert all(finding.remedy for finding in found)


def test_an_id_used_twice_is_refused() -> None:
    data = bpmn(process("OP", *PLAIN, task("A", step("A2")), flows=CHAIN))
    assert "bpmn.id" in codes(data)


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ((process("OP", *PLAIN, flows=CHAIN, header=""),), "header.count"),
        ((process("OP", *PLAIN, flows=CHAIN, entry=False),), "level.entry"),
        ((process("OP", *PLAIN, flows=CHAIN).replace("true", "false", 1),), "process.executable"),
        ((process("OP", *PLAIN, flows=CHAIN).replace("<bw:level", "<bw:lever"),), "level.missing"),
        ((), "header.count"),
    ],
)
def test_header_entry_and_level_are_needed_once(parts: tuple[str, ...], code: str) -> None:
    assert code in codes(bpmn(*parts))


def test_a_file_is_read_as_an_editor_saves_it() -> None:
    data = (Path(__file__).parent / "models" / "editor_export.bpmn").read_bytes()
    level = import_procedure(data).procedure.level("Dry")
    assert [flow.id for flow in level.outgoing("Choice")] == ["Flow_4", "Flow_5"]
    assert level.boundaries("Task_Dry")[0].name == "too hot"
    shapes = data.replace(b'x="150"', b'x="170"')
    assert import_procedure(shapes).content_digest == import_procedure(data).content_digest
    broken = data.replace(b"<bpmn2:incoming>Flow_5<", b"<bpmn2:incoming>Flow_9<")
    assert codes(broken) == ["flow.reference"]


def imported(*nodes: str, comment: str = "") -> Imported:
    return import_procedure(bpmn(process("OP", *nodes, flows=CHAIN)) + comment.encode())


def test_layout_changes_the_file_digest_only() -> None:
    first, second = imported(*PLAIN), imported(*PLAIN, comment="<!-- moved a shape -->")
    assert first.file_digest != second.file_digest
    assert first.content_digest == second.content_digest


def test_any_change_of_content_changes_the_content_digest() -> None:
    limits = [
        '<bw:parameter code="x" dataType="decimal" unit="%" decimals="1">'
        f'<bw:limit tier="action" high="{high}"/></bw:parameter>'
        for high in ("2.5", "2.50", "2.8")
    ]
    digests = {
        imported(start(), task("A", step("A", limit, kind="entry")), end()).content_digest
        for limit in limits
    }
    assert len(digests) == 3


def test_the_content_digest_of_a_known_file_stays() -> None:
    """A change here breaks every stored approval: the canonical form must not change."""
    assert (
        imported(*PLAIN).content_digest
        == "8bff5a8d208812e918bb4fd0f1a0c89ddbeb87a4a6e81607146128fb550ba588"
    )
