"""THE definition of the `bw:` elements, namespace ``urn:batchwright:recipe:1``.

The meaning of an attribute never changes within one namespace version; a changed meaning is a new
namespace. `python -m workflows.schema.generate` writes the XSD and the descriptor from it.
"""

from __future__ import annotations

from enum import StrEnum

from workflows import recipe, step, words
from workflows.schema import marks
from workflows.schema.grammar import Attribute, Child, Element, ValueType

NAMESPACE = "urn:batchwright:recipe:1"
PREFIX = "bw"
TASKS = ("UserTask", "ManualTask", "ServiceTask", "BusinessRuleTask")

T = ValueType


def _a(
    name: str,
    type_: ValueType | type[StrEnum],
    help_: str = "",
    *,
    field: str | None = None,
    required: bool = False,
) -> Attribute:
    """An attribute whose field is its name in snake case unless said."""
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
    return Attribute(name=name, type=type_, field=field or snake, required=required, help=help_)


def _need(
    name: str, type_: ValueType | type[StrEnum], help_: str = "", *, field: str | None = None
) -> Attribute:
    return _a(name, type_, help_, field=field, required=True)


def _phrase(name: str, help_: str) -> Element:
    lang = _need("lang", T.LANG)
    return Element(name=name, cls=step.Phrase, help=help_, attributes=(lang,), body="text")


def _many(element: str, field: str) -> Child:
    return Child(element=element, field=field, many=True)


PHRASES = (
    _phrase("label", "a name to show, in one language"),
    _phrase("instruction", "what to do, in one language"),
    _phrase("precaution", "a precaution of the whole recipe, in one language"),
)

HEADER = (
    Element(
        name="product",
        cls=recipe.Product,
        help="the product that the recipe makes",
        attributes=(
            _need("code", T.CODE),
            _need("name", T.TEXT),
            _need("strength", T.TEXT),
            _need("dosageForm", T.TEXT),
            _a("shelfLifeMonths", T.INTEGER),
        ),
    ),
    Element(
        name="batchSize",
        cls=recipe.BatchSize,
        help="reference batch size, allowed range, output at the reference size",
        attributes=(
            _need("reference", T.DECIMAL),
            _need("minimum", T.DECIMAL),
            _need("maximum", T.DECIMAL),
            _need("unit", T.UNIT),
            _a("output", T.DECIMAL),
            _a("outputUnit", T.UNIT),
        ),
    ),
    Element(
        name="ingredient",
        cls=recipe.Ingredient,
        help="one line of the formula, named formula.KEY in expressions; scales with batch size",
        attributes=(
            _need("key", T.ITEM),
            _need("code", T.CODE, "material code"),
            _need("name", T.TEXT),
            _need("function", T.TEXT),
            _need("quantity", T.DECIMAL, "for the reference batch size"),
            _need("unit", T.UNIT),
            _a("perUnit", T.DECIMAL, "mg per dosage unit, for the reader"),
            _a("tolerance", T.DECIMAL, "weighing tolerance in percent"),
            _a("potency", words.PotencyBasis),
            _a("compensates", T.BOOLEAN, "takes up the potency correction"),
            _a("usedAt", T.KEY, "key of the step that charges it"),
        ),
    ),
    Element(
        name="theory",
        cls=recipe.Theory,
        help="a theoretical yield, named theory.KEY in expressions; scales with batch size",
        attributes=(
            _need("key", T.ITEM),
            _need("quantity", T.DECIMAL),
            _need("unit", T.UNIT),
        ),
    ),
    Element(
        name="packaging",
        cls=recipe.Packaging,
        help="a container, closure or label that the recipe prescribes",
        attributes=(_need("code", T.CODE), _need("name", T.TEXT), _a("quantity", T.DECIMAL)),
    ),
    Element(
        name="capability",
        cls=recipe.Capability,
        help="the range of a bound unit must include [minimum, maximum]",
        attributes=(
            _need("name", T.KEY),
            _need("unit", T.UNIT),
            _a("minimum", T.DECIMAL),
            _a("maximum", T.DECIMAL),
            _a("scaled", T.BOOLEAN, "grows with the batch size"),
        ),
    ),
    Element(
        name="tag",
        cls=recipe.TagNeed,
        help="a tag that the bound unit must have, named REQUIREMENT.NAME in expressions",
        attributes=(
            _need("name", T.KEY),
            _a("dataType", words.DataType, "decimal unless said"),
            _a("unit", T.UNIT),
            _a("writable", T.BOOLEAN),
        ),
    ),
    Element(
        name="equipmentRequirement",
        cls=recipe.EquipmentRequirement,
        help="a unit that the recipe needs, by class and capability",
        attributes=(
            _need("key", T.KEY),
            _need("class", T.KEY, field="equipment_class"),
            _a("shared", T.BOOLEAN, "bound without being occupied"),
            _a("states", T.KEYS, "states it may be in when bound"),
            _a("calibrated", T.BOOLEAN),
        ),
        children=(
            _many("label", "labels"),
            _many("capability", "capabilities"),
            _many("tag", "tags"),
        ),
    ),
    Element(
        name="recipe",
        cls=recipe.Header,
        help="header, formula and equipment requirements; on the entry process only",
        within=("Process",),
        attributes=(
            _need("code", T.CODE),
            _need("title", T.TEXT),
            _need("category", words.Category),
            _a("language", T.LANG, "main language, en unless said"),
        ),
        children=(
            Child(element="product", field="product"),
            Child(element="batchSize", field="batch_size"),
            _many("ingredient", "ingredients"),
            _many("theory", "theories"),
            _many("packaging", "packaging"),
            _many("equipmentRequirement", "equipment"),
            _many("precaution", "precautions"),
        ),
    ),
)

