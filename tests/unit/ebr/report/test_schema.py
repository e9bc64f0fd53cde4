"""The schema of the record's JSON is made from the view and says all of it."""

from __future__ import annotations

import json

from ebr.report import schema


def test_the_schema_is_the_same_each_time_and_readable() -> None:
    assert schema.text() == schema.text()
    assert json.loads(schema.text())["$ref"] == "#/$defs/RecordView"


def test_every_field_is_required_and_nothing_else_is_allowed() -> None:
    for name, form in schema.schema()["$defs"].items():
        assert form["additionalProperties"] is False, name
        assert set(form["required"]) == set(form["properties"]), name


def test_levels_hold_steps_and_levels() -> None:
    items = schema.schema()["$defs"]["LevelView"]["properties"]["items"]["items"]["anyOf"]
    assert {each["$ref"] for each in items} == {"#/$defs/LevelView", "#/$defs/StepView"}
