"""Files of other tools: what they show, everything that is wrong, whatever is done to them."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.bpmn import (
    bpmn,
    call,
    end,
    exclusive,
    flow,
    parallel,
    process,
    start,
    step,
    task,
)
from workflows.errors import DefinitionRefused, Finding
from workflows.foreign.comparing import drawn_differences
from workflows.foreign.outline import Outline, outline_of
from workflows.importing import Reading, import_procedure, read_file
from workflows.safexml import MAX_ALL_ATTRIBUTES, MAX_ELEMENTS, read_xml
from workflows.textform import as_bytes, decoded

FOREIGN = Path(__file__).parent / "models" / "foreign"
FILES = {path.name: path.read_bytes() for path in sorted(FOREIGN.iterdir())}
SHIPPED = Path(__file__).parents[3] / "workflows" / "production" / "rec-0017-v3.bpmn"


def outline(name: str) -> Outline:
    return read_file(FILES[name]).outline


def codes(data: bytes) -> set[str]:
    return {finding.code for finding in read_file(data).findings}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.urs("URS-MRC-040")
def test_a_file_of_another_tool_shows_its_steps_and_everything_that_is_wrong(name: str) -> None:
    read = read_file(FILES[name])
    assert read.imported is None
    assert read.outline.parts
    assert all(finding.code and finding.message and finding.remedy for finding in read.findings)
    assert {"header.count", "level.missing"} <= {finding.code for finding in read.findings}
    drawn = {node.id for node in read.outline.nodes()}
    assert len(drawn) == sum(1 for _ in read.outline.nodes()), "nothing is shown twice"


def test_pools_lanes_messages_and_diagrams_are_shown() -> None:
    signavio = outline("signavio.bpmn")
    (part,) = signavio.parts
    assert (part.pool, part.lanes) == ("Packaging", ("Operator", "Quality"))
    assert {node.id: node.lane for node in part.nodes}["sid-T2"] == "Quality"
    zeebe = outline("zeebe.bpmn")
    assert [(m.source, m.target, m.name) for m in zeebe.messages] == [
        ("Send", "Pool_Lab", "Sample")
    ]
    assert zeebe.diagrams == (("Diagram_Collaboration_z", ""),)
    assert outline("flowable.bpmn20.xml").diagrams == ()
    assert [part.pool for part in outline("trisotech.bpmn").parts] == ["Cold store", "Carrier"]


def test_steps_stand_in_the_order_of_the_flow_whatever_the_order_of_the_file() -> None:
    (part,) = outline("camunda7.bpmn").parts
    assert [node.id for node in part.nodes] == [
        "Start", "Charge", "Mix", "Dry_enough", "End", "Report",
    ]  # fmt: skip
    (part,) = outline("bpmnio_colours.bpmn").parts
    assert [(node.id, node.depth) for node in part.nodes] == [
        ("Begin", 0), ("Wash", 0), ("Wash_start", 1), ("Rinse", 1), ("Wash_end", 1), ("Done", 0),
    ]  # fmt: skip
    (part,) = outline("zeebe.bpmn").parts
    shown = {node.id: (node.kind, node.details) for node in part.nodes}
    assert shown["Late"] == ("boundaryEvent", ("timer",))
    assert shown["Wait"] == ("receiveTask", ("repeated for each",))


def test_every_id_leads_to_a_shape() -> None:
    places = outline("zeebe.bpmn").places
    assert (places["EscDef"], places["TimerDef"]) == ("End_late", "Late")
    assert (places["Sampling"], places["Collaboration_z"]) == ("Pool_Plant", "Pool_Plant")


NODES = (start(), exclusive("G", default="G_A"), task("A"), exclusive("J"), task("B"), end())
FLOWS = ["start > G > A > J > B > end", flow("G", "J", "1 = 1")]
HOLE = "<bpmn:scriptTask id='B'/>"
COMPLEX = "<bpmn:complexGateway id='J'/>"
SINGLE: dict[str, Callable[[str], str]] = {
    "a header less": lambda t: t.replace("<bw:recipe", "<bw:recipes"),
    "an attribute": lambda t: t.replace('id="A"', 'id="A" x="1"', 1),
    "a level less": lambda t: t.replace("<bw:level", "<bw:lever"),
    "a script": lambda t: t.replace(task("B"), HOLE),
    "a default less": lambda t: t.replace(' default="G_A"', ""),
    "a wrong condition": lambda t: t.replace("1 = 1", "1 = kg"),
    "a wrong key": lambda t: t.replace('key="A"', 'key="A A"'),
    "an end less": lambda t: t.replace(end(), ""),
    "no way on": lambda t: t.replace('<bpmn:sequenceFlow id="J_B"', '<bpmn:association id="J_B"')
        .replace('targetRef="B"></bpmn:sequenceFlow>', 'targetRef="B"></bpmn:association>'),
    "a complex gateway": lambda t: t.replace(exclusive("J"), COMPLEX),
}  # fmt: skip


def sound() -> str:
    return bpmn(process("OP", *NODES, flows=FLOWS)).decode()


def kinds(findings: tuple[Finding, ...]) -> set[tuple[str, str]]:
    return {(finding.code, finding.element) for finding in findings}


def test_the_drawing_that_is_damaged_here_is_sound_before() -> None:
    assert import_procedure(sound().encode()).procedure.entry == "OP"


@pytest.mark.parametrize("name", SINGLE)
def test_each_damage_is_found_alone(name: str) -> None:
    damaged = SINGLE[name](sound())
    assert damaged != sound()
    assert read_file(damaged.encode()).findings


@pytest.mark.urs("URS-MRC-040")
@pytest.mark.parametrize("seed", range(12))
def test_no_mistake_hides_another(seed: int) -> None:
    """Several damages at once give the findings that each gives alone, at its own element."""
    chosen = random.Random(seed).sample(sorted(SINGLE), 4)
    together = sound()
    for name in chosen:
        together = SINGLE[name](together)
    found = kinds(read_file(together.encode()).findings)
    for name in chosen:
        own = {
            (code, element)
            for code, element in kinds(read_file(SINGLE[name](sound()).encode()).findings)
            # What a later damage replaces, or what follows from the place in the flow, may differ.
            if not code.startswith("flow.") and element not in {"B", "J"}
        }
        assert own <= found, name


def test_a_step_that_cannot_be_read_does_not_make_conditions_wrong_that_name_it() -> None:
    value = '<bw:parameter code="lod" dataType="decimal" unit="%" decimals="2"/>'
    good = bpmn(
        process(
            "OP", start(), task("A", step("A", value, kind="entry")),
            exclusive("G", default="G_end"), task("B"), end(), end("end2"),
            flows=["start > A > G > end", flow("G", "B", "A.lod > 2.5 %"), "B > end2"],
        )
    )  # fmt: skip
    assert read_file(good).imported is not None
    assert codes(good.replace(b'decimals="2"', b'decimals="two"')) == {"schema.invalid"}
    assert "expression.name" in codes(good.replace(b"A.lod", b"A.lost"))


def test_a_flow_into_nothing_does_not_hide_the_rest_of_the_level() -> None:
    flows = [*FLOWS, flow("B", "nowhere")]
    data = bpmn(process("OP", *NODES, flows=flows)).replace(b' default="G_A"', b"")
    assert {"flow.end", "gateway.default", "gateway.condition"} <= codes(data)


def test_processes_that_call_each_other_are_checked_without_header_and_entry() -> None:
    first = process("P1", start(), call("C", "P2"), end(), flows="start > C > end", header="")
    second = process(
        "P2", start("s"), parallel("F"), task("X"), task("Y"), end("e"),
        flows=["s > F > X > e", "F > Y > e"], entry=False,
    )  # fmt: skip
    found = codes(bpmn(first.replace(' entry="true"', ""), second))
    assert {"header.count", "level.entry", "flow.entering"} <= found
    assert "level.unused" not in found


def test_a_process_without_id_or_a_node_without_id_is_shown_and_named() -> None:
    data = sound().replace('process id="OP"', "process", 1).replace('id="A"', "", 1)
    read = read_file(data.encode())
    assert "bpmn.id" in {finding.code for finding in read.findings}
    assert len(list(read.outline.nodes())) == 6


def test_nothing_of_a_stand_in_is_told() -> None:
    told = " ".join(str(finding) for data in FILES.values() for finding in read_file(data).findings)
    assert "standin" not in told
    assert "process1" not in told


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"PK\x03\x04rest", "xml.packed"),
        (b"\x1f\x8b\x08rest", "xml.packed"),
        (b"BZh91AY", "xml.packed"),
        (b"\xff\xfe\x00\x00<\x00\x00\x00", "xml.encoding"),
        ('<?xml version="1.0" encoding="utf-8"?><a>ä</a>'.encode("latin-1"), "xml.encoding"),
        (b'<?xml version="1.0" encoding="windows-1252"?><a>\x81</a>', "xml.encoding"),
        (b'<?xml version="1.0" encoding="EBCDIC-CP-US"?><a/>', "xml.encoding"),
        (b"<?xml-stylesheet href='x'?><a/>", "xml.instruction"),
        (
            b'<a xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="/etc/passwd"/></a>',
            "xml.inclusion",
        ),
        (b"<a " + b" ".join(b'a%d=""' % n for n in range(101)) + b"/>", "xml.attributes"),
        (b"<a>" + b"<b/>" * MAX_ELEMENTS + b"</a>", "xml.elements"),
        (b"<x:a/>", "xml.malformed"),
        (b"<a x:b=''/>", "xml.malformed"),
        (b'<definitions xmlns="http://schema.omg.org/spec/BPMN/2.0"/>', "bpmn.root"),
    ],
)  # fmt: skip
@pytest.mark.urs("URS-MRC-090")
def test_a_file_that_is_not_safe_or_no_bpmn_is_refused_by_name(data: bytes, code: str) -> None:
    with pytest.raises(DefinitionRefused) as refused:
        read_file(data)
    assert [finding.code for finding in refused.value.findings] == [code]


def test_attributes_are_bounded_over_the_whole_file() -> None:
    each = b"<b " + b" ".join(b'a%d=""' % n for n in range(90)) + b"/>"
    data = b"<a>" + each * (MAX_ALL_ATTRIBUTES // 90 + 1) + b"</a>"
    with pytest.raises(DefinitionRefused, match=r"xml\.attributes"):
        read_xml(data)


HOSTILE = (
    '<!DOCTYPE d SYSTEM "http://127.0.0.1:{port}/d.dtd"><a/>',
    '<!DOCTYPE d [<!ENTITY e SYSTEM "http://127.0.0.1:{port}/e">]><a>&e;</a>',
    '<!DOCTYPE d [<!ENTITY % p SYSTEM "http://127.0.0.1:{port}/p">%p;]><a/>',
    '<a xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="http://127.0.0.1:{port}/i"/></a>',
    '<?xml-stylesheet href="http://127.0.0.1:{port}/s.xsl"?><a/>',
    '<a xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xsi:schemaLocation="urn:x http://127.0.0.1:{port}/x.xsd"/>',
    '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL">'
    '<import importType="http://www.w3.org/2001/XMLSchema" location="http://127.0.0.1:{port}/x"'
    ' namespace="urn:x"/></definitions>',
)


@pytest.mark.urs("URS-MRC-090")
def test_no_file_makes_us_open_a_connection() -> None:
    """A listener on this machine waits for what the files refer to, and nobody comes.

    The control: a client of the same process does come, so the listener would have seen it.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        port = listener.getsockname()[1]
        for text in HOSTILE:
            assert refused_or_read(text.replace("{port}", str(port)).encode()) is not None
        with pytest.raises(TimeoutError):
            listener.accept()
        with socket.create_connection(("127.0.0.1", port)):
            came, _address = listener.accept()
            came.close()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-16-le"])