PARAMETER = (
    Element(
        name="severity",
        cls=step.SeverityRule,
        help="a severity for one side of a limit, or while a condition is true; the first applies",
        attributes=(
            _need("level", words.Severity),
            _a("side", T.SIDE),
            _a("when", T.EXPRESSION),
        ),
    ),
    Element(
        name="limit",
        cls=step.Limit,
        help="one tier of limits, inclusive; leave low or high out for an open end",
        attributes=(
            _need("tier", words.Tier),
            _a("low", T.EXPRESSION),
            _a("high", T.EXPRESSION),
            _a("severity", words.Severity),
        ),
        children=(_many("severity", "severities"),),
    ),
    Element(
        name="choice",
        cls=step.Choice,
        help="one allowed value of a choice parameter",
        attributes=(
            _need("value", T.KEY),
            _a("accepted", T.BOOLEAN, "false raises the exception of an action limit"),
        ),
        children=(_many("label", "labels"),),
    ),
    Element(
        name="parameter",
        cls=step.Parameter,
        help="one value that the step records",
        attributes=(
            _need("code", T.KEY),
            _need("dataType", words.DataType),
            _a("unit", T.UNIT, "UCUM unit of a decimal"),
            _a("decimals", T.INTEGER),
            _a("origin", words.Origin, "manual unless said"),
            _a("required", T.BOOLEAN, "true unless said"),
            _a("critical", T.BOOLEAN, "CPP or CQA"),
            _a("source", T.TAG, "tag, REQUIREMENT.NAME"),
            _a("statistic", words.Statistic, "last unless said"),
            _a("window", T.DURATION, "of the last readings; the whole step unless said"),
            _a("maxAge", T.DURATION, "of the reading"),
            _a("trend", T.BOOLEAN, "the trend of the source goes into the record"),
            _a("replicates", T.INTEGER, "2 or more makes a list of values"),
            _a("target", T.EXPRESSION),
            _a("rounding", words.Rounding, "half_up unless said"),
            _a("expression", T.EXPRESSION, "the value of a calculated parameter"),
        ),
        children=(
            _many("label", "labels"),
            _many("limit", "limits"),
            _many("choice", "choices"),
        ),
    ),
)

