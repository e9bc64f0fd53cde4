"""The published vectors: our verifier answers each as told, with and without `cryptography`."""

from __future__ import annotations

import ast
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit import verifier
from tests.support.evidence import zips
from tests.support.evidence.building import Draft
from tests.support.evidence.good import TRUSTS
from tests.support.evidence.publishing import FOLDER, INDEX, published, stored

STORED = stored()
TOLD = json.loads(STORED[INDEX])["vectors"]
NAMES = [told["name"] for told in TOLD]
SITE = TRUSTS["site"]


def report_on(told: dict[str, Any]) -> dict[str, Any]:
    trust = told["trust"] and json.loads(STORED[told["trust"]])
    return verifier.verify_bytes(STORED[told["file"]], trust)


def first_place(report: dict[str, Any]) -> str | None:
    return next((str(each["place"]) for each in report["problems"]), None)


def answer(told: dict[str, Any]) -> tuple[str, str | None]:
    report = report_on(told)
    return report["result"], first_place(report)


@pytest.mark.urs("URS-REC-070", "URS-AUD-060")
@pytest.mark.parametrize("told", TOLD, ids=NAMES)
def test_a_vector_is_answered_as_published(told: dict[str, Any]) -> None:
    assert answer(told) == (told["result"], told["place"])


@pytest.mark.urs("URS-REC-070")
def test_pure_python_answers_every_vector_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    reports = [report_on(told) for told in TOLD]
    monkeypatch.setattr(verifier, "Ed25519PublicKey", None)
    for told, fast in zip(TOLD, reports, strict=True):
        by_hand = json.dumps(report_on(told)).replace('"python"', '"cryptography"')
        assert json.loads(by_hand) == fast, told["name"]


def test_there_are_enough_vectors_of_both_kinds_and_no_name_twice() -> None:
    results = [told["result"] for told in TOLD]
    assert results.count("VALID") >= 12
    assert results.count("INVALID") >= 60
    assert len(set(NAMES)) == len(NAMES)


def test_the_published_vectors_are_those_that_the_script_makes() -> None:
    made = published()
    assert made.keys() == STORED.keys(), "run: python -m tests.support.evidence"
    changed = [name for name, data in made.items() if not same(data, STORED[name])]
    assert changed == [], "run: python -m tests.support.evidence"
    assert (FOLDER / INDEX).read_bytes() == STORED[INDEX]


def same(made: bytes, found: bytes) -> bool:
    """Equal, but for how a packing library of another version packs the same files."""
    if made == found:
        return True
    try:
        return verifier.read_zip(made) == verifier.read_zip(found)
    except verifier.Invalid:
        return False


