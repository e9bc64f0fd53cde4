"""The elements of a step: parameters, resources, times, plans, decision table."""

from __future__ import annotations

from workflows import step, words
from workflows.schema.grammar import Child, Element, many, may, must
from workflows.schema.grammar import ValueType as T

TASKS = ("UserTask", "ManualTask", "ServiceTask", "BusinessRuleTask")

PARAMETER = (
    Element(
        name="severity",
        cls=step.SeverityRule,
        help="a severity for one side of a limit, or while a condition is true; the first applies",
        attributes=(
            must("level", words.Severity),
            may("side", T.SIDE),
            may("when", T.EXPRESSION),
        ),
    ),
    Element(
        name="limit",
        cls=step.Limit,
        help="one tier of limits, inclusive; leave low or high out for an open end",
        attributes=(
            must("tier", words.Tier),
            may("low", T.EXPRESSION),
            may("high", T.EXPRESSION),
            may("severity", words.Severity),
        ),
        children=(many("severity", "severities"),),
    ),
    Element(
        name="choice",
        cls=step.Choice,
        help="one allowed value of a choice parameter",
        attributes=(
            must("value", T.KEY),
            may("accepted", T.BOOLEAN, "false raises the exception of an action limit"),
        ),
        children=(many("label", "labels"),),
    ),
    Element(
        name="parameter",
        cls=step.Parameter,
        help="one value that the step records",
        attributes=(
            must("code", T.KEY),
            must("dataType", words.DataType),
            may("unit", T.UNIT, "UCUM unit of a decimal"),
            may("decimals", T.INTEGER),
            may("origin", words.Origin, "manual unless said"),
            may("required", T.BOOLEAN, "true unless said"),
            may("critical", T.BOOLEAN, "CPP or CQA"),
            may("source", T.TAG, "tag, REQUIREMENT.NAME"),
            may("statistic", words.Statistic, "last unless said"),
            may("window", T.DURATION, "of the last readings; the whole step unless said"),
            may("maxAge", T.DURATION, "of the reading"),
            may("trend", T.BOOLEAN, "the trend of the source goes into the record"),
            may("replicates", T.INTEGER, "2 or more makes a list of values"),
            may("target", T.EXPRESSION),
            may("rounding", words.Rounding, "half_up unless said"),
            may("expression", T.EXPRESSION, "the value of a calculated parameter"),
        ),
        children=(
            many("label", "labels"),
            many("limit", "limits"),
            many("choice", "choices"),
        ),
    ),
)

RESOURCES = (
    Element(
        name="signature",
        cls=step.SignaturePolicy,
        help="who signs the step, with which meanings",
        attributes=(
            must("mode", words.SignatureMode),
            may("meaning", T.KEY),
            may("verifierRole", T.KEY),
            may("verifierMeaning", T.KEY),
            may("approval", words.Approval, "one more signature after the step"),
        ),
    ),
    Element(
        name="material",
        cls=step.MaterialUse,
        help="a material that the step weighs, charges, draws or reconciles",
        attributes=(
            must("code", T.CODE),
            may("quantity", T.EXPRESSION),
            may("unit", T.UNIT),
            may("tolerance", T.DECIMAL, "percent of the target, per container"),
            may("potency", words.PotencyBasis),
            may("compensates", T.BOOLEAN),
            may("containers", T.EXPRESSION, "how many are expected"),
            may("portion", T.KEY, "tells separately labelled portions apart"),
            may("weighedAt", T.KEY, "key of the weigh step whose containers are taken"),
        ),
    ),
    Element(
        name="equipment",
        cls=step.EquipmentUse,
        help="a unit that the step needs",
        attributes=(
            must("requirement", T.KEY),
            may("states", T.KEYS),
            may("calibrated", T.BOOLEAN),
            may("minimumLoad", T.BOOLEAN, "refuse a scale below its minimum net weight"),
        ),
    ),
    Element(
        name="phaseCommand",
        cls=step.PhaseCommand,
        help="an equipment phase that the step starts",
        attributes=(
            must("tag", T.TAG),
            must("state", T.TAG, "tag of the phase state"),
            must("phase", T.INTEGER),
        ),
    ),
    Element(
        name="setPoint",
        cls=step.SetPoint,
        help="a value written to a tag and read back",
        attributes=(
            must("tag", T.TAG),
            must("value", T.EXPRESSION),
            must("unit", T.UNIT),
            must("tolerance", T.DECIMAL, "of the read-back"),
            must("low", T.DECIMAL, "range that may be written"),
            must("high", T.DECIMAL),
        ),
    ),
    Element(
        name="guard",
        cls=step.Guard,
        help="a set point or identity that must equal the approved baseline",
        attributes=(must("tag", T.TAG), may("tolerance", T.DECIMAL)),
    ),
)

