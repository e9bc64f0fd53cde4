"""In-process control: values of an examined sample, judged; with a disposition where asked."""

from __future__ import annotations

from datetime import timedelta

from ebr import queries as records
from ebr import values
from ebr.context import StepContext
from ebr.entry import Entry
from ebr.kinds.base import Form, Kind, device_codes, live_tags
from quality import queries, rules
from quality.commands import disposing
from quality.errors import SampleMissing
from quality.models import Sample, TestResult
from workflows.durations import duration
from workflows.words import Occasion, Severity


class InProcessControl(Kind):
    """Examines the sample of an earlier step, or takes its specimens itself (URS-EXE-120)."""

    def form(self, context: StepContext) -> Form:
        """Method, specimens and the sample that is examined."""
        plan, sampled = context.spec.ipc, _sample(context)
        facts = [("Method", plan.method.replace("_", " ").replace("ipc", "IPC"))] if plan else []
        facts += [("Specimens", str(plan.specimens))] if plan else []
        facts += [("Sample", sampled.number)] if sampled else []
        return Form(
            facts=tuple(facts),
            live=live_tags(context),
            readings=device_codes(context),
            blockers=() if sampled or not _needs_sample(context) else (_blocked(context),),
        )

    def record(self, context: StepContext, entry: Entry) -> None:
        """Record the values and tie them to the sample. Raises SampleMissing."""
        sampled = _sample(context)
        if _needs_sample(context) and sampled is None:
            raise _lacks(context)
        values.record(context, entry)
        _note_age(context, sampled)
        context.session.add(_result(context, sampled))
        if disposing.asks_for_decision(context):
            disposing.decide(context)


def _needs_sample(context: StepContext) -> bool:
    return context.spec.ipc is not None and context.spec.ipc.sampled_at is not None


def _sample(context: StepContext) -> Sample | None:
    if context.spec.ipc is None or context.spec.ipc.sampled_at is None:
        return None
    return queries.last_sample(context.session, context.run.stream, context.spec.ipc.sampled_at)


def _blocked(context: StepContext) -> tuple[str, str]:
    lacking = _lacks(context)
    return lacking.fact, lacking.resolver


def _lacks(context: StepContext) -> SampleMissing:
    where = context.spec.ipc.sampled_at if context.spec.ipc else ""
    return SampleMissing(
        f"no sample was drawn at {where} yet", resolver=f"the person at step {where}"
    )


def _note_age(context: StepContext, sampled: Sample | None) -> None:
    timing = context.spec.timing
    limit = duration(timing.valid_for) if timing and timing.valid_for else None
    if sampled is None or not rules.is_too_old(sampled.drawn_at, context.at, limit):
        return
    minutes = int((context.at - sampled.drawn_at) / timedelta(minutes=1))
    policies = context.policy_for(Occasion.LATE)
    context.raise_exception(
        "sample_too_old",
        policies[0].severity if policies else Severity.MAJOR,
        f"{context.spec.name}: sample {sampled.number} was examined {minutes} min after drawing",
        facts={"sample": sampled.number, "drawn_at": sampled.drawn_at.isoformat()},
    )


def _result(context: StepContext, sampled: Sample | None) -> TestResult:
    plan = context.spec.ipc
    current = records.current_values(context.session, context.step)
    return TestResult(
        record=context.run.stream,
        step=context.step.path,
        sample_id=None if sampled is None else sampled.id,
        method=plan.method if plan else context.spec.key,
        specimens=plan.specimens if plan else 1,
        verdict=rules.worst(value.verdict for found in current.values() for value in found),
        at=context.at,
        by=context.by.id,
    )
