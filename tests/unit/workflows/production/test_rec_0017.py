"""REC-0017 as drawn: steps, signatures, limits and decisions are those of the plant's recipe."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path

import pytest

from ebr.rules import EvaluatedLimit, breach, severity_of, subjects_needed
from workflows.differences import Change, differences
from workflows.expressions.language import Outcome, compile, compile_condition
from workflows.expressions.types import UNKNOWN, Given
from workflows.importing import import_procedure
from workflows.model import BoundaryEvent, CallActivity, Level, Procedure, StepTask
from workflows.names import declared_names
from workflows.scaling import scaled_formula
from workflows.step import Limit, Parameter, Step
from workflows.words import Approval, Severity, SignatureMode, Tier

FOLDER = Path(__file__).parents[4] / "workflows" / "production"
MODES = {
    "-": SignatureMode.NONE,
    "P": SignatureMode.PERFORMED,
    "P+V": SignatureMode.PERFORMED_VERIFIED,
    "P+V, S": SignatureMode.PERFORMED_VERIFIED,
    "A+P": SignatureMode.AUTOMATIC_CONFIRMED,
    "S": SignatureMode.SUPERVISOR,
    "Q": SignatureMode.QUALITY,
}
# Step, kind, role and signature of every row of the plant's table, in its order.
TABLE = """
P010 checklist SU S     | P020 bind OP P          | P030 read OP -         | D010 clearance DI P+V
D020 read DI A+P        | D030 entry DI P         | D040 weigh DI P+V      | D050 calculation DI -
D060 weigh DI P+V       | D070 weigh DI P+V       | D080 weigh DI P+V      | D090 weigh DI P+V
D100 weigh DI P+V       | D110 weigh DI P+V       | D120 weigh DI P+V      | D130 reconcile DI P+V
D140 checklist WH P     | G010 clearance OP P+V   | G020 checklist OP P+V  | G030 charge OP P
G040 charge OP P+V      | G050 wait OP P          | G060 charge OP P+V     | G070 write OP P
G080 wait OP A+P        | G090 wait OP A+P        | G100 wait OP A+P       | G110 read OP P+V
G120 charge OP P+V, S   | G130 wait OP P          | G140 write OP P        | G150 wait OP A+P
G160 sample OP P        | G170 ipc QC P+V         | G180 wait OP A+P       | G190 wait OP -
B010 clearance OP P+V   | B012 entry OP P         | B014 yield OP P+V      | B020 charge OP P+V
B030 wait OP A+P        | B040 charge OP P+V      | B050 wait OP A+P       | B060 sample OP P+V
B070 ipc QC Q           | B080 yield OP P+V       | C010 clearance OP P+V  | C020 bind OP P+V
C030 entry OP P         | C040 charge OP P+V      | C050 write OP P        | C060 ipc OP P+V
C070 checklist SU S     | C080 wait OP A+P        | C090 ipc OP P          | C100 ipc QC P
C110 read OP -          | C120 ipc OP P+V, S      | C130 ipc OP P+V        | C140 label OP P+V
C150 sample OP P+V      | C160 yield OP P+V       | Z010 read OP -         | Z020 reconcile OP P+V
Z030 charge WH P        | Z040 verify SU S        | Z050 entry QC P
"""
ROWS = {
    key: (kind, role, sign.strip())
    for key, kind, role, sign in (
        row.split(maxsplit=3) for line in TABLE.splitlines() for row in line.split("|") if row
    )
}
# Four containers of the active and seven short controls; what a clean batch never needs is 0.
TIMES = {"D040": 4, "C090": 7, "G120": 0, "G180": 0, "C120": 0}
PRODUCTION_SOPS = {f"SOP-{number}" for number in (101, 112, 118, 130, 131, 140, 150, 180)}
KERN = {"REC-0017 v3", "SOP-112", "SOP-118", "SOP-130", "SOP-140", "SOP-150"}
PEOPLE = {
    "Kern": ({"OP"}, KERN),
    "Roth": ({"OP"}, KERN | {"SOP-101", "SOP-131"}),
    "Menon": ({"DI", "WH"}, {"REC-0017 v3", "SOP-101", "SOP-140", "SOP-180"}),
    "Vogel": ({"SU"}, PRODUCTION_SOPS),
    "Duarte": ({"QC"}, {"SOP-130", "SOP-131"}),
}


@cache
def recipe(version: int = 3) -> Procedure:
    """The recipe of that version, imported once."""
    data = (FOLDER / f"rec-0017-v{version}.bpmn").read_bytes()
    return import_procedure(data).procedure


def steps(version: int = 3) -> dict[str, Step]:
    """The steps by key."""
    return {step.key: step for step in recipe(version).steps()}


def of_the_way(level: Level) -> list[Step]:
    """The steps of a level that a batch can take without being broken off."""
    nodes = {node.id: node for node in level.nodes}
    beside = [n.id for n in level.nodes if isinstance(n, BoundaryEvent) and not n.interrupting]
    waiting, seen = [level.start.id, *beside], set[str]()
    while waiting:
        at = waiting.pop()
        if at not in seen:
            seen.add(at)
            waiting += [flow.target for flow in level.outgoing(at)]
    return [node.step for key in seen if isinstance(node := nodes[key], StepTask)]


def evaluate(text: str, values: dict[str, Given], unit: str | None = None) -> Outcome:
    """An expression of the recipe with these values; formula and size are those of 100 kg."""
    given = dict(scaled_formula(recipe().header, Decimal(100))) | values
    return compile(text, declared_names(recipe()), unit=unit).evaluate(given)


def calculated(key: str, code: str, values: dict[str, Given]) -> Decimal:
    """A calculated parameter, rounded as the recipe says."""
    parameter = steps()[key].parameter(code)
    outcome = evaluate(parameter.expression or "", values, parameter.unit)
    return outcome.rounded(parameter.decimals or 0, parameter.rounding)


def limit(key: str, code: str, tier: Tier, version: int = 3) -> Limit:
    """One tier of a parameter."""
    parameter = steps(version)[key].parameter(code)
    return next(found for found in parameter.limits if found.tier is tier)


def taken(gateway: str, values: dict[str, Given], version: int = 3) -> str:
    """Where an exclusive gateway leads with these values."""
    for level in recipe(version).levels:
        flows = [flow for flow in level.flows if flow.source == gateway]
        names = declared_names(recipe(version))
        for flow in flows:
            condition = flow.condition and compile_condition(flow.condition, names)
            if condition and condition.evaluate(values).value is True:
                return flow.target
        if flows:
            return next(flow.target for flow in flows if flow.condition is None)
    raise AssertionError(f"no gateway {gateway}")


@pytest.mark.urs("URS-MRC-030", "URS-MRC-040")
@pytest.mark.parametrize("version", [3, 4])
def test_the_recipe_is_imported_without_a_finding(version: int) -> None:
    assert recipe(version).header.code == "REC-0017"


@pytest.mark.urs("URS-MRC-080")
def test_every_step_of_the_plant_is_drawn_with_its_kind_role_and_signature() -> None:
    assert len(ROWS) == 67
    drawn = steps()
    for key, (kind, role, sign) in ROWS.items():
        step = drawn[key]
        assert (key, step.kind.value, step.role) == (key, kind, role)
        assert step.signature.mode is MODES[sign], key
        assert step.automatic is (sign in ("-", "A+P")), key
        assert step.signature.approval is (
            Approval.SUPERVISOR if sign.endswith(", S") else Approval.NONE
        )


def test_a_batch_that_is_not_broken_off_can_take_67_steps_and_no_other() -> None:
    ways = [step.key for level in recipe().levels for step in of_the_way(level)]
    assert Counter(ways) == Counter(ROWS.keys())
    assert set(steps()) - set(ROWS) == {"H150"}, "what over-temperature does before the hold"


@pytest.mark.urs("URS-SIG-010")
def test_a_clean_batch_has_102_signed_acts() -> None:
    modes: Counter[SignatureMode] = Counter()
    acts = 0
    for key, step in steps().items():
        times = TIMES.get(key, 1)
        modes[step.signature.mode] += times
        acts += times * step.signature.signed_acts
    assert acts == 102
    assert modes[SignatureMode.PERFORMED] == 22
    assert modes[SignatureMode.PERFORMED_VERIFIED] == 34
    assert modes[SignatureMode.AUTOMATIC_CONFIRMED] == 8
    assert modes[SignatureMode.SUPERVISOR] == 3
    assert modes[SignatureMode.QUALITY] == 1


@pytest.mark.urs("URS-IAM-110")
@pytest.mark.parametrize("key", sorted(ROWS))
def test_somebody_of_the_plant_is_qualified_for_each_step_and_another_can_verify(key: str) -> None:
    step = steps()[key]
    qualified = {
        name
        for name, (roles, subjects) in PEOPLE.items()
        for role in roles
        if set(subjects_needed(role, "REC-0017 v3", step.sop)) <= subjects
    }
    performers = {name for name in qualified if step.role in PEOPLE[name][0]}
    assert performers
    if step.signature.mode is SignatureMode.PERFORMED_VERIFIED:
        assert any(qualified - {performer} for performer in performers)


@pytest.mark.parametrize("version", [3, 4])
def test_what_people_read_is_there_in_both_languages(version: int) -> None:
    for step in steps(version).values():
        texts = [step.instructions, *(parameter.labels for parameter in step.parameters)]
        texts += [check.labels for check in step.checks]
        texts += [choice.labels for p in step.parameters for choice in p.choices]
        for text in texts:
            assert {phrase.lang for phrase in text} == {"en", "de"}, step.key


LIMITS = [
    ("D020", "temperature", Tier.ACTION, "15", "25"),
    ("D030", "balance_low", Tier.ACTION, "0.49995", "0.50005"),
    ("G080", "base_power", Tier.ACTION, "6.5", "9.5"),
    ("G090", "rate", Tier.ALERT, "3.7", "4.3"),
    ("G090", "rate", Tier.ACTION, "3.5", "4.5"),
    ("G100", "impeller", Tier.ACTION, "115", "125"),
    ("G110", "power", Tier.ACTION, "12.0", "16.0"),
    ("G150", "product", Tier.ACTION, None, "48"),
    ("G150", "inlet_low", Tier.ACTION, "55", None),
    ("G150", "inlet_high", Tier.ALERT, None, "63"),
    ("G150", "filter", Tier.ACTION, None, "2500"),
    ("G170", "mean", Tier.ALERT, "1.2", "2.2"),
    ("G170", "mean", Tier.ACTION, "1.0", "2.5"),
    ("G170", "difference", Tier.ACTION, None, "0.30"),
    ("B014", "percent", Tier.ACTION, "97.0", "101.0"),
    ("B030", "revolutions", Tier.ACTION, "114", "126"),
    ("B050", "revolutions", Tier.ACTION, "30", "42"),
    ("C080", "force", Tier.ALERT, "14", "22"),
    ("C090", "mass_mean", Tier.ACTION, "606.3", "643.7"),
    ("C090", "thickness", Tier.ACTION, "4.50", "4.90"),
    ("C100", "friability", Tier.REGISTERED, None, "1.0"),
    ("C110", "reject_share", Tier.ACTION, None, "2.0"),
    ("C130", "disintegration", Tier.ACTION, None, "10"),
    ("C160", "percent", Tier.ACTION, "96.0", "101.0"),
    ("C160", "accountability", Tier.ACTION, "99.0", "100.5"),
    ("Z050", "assay", Tier.REGISTERED, "95.0", "105.0"),
]


@pytest.mark.parametrize(("key", "code", "tier", "low", "high"), LIMITS)
def test_limits_are_those_of_the_plant(
    key: str, code: str, tier: Tier, low: str | None, high: str | None
) -> None:
    found = limit(key, code, tier)
    assert (found.low, found.high) == (low, high)


CRITICAL = {
    "D040": {"net"}, "D050": {"pure", "cellulose"}, "G090": {"total", "rate"},
    "G100": {"time", "impeller"}, "G110": {"power"}, "G150": {"product", "inlet_low", "inlet_high"},
    "G170": {"mean"}, "B050": {"revolutions"}, "B070": {"lod", "decision"}, "C080": {"force"},
    "C090": {"mass_mean", "beyond_5", "beyond_10"}, "C100": {"disintegration"},
}  # fmt: skip


@pytest.mark.parametrize("key", sorted(CRITICAL))
def test_what_the_plant_calls_critical_is_critical(key: str) -> None:
    assert {p.code for p in steps()[key].parameters if p.critical} == CRITICAL[key]


@pytest.mark.urs("URS-MAT-030")
@pytest.mark.parametrize(
    ("counted", "cellulose"),
    [
        (("25.00", "11.50", "22.00", "22.00"), "8.000"),
        (("24.99", "11.49", "22.01", "22.01"), "8.000"),
        (("81.21",), "7.290"),
        (("79.21",), "9.290"),
    ],
)
def test_cellulose_takes_up_what_the_potency_changes(
    counted: tuple[str, ...], cellulose: str
) -> None:
    given = [Decimal(text) for text in counted]
    found = calculated("D050", "cellulose", {"D040.counted[]": given})
    assert found == Decimal(cellulose)
    allowed = limit("D050", "cellulose", Tier.ACTION)
    low, high = (evaluate(end or "", {}, "kg").exact for end in (allowed.low, allowed.high))
    assert (low, high) == (Fraction("7.25"), Fraction("9.3"))


def test_the_compensation_is_unknown_while_a_container_has_no_value() -> None:
    expression = steps()["D050"].parameter("cellulose").expression or ""
    assert evaluate(expression, {"D040.counted[]": [Decimal(25), None]}, "kg").value is UNKNOWN


def test_weighing_ends_when_the_pure_active_is_within_tolerance() -> None:
    calls = [node for level in recipe().levels for node in level.nodes if node.id == "OP_WEIGH_API"]
    assert isinstance(calls[0], CallActivity)
    assert calls[0].loop is not None
    condition = compile_condition(calls[0].loop.completion or "", declared_names(recipe()))
    drawn = ["24.775450", "11.396707", "21.912088", "21.912088"]
    formula = dict(scaled_formula(recipe().header, Decimal(100)))
    ends = [
        condition.evaluate(
            {**formula, "D040.pure[]": [Decimal(text) for text in drawn[:count]]}
        ).value
        for count in range(1, 5)
    ]
    assert ends == [False, False, False, True]


@pytest.mark.urs("URS-MRC-070")
def test_quantities_follow_the_batch_size() -> None:
    formula = scaled_formula(recipe().header, Decimal(60))
    water = steps()["G030"].parameter("water").limits[0]
    low = compile(water.low or "", declared_names(recipe()), unit="kg").evaluate(dict(formula))
    assert low.exact == Decimal("10.098")
    assert formula["formula.magnesium_stearate"] == Decimal("0.6")


@pytest.mark.urs("URS-EXE-030")
@pytest.mark.parametrize(
    ("power", "waters", "target"),
    [
        ("12.0", 0, "G130"),
        ("16.0", 1, "G130"),
        ("11.9", 0, "G120"),
        ("11.9", 1, "END_POINT_MISSED"),
        ("16.1", 0, "END_POINT_MISSED"),
    ],
)
def test_the_end_point_decides_about_extra_water(power: str, waters: int, target: str) -> None:
    assert taken("XG1", {"G110.power": Decimal(power), "G120.round": waters}) == target


@pytest.mark.urs("URS-EXE-030")
@pytest.mark.parametrize(
    ("version", "mean", "round_", "target"),
    [
        (3, "2.50", 1, "G190"),
        (3, "0.90", 1, "G190"),
        (3, "2.51", 1, "G180"),
        (3, "2.70", 2, "G180"),
        (3, "2.51", 3, "DRYING_FAILED"),
        (4, "2.70", 1, "G190"),
        (4, "2.81", 1, "G180"),
    ],
)
def test_the_loss_on_drying_decides_about_another_round(
    version: int, mean: str, round_: int, target: str
) -> None:
    values: dict[str, Given] = {"G170.mean": Decimal(mean), "G170.round": round_}
    assert taken("XG2", values, version) == target


def severity(key: str, code: str, value: str, facts: dict[str, Given]) -> Severity | None:
    """The severity that a value of a parameter has, given these facts."""
    parameter: Parameter = steps()[key].parameter(code)
    tiers = [
        EvaluatedLimit(
            tier=rule.tier,
            low=None if rule.low is None else Decimal(rule.low),
            high=None if rule.high is None else Decimal(rule.high),
            rule=rule,
        )
        for rule in parameter.limits
    ]
    found = breach(tiers, Decimal(value))
    if found is None:
        return None
    names = declared_names(recipe())

    def is_true(text: str) -> bool | None:
        value = compile_condition(text, names).evaluate(facts).value
        return value if isinstance(value, bool) else None

    critical = parameter.critical or steps()[key].critical
    return severity_of(found, critical=critical, is_true=is_true)


@pytest.mark.urs("URS-DEV-010")
@pytest.mark.parametrize(
    ("key", "code", "value", "facts", "wanted"),
    [
        ("G170", "mean", "2.70", {"G180.round": 0}, Severity.INFORMATION),
        ("G170", "mean", "2.70", {"G180.round": 1}, Severity.INFORMATION),
        ("G170", "mean", "2.70", {"G180.round": 2}, Severity.CRITICAL),
        ("G170", "mean", "0.95", {"G180.round": 0}, Severity.MAJOR),
        ("G170", "mean", "2.30", {}, Severity.MINOR),
        ("G170", "mean", "2.20", {}, None),
        ("G170", "difference", "0.31", {}, Severity.MAJOR),
        ("G110", "power", "11.90", {"G120.round": 0}, Severity.INFORMATION),
        ("G110", "power", "11.90", {"G120.round": 1}, Severity.CRITICAL),
        ("G110", "power", "16.10", {"G120.round": 0}, Severity.CRITICAL),
        ("G150", "product", "48.1", {}, Severity.CRITICAL),
        ("G150", "air_low", "1699", {}, Severity.MAJOR),
        ("G150", "filter", "2001", {}, Severity.MINOR),
        ("B050", "revolutions", "43", {}, Severity.CRITICAL),
        ("C090", "mass_mean", "638.2", {}, Severity.MINOR),
        ("C090", "beyond_10", "1", {}, Severity.CRITICAL),
        ("C060", "mass_mean", "650.0", {"C060.round": 0}, Severity.INFORMATION),
        ("C060", "mass_mean", "650.0", {"C060.round": 2}, Severity.CRITICAL),
        ("C110", "reject_share", "2.01", {}, Severity.MAJOR),
    ],
)
def test_a_breach_has_the_severity_of_the_plant(
    key: str, code: str, value: str, facts: dict[str, Given], wanted: Severity | None
) -> None:
    assert severity(key, code, value, facts) is wanted


@pytest.mark.urs("URS-REC-050")
def test_the_yields_of_the_golden_batch() -> None:
    granules = calculated("B014", "percent", {"B014.actual": Decimal("96.21")})
    blend = calculated("B080", "percent", {"B080.actual": Decimal("99.10")})
    mass: dict[str, Given] = {"C140.net": Decimal("97.63"), "C140.mean_mass": Decimal("625.4")}
    tablets = calculated("C140", "tablets", mass)
    rest = {"rejects": "0.81", "samples": "0.33", "waste": "0.29"}
    values: dict[str, Given] = {f"C160.{code}": Decimal(text) for code, text in rest.items()}
    values |= mass | {"C140.tablets": tablets, "B080.actual": Decimal("99.10")}
    assert (granules, blend) == (Decimal("99.19"), Decimal("99.10"))
    assert tablets == 156108
    assert calculated("C160", "percent", values) == Decimal("97.57")
    assert calculated("C160", "accountability", values) == Decimal("99.96")


@pytest.mark.parametrize(
    ("change", "failures"),
    [
        ({}, 0),
        ({"appearance": "fails"}, 1),
        ({"mass_mean": Decimal("643.8")}, 1),
        ({"beyond_5": 3, "beyond_10": 1}, 1),
        ({"hardness[]": [Decimal(69)] * 10, "hardness_mean": Decimal(69)}, 1),
        ({"thickness[]": [Decimal("4.91")]}, 1),
        ({"friability": Decimal("0.81"), "disintegration": Decimal("10.1")}, 2),
    ],
)
def test_set_up_passes_only_with_every_criterion(change: dict[str, Given], failures: int) -> None:
    good: dict[str, Given] = {
        "appearance": "conforms", "mass_mean": Decimal("625.4"), "beyond_5": 2, "beyond_10": 0,
        "hardness[]": [Decimal(110)] * 10, "hardness_mean": Decimal(110),
        "thickness[]": [Decimal("4.70")] * 10, "friability": Decimal("0.3"), "broken": 0,
        "disintegration": Decimal("4.5"),
    }  # fmt: skip
    values: dict[str, Given] = {f"C060.{code}": value for code, value in (good | change).items()}
    assert calculated("C060", "failures", values) == failures
    after: dict[str, Given] = {"C060.failures": failures, "C060.round": 3}
    assert taken("XC1", after) == ("SET_UP_FAILED" if failures else "C070")


def test_seven_containers_are_charged_in_the_order_of_the_recipe() -> None:
    uses = steps()["G060"].materials
    order = [(use.code, use.portion, use.weighed_at) for use in uses]
    assert order == [
        ("100010", None, "D040"),
        ("200110", None, "D060"),
        ("200120", None, "D070"),
        ("200130", "inside", "D080"),
        ("100010", None, "D040"),
    ]
    four: dict[str, Given] = {"D040.net[]": [Decimal(20)] * 4}
    assert sum(evaluate(use.containers or "", four).exact or 0 for use in uses) == 7


@pytest.mark.urs("URS-EXE-070")
def test_hold_times_start_and_end_where_the_plant_says() -> None:
    found = {
        (hold.name, hold.act.value): (key, hold.limit)
        for key, step in steps().items()
        for hold in step.holds
    }
    assert found["dispensed_materials", "starts"] == ("D140", "PT72H")
    assert found["binder_solution", "starts"] == ("G050", "PT8H")
    assert found["wet_mass", "starts"] == ("G130", "PT30M")
    assert found["wet_mass", "ends"] == ("G150", None)
    assert found["granules", "starts"] == ("G190", "P7D")
    assert found["final_blend", "starts"] == ("B080", "P7D")
    assert found["final_blend", "ends"] == ("C040", None)
    assert found["bulk_tablets", "starts"] == ("Z030", "P180D")


@pytest.mark.urs("URS-PRO-050")
def test_set_points_stay_in_the_range_of_the_equipment() -> None:
    written = {
        point.tag: (point.value, point.unit, point.tolerance)
        for key in ("G070", "G140", "C050")
        for point in steps()[key].set_points
    }
    assert written["GRA.SC101"] == ("80", "/min", Decimal(2))
    assert written["FBD.TC103"] == ("60.0", "Cel", Decimal("0.5"))
    assert written["FBD.FC102"] == ("2000", "m3/h", Decimal(20))
    assert written["TAB.SC201"] == ("40.0", "/min", Decimal("0.5"))


def test_the_clearances_have_as_many_points_as_the_plant_asks() -> None:
    assert {key: len(steps()[key].checks) for key in ("D010", "G010", "B010", "C010")} == {
        "D010": 8, "G010": 9, "B010": 9, "C010": 10,
    }  # fmt: skip
    assert [check.photo for check in steps()["D010"].checks].count(True) == 1


@pytest.mark.urs("URS-MRC-020")
def test_version_4_is_version_3_with_another_limit_and_a_check_sieve() -> None:
    lines = differences(recipe(3), recipe(4))
    changed = {(line.before, line.after) for line in lines if line.change is Change.CHANGED}
    assert ("2.5", "2.8") in changed
    assert ("G170.mean <= 2.5 %", "G170.mean <= 2.8 %") in changed
    assert {line.step for line in lines} - {""} == {"G170", "B013"}
    assert limit("G170", "mean", Tier.ACTION, 4).high == "2.8"