def test_an_executable_file_runs_in_any_encoding(encoding: str) -> None:
    text = SHIPPED.read_text(encoding="utf-8").replace('encoding="UTF-8"', 'encoding="UTF-16"')
    data = text.encode(encoding)
    read = read_file(data)
    assert read.imported is not None
    assert read.imported.content_digest == import_procedure(SHIPPED.read_bytes()).content_digest
    assert as_bytes(decoded(data), read.file_digest) == data


def test_lines_count_as_in_the_file_whatever_stands_in_its_declaration() -> None:
    text = FILES["bizagi.bpmn"].decode().replace(' encoding="utf-8"', '\n encoding="utf-8"\n')
    first = next(f for f in read_file(text.encode()).findings if f.code == "process.executable")
    assert text.splitlines()[first.line - 1].strip().startswith("<process")


def test_differences_of_drawings_name_what_changed_and_no_layout() -> None:
    old = FILES["camunda7.bpmn"]
    new = (
        old.replace(b'x="240" y="78"', b'x="250" y="78"')
        .replace(b"Report to ERP", b"Tell ERP")
        .replace(b'label="Mass"', b'label="Net"')
        .replace(b'candidateGroups="production"', b'candidateGroups="plant"')
        .replace(b"<bpmn:endEvent", b'<bpmn:task id="New" name="Cool"/><bpmn:endEvent')
    )
    found = drawn_differences(read_file(old).outline, read_file(new).outline)
    assert [(line.element, line.field, line.change.value) for line in found] == [
        ("Charge", "attribute candidateGroups", "changed"),
        ("Charge", "extensions", "changed"),
        ("Report", "name", "changed"),
        ("New", "", "added"),
    ]
    back = drawn_differences(read_file(new).outline, read_file(old).outline)
    assert (back[-1].element, back[-1].change.value) == ("New", "removed")


