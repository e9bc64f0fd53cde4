"""Weigh and dispense: scan, choose the scale, tare, fill into the band, take, sign (W19).

One hand and no typing: every value comes from a label or the scale. The page leads through four
places; what it takes goes into the form of the step, which records and signs like any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for

from core.errors import Refusal
from core.house import moment
from ebr import queries as records
from ebr.commands.steps import StepReference
from ebr.context import StepContext
from ebr.errors import NoSuchStep
from ebr.kinds.base import UnitChoice, kind_of
from ebr.opening import context_of
from hardware import queries as plant
from hardware.models import Reading
from inventory import queries as stock
from inventory import rules, weighing
from inventory.commands import scales
from inventory.weighing import Next
from web import identity, live, stepviews
from web.access import needs
from web.errors import Problem, of_refusal
from web.i18n import gettext as _
from web.performing import perform
from web.signing import Page, go_on
from workflows.step import in_language
from workflows.words import StepKind

bp = Blueprint("weighing", __name__)
WIDTH = 1000
ROOM = Decimal(3)
"""The band takes the middle third of the drawing: as much room below and above it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Where the tolerance band is drawn, and the numbers that the browser judges with."""

    low: Decimal
    high: Decimal
    target: Decimal
    start: Decimal
    end: Decimal

    @classmethod
    def around(cls, target: Decimal, low: Decimal, high: Decimal) -> Band:
        """A drawing with the band in its middle third."""
        width = (high - low) or Decimal(1)
        return cls(low=low, high=high, target=target, start=low - width, end=high + width)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeighPage:
    """Everything that the page shows; `net` is the tag of the weight that counts."""

    number: str
    stream: str
    title: str
    key: str
    occurrence: int
    revision: int
    name: str
    instruction: str
    state: str
    facts: Sequence[tuple[str, str]]
    blockers: Sequence[tuple[str, str]]
    scan: str
    expects: str
    source: Next | None
    material: str
    scale: str
    requirement: str
    choices: Sequence[UnitChoice]
    band: Band | None
    unit: str
    tags: Mapping[str, Any]
    net: str
    stable: str
    labels: Mapping[str, str]
    """What the weights are called, by code and by tag."""
    taken: Sequence[tuple[str, str, str]]
    containers: Sequence[tuple[int, str, str]]
    planned: str
    remaining: str


@contextmanager
def _opened(number: str, key: str, occurrence: int) -> Iterator[StepContext]:
    """The context of a weigh step for reading. Raises NoSuchRun, NoSuchStep."""
    with identity.house().reading() as session:
        run = records.run_of(session, number)
        found = records.steps_of_key(session, run, key)
        step = next((each for each in found if each.occurrence == occurrence), None)
        if step is None or step.kind != StepKind.WEIGH.value:
            raise NoSuchStep(
                _("%(number)s has no weigh step %(key)s now.", number=number, key=key),
                resolver=_("the steps before it"),
            )
        yield context_of(session, run, step, by=identity.actor(), at=moment(session).site)


@bp.get("/records/<number>/weigh/<key>/<int:occurrence>", endpoint="step")
@needs("record.read")
def weigh(number: str, key: str, occurrence: int) -> Page:
    """The places of the weighing; `scan` is the source container that was scanned."""
    with _opened(number, key, occurrence) as context:
        if context.step.state != "started":
            step = url_for("ebr.step", number=number, key=key, occurrence=occurrence)
            return redirect(step, 303)
        return _shown(context, request.args.get("scan", "").strip())


def _shown(
    context: StepContext,
    scan: str,
    taken: Mapping[str, Sequence[str]] | None = None,
    problem: Problem | None = None,
) -> Page:
    source, refused = None, problem
    if scan:
        try:
            source = _source(context, scan)
        except Refusal as refusal:
            # A scan that the rules refuse is an attempt, although the page only asks (URS-AUD-010).
            identity.house().keep_attempt(
                refusal, command="scan_source", record=context.run.stream, by=context.by
            )
            refused = refused or of_refusal(refusal)
    page = _page(context, scan, source, taken or {})
    text = render_template("weighing/step.html", it=page, problem=refused)
    return (text, refused.status) if refused else text


def _source(context: StepContext, scan: str) -> Next:
    """The checked source with its target on the scale that is bound."""
    container = weighing.source_of(context, scan)
    unit = _scale_of(context)
    if unit is None:
        readability = Decimal("0.001")
    else:
        readability = weighing.readability_of(context.session, unit)
    return weighing.next_container(context, container, readability)


def _scale_of(context: StepContext) -> str | None:
    requirement = weighing.scale_of(context).requirement
    return records.bound_unit(context.session, context.run, requirement)


def _page(
    context: StepContext, scan: str, source: Next | None, taken: Mapping[str, Sequence[str]]
) -> WeighPage:
    form = kind_of(context.session, context.spec.kind).form(context)
    unit = _scale_of(context)
    tags = _tags(context, unit)
    material = stock.find_material(context.session, weighing.material_of(context).code)
    earlier = stock.containers_of_batch(context.session, context.run.number, step=context.spec.key)
    return WeighPage(
        number=context.run.number,
        stream=context.run.stream,
        title=context.run.title,
        key=context.step.key,
        occurrence=context.step.occurrence,
        revision=context.step.revision,
        name=context.spec.name,
        instruction=in_language(context.spec.instructions, context.run.language),
        state=context.step.state,
        facts=form.facts,
        blockers=stepviews.blockers(context, form),
        scan=scan,
        expects=form.scans[0].expects if form.scans else "",
        source=source,
        material=f"{material.code} {material.name}" if material else "",
        scale=unit or "",
        requirement=weighing.scale_of(context).requirement,
        choices=dict(form.units).get(weighing.scale_of(context).requirement, ()),
        band=_band(context, unit, source, form.target),
        unit="kg",
        tags=tags,
        net=_tag_name(context, "net", unit),
        stable=f"{unit}.{weighing.STABLE}" if unit else "",
        labels=_labels(context, unit),
        taken=_taken(context, taken),
        containers=[
            (each.number or 0, each.label, f"{each.net:f} kg")
            for each in earlier
            if each.net is not None
        ],
        planned=_planned(context),
        remaining=_remaining(source),
    )


def _planned(context: StepContext) -> str:
    text = weighing.material_of(context).containers
    found = context.number(text, None) if text else None
    return "" if found is None else f"{found:f}"


def _remaining(source: Next | None) -> str:
    return "" if source is None else f"{source.plan.target:f}"


def _band(
    context: StepContext, unit: str | None, source: Next | None, proposed: Decimal | None
) -> Band | None:
    target = source.plan.target if source else proposed
    tolerance = weighing.material_of(context).tolerance
    if target is None or unit is None or tolerance is None:
        return None
    readability = weighing.readability_of(context.session, unit)
    low, high = rules.band(target, tolerance, readability)
    return Band.around(target, low, high)


def _tag_name(context: StepContext, code: str, unit: str | None) -> str:
    for parameter in context.spec.parameters:
        if parameter.code == code and parameter.source and unit:
            return f"{unit}.{parameter.source.partition('.')[2]}"
    return ""


def _tags(context: StepContext, unit: str | None) -> dict[str, Any]:
    """Live values of the scale by tag: what the parameters come from, and whether it is at rest."""
    if unit is None:
        return {}
    known = {tag.key for tag in plant.tags(context.session, unit=unit)}
    wanted = [_tag_name(context, code, unit) for code in ("net", "tare", "gross")]
    wanted.append(f"{unit}.{weighing.STABLE}")
    shown = [tag for tag in wanted if tag in known]
    now = plant.current_of(context.session, shown)
    return {tag: live.tag_view(now[tag]) for tag in shown}


def _labels(context: StepContext, unit: str | None) -> dict[str, str]:
    codes = stepviews.labels_of(context)
    tags = {_tag_name(context, code, unit): label for code, label in codes.items()}
    return codes | {tag: f"{label} · {tag}" for tag, label in tags.items() if tag}


def _taken(context: StepContext, taken: Mapping[str, Sequence[str]]) -> list[tuple[str, str, str]]:
    found = []
    for code, ids in taken.items():
        for each in ids:
            reading = context.session.get(Reading, UUID(each))
            if reading is not None:
                found.append((code, each, f"{reading.value_text} {reading.unit}"))
    return found


@bp.post("/records/<number>/weigh/<key>/<int:occurrence>/scale")
@needs("record.read")
def choose(number: str, key: str, occurrence: int) -> Page:
    """Use another scale; a refusal names every reason."""
    scan = request.form.get("scan", "").strip()
    with _opened(number, key, occurrence) as context:
        reference, by = _reference(context), identity.actor_as(context.spec.role)
    perform(
        scales.choose_scale,
        reference,
        request.form.get("unit", ""),
        source=scan or None,
        record=reference.record,
        by=by,
    )
    return go_on(url_for(".step", number=number, key=key, occurrence=occurrence, scan=scan or None))


@bp.post("/records/<number>/weigh/<key>/<int:occurrence>/take")
@needs("record.read")
def take(number: str, key: str, occurrence: int) -> Page:
    """Take net, tare and gross at once, at rest; then the weighing is signed."""
    scan = request.form.get("scan", "").strip()
    with _opened(number, key, occurrence) as context:
        reference, by = _reference(context), identity.actor_as(context.spec.role)
    try:
        taken = perform(
            scales.take_weight, reference, record=reference.record, by=by, tell=_as_text
        )
    except Refusal as refusal:
        with _opened(number, key, occurrence) as context:
            return _shown(context, scan, problem=of_refusal(refusal))
    with _opened(number, key, occurrence) as context:
        return _shown(context, scan, taken)


def _as_text(taken: Mapping[str, Sequence[UUID]]) -> dict[str, list[str]]:
    return {code: [str(each) for each in ids] for code, ids in taken.items()}


def _reference(context: StepContext) -> StepReference:
    return StepReference(
        record=context.run.stream, path=context.step.path, revision=context.step.revision
    )
