"""The bundle of the headless batch proves itself, and every change of it is named (URS-REC-070)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from audit import keys, verifier
from tests.support.story import RECORD, Played

Files = dict[str, bytes]


@pytest.fixture(scope="module")
def files(story: Played) -> Files:
    with zipfile.ZipFile(story.bundle) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(files: Iterable[tuple[str, bytes]], path: Path, *, method: int = 0) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return path


def report(files: Files, tmp_path: Path) -> dict[str, Any]:
    return verifier.verify_bundle(str(zipped(files.items(), tmp_path / "bundle.zip")))


def places(found: dict[str, Any]) -> str:
    return " | ".join(f"{each['place']}: {each['problem']}" for each in found["problems"])


def alone(
    story: Played, bundle: Path, folder: Path, *, verify: bytes, **environment: str
) -> tuple[int, dict[str, Any], str]:
    """The verifier of the bundle in a bare Python, which sees nothing of ours."""
    (folder / "verify.py").write_bytes(verify)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-W", "error", "verify.py", str(bundle),
         "--trust", str(story.trust), "--json"],
        cwd=folder, capture_output=True, check=False, text=True, encoding="utf-8",
        env={"PATH": os.defpath, **environment},
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout), done.stderr


@pytest.mark.urs("URS-REC-070")
def test_the_bundle_is_valid_for_a_bare_python(story: Played, files: Files, tmp_path: Path) -> None:
    code, found, errors = alone(story, story.bundle, tmp_path, verify=files["verify.py"])
    assert (code, found["result"], errors) == (0, "VALID", "")
    assert (found["record"], found["mode"]) == (RECORD, "DEMONSTRATION")
    assert found["ed25519"] == "python"


@pytest.mark.urs("URS-REC-070", "URS-SIG-100")
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_it_is_still_valid_when_zipped_again_in_another_order_locale_and_zone(
    story: Played, files: Files, tmp_path: Path, method: int
) -> None:
    again = zipped(reversed(files.items()), tmp_path / "again.zip", method=method)
    code, found, errors = alone(
        story,
        again,
        tmp_path,
        verify=files["verify.py"],
        LC_ALL="tr_TR.ISO-8859-9",
        TZ="Pacific/Kiritimati",
    )
    assert (code, found["result"], errors) == (0, "VALID", "")


@pytest.mark.urs("URS-REC-070", "URS-AUD-060")
def test_a_changed_byte_of_any_file_is_named(files: Files, tmp_path: Path) -> None:
    for number, (name, data) in enumerate(files.items()):
        place = number * 7919 % len(data)
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        found = report({**files, name: changed}, tmp_path)
        assert found["result"] == "INVALID", (name, place)
        assert name in places(found), (name, place)


EVIDENCE = (
    "audit/entries.jsonl", "audit/proofs.json", "keys/people.json", "keys/site.json",
    "log/checkpoint.txt", "manifest.dsse.json", "record.json", "record.pdf", "snapshot.json",
    "verify.py",
)  # fmt: skip


@pytest.mark.urs("URS-REC-070", "URS-AUD-060")
@pytest.mark.parametrize("name", EVIDENCE)
def test_the_first_and_the_last_byte_count_as_any_other(
    files: Files, tmp_path: Path, name: str
) -> None:
    data = files[name]
    for changed in (bytes([data[0] ^ 1]) + data[1:], data[:-1] + bytes([data[-1] ^ 1])):
        found = report({**files, name: changed}, tmp_path)
        assert found["result"] == "INVALID"
        assert name in places(found)


@pytest.mark.urs("URS-AUD-060")
@pytest.mark.parametrize("place", [0.0, 0.5, 0.99])
def test_a_dropped_entry_is_named(files: Files, tmp_path: Path, place: float) -> None:
    lines = files[verifier.ENTRIES].splitlines(keepends=True)
    dropped = int(len(lines) * place)
    rest = b"".join(lines[:dropped] + lines[dropped + 1 :])
    found = report({**files, verifier.ENTRIES: rest}, tmp_path)
    assert found["result"] == "INVALID"
    assert f"{verifier.ENTRIES}:{dropped + 1}: " in places(found)
    assert f"it says to be entry {dropped + 2}" in places(found)


@pytest.mark.urs("URS-AUD-060")
def test_a_dropped_last_entry_is_missed(files: Files, tmp_path: Path) -> None:
    lines = files[verifier.ENTRIES].splitlines(keepends=True)
    found = report({**files, verifier.ENTRIES: b"".join(lines[:-1])}, tmp_path)
    assert found["result"] == "INVALID"
    assert f"{len(lines) - 1} entries, the manifest says otherwise" in places(found)


@pytest.mark.urs("URS-AUD-060")
@pytest.mark.parametrize(("one", "other"), [(0, 1), (70, 71), (5, 100), (0, -1)])
def test_two_swapped_entries_are_named(files: Files, tmp_path: Path, one: int, other: int) -> None:
    lines = files[verifier.ENTRIES].splitlines(keepends=True)
    lines[one], lines[other] = lines[other], lines[one]
    found = report({**files, verifier.ENTRIES: b"".join(lines)}, tmp_path)
    assert found["result"] == "INVALID"
    assert f"{verifier.ENTRIES}:{one + 1}: " in places(found)


@pytest.mark.urs("URS-REC-070")
def test_a_file_dropped_or_added_is_named(files: Files, tmp_path: Path) -> None:
    name = next(name for name in files if name.startswith("attachments/"))
    rest = {other: data for other, data in files.items() if other != name}
    assert name in places(report(rest, tmp_path))
    assert "extra.txt" in places(report({**files, "extra.txt": b"hello"}, tmp_path))


def test_keys_of_another_site_are_not_trusted(story: Played, tmp_path: Path) -> None:
    trusted = json.loads(story.trust.read_text(encoding="utf-8"))
    stranger = keys.open_or_make(tmp_path / "keys", trusted["origin"]).published()
    found = verifier.verify_bundle(str(story.bundle), stranger)
    assert found["result"] == "INVALID"
    assert found["problems"][0]["place"] == verifier.SITE_KEYS


def test_a_trust_file_that_is_none_ends_with_2(story: Played, tmp_path: Path) -> None:
    trusted = json.loads(story.trust.read_text(encoding="utf-8"))
    trusted["export"][0]["key_id"] = trusted["export"][0]["key_id"][::-1]
    (tmp_path / "trust.json").write_text(json.dumps(trusted), encoding="utf-8")
    assert verifier.main([str(story.bundle), "--trust", str(tmp_path / "trust.json")]) == 2