RESOURCES = (
    Element(
        name="signature",
        cls=step.SignaturePolicy,
        help="who signs the step, with which meanings",
        attributes=(
            _need("mode", words.SignatureMode),
            _a("meaning", T.KEY),
            _a("verifierRole", T.KEY),
            _a("verifierMeaning", T.KEY),
            _a("approval", words.Approval, "one more signature after the step"),
        ),
    ),
    Element(
        name="material",
        cls=step.MaterialUse,
        help="a material that the step weighs, charges, draws or reconciles",
        attributes=(
            _need("code", T.CODE),
            _a("quantity", T.EXPRESSION),
            _a("unit", T.UNIT),
            _a("tolerance", T.DECIMAL, "percent of the target, per container"),
            _a("potency", words.PotencyBasis),
            _a("compensates", T.BOOLEAN),
            _a("containers", T.EXPRESSION, "how many are expected"),
            _a("portion", T.KEY, "tells separately labelled portions apart"),
            _a("weighedAt", T.KEY, "key of the weigh step whose containers are taken"),
        ),
    ),
    Element(
        name="equipment",
        cls=step.EquipmentUse,
        help="a unit that the step needs",
        attributes=(
            _need("requirement", T.KEY),
            _a("states", T.KEYS),
            _a("calibrated", T.BOOLEAN),
            _a("minimumLoad", T.BOOLEAN, "refuse a scale below its minimum net weight"),
        ),
    ),
    Element(
        name="phaseCommand",
        cls=step.PhaseCommand,
        help="an equipment phase that the step starts",
        attributes=(
            _need("tag", T.TAG),
            _need("state", T.TAG, "tag of the phase state"),
            _need("phase", T.INTEGER),
        ),
    ),
    Element(
        name="setPoint",
        cls=step.SetPoint,
        help="a value written to a tag and read back",
        attributes=(
            _need("tag", T.TAG),
            _need("value", T.EXPRESSION),
            _need("unit", T.UNIT),
            _need("tolerance", T.DECIMAL, "of the read-back"),
            _need("low", T.DECIMAL, "range that may be written"),
            _need("high", T.DECIMAL),
        ),
    ),
    Element(
        name="guard",
        cls=step.Guard,
        help="a set point or identity that must equal the approved baseline",
        attributes=(_need("tag", T.TAG), _a("tolerance", T.DECIMAL)),
    ),
)

TIMES = (
    Element(
        name="timing",
        cls=step.Timing,
        help="times of the step itself",
        attributes=(
            _a("minimum", T.DURATION),
            _a("maximum", T.DURATION),
            _a("expected", T.DURATION),
            _a("validFor", T.DURATION, "how long the result may be used"),
            _a("dueWithin", T.DURATION, "tolerance around a scheduled moment"),
            _a("atMaximum", words.AtMaximum),
            _a("severity", words.Severity, "when a time is broken"),
        ),
    ),
    Element(
        name="hold",
        cls=step.Hold,
        help="a named hold time that the step starts or ends",
        attributes=(
            _need("name", T.KEY),
            _need("act", words.HoldAct),
            _a("limit", T.DURATION),
            _a("severity", words.Severity),
            _a("requirement", T.KEY, "of an equipment hold (dirty, clean)"),
        ),
    ),
    Element(
        name="condition",
        cls=step.Condition,
        help="a condition that must hold without interruption for `sustained`",
        attributes=(_need("expression", T.EXPRESSION), _a("sustained", T.DURATION)),
    ),
    Element(
        name="waitFor",
        cls=step.WaitFor,
        help="what a wait step waits for",
        attributes=(_a("combine", words.Combine, "all unless said"),),
        children=(Child(element="condition", field="conditions", many=True, required=True),),
    ),
)

PLANS = (
    Element(
        name="picture",
        cls=step.Picture,
        help="a picture of the instruction",
        attributes=(_need("file", T.CODE), _need("sha256", T.SHA256)),
        children=(_many("label", "labels"),),
    ),
    Element(
        name="sample",
        cls=step.SamplePlan,
        help="what a sample step draws from each position",
        attributes=(
            _need("plan", T.KEY),
            _need("quantity", T.DECIMAL),
            _need("unit", T.UNIT),
            _a("positions", T.INTEGER),
            _a("pooled", T.BOOLEAN),
            _a("custody", T.KEY, "role that takes it over"),
        ),
    ),
    Element(
        name="ipc",
        cls=step.IpcPlan,
        help="what an in-process control examines",
        attributes=(
            _need("method", T.KEY),
            _need("specimens", T.INTEGER),
            _a("sampledAt", T.KEY, "key of the sample step"),
        ),
    ),
    Element(
        name="labelPrint",
        cls=step.LabelPrint,
        help="a label that the step prints",
        attributes=(_need("template", T.KEY), _a("copies", T.EXPRESSION)),
    ),
    Element(
        name="check",
        cls=step.CheckPoint,
        help="one point of a checklist, clearance or verification",
        attributes=(_need("code", T.KEY), _a("photo", T.BOOLEAN)),
        children=(_many("label", "labels"),),
    ),
    Element(
        name="exception",
        cls=step.ExceptionPolicy,
        help="the severity of what may go wrong besides a limit",
        attributes=(
            _need("occasion", words.Occasion),
            _need("severity", words.Severity),
            _a("after", T.DURATION),
            _a("count", T.INTEGER),
        ),
    ),
    Element(
        name="gate",
        cls=step.GateUse,
        help="a gate that must be open before the step may start",
        attributes=(_need("name", T.CODE),),
    ),
)

