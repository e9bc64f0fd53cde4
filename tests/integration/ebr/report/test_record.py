"""The view of a record: everything of the batch, in order, as it was at the time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from audit import verifier
from ebr import issuing, record
from ebr.entry import Entry
from ebr.report import schema, trends
from ebr.report.model import RecordView
from ebr.report.stepmodel import LevelView, StepView
from personnel import commands as personnel
from production.models import Disposition
from quality.commands import deviations
from tests.integration.ebr.test_steps import recipe
from tests.support import recorded
from tests.support.records import RECORD, RecordPlant


def step_of(view: RecordView, key: str) -> StepView:
    return next(step for step in view.steps() if step.key == key)


def value_of(view: RecordView, key: str, code: str, position: int = 1) -> Any:
    found = [v for v in step_of(view, key).values if (v.code, v.position) == (code, position)]
    assert len(found) == 1
    return found[0]


@pytest.mark.urs("URS-EXE-030", "URS-REC-010")
def test_steps_stand_under_their_operations_in_the_order_they_came(view: RecordView) -> None:
    assert [step.key for step in view.steps()] == ["P", "W", "D", "G170", "L", "V", "B014"]
    (procedure,) = view.levels
    (unit,) = procedure.items
    assert isinstance(unit, LevelView)
    assert (unit.isa88_words, unit.name) == ("Unit procedure", "Granulation and drying")
    assert [item.name for item in unit.items] == [
        "Dry the granules",
        "Nachbereitung und Ausbeutebestimmung",
    ]
    assert [level.name for level in record.levels_of(view)] == [item.name for item in unit.items]


@pytest.mark.urs("URS-REC-010", "URS-EXE-060")
def test_a_value_carries_limits_unit_worth_and_source(view: RecordView) -> None:
    mean = value_of(view, "G170", "mean")
    assert (mean.label, mean.text, mean.unit, mean.verdict) == (
        "Mean loss on drying", "1.90", "%", "in"
    )  # fmt: skip
    assert [(limit.tier, limit.text) for limit in mean.limits] == [
        ("alert", "1.20 to 2.20"),
        ("action", "1.00 to 2.50"),
    ]
    assert mean.critical
    assert mean.target == "1.80"
    assert "1.92, 1.88" in mean.source
    highest = value_of(view, "D", "highest")
    assert highest.source == "FBD-01.TI102, maximum, GOOD"
    assert {"device", "samples", "window_from"} <= {pair.name for pair in highest.details}
    assert value_of(view, "V", "filter_drop").verdict == "alert"
    assert value_of(view, "V", "look").text == "free flowing"


@pytest.mark.urs("URS-AUD-030", "URS-REP-020")
def test_every_former_value_stays_with_person_time_and_reason(view: RecordView) -> None:
    second = value_of(view, "G170", "lod", 2)
    assert second.text == "1.88"
    assert [(former.text, former.reason) for former in second.former] == [
        ("1.98 %", "misread the display of MOI-01"),
        ("1.89 %", "typing error; the printout of MOI-01 says 1.88 %"),
    ]
    assert {str(former.replaced_by) for former in second.former} == {"Anna Kern (P-101)"}
    assert value_of(view, "G170", "lod", 1).former == ()
    assert [(change.old, change.new) for change in view.corrections] == [
        ("1.98 %", "1.89 %"),
        ("1.89 %", "1.88 %"),
    ]
    assert view.corrections[-1].signed == ("Anna Kern, performed", "Paul Roth, verified")
    assert [(change.old, change.new) for change in view.recalculations] == [
        ("1.95 %", "1.91 %"),
        ("1.91 %", "1.90 %"),
    ]
    assert (view.summary.corrections, view.summary.recalculations) == (2, 2)


def test_a_record_without_corrections_has_none(plant: RecordPlant) -> None:
    recorded.begin(plant)
    view = plant.ask(record.view, "B-2045")
    assert (view.corrections, view.recalculations) == ((), ())
    assert view.standing.words == "running"
    assert not view.standing.final


@pytest.mark.urs("URS-SIG-010", "URS-SIG-060")
def test_a_signature_says_who_when_and_what_it_means_also_when_superseded(
    view: RecordView,
) -> None:
    signed = step_of(view, "G170").signatures
    assert [(each.printed_name, each.meaning, each.superseded) for each in signed] == [
        ("Anna Kern", "performed", True),
        ("Anna Kern", "performed", True),
        ("Anna Kern", "performed", False),
        ("Paul Roth", "verified", False),
    ]
    assert signed[-1].late
    assert signed[-1].offset == "+01:00"
    assert {(each.badge, each.meaning) for each in view.signatures} >= {
        ("P-105", "approved"),
        ("P-107", "reviewed"),
    }
    assert view.summary.signatures_missing == 0


def test_a_signature_still_to_come_is_named(plant: RecordPlant) -> None:
    recorded.begin(plant)
    view = plant.ask(record.view, "B-2045")
    assert step_of(view, "P").signatures_missing == ("performer",)
    assert view.summary.signatures_missing == 1


@pytest.mark.urs("URS-EXE-030", "URS-EXE-050")
def test_what_was_not_executed_is_told_with_the_gateway_that_decided(view: RecordView) -> None:
    (missing,) = view.not_executed
    assert (missing.key, missing.name, missing.level) == (
        "G180", "Dry 10 min more", "Dry the granules"
    )  # fmt: skip
    assert missing.cause == "gateway Dry enough? (XG2) chose another way"
    (decided,) = view.decisions
    assert decided.way.startswith("to ")
    assert "XG2" not in decided.way
    (asked,) = decided.asked
    assert asked.expression == "G170 Mean loss on drying > 2.5 %"
    assert [(pair.name, pair.text) for pair in asked.inputs] == [
        ("G170 Mean loss on drying", "1.90")
    ]
    assert asked.result == "no"


@pytest.mark.urs("URS-DEV-010")
def test_exceptions_show_comment_decision_and_signatures(view: RecordView) -> None:
    late, alert = view.exceptions
    assert (late.type_words, late.severity, late.step) == ("late verification", "major", "G170")
    assert late.decision_words == "accepted"
    assert str(late.decided_by) == "Samuel Okafor (P-107)"
    assert [each.meaning for each in late.signatures] == ["approved", "reviewed"]
    assert alert.severity == "minor"
    assert ("Filterdruckdifferenz am Ende der Trocknung") in {f.text for f in alert.facts}
    assert view.summary.exceptions_open == 0


@pytest.mark.urs("URS-AUD-010")
def test_refused_attempts_and_people_come_from_the_sealed_entries(view: RecordView) -> None:
    (attempt,) = view.attempts
    assert attempt.by.name == "Tomasz Wójcik"
    assert attempt.rule == "person.qualification"
    assert "TST-1 v1" in attempt.fact
    assert "Anna Kern" in attempt.resolver
    people = {person.badge: person for person in view.persons}
    assert set(people) == {"P-101", "P-102", "P-103", "P-105", "P-107"}
    assert (people["P-103"].signatures, people["P-103"].acts) == (0, 1)
    assert people["P-101"].meanings == ("performed", "confirmed")


@pytest.mark.urs("URS-SIG-100")
def test_names_stay_as_they_were_at_the_time(batch: RecordPlant) -> None:
    batch.house.perform(
        personnel.rename_person,
        "P-101",
        "Anna Kern-Vogt",
        reason="married on 2 March",
        by=batch.person("A-001").actor,
    )
    view = batch.ask(record.view, "B-2045")
    assert "Kern-Vogt" not in record.to_json(view).decode()
    assert str(step_of(view, "P").performed_by) == "Anna Kern (P-101)"


@pytest.mark.urs("URS-AUD-020")
def test_the_trail_is_complete_and_told_in_words(view: RecordView, batch: RecordPlant) -> None:
    assert [line.entry for line in view.trail] == list(range(1, view.version + 1))
    told = "\n".join(change for line in view.trail for change in line.changes)
    assert "Loss on drying = 1.88 % (replaces the former value)" in told
    assert "Loss on drying = 1.92, 1.98 %" in told, "a series is told once, in its order"
    assert "G170 Loss on drying" not in told, "the step of an entry stands above it"
    assert "step G170: to be signed → held" in told
    assert "signed “verified” by Paul Roth (P-102)" in told
    corrected = [line for line in view.trail if line.action == "value.corrected"]
    assert corrected[0].reason == "misread the display of MOI-01"
    assert len(batch.entries()) == view.version


@pytest.mark.urs("URS-REC-070", "URS-REP-030")
def test_the_json_is_canonical_repeatable_and_follows_its_schema(batch: RecordPlant) -> None:
    first = record.to_json(batch.ask(record.view, "B-2045"))
    assert record.to_json(batch.ask(record.view, "B-2045")) == first
    value = verifier.parse_canonical(first, "record.json")
    assert value["record"] == "batch/B-2045"
    form = json.loads(schema.text())
    conform(value, form, form["$defs"])
    with pytest.raises(AssertionError):
        conform({**value, "version": "12"}, form, form["$defs"])


def conform(value: Any, form: dict[str, Any], defs: dict[str, Any]) -> None:
    """As much of JSON Schema as our schema uses."""
    if "$ref" in form:
        form = defs[form["$ref"].rpartition("/")[2]]
    if "anyOf" in form:
        assert any(fits(value, each, defs) for each in form["anyOf"])
        return
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "null": type(None)}
    assert type(value) is {**kinds, "boolean": bool}[form["type"]]
    if isinstance(value, dict):
        assert value.keys() == form["properties"].keys()
        for name, part in value.items():
            conform(part, form["properties"][name], defs)
    for part in value if isinstance(value, list) else ():
        conform(part, form["items"], defs)


def fits(value: Any, form: dict[str, Any], defs: dict[str, Any]) -> bool:
    try:
        conform(value, form, defs)
    except AssertionError:
        return False
    return True


@pytest.mark.urs("URS-REC-070")
def test_a_decision_seals_the_snapshot_and_later_entries_follow(batch: RecordPlant) -> None:
    before = batch.ask(record.view, "B-2045").standing
    assert (before.words, before.final) == ("complete, not released", False)
    recorded.dispose(batch, Disposition.RELEASED_FOR_PACKAGING)
    view = batch.ask(record.view, "B-2045")
    assert view.standing.words == "released for packaging"
    assert view.standing.final
    assert view.standing.accepted
    assert view.standing.entry == view.version
    assert str(view.standing.decided_by) == "Samuel Okafor (P-107)"
    assert ("Order", "PO-2045") in [(fact.name, fact.text) for fact in view.header.facts]


def test_a_rejected_batch_is_final_and_not_accepted(batch: RecordPlant) -> None:
    recorded.dispose(batch, Disposition.REJECTED)
    standing = batch.ask(record.view, "B-2045").standing
    assert (standing.words, standing.final, standing.accepted) == ("rejected", True, False)


def test_a_voided_decision_counts_no_longer(batch: RecordPlant) -> None:
    recorded.dispose(batch, Disposition.RELEASED_FOR_PACKAGING)
    recorded.dispose(batch, Disposition.NONE)
    standing = batch.ask(record.view, "B-2045").standing
    assert (standing.words, standing.final) == ("complete, not released", False)


@pytest.mark.urs("URS-PRO-040")
def test_a_trend_keeps_its_hole_and_knows_its_limits(batch: RecordPlant) -> None:
    view = batch.ask(record.view, "B-2045")
    (trend,) = batch.ask(trends.of, view)
    assert (trend.tag, trend.label, trend.unit) == (
        "FBD-01.TI102", "Highest product temperature", "Cel"
    )  # fmt: skip
    assert 25 in [hole.seconds for hole in trend.holes]
    assert [limit.text for limit in trend.limits] == ["≤ 46.0"]
    assert all(trend.start <= point.at <= trend.end for point in trend.points)


def test_issuing_a_document_does_not_change_the_record(batch: RecordPlant) -> None:
    before = record.to_json(batch.ask(record.view, "B-2045"))
    issuing.issue(batch.house, "B-2045", by=batch.person("P-107").actor)
    assert batch.actions()[-1] == "document.issued"
    assert record.to_json(batch.ask(record.view, "B-2045")) == before


@pytest.mark.urs("URS-REP-010")
def test_the_pillars_add_deviations_reviews_and_orders(batch: RecordPlant) -> None:
    view = batch.ask(record.view, "B-2045")
    sections = {section.title: section for section in view.sections}
    assert sections["Deviations"].none == "no deviation was opened"
    assert sections["Reviews"].rows == ()
    assert "Maintenance orders" not in sections
    for section in view.sections:
        assert all(len(row) == len(section.columns) for row in section.rows)


@pytest.mark.urs("URS-REP-010", "URS-DEV-010")
def test_a_deviation_stands_in_the_record(plant: RecordPlant, tmp_path: Path) -> None:
    recorded.furnish(plant, tmp_path)
    plant.start(recipe())
    plant.person("P-101").perform(RECORD, plant.path("A"), Entry(values={"mass": ("10.51",)}))
    plant.house.perform(
        deviations.make_series, prefix="DEV-", first=313, by=plant.person("P-107").actor
    )
    plant.house.perform(
        deviations.open_deviation,
        deviations.NewDeviation(
            title="Scale read too high", severity="major", record=RECORD, exception=1
        ),
        by=plant.person("P-107").actor,
    )
    (section,) = (s for s in plant.ask(record.view, "B-2045").sections if s.title == "Deviations")
    assert section.rows == (("DEV-313", "Scale read too high (exception 1)", "major, open", ""),)