TIMES = (
    Element(
        name="timing",
        cls=step.Timing,
        help="times of the step itself",
        attributes=(
            may("minimum", T.DURATION),
            may("maximum", T.DURATION),
            may("expected", T.DURATION),
            may("validFor", T.DURATION, "how long the result may be used"),
            may("dueWithin", T.DURATION, "tolerance around a scheduled moment"),
            may("atMaximum", words.AtMaximum),
            may("severity", words.Severity, "when a time is broken"),
        ),
    ),
    Element(
        name="hold",
        cls=step.Hold,
        help="a named hold time that the step starts or ends",
        attributes=(
            must("name", T.KEY),
            must("act", words.HoldAct),
            may("limit", T.DURATION),
            may("severity", words.Severity),
            may("requirement", T.KEY, "of an equipment hold (dirty, clean)"),
        ),
    ),
    Element(
        name="interval",
        cls=step.Interval,
        help="the time between another step and the start of this one",
        attributes=(
            must("after", T.KEY, "key of the earlier step"),
            may("since", words.Since, "counts from its end unless said"),
            may("minimum", T.DURATION, "this step starts no earlier"),
            may("maximum", T.DURATION, "this step starts no later, else an exception"),
            may("severity", words.Severity, "when the maximum is passed"),
        ),
    ),
    Element(
        name="condition",
        cls=step.Condition,
        help="a condition that must hold without interruption for `sustained`",
        attributes=(must("expression", T.EXPRESSION), may("sustained", T.DURATION)),
    ),
    Element(
        name="waitFor",
        cls=step.WaitFor,
        help="what a wait step waits for",
        attributes=(may("combine", words.Combine, "all unless said"),),
        children=(Child(element="condition", field="conditions", many=True, required=True),),
    ),
)

PLANS = (
    Element(
        name="picture",
        cls=step.Picture,
        help="a picture of the instruction",
        attributes=(must("file", T.CODE), must("sha256", T.SHA256)),
        children=(many("label", "labels"),),
    ),
    Element(
        name="sample",
        cls=step.SamplePlan,
        help="what a sample step draws from each position",
        attributes=(
            must("plan", T.KEY),
            must("quantity", T.DECIMAL),
            must("unit", T.UNIT),
            may("positions", T.INTEGER),
            may("pooled", T.BOOLEAN),
            may("custody", T.KEY, "role that takes it over"),
        ),
    ),
    Element(
        name="ipc",
        cls=step.IpcPlan,
        help="what an in-process control examines",
        attributes=(
            must("method", T.KEY),
            must("specimens", T.INTEGER),
            may("sampledAt", T.KEY, "key of the sample step"),
        ),
    ),
    Element(
        name="labelPrint",
        cls=step.LabelPrint,
        help="a label that the step prints",
        attributes=(must("template", T.KEY), may("copies", T.EXPRESSION)),
    ),
    Element(
        name="check",
        cls=step.CheckPoint,
        help="one point of a checklist, clearance or verification",
        attributes=(must("code", T.KEY), may("photo", T.BOOLEAN)),
        children=(many("label", "labels"),),
    ),
    Element(
        name="exception",
        cls=step.ExceptionPolicy,
        help="the severity of what may go wrong besides a limit",
        attributes=(
            must("occasion", words.Occasion),
            must("severity", words.Severity),
            may("after", T.DURATION),
            may("count", T.INTEGER),
        ),
    ),
    Element(
        name="gate",
        cls=step.GateUse,
        help="a gate that must be open before the step may start",
        attributes=(must("name", T.CODE),),
    ),
)

DECISION = (
    Element(
        name="output",
        cls=step.DecisionOutput,
        help="the value that a rule gives one calculated parameter of the step",
        attributes=(must("parameter", T.KEY), must("value", T.EXPRESSION)),
    ),
    Element(
        name="rule",
        cls=step.DecisionRule,
        help="one row of a decision table",
        attributes=(must("when", T.EXPRESSION),),
        children=(Child(element="output", field="outputs", many=True, required=True),),
    ),
    Element(
        name="decision",
        cls=step.DecisionTable,
        help="the decision table of a business rule task",
        attributes=(
            must("policy", words.HitPolicy),
            may("aggregation", words.Aggregation, "with the policy collect"),
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
        must("key", T.KEY),
        must("kind", words.StepKind),
        may("role", T.KEY, "who performs it; that of its lane unless said"),
        may("critical", T.BOOLEAN),
        may("sop", T.CODE),
        may("room", T.CODE),
    ),
    children=(
        many("instruction", "instructions"),
        many("picture", "pictures"),
        Child(element="signature", field="signature", required=True),
        many("parameter", "parameters"),
        many("material", "materials"),
        many("equipment", "equipment"),
        Child(element="timing", field="timing"),
        many("hold", "holds"),
        many("interval", "intervals"),
        Child(element="waitFor", field="wait_for"),
        Child(element="phaseCommand", field="phase_command"),
        many("setPoint", "set_points"),
        many("guard", "guards"),
        Child(element="sample", field="sample"),
        Child(element="ipc", field="ipc"),
        many("labelPrint", "label_prints"),
        many("check", "checks"),
        many("exception", "exceptions"),
        many("gate", "gates"),
        Child(element="decision", field="decision"),
    ),
)