def refused_or_read(data: bytes) -> Reading | DefinitionRefused:
    try:
        return read_file(data)
    except DefinitionRefused as refusal:
        return refusal


def mutations(seed: int, count: int) -> Iterator[bytes]:
    """Files damaged in the ways of editors, networks and people, from one seed."""
    chance = random.Random(seed)
    whole = [*FILES.values(), sound().encode()]
    parts = [part for data in whole for part in data.split(b"<")]
    for _ in range(count):
        data = chance.choice(whole)
        for _ in range(chance.randint(1, 6)):
            data = chance.choice(MUTATIONS)(chance, data, parts)
        yield data


def _cut(chance: random.Random, data: bytes, _parts: list[bytes]) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + data[at + chance.randint(0, 60) :]


def _swap_words(chance: random.Random, data: bytes, parts: list[bytes]) -> bytes:
    """One tag for another, so that the file mostly stays well formed."""
    old, new = (chance.choice(parts).split(b" ")[0].strip(b"/>") for _ in range(2))
    return data.replace(old, new) if old and new else data


def _insert(chance: random.Random, data: bytes, parts: list[bytes]) -> bytes:
    cut = data.split(b"<")
    cut.insert(chance.randrange(len(cut) + 1), chance.choice(parts))
    return b"<".join(cut)


