"""What an act must say, and how records are named."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from audit import rules, verifier
from audit.changes import Change
from audit.errors import ActIncomplete, ReasonMissing
from audit.streams import SITE, Stream
from audit.trail import merged
from core.actors import Actor, ActorKind

ADA = Actor(kind=ActorKind.PERSON, id="P-101", name="Ada", role="operator", terminal="T-1")


@pytest.mark.urs("URS-AUD-040")
@pytest.mark.parametrize(
    ("reason", "says_nothing"),
    [
        ("", True), (" \t\n", True), (".", True), ("...", True), ("x", True), ("XXX", True),
        ("n/a", True), (" N/A ", True), ("n.a.", True), ("--", True), ("tbd", True), ("?!", True),
        ("typing error", False), ("Tippfehler", False), ("ok", False), ("误读", False),
    ],
)  # fmt: skip
def test_placeholders_are_told_from_reasons(reason: str, says_nothing: bool) -> None:
    assert rules.is_placeholder(reason) is says_nothing
    if says_nothing:
        with pytest.raises(ReasonMissing):
            rules.check_reason(reason)
    else:
        rules.check_reason(reason)


def test_no_reason_at_all_is_no_placeholder() -> None:
    rules.check_reason(None)


@pytest.mark.parametrize("action", ["step.completed", "lot.put_away"])
def test_an_action_is_a_subject_and_a_verb_in_the_past(action: str) -> None:
    rules.check_action(action)


@pytest.mark.parametrize("action", ["", "step", "Step.completed", "step.", "step.Completed\n"])
def test_other_actions_are_refused(action: str) -> None:
    with pytest.raises(ActIncomplete):
        rules.check_action(action)


def blank(field: str) -> Actor:
    told = {name: getattr(ADA, name) for name in ("kind", "id", "name", "role", "terminal")}
    return Actor(**{**told, field: " "})


@pytest.mark.urs("URS-AUD-020")
@pytest.mark.parametrize("field", ["id", "name", "role", "terminal"])
def test_an_actor_is_named_in_full(field: str) -> None:
    rules.check_actor(ADA)
    with pytest.raises(ActIncomplete, match=field):
        rules.check_actor(blank(field))


@pytest.mark.parametrize("name", ["batch/B-2045", "site", "recipe/REC-0017 v3", "lot/PA-0411"])
def test_a_stream_is_read_back_from_its_name(name: str) -> None:
    assert str(Stream.parse(name)) == name


@pytest.mark.parametrize(
    "name", ["", "batch", "batch/", "site/1", "Batch/B-1", "batch/../B", "batch/B/1", "batch/ä"]
)
def test_other_names_are_no_streams(name: str) -> None:
    with pytest.raises(ValueError, match="stream"):
        Stream.parse(name)


def test_streams_are_locked_in_the_order_of_their_names() -> None:
    assert sorted([Stream("lot", "A"), SITE, Stream("batch", "B-2"), Stream("batch", "B-1")]) == [
        Stream("batch", "B-1"), Stream("batch", "B-2"), Stream("lot", "A"), SITE,
    ]  # fmt: skip


def test_several_changes_of_a_row_become_one() -> None:
    first = Change("t", "1", {"a": "0"}, {"a": "1", "b": "0"}, False)
    second = Change("t", "1", {"a": "1", "b": "0"}, {"a": "2", "b": "1"}, False)
    born = Change("t", "2", None, {"a": "0"}, False)
    grown = Change("t", "2", {"a": "0"}, {"a": "1"}, False)
    one, two = merged([first, born, second, grown])
    assert (one.before, one.after) == ({"a": "0", "b": "0"}, {"a": "2", "b": "1"})
    assert (two.before, two.after) == (None, {"a": "1"})


def test_the_verifier_is_one_file_of_the_standard_library_for_python_3_9() -> None:
    source = Path(verifier.__file__).read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 9))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported - sys.stdlib_module_names == {"cryptography"}
    assert not any(isinstance(node, ast.Match) for node in ast.walk(tree))
