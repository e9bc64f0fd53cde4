"""Rules of a decision table: complete, typed, decidable (URS-MRC-040)."""

from __future__ import annotations

from workflows.decisions import outputs
from workflows.findings import Report
from workflows.step import DecisionTable, Step
from workflows.words import HitPolicy, Origin


def check_decision(step: Step, at: str, report: Report) -> None:
    """All rules of the table of one step, if it has one."""
    table = step.decision
    if table is None:
        return
    if (table.aggregation is not None) is not (table.policy is HitPolicy.COLLECT):
        message = "an aggregation belongs to the hit policy collect, and only there"
        report.add("decision.aggregation", at, message, "Say sum, count, minimum or maximum.")
    for rule in table.rules:
        report.condition(rule.when, at, "rule of the decision table")
    _check_outputs(step, table, at, report)


def _check_outputs(step: Step, table: DecisionTable, at: str, report: Report) -> None:
    known = {p.code for p in step.parameters if p.origin is Origin.CALCULATED}
    for code in outputs(table):
        if code not in known:
            message = f"the table decides {code}, which is no calculated parameter of the step"
            report.add("decision.output", at, message, 'Add it with origin="calculated".')
        if any(code not in {o.parameter for o in rule.outputs} for rule in table.rules):
            message = f"a rule of the table says nothing of {code}"
            report.add("decision.output", at, message, "Give every rule the same outputs.")