@pytest.mark.urs("URS-REC-070")
@pytest.mark.parametrize(
    "environment",
    [{}, {"LC_ALL": "tr_TR.ISO-8859-9"}, {"TZ": "Pacific/Kiritimati"}, {"PYTHONHASHSEED": "7"}],
    ids=str,
)
def test_pitfall_20_every_vector_on_a_bare_python(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    """Pitfall 20: the verifier runs on a bare Python with no packages, wherever it stands."""
    (tmp_path / "verify.py").write_bytes(Path(verifier.__file__).read_bytes())
    chosen = [told for told in TOLD if told["name"] in ("plain", "unicode", "entries-swapped")]
    for told in chosen:
        (tmp_path / "bundle.zip").write_bytes(STORED[told["file"]])
        (tmp_path / "trust.json").write_bytes(STORED[told["trust"]])
        run = subprocess.run(
            [sys.executable, "-I", "-S", "-W", "error", "verify.py", "bundle.zip",
             "--trust", "trust.json", "--json"],
            cwd=tmp_path, capture_output=True, check=False, encoding="utf-8",
            env={"PATH": os.defpath, **environment},
        )  # fmt: skip
        report = json.loads(run.stdout)
        assert (run.returncode, run.stderr) == (told["exit_code"], "")
        assert (report["result"], first_place(report)) == (told["result"], told["place"])
        assert report["ed25519"] == "python"


NEWER_THAN_3_9 = {
    ("itertools", "pairwise"), ("itertools", "batched"), ("datetime", "UTC"),
    ("enum", "StrEnum"), ("typing", "Self"), ("zlib", "zlib_ng"),
}  # fmt: skip
NEWER_METHODS = {"bit_count", "file_digest", "add_note", "exceptions"}
NEWER_KEYWORDS = {("zip", "strict"), ("dataclass", "slots"), ("dataclass", "kw_only")}


def test_the_verifier_keeps_to_python_3_9() -> None:
    text = Path(verifier.__file__).read_text(encoding="utf-8")
    tree = ast.parse(text, feature_version=(3, 9))
    for node in ast.walk(tree):
        assert not isinstance(node, getattr(ast, "Match", ())), "match is of 3.10"
        if isinstance(node, ast.ImportFrom):
            assert not NEWER_THAN_3_9 & {(str(node.module), name.name) for name in node.names}
        if isinstance(node, ast.Attribute):
            assert node.attr not in NEWER_METHODS
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            used = {(node.func.id, str(keyword.arg)) for keyword in node.keywords}
            assert not NEWER_KEYWORDS & used


def test_pitfall_8_proofs_of_size_0_and_short_hashes_are_refused() -> None:
    """Pitfall 8: size-0 and short-hash proofs prove anything and are refused."""
    wanted = {"older-size-zero", "older-short-hash", "older-proof-empty", "proof-short-hash"}
    found = [told for told in TOLD if told["name"] in wanted]
    assert len(found) == len(wanted)
    assert {answer(told)[0] for told in found} == {"INVALID"}


def test_pitfall_9_a_plus_in_the_key_is_no_mark_between_its_parts() -> None:
    """Pitfall 9: base64 of a vkey may hold "+"; it is split from the left."""
    (key,) = TRUSTS["plus"]["log"]
    assert key.count("+") > 2
    assert answer(next(told for told in TOLD if told["name"] == "plus-in-key")) == ("VALID", None)


@pytest.mark.urs("URS-SIG-050")
def test_pitfall_13_a_signature_moved_to_another_record_or_version_is_named() -> None:
    """Pitfall 13: a signature fits its own record, object, version and point only."""
    for name in ("signature-moved", "signature-other-object", "signature-other-point"):
        told = next(told for told in TOLD if told["name"] == name)
        assert answer(told) == ("INVALID", "audit/entries.jsonl:2")


@pytest.mark.urs("URS-SIG-100")
def test_pitfall_19_old_signatures_verify_after_the_key_was_given_up() -> None:
    """Pitfall 19: a reset password ends a key; what it signed before stays good, not what after."""
    results = {told["name"]: answer(told)[0] for told in TOLD if told["name"] in
               ("signer-renamed", "person-key-too-late")}  # fmt: skip
    assert results == {"signer-renamed": "VALID", "person-key-too-late": "INVALID"}


@pytest.mark.urs("URS-SIG-100")
def test_pitfall_22_keys_rotated_in_the_middle_of_a_batch() -> None:
    """Pitfall 22: old and new keys of log and export verify with a trust file that knows both."""
    for name in ("rotated-log-key", "rotated-export-key"):
        told = next(told for told in TOLD if told["name"] == name)
        assert answer(told) == ("VALID", None)
    later = verifier.verify_bytes(Draft().zip(), TRUSTS["rotated"])
    assert later["result"] == "VALID", "a bundle from before, with the keys of today"


WHOLE = Draft(stamps=True).zip()
FILES = verifier.read_zip(WHOLE)


@pytest.mark.urs("URS-REC-070")
@settings(max_examples=80, deadline=None)
@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_a_flipped_byte_of_the_zip_never_makes_other_content_valid(at: int, flip: int) -> None:
    changed = bytearray(WHOLE)
    changed[at] ^= flip
    report = verifier.verify_bytes(bytes(changed), SITE)
    if report["result"] == "VALID":
        assert verifier.read_zip(bytes(changed)) == FILES
    verifier.report_text(report, "bundle.zip")


@pytest.mark.urs("URS-REC-070")
@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(name for name, data in FILES.items() if data)), st.randoms())
def test_a_flipped_byte_of_any_file_is_never_valid(name: str, luck: random.Random) -> None:
    changed = bytearray(FILES[name])
    changed[luck.randrange(len(changed))] ^= luck.randrange(1, 256)
    files = {**FILES, name: bytes(changed)}
    report = verifier.verify_bytes(zips.zipped(zips.parts(files)), SITE)
    assert report["result"] == "INVALID"
    assert name in {each["place"].partition(":")[0] for each in report["problems"]}


@pytest.mark.urs("URS-REC-070")
@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(set(FILES) - {verifier.MANIFEST})), st.binary(max_size=200))
def test_any_content_under_a_fresh_manifest_is_a_problem_not_a_crash(
    name: str, content: bytes
) -> None:
    def files(found: dict[str, bytes]) -> None:
        found[name] = content

    report = verifier.verify_bytes(Draft(stamps=True, hooks={"files": files}).zip(), SITE)
    assert report["result"] == "INVALID"


@pytest.mark.urs("URS-REC-070")
@given(st.binary(max_size=300))
def test_any_bytes_are_answered(data: bytes) -> None:
    for start in (b"", b"PK\x05\x06", b"PK\x03\x04"):
        assert verifier.verify_bytes(start + data, SITE)["result"] == "INVALID"


def test_nothing_is_told_that_was_not_proven() -> None:
    def predicate(told: dict[str, Any]) -> None:
        told["site"] = "Another plant"

    def envelope(told: dict[str, Any]) -> None:
        told["signatures"][0]["sig"] = told["signatures"][0]["sig"][:-4] + "AA=="

    data = Draft(hooks={"predicate": predicate, "envelope": envelope}).zip()
    report = verifier.verify_bytes(data, SITE)
    assert report["result"] == "INVALID"
    assert {report[name] for name in ("site", "record", "mode", "entries")} == {None}
    assert "Another plant" not in verifier.report_text(report, "x")


def test_letters_that_move_the_cursor_are_shown_as_codes() -> None:
    def acts(found: list[Any]) -> None:
        name = "\u001b[2J\u202eb"
        actor = {"kind": "person", "id": "x", "name": name, "role": "q", "terminal": "t"}
        found[3][0]["actor"] = actor

    report = verifier.verify_bytes(Draft(hooks={"acts": acts}).zip(), SITE)
    assert report["result"] == "VALID"
    shown = verifier.report_text(report, "x")
    assert "\u001b" not in shown
    assert "\u202e" not in shown
    assert "\\x1b[2J" in shown
