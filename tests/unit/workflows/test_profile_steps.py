"""The profile check of steps and headers: one wrong step for each rule, beside the right one."""

from __future__ import annotations

import pytest

from tests.support.bpmn import HEADER, RESULT, call, end, process, service, start, step, task
from tests.unit.workflows.test_profile import codes


def one_step(step_xml: str, *, automatic: bool = False, header: str = HEADER) -> set[str]:
    node = (service if automatic else task)("A", step_xml)
    return codes(process("OP", start(), node, end(), flows="start > A > end", header=header))


DECIMAL = '<bw:parameter code="x" dataType="decimal" unit="kg" decimals="2" {}>{}</bw:parameter>'


def entry(attributes: str = "", limits: str = "", **kept: str) -> str:
    return step("A", DECIMAL.format(attributes, limits), kind="entry", **kept)


@pytest.mark.parametrize(
    ("code", "step_xml"),
    [
        ("parameter.critical", entry('critical="true"')),
        ("signature.critical", entry('critical="true"', mode="none")),
        ("limit.open", entry("", '<bw:limit tier="action"/>')),
        ("limit.range", entry("", '<bw:limit tier="action" low="2" high="1"/>')),
        ("limit.tier", entry("", '<bw:limit tier="alert" low="1"/>' * 2)),
        (
            "limit.order",
            entry("", '<bw:limit tier="action" high="2"/><bw:limit tier="alert" high="3"/>'),
        ),
        ("limit.target", entry('target="9"', '<bw:limit tier="action" high="2"/>')),
        ("expression.unit", entry("", '<bw:limit tier="action" high="2 s"/>')),
        ("expression.name", entry("", '<bw:limit tier="action" high="no.name"/>')),
        ("expression.value", entry("", '<bw:limit tier="action" high="1 kg / 0"/>')),
        ("parameter.expression", entry('origin="calculated"')),
        ("parameter.expression", entry('expression="1"')),
        ("parameter.order", entry('origin="calculated" expression="A.x * 2"')),
        ("parameter.source", entry('source="FBD.TI102"')),
        ("parameter.source", entry('trend="true"')),
        ("tag.unknown", entry('origin="device" source="FBD.TI102"')),
        ("parameter.replicates", entry('replicates="0"')),
        (
            "limit.type",
            step("A", '<bw:parameter code="t" dataType="text" target="1"/>', kind="entry"),
        ),
        (
            "parameter.choices",
            step("A", '<bw:parameter code="c" dataType="choice"/>', kind="entry"),
        ),
        (
            "step.code",
            step("A", '<bw:parameter code="c" dataType="text"/>' * 2, kind="entry"),
        ),
        (
            "step.code",
            step("A", '<bw:parameter code="round" dataType="text"/>', kind="entry"),
        ),
        ("step.role", step("A", role="PILOT")),
        ("step.role", step("A", role="ADMIN")),
        ("step.key", step("batch")),
        ("signature.mode", step("A", mode="automatic_confirmed")),
        (
            "signature.verifier",
            step("A", signature='<bw:signature mode="performed" verifierRole="OP"/>'),
        ),
        (
            "signature.meaning",
            step("A", signature='<bw:signature mode="performed" meaning="applauded"/>'),
        ),
        (
            "material.fate",
            step(
                "A",
                '<bw:material code="1" quantity="1" unit="1" portion="lost"/>',
                kind="reconcile",
            ),
        ),
        ("timing.order", step("A", '<bw:timing minimum="PT2H" maximum="PT1H"/>')),
        ("timer.text", step("A", '<bw:timing minimum="PT0S"/>')),
        ("timer.text", step("A", '<bw:interval after="Z" minimum="PT0S"/>')),
        ("interval.step", step("A", '<bw:interval after="Z" minimum="PT1H"/>')),
        ("interval.step", step("A", '<bw:interval after="A" minimum="PT1H"/>')),
        ("interval.empty", step("A", '<bw:interval after="Z"/>')),
        ("interval.twice", step("A", '<bw:interval after="Z" minimum="PT1H"/>' * 2)),
        ("interval.name", step("A", f'<bw:interval after="{"Z" * 40}" maximum="PT1H"/>')),
        (
            "timing.order",
            step("A", '<bw:interval after="Z" minimum="PT2H" maximum="PT1H"/>'),
        ),
        ("hold.limit", step("A", '<bw:hold name="wet" act="starts"/>')),
        ("hold.start", step("A", '<bw:hold name="wet" act="ends"/>')),
        ("equipment.unknown", step("A", '<bw:equipment requirement="GRA"/>')),
        (
            "set_point.range",
            step(
                "A",
                '<bw:setPoint tag="X.Y" value="90" unit="Cel" tolerance="1" low="20" high="80"/>',
                kind="write",
            ),
        ),
        ("material.source", step("A", '<bw:material code="1" weighedAt="D040"/>', kind="charge")),
        ("unit.unknown", step("A", '<bw:sample plan="p" quantity="1" unit="lb"/>', kind="sample")),
        ("step.automatic", step("A", RESULT, kind="calculation")),
        (
            "ipc.sample",
            step(
                "A",
                '<bw:parameter code="t" dataType="text"/>'
                '<bw:ipc method="m" specimens="1" sampledAt="Z"/>',
                kind="ipc",
            ),
        ),
    ],
)
@pytest.mark.urs("URS-MRC-030")
def test_a_wrong_step_is_refused(code: str, step_xml: str) -> None:
    assert code in one_step(step_xml)


