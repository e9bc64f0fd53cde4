"""One step of a recipe: the ISA-88 phase that a `bw:step` element describes, as frozen values.

Numbers are Decimal with the digits as written. A field named `*_expression`, a limit's `low` and
`high`, a quantity and a set point hold the text of an expression (`workflows.expressions`); a
plain number there counts in the unit that stands beside it. Durations are ISO 8601 text
(``PT30M``), see `workflows.durations`. A tag is named relative to an equipment requirement:
``FBD.TI102`` is TI102 of the unit bound to FBD.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from workflows.words import (
    Aggregation,
    Approval,
    AtMaximum,
    Combine,
    DataType,
    HitPolicy,
    HoldAct,
    Occasion,
    Origin,
    PotencyBasis,
    Rounding,
    Severity,
    SignatureMode,
    Since,
    Statistic,
    StepKind,
    Tier,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """Text in one language (BCP 47 tag)."""

    lang: str
    text: str


Text: TypeAlias = tuple[Phrase, ...]


def in_language(text: Text, lang: str) -> str:
    """The text in `lang`, else in its first language, else empty."""
    by_lang = {phrase.lang: phrase.text for phrase in text}
    return by_lang.get(lang) or (text[0].text if text else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeverityRule:
    """A severity that holds for one side of a limit only, or only while `when` is true."""

    level: Severity
    side: str = "both"
    when: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One tier of limits; `low` and `high` are inclusive expressions, either may be open (None).

    The first of `severities` that applies decides, else `severity`, else the tier's default
    (alert minor; action major, or critical for a critical parameter; registered critical).
    """

    tier: Tier
    low: str | None = None
    high: str | None = None
    severity: Severity | None = None
    severities: tuple[SeverityRule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One allowed value of a choice parameter; `accepted` False raises the action exception."""

    value: str
    accepted: bool = True
    labels: Text = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One value that a step records.

    `source` is the tag it is read from, `statistic` over the last `window` of the step (the whole
    step without window), refused when the tag's reading is older than `max_age`. `replicates` of
    2 or more makes a list (read it with mean, max, ... of its name). `critical` is CPP or CQA.
    `expression` gives the value of a calculated parameter; `rounding` to `decimals` comes before
    any comparison with limits.
    """

    code: str
    data_type: DataType
    labels: Text = ()
    unit: str | None = None
    decimals: int | None = None
    origin: Origin = Origin.MANUAL
    required: bool = True
    critical: bool = False
    source: str | None = None
    statistic: Statistic = Statistic.LAST
    window: str | None = None
    max_age: str | None = None
    trend: bool = False
    replicates: int = 1
    target: str | None = None
    rounding: Rounding = Rounding.HALF_UP
    expression: str | None = None
    limits: tuple[Limit, ...] = ()
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignaturePolicy:
    """Who signs, with which meanings; `approval` asks for one more signature after the step."""

    mode: SignatureMode
    meaning: str | None = None
    verifier_role: str | None = None
    verifier_meaning: str | None = None
    approval: Approval = Approval.NONE

    @property
    def signed_acts(self) -> int:
        """How many signatures one performance of the step takes."""
        acts = {SignatureMode.NONE: 0, SignatureMode.PERFORMED_VERIFIED: 2}.get(self.mode, 1)
        return acts + (self.approval is not Approval.NONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaterialUse:
    """A material that the step weighs, charges, draws or reconciles.

    `quantity` (in `unit`) may name formula items (``formula.100010``), which scale with the batch
    size. `tolerance` is in percent of the target, per container. `containers` is how many are
    expected. `portion` tells separately labelled portions of one material apart. `weighed_at` is
    the key of the weigh step whose containers a charge step takes, in document order.
    """

    code: str
    quantity: str | None = None
    unit: str | None = None
    tolerance: Decimal | None = None
    potency: PotencyBasis = PotencyBasis.NONE
    compensates: bool = False
    containers: str | None = None
    portion: str | None = None
    weighed_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EquipmentUse:
    """A unit that the step needs: bound to `requirement`, in one of `states`, calibrated.

    `minimum_load` refuses a scale whose minimum net weight is above the quantity to weigh.
    """

    requirement: str
    states: tuple[str, ...] = ()
    calibrated: bool = False
    minimum_load: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A named hold time that the step starts (with its limit) or ends."""

    name: str
    act: HoldAct
    limit: str | None = None
    severity: Severity | None = None
    requirement: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """The time from the end (or start) of the step `after` to the start of this one.

    It lasts `minimum` at least, `maximum` at most, as absolute lengths; the latest performance of
    that step in the own level counts before those of the levels around it.
    """

    after: str
    since: Since = Since.END
    minimum: str | None = None
    maximum: str | None = None
    severity: Severity | None = None

    def name_before(self, key: str) -> str:
        """What the record calls this time before the step of that key: ``G010_to_G020``."""
        start = "_start" if self.since is Since.START else ""
        return f"{self.after}{start}_to_{key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Times of the step itself; `due_within` is the tolerance around a scheduled moment."""

    minimum: str | None = None
    maximum: str | None = None
    expected: str | None = None
    valid_for: str | None = None
    due_within: str | None = None
    at_maximum: AtMaximum = AtMaximum.EXCEPTION
    severity: Severity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A condition that must hold without interruption for `sustained` (at once without it)."""

    expression: str
    sustained: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitFor:
    """What a wait step waits for; the step's minimum and maximum times hold besides."""

    combine: Combine = Combine.ALL
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseCommand:
    """An equipment phase that the step starts: ISA-88 numbers written to `tag`, read at `state`."""

    tag: str
    state: str
    phase: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPoint:
    """A value written to a tag, refused outside [low, high], read back within `tolerance`."""

    tag: str
    value: str
    unit: str
    tolerance: Decimal
    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """A set point or identity that must be as in the approved baseline, and stay so."""

    tag: str
    tolerance: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplePlan:
    """What a sample step draws: `quantity` in `unit` from each of `positions`, pooled or not."""

    plan: str
    quantity: Decimal
    unit: str
    positions: int = 1
    pooled: bool = False
    custody: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IpcPlan:
    """What an in-process control examines, by which method, on the sample of which step."""

    method: str
    specimens: int
    sampled_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelPrint:
    """A label that the step prints; `copies` is an expression."""

    template: str
    copies: str = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPoint:
    """One point of a checklist, clearance or verification."""

    code: str
    photo: bool = False
    labels: Text = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionPolicy:
    """The severity of what may go wrong at the step; `after` is a duration, `count` a number."""

    occasion: Occasion
    severity: Severity
    after: str | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture of the instruction, by file name and SHA-256 of its bytes."""

    file: str
    sha256: str
    labels: Text = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GateUse:
    """A gate of a higher package that must be open before the step may start."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionOutput:
    """The value, an expression, that a rule of a decision table gives one parameter."""

    parameter: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRule:
    """One row of a decision table: a condition and what it gives."""

    when: str
    outputs: tuple[DecisionOutput, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionTable:
    """A table that decides calculated parameters (`workflows.decisions`)."""

    policy: HitPolicy
    rules: tuple[DecisionRule, ...]
    aggregation: Aggregation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One ISA-88 phase: what is done, by whom, recorded how, signed by whom.

    `name` comes from the BPMN task; `automatic` is True on a service task: the equipment or the
    system performs it and `role` is the role that attends (and confirms) it.
    """

    key: str
    name: str
    kind: StepKind
    role: str
    signature: SignaturePolicy
    automatic: bool = False
    critical: bool = False
    sop: str | None = None
    room: str | None = None
    instructions: Text = ()
    pictures: tuple[Picture, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    materials: tuple[MaterialUse, ...] = ()
    equipment: tuple[EquipmentUse, ...] = ()
    timing: Timing | None = None
    holds: tuple[Hold, ...] = ()
    intervals: tuple[Interval, ...] = ()
    wait_for: WaitFor | None = None
    phase_command: PhaseCommand | None = None
    set_points: tuple[SetPoint, ...] = ()
    guards: tuple[Guard, ...] = ()
    sample: SamplePlan | None = None
    ipc: IpcPlan | None = None
    label_prints: tuple[LabelPrint, ...] = ()
    checks: tuple[CheckPoint, ...] = ()
    exceptions: tuple[ExceptionPolicy, ...] = ()
    gates: tuple[GateUse, ...] = ()
    decision: DecisionTable | None = None

    def parameter(self, code: str) -> Parameter:
        """The parameter with this code. Raises KeyError."""
        for parameter in self.parameters:
            if parameter.code == code:
                return parameter
        raise KeyError(code)
