"""Writing set points: asked for when the step starts, signed when all were read back.

The recipe is the only one that writes, within its limits; what the equipment shows afterwards is
compared, and a mismatch or silence raises an exception and never goes on by itself
(URS-PRO-050).
"""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy.orm import Session

from core.actors import Actor
from core.house import moment
from documents.units import symbol
from ebr import values
from ebr.context import StepContext, raise_exception
from ebr.entry import Entry
from ebr.errors import NotBound, WriteNotReported
from ebr.kinds.base import Form, Kind, resolve_tag
from ebr.models import Grade, ParameterValue
from ebr.opening import open_step
from hardware import commands as plant
from hardware import queries as plant_queries
from hardware.events import WriteReported
from hardware.models import WriteRequest
from hardware.words import WriteState
from workflows.step import SetPoint
from workflows.words import DataType, Occasion, Origin, Severity

SENDER = Actor.service("gateway", trigger="write result")


class Write(Kind):
    """Set points go to the equipment at the start; their read-back is what is signed."""

    def form(self, context: StepContext) -> Form:
        """Requested and read-back value of each set point."""
        return Form(facts=tuple(_fact(context, point) for point in context.spec.set_points))

    def start(self, context: StepContext) -> None:
        """Ask for every write. Raises WriteNotAllowed, NotBound: then nothing is sent."""
        request_set_points(context)

    def record(self, context: StepContext, entry: Entry) -> None:
        """Record what was asked and read back. Raises WriteNotReported while one is open."""
        for point in context.spec.set_points:
            _record_result(context, point)
        values.record(context, entry)


def request_set_points(context: StepContext) -> None:
    """One write request per set point; the key is the step, so a repetition sends nothing."""
    for point in context.spec.set_points:
        value = context.number(point.value, point.unit)
        if value is None:
            raise WriteNotReported(
                f"the set point of {point.tag} is not known", resolver="earlier steps"
            )
        plant.request_write(
            context.session,
            _tag(context, point.tag),
            value,
            key=key_of(context, point.tag),
            in_record=context.run.stream,
            step=context.step.path,
            tolerance=point.tolerance,
            by=context.by,
            at=context.at,
        )


def key_of(context: StepContext, tag: str) -> str:
    """The idempotency key of a write of this step."""
    return f"{context.run.stream}:{context.step.path}:{tag}"


def _tag(context: StepContext, source: str) -> str:
    tag = resolve_tag(context, source)
    if tag is None:
        raise NotBound(f"no unit is bound for {source}", resolver="the bind step")
    return tag


def _fact(context: StepContext, point: SetPoint) -> tuple[str, str]:
    request = plant_queries.write_by_key(context.session, key_of(context, point.tag))
    name = resolve_tag(context, point.tag) or point.tag
    if request is None:
        value = context.number(point.value, point.unit)
        return name, f"{_amount(value, point.unit)}, not sent yet"
    wanted, state = _amount(request.value, request.unit), request.state.lower()
    if request.read_back is None:
        return name, f"{wanted}, {state}"
    return name, f"{wanted}, read back {_amount(request.read_back, request.unit)} ({state})"


def _amount(value: Decimal | None, unit: str | None) -> str:
    shown = "-" if value is None else f"{value:f}"
    return f"{shown} {symbol(unit)}".strip()


def _record_result(context: StepContext, point: SetPoint) -> None:
    request = plant_queries.write_by_key(context.session, key_of(context, point.tag))
    if request is None or not WriteState(request.state).final:
        raise WriteNotReported(
            f"{point.tag}: the read-back is still to come", resolver="the gateway; maintenance"
        )
    context.session.add(_as_value(context, point, request))
    context.session.flush()


def _as_value(context: StepContext, point: SetPoint, request: WriteRequest) -> ParameterValue:
    shown: Decimal | None = request.read_back
    return ParameterValue(
        step_id=context.step.id,
        code=point.tag.partition(".")[2],
        position=0,
        revision=context.step.revision,
        text=None if shown is None else format(shown, "f"),
        number=shown,
        unit=request.unit,
        data_type=DataType.DECIMAL.value,
        origin=Origin.DEVICE.value,
        grade=Grade.DEVICE.value,
        quality="GOOD" if request.state == WriteState.VERIFIED else "BAD",
        source={
            "written": format(request.value, "f"),
            "tag": request.tag,
            "result": request.state,
            "old_value": None if request.old_value is None else format(request.old_value, "f"),
            "request": request.key,
        },
        limits=[
            {
                "tier": "action",
                "low": format(request.value - request.tolerance, "f"),
                "high": format(request.value + request.tolerance, "f"),
            }
        ],
        verdict="in" if request.state == WriteState.VERIFIED else "action",
        not_applicable=None if shown is not None else request.problem or request.state,
        performed_at=context.at,
        recorded_at=context.at,
        recorded_by=context.by.id,
    )


def on_write_reported(session: Session, reported: WriteReported) -> None:
    """Handler: a write that was not verified raises its exception at once, in the same commit."""
    if reported.result is WriteState.VERIFIED or reported.step is None:
        return
    context = open_step(session, reported.record, reported.step, by=SENDER, at=moment(session).site)
    severity = next(
        (policy.severity for policy in context.policy_for(Occasion.MISMATCH)), Severity.CRITICAL
    )
    shown = "nothing" if reported.read_back is None else f"{reported.read_back:f}"
    raise_exception(
        session,
        context.run,
        context.step,
        "write_mismatch",
        severity,
        f"{reported.tag}: {reported.wanted:f} was written, {shown} was read back",
        facts={
            "tag": reported.tag,
            "result": reported.result.value,
            "problem": reported.problem or "",
        },
        by=SENDER,
        at=context.at,
    )
