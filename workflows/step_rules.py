"""Rules of one step: what its kind needs, who signs, what it refers to (URS-MRC-030)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from personnel.rules import ALONE, Meaning, Role
from workflows.decision_rules import check_decision
from workflows.durations import BadDuration, duration
from workflows.findings import Report
from workflows.known import Known
from workflows.model import StepTask
from workflows.parameter_rules import check_parameter, check_tag, check_unit
from workflows.step import Interval, SetPoint, Step, Timing
from workflows.words import (
    DataType,
    HoldAct,
    Origin,
    SignatureMode,
    StepKind,
)

ROLES = frozenset(Role) - ALONE - {Role.AUTHOR}
"""Who may take a step: every role of the plant but authors, administrators and inspectors."""


FATES = ("used", "destroyed", "returned")
"""What becomes of pieces that were issued to a batch."""


MEANINGS = frozenset(Meaning) - {Meaning.AUTHORED, Meaning.UNDERTAKEN, Meaning.REJECTED}
"""What a signature of a step may say (URS-SIG-020)."""


def _has_result(step: Step) -> bool:
    return any(parameter.origin is Origin.CALCULATED for parameter in step.parameters)


def _typed(data_type: DataType) -> Callable[[Step], bool]:
    return lambda step: any(parameter.data_type is data_type for parameter in step.parameters)


NEEDS: Mapping[StepKind, tuple[Callable[[Step], bool], str]] = {
    StepKind.INSTRUCTION: (lambda s: bool(s.instructions), "an instruction"),
    StepKind.ENTRY: (lambda s: bool(s.parameters), "a parameter"),
    StepKind.SERIES: (
        lambda s: any(p.replicates > 1 for p in s.parameters),
        "a parameter with replicates",
    ),
    StepKind.CHECKLIST: (lambda s: bool(s.checks or s.parameters), "a check point"),
    StepKind.BIND: (lambda s: bool(s.equipment), "equipment to bind"),
    StepKind.WEIGH: (
        lambda s: bool(s.equipment) and all(m.quantity for m in s.materials) and bool(s.materials),
        "a material with quantity and a scale",
    ),
    StepKind.CHARGE: (lambda s: bool(s.materials or s.equipment), "a material or a unit"),
    StepKind.READ: (
        lambda s: (
            bool(s.guards) or any(p.source or p.origin is Origin.DEVICE for p in s.parameters)
        ),
        "a parameter with a source tag, or a guard",
    ),
    StepKind.WRITE: (lambda s: bool(s.set_points or s.phase_command), "a set point"),
    StepKind.WAIT: (
        lambda s: bool(s.wait_for or s.phase_command or (s.timing and s.timing.minimum)),
        "something to wait for, or a minimum time",
    ),
    StepKind.VERIFY: (lambda s: bool(s.checks or s.parameters), "a check point"),
    StepKind.CLEARANCE: (
        lambda s: bool(s.checks and s.timing and s.timing.valid_for),
        "check points and how long the clearance is valid",
    ),
    StepKind.SAMPLE: (lambda s: s.sample is not None, "a sampling plan"),
    StepKind.IPC: (lambda s: s.ipc is not None and bool(s.parameters), "a plan and a parameter"),
    StepKind.CALCULATION: (_has_result, "a calculated parameter"),
    StepKind.YIELD: (_has_result, "a calculated parameter"),
    StepKind.RECONCILE: (_has_result, "a calculated parameter"),
    StepKind.DISPOSITION: (_typed(DataType.CHOICE), "a choice to decide"),
    StepKind.LABEL: (lambda s: bool(s.label_prints), "a label to print"),
    StepKind.PHOTO: (_typed(DataType.PHOTO), "a photo parameter"),
    StepKind.HOLD_TIME: (lambda s: bool(s.holds), "a hold time"),
}


def check_step(known: Known, node: StepTask, report: Report) -> None:
    """All rules of one step."""
    step = node.step
    if step.kind is StepKind.CALCULATION and not node.step.automatic:
        message = "a calculation is no work of a person"
        report.add("step.automatic", node.id, message, "Draw a service task.")
    present, what = NEEDS[step.kind]
    if not present(step):
        report.add("step.kind", node.id, f"a step of kind {step.kind} needs {what}", "Add it.")
    if step.role not in ROLES:
        remedy = f"Use one of {', '.join(sorted(ROLES))}."
        report.add("step.role", node.id, f"{step.role} is no role", remedy)
    _check_signature(step, node.id, report)
    _check_times(step, node.id, report)
    _check_intervals(known, step, node.id, report)
    _check_materials(known, step, node.id, report)
    _check_machine(known, step, node.id, report)
    _check_plans(known, step, node.id, report)
    _check_codes(step, node.id, report)
    check_decision(step, node.id, report)
    for parameter in step.parameters:
        check_parameter(known, step, parameter, node.id, report)
    if known.master:
        _check_texts(known, step, node.id, report)


def _check_signature(step: Step, at: str, report: Report) -> None:
    policy = step.signature
    if step.automatic and policy.mode not in (
        SignatureMode.NONE,
        SignatureMode.AUTOMATIC_CONFIRMED,
    ):
        message = f"an automatic step is not signed as {policy.mode}"
        report.add("signature.mode", at, message, "Use none or automatic_confirmed.")
    if not step.automatic and policy.mode is SignatureMode.AUTOMATIC_CONFIRMED:
        message = "a person's step is not confirmed as automatic"
        report.add("signature.mode", at, message, "Draw a service task, or use performed.")
    verified = policy.mode is SignatureMode.PERFORMED_VERIFIED
    if (policy.verifier_role or policy.verifier_meaning) and not verified:
        message = "a verifier is named, but nobody verifies"
        report.add("signature.verifier", at, message, "Use performed_verified.")
    for meaning in (policy.meaning, policy.verifier_meaning):
        if meaning is not None and meaning not in MEANINGS:
            message = f"{meaning} is no meaning of a signature"
            remedy = f"Use one of {', '.join(sorted(MEANINGS))}."
            report.add("signature.meaning", at, message, remedy)
    if policy.verifier_role is not None and policy.verifier_role not in ROLES:
        report.add("step.role", at, f"{policy.verifier_role} is no role", "Name a role.")
    measured = any(p.critical and p.origin is not Origin.CALCULATED for p in step.parameters)
    unsigned = policy.mode is SignatureMode.NONE
    if unsigned and (step.critical or measured):
        message = "critical, yet nobody signs"
        report.add("signature.critical", at, message, "Choose a signature mode.")


def _check_times(step: Step, at: str, report: Report) -> None:
    timing = step.timing
    texts = (
        []
        if timing is None
        else [
            timing.minimum,
            timing.maximum,
            timing.expected,
            timing.valid_for,
            timing.due_within,
        ]
    )
    texts += [text for each in step.intervals for text in (each.minimum, each.maximum)]
    texts += [hold.limit for hold in step.holds] + [policy.after for policy in step.exceptions]
    if step.wait_for is not None:
        texts += [condition.sustained for condition in step.wait_for.conditions]
        for condition in step.wait_for.conditions:
            report.condition(condition.expression, at, "wait condition")
    good = True
    for text in texts:
        try:
            duration(text or "PT1S")
        except BadDuration as error:
            good = False
            report.add("timer.text", at, str(error), "Write a duration such as PT30M.")
    spans: list[Timing | Interval] = [*step.intervals, *([timing] if timing else [])]
    for span in spans if good else []:
        _check_order(span, at, report)
    for hold in step.holds:
        if (hold.limit is not None) is not (hold.act is HoldAct.STARTS):
            message = f"hold {hold.name}: a limit belongs where it starts, and only there"
            report.add("hold.limit", at, message, "Correct the hold.")


LONGEST_TIME = 40
"""Of the name of a time in the record."""


def _check_order(span: Timing | Interval, at: str, report: Report) -> None:
    if span.minimum and span.maximum and duration(span.minimum) > duration(span.maximum):
        message = "the minimum time is above the maximum time"
        report.add("timing.order", at, message, "Exchange them.")


def _check_intervals(known: Known, step: Step, at: str, report: Report) -> None:
    for interval in step.intervals:
        if interval.after not in known.steps or interval.after == step.key:
            message = f"the time counts from {interval.after}, which is no other step"
            report.add("interval.step", at, message, "Name the step that comes before.")
        if interval.minimum is None and interval.maximum is None:
            message = f"the time from {interval.after} is not limited"
            report.add("interval.empty", at, message, "Give a minimum or a maximum.")
        if len(interval.name_before(step.key)) > LONGEST_TIME:
            message = f"{interval.after} and {step.key} are too long for the name of a time"
            report.add("interval.name", at, message, "Use shorter keys.")
    for key, count in Counter((each.after, each.since) for each in step.intervals).items():
        if count > 1:
            message = f"the time from the {key[1]} of {key[0]} stands twice"
            report.add("interval.twice", at, message, "Give minimum and maximum together.")


def _check_materials(known: Known, step: Step, at: str, report: Report) -> None:
    for use in step.materials:
        if use.quantity is not None and check_unit(use.unit, at, report, needed=True):
            report.quantity(use.quantity, use.unit, at, f"quantity of {use.code}")
        if use.containers is not None:
            report.quantity(use.containers, None, at, f"containers of {use.code}")
        if use.weighed_at is not None:
            source = known.steps.get(use.weighed_at)
            codes = {m.code for m in source.materials} if source else set()
            if use.code not in codes:
                message = f"{use.code} is not weighed at {use.weighed_at}"
                report.add("material.source", at, message, "Name the step that weighs it.")
        if step.kind is StepKind.RECONCILE and use.portion not in FATES:
            message = f"{use.code}: what became of the pieces is not said"
            remedy = f"Name one of {', '.join(FATES)} as the portion."
            report.add("material.fate", at, message, remedy)
        if step.kind is StepKind.WEIGH and use.code not in known.formula:
            message = f"{use.code} is not in the formula"
            report.add("material.formula", at, message, "Add it to the formula.")


def _check_machine(known: Known, step: Step, at: str, report: Report) -> None:
    wanted = [use.requirement for use in step.equipment]
    wanted += [hold.requirement for hold in step.holds if hold.requirement is not None]
    for key in wanted:
        if key not in known.requirements:
            message = f"{key} is no equipment requirement of the recipe"
            report.add("equipment.unknown", at, message, "Declare it in the header.")
    for point in step.set_points:
        _check_set_point(known, point, at, report)
    if step.phase_command is not None:
        check_tag(known, step.phase_command.tag, at, report, writable=True)
        check_tag(known, step.phase_command.state, at, report)
    for guard in step.guards:
        check_tag(known, guard.tag, at, report)


def _check_set_point(known: Known, point: SetPoint, at: str, report: Report) -> None:
    check_tag(known, point.tag, at, report, writable=True, unit=point.unit)
    if not check_unit(point.unit, at, report, needed=True):
        return
    if point.low >= point.high:
        message = f"{point.tag}: the range that may be written is empty"
        report.add("set_point.range", at, message, "Correct low and high.")
    compiled = report.quantity(point.value, point.unit, at, f"set point of {point.tag}")
    if compiled is None or compiled.names:
        return
    value = compiled.evaluate({}).exact
    if value is not None and not point.low <= value <= point.high:
        message = f"{point.tag}: the set point lies outside the range that may be written"
        report.add("set_point.range", at, message, "Correct the value or the range.")


def _check_plans(known: Known, step: Step, at: str, report: Report) -> None:
    if step.sample is not None:
        check_unit(step.sample.unit, at, report, needed=True)
    if step.ipc is not None and step.ipc.sampled_at is not None:
        source = known.steps.get(step.ipc.sampled_at)
        if source is None or source.sample is None:
            message = f"{step.ipc.sampled_at} draws no sample"
            report.add("ipc.sample", at, message, "Name the sample step.")
    for label in step.label_prints:
        report.quantity(label.copies, None, at, "copies of the label")
    for hold in step.holds:
        if hold.act is HoldAct.ENDS and hold.name not in known.started_holds:
            message = f"hold {hold.name} ends here and starts nowhere"
            report.add("hold.start", at, message, "Start the hold time at an earlier step.")


def _check_codes(step: Step, at: str, report: Report) -> None:
    codes = Counter([p.code for p in step.parameters])
    codes.update(f"check point {check.code}" for check in step.checks)
    for code, count in codes.items():
        if count > 1:
            report.add("step.code", at, f"{code} stands twice", "Give each its own code.")
    for taken in ("round", "elapsed"):
        if taken in codes:
            message = f"{taken} already means something else behind a step key"
            report.add("step.code", at, message, "Choose another code.")


def _check_texts(known: Known, step: Step, at: str, report: Report) -> None:
    """A master recipe shows words to people, never codes."""
    lang = known.language
    if not step.name.strip():
        report.add("text.name", at, "the step has no name", "Name the task.")
    labelled = [(f"parameter {p.code}", p.labels) for p in step.parameters]
    labelled += [(f"check point {check.code}", check.labels) for check in step.checks]
    labelled += [
        (f"choice {choice.value}", choice.labels)
        for parameter in step.parameters
        for choice in parameter.choices
    ]
    for what, labels in labelled:
        if lang not in {phrase.lang for phrase in labels}:
            message = f"{what} has no label in {lang}"
            report.add("text.label", at, message, "Add a bw:label.")