KINDS = "entry series checklist bind weigh charge read write wait verify clearance sample ipc"


@pytest.mark.parametrize(
    "kind", [*KINDS.split(), *"yield reconcile disposition label photo hold_time".split()]
)
def test_a_step_must_hold_what_its_kind_needs(kind: str) -> None:
    assert "step.kind" in one_step(step("A", kind=kind))


def test_an_automatic_step_is_confirmed_or_unsigned() -> None:
    plain = '<bw:timing minimum="PT5M"/>'
    good = step("A", plain, kind="wait", mode="automatic_confirmed")
    assert one_step(good, automatic=True) == set()
    bad = step("A", plain, kind="wait", mode="performed")
    assert "signature.mode" in one_step(bad, automatic=True)


EQUIPPED = (
    '<bw:recipe code="T-1" title="T" category="procedure">'
    '<bw:equipmentRequirement key="FBD" class="dryer"><bw:tag name="TI102" unit="Cel"/>'
    '<bw:tag name="TC103" unit="Cel" writable="true"/></bw:equipmentRequirement></bw:recipe>'
)


def point(tag: str, unit: str = "Cel") -> str:
    content = (
        f'<bw:setPoint tag="{tag}" value="60.0" unit="{unit}" tolerance="0.5" low="20" high="80"/>'
    )
    return step("A", content, kind="write")


def test_tags_are_declared_writable_and_of_the_unit() -> None:
    assert one_step(point("FBD.TC103"), header=EQUIPPED) == set()
    assert "tag.writable" in one_step(point("FBD.TI102"), header=EQUIPPED)
    assert "tag.unknown" in one_step(point("FBD.TI999"), header=EQUIPPED)
    assert "tag.unit" in one_step(point("FBD.TC103", "kg"), header=EQUIPPED)
    waiting = '<bw:waitFor><bw:condition expression="FBD.TI102 &gt;= 40.0 {}"/></bw:waitFor>'
    good = step("A", waiting.format("Cel"), kind="wait")
    assert one_step(good, header=EQUIPPED) == set()
    bad = step("A", waiting.format("kg"), kind="wait")
    assert "expression.unit" in one_step(bad, header=EQUIPPED)


MASTER = {
    "header.product": '<bw:product code="1" name="n" strength="500 mg" dosageForm="tablet"/>',
    "header.batch_size": '<bw:batchSize reference="100" minimum="60" maximum="120" unit="kg"/>',
    "header.ingredients": '<bw:ingredient key="a" code="1" name="n" function="f" quantity="1"'
    ' unit="kg"/>',
    "header.theories": '<bw:theory key="t" quantity="97" unit="kg"/>',
    "header.packaging": '<bw:packaging code="IBC" name="Bin"/>',
    "header.equipment": '<bw:equipmentRequirement key="GRA" class="granulator"/>',
    "header.precautions": '<bw:precaution lang="en">Earth it.</bw:precaution>',
}
SAMPLING = step("A", '<bw:sample plan="p" quantity="1" unit="g"/>', kind="sample")
YIELD = step(
    "B",
    '<bw:parameter code="y" dataType="decimal" unit="%" decimals="1" origin="calculated"'
    ' expression="97 %"><bw:label lang="en">Yield</bw:label>'
    '<bw:limit tier="action" low="96" high="101"/></bw:parameter>',
    kind="yield",
)


def master(missing: str, first: str = SAMPLING, second: str = YIELD) -> set[str]:
    content = "".join(part for code, part in MASTER.items() if code != missing)
    header = f'<bw:recipe code="R-1" title="T" category="master_recipe">{content}</bw:recipe>'
    unit = call("U", "UP"), call("O", "OPER")
    return codes(
        process("PROC", start(), unit[0], end(), flows="start > U > end", isa88="procedure",
                header=header),
        process("UP", start("s1"), unit[1], end("e1"), flows="s1 > O > e1",
                isa88="unit_procedure", entry=False),
        process("OPER", start("s2"), task("A", first), task("B", second), end("e2"),
                flows="s2 > A > B > e2", entry=False),
    )  # fmt: skip


@pytest.mark.urs("URS-MRC-030", "URS-MRC-080")
def test_a_complete_master_recipe_is_accepted() -> None:
    assert master("nothing") == set()


@pytest.mark.parametrize("missing", MASTER)
@pytest.mark.urs("URS-MRC-030")
def test_a_master_recipe_that_lacks_one_element_is_refused_with_its_code(missing: str) -> None:
    assert master(missing) == {missing}


@pytest.mark.urs("URS-MRC-030")
def test_a_master_recipe_needs_sampling_yield_limits_and_words_for_people() -> None:
    assert master("nothing", first=step("A")) == {"header.sampling"}
    assert master("nothing", second=step("B")) == {"header.yield_limits"}
    unlabelled = YIELD.replace('<bw:label lang="en">Yield</bw:label>', "")
    assert master("nothing", second=unlabelled) == {"text.label"}