DECISION = (
    Element(
        name="output",
        cls=step.DecisionOutput,
        help="the value that a rule gives one calculated parameter of the step",
        attributes=(_need("parameter", T.KEY), _need("value", T.EXPRESSION)),
    ),
    Element(
        name="rule",
        cls=step.DecisionRule,
        help="one row of a decision table",
        attributes=(_need("when", T.EXPRESSION),),
        children=(Child(element="output", field="outputs", many=True, required=True),),
    ),
    Element(
        name="decision",
        cls=step.DecisionTable,
        help="the decision table of a business rule task",
        attributes=(
            _need("policy", words.HitPolicy),
            _a("aggregation", words.Aggregation, "with the policy collect"),
        ),
        children=(Child(element="rule", field="rules", many=True, required=True),),
    ),
)

STEP = Element(
    name="step",
    cls=step.Step,
    help="one ISA-88 phase; exactly one per task",
    within=TASKS,
    attributes=(
        _need("key", T.KEY),
        _need("kind", words.StepKind),
        _a("role", T.KEY, "who performs it; that of its lane unless said"),
        _a("critical", T.BOOLEAN),
        _a("sop", T.CODE),
        _a("room", T.CODE),
    ),
    children=(
        _many("instruction", "instructions"),
        _many("picture", "pictures"),
        Child(element="signature", field="signature", required=True),
        _many("parameter", "parameters"),
        _many("material", "materials"),
        _many("equipment", "equipment"),
        Child(element="timing", field="timing"),
        _many("hold", "holds"),
        Child(element="waitFor", field="wait_for"),
        Child(element="phaseCommand", field="phase_command"),
        _many("setPoint", "set_points"),
        _many("guard", "guards"),
        Child(element="sample", field="sample"),
        Child(element="ipc", field="ipc"),
        _many("labelPrint", "label_prints"),
        _many("check", "checks"),
        _many("exception", "exceptions"),
        _many("gate", "gates"),
        Child(element="decision", field="decision"),
    ),
)

MARKS = (
    Element(
        name="level",
        cls=marks.LevelMark,
        help="the ISA-88 level of a process; entry marks the one that runs first",
        within=("Process",),
        attributes=(_need("isa88", words.Isa88), _a("entry", T.BOOLEAN)),
    ),
    Element(
        name="rounds",
        cls=marks.RoundsMark,
        help="how many rounds at most, on a backward flow or on what repeats",
        within=("SequenceFlow", "CallActivity", "SubProcess", *TASKS),
        attributes=(_need("maximum", T.INTEGER),),
    ),
    Element(
        name="lane",
        cls=marks.LaneMark,
        help="the role that performs the steps of a lane",
        within=("Lane",),
        attributes=(_need("role", T.KEY),),
    ),
    Element(
        name="event",
        cls=marks.EventMark,
        help="severity and reach of an event",
        within=(
            "BoundaryEvent",
            "StartEvent",
            "EndEvent",
            "IntermediateCatchEvent",
            "IntermediateThrowEvent",
            "SendTask",
            "ReceiveTask",
        ),
        attributes=(
            _a("severity", words.Severity, "of the exception at a boundary or event subprocess"),
            _a("sustained", T.DURATION, "how long a condition must hold"),
            _a("plantWide", T.BOOLEAN, "a signal that reaches every run of the site"),
            _a("correlation", T.EXPRESSION, "the value that a message carries"),
        ),
    ),
)

ELEMENTS: dict[str, Element] = {
    element.name: element
    for element in (
        *PHRASES,
        *HEADER,
        *PARAMETER,
        *RESOURCES,
        *TIMES,
        *PLANS,
        *DECISION,
        STEP,
        *MARKS,
    )
}