def _drop(chance: random.Random, data: bytes, _parts: list[bytes]) -> bytes:
    cut = data.split(b"<")
    del cut[chance.randrange(len(cut))]
    return b"<".join(cut)


def _bytes(chance: random.Random, data: bytes, _parts: list[bytes]) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.randbytes(chance.randint(1, 8)) + data[at:]


def _value(chance: random.Random, data: bytes, _parts: list[bytes]) -> bytes:
    """One attribute gets the value of another one: ids twice, references to anything."""
    cut = data.split(b'"')
    if len(cut) > 4:
        old, new = (chance.randrange(len(cut) // 2) * 2 + 1 for _ in range(2))
        cut[old % len(cut)] = cut[new % len(cut)]
    return b'"'.join(cut)


def _wide(_chance: random.Random, data: bytes, _parts: list[bytes]) -> bytes:
    return data.decode("utf-8", errors="replace").encode("utf-16")


MUTATIONS = (_cut, _swap_words, _insert, _drop, _bytes, _value, _value, _value, _swap_words, _wide)


def fuzz(seed: int, count: int) -> tuple[int, int]:
    """How many became drafts and how many were refused; anything else raises."""
    drafts = 0
    for data in mutations(seed, count):
        outcome = refused_or_read(data)
        if isinstance(outcome, Reading):
            drafts += 1
            assert outcome.imported is not None or outcome.findings, data
            assert as_bytes(decoded(data), outcome.file_digest) == data
        else:
            assert outcome.findings, data
    return drafts, count - drafts


@pytest.mark.urs("URS-MRC-040", "URS-MRC-090")
def test_500_damaged_files_become_a_draft_or_a_refusal() -> None:
    drafts, refused = fuzz(seed=1, count=500)
    assert drafts > 50
    assert refused > 50


@pytest.mark.timeout(1800)
@pytest.mark.nightly
@pytest.mark.urs("URS-MRC-040", "URS-MRC-090")
def test_20000_damaged_files_become_a_draft_or_a_refusal() -> None:
    drafts, refused = fuzz(seed=random.SystemRandom().randrange(1 << 30), count=20_000)
    assert min(drafts, refused) > 1000


def test_an_empty_file_of_bpmn_is_a_draft_with_a_list() -> None:
    data = b'<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"/>'
    read = read_file(data)
    assert {finding.code for finding in read.findings} == {"header.count", "level.entry"}
    assert outline_of(read_xml(data)).parts == ()
