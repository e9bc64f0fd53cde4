"""Keys of the site: one file for each purpose, closed to others, made once."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from audit import checkpoints, keys
from audit.errors import TamperedTrail
from audit.models import Checkpoint
from audit.verifier import CheckpointNote, Invalid
from core.errors import BrokenPromise

ORIGIN = "batchwright/werk-sud"
ROOT = bytes(range(32))


def test_keys_are_made_once_and_closed_to_others(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    made, again = keys.open_or_make(folder, ORIGIN), keys.open_or_make(folder, ORIGIN)
    assert made.published() == again.published()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == {"log.key": 0o600, "export.key": 0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_key_file_open_to_others_is_refused(tmp_path: Path) -> None:
    keys.open_or_make(tmp_path, ORIGIN)
    (tmp_path / "log.key").chmod(0o640)
    with pytest.raises(BrokenPromise, match="0600"):
        keys.open_or_make(tmp_path, ORIGIN)


def test_a_key_is_never_used_for_another_purpose(tmp_path: Path) -> None:
    keys.open_or_make(tmp_path, ORIGIN)
    (tmp_path / "export.key").write_bytes((tmp_path / "log.key").read_bytes())
    with pytest.raises(BrokenPromise, match="export"):
        keys.open_or_make(tmp_path, ORIGIN)


def test_a_checkpoint_verifies_with_the_published_key_only(tmp_path: Path) -> None:
    mine = keys.open_or_make(tmp_path / "a", ORIGIN)
    other = keys.open_or_make(tmp_path / "b", ORIGIN)
    note = CheckpointNote(checkpoints.sign(mine.log, 7, ROOT))
    assert (note.origin, note.size, note.root) == (ORIGIN, 7, ROOT)
    assert note.check(mine.log_keys()).vkey == mine.log.vkey
    with pytest.raises(Invalid, match="no known key"):
        note.check(other.log_keys())


def test_a_former_key_still_opens_old_checkpoints(tmp_path: Path) -> None:
    old = keys.open_or_make(tmp_path, ORIGIN)
    note = checkpoints.sign(old.log, 7, ROOT)
    (tmp_path / keys.RETIRED_LOG_KEYS).write_text(f"{old.log.vkey}\n", encoding="utf-8")
    (tmp_path / keys.LOG_FILE).unlink()
    new = keys.open_or_make(tmp_path, ORIGIN)
    assert new.log.vkey != old.log.vkey
    CheckpointNote(note).check(new.log_keys())


def test_a_known_key_with_a_bad_signature_is_refused_even_beside_a_good_one(
    tmp_path: Path,
) -> None:
    mine = keys.open_or_make(tmp_path, ORIGIN)
    note = checkpoints.sign(mine.log, 7, ROOT) + mine.log.sign("another text\n")
    with pytest.raises(Invalid, match="not good"):
        CheckpointNote(note).check(mine.log_keys())


@pytest.mark.parametrize(
    "change",
    [("\n7\n", "\n07\n"), ("\n7\n", "\n-7\n"), ("\n7\n", "\n8\n"), ("\u2014", "-"),
     ("\n\n", "\n"), ("batchwright/", "batchwrong/")],
)  # fmt: skip
def test_a_changed_note_is_refused(tmp_path: Path, change: tuple[str, str]) -> None:
    mine = keys.open_or_make(tmp_path, ORIGIN)
    text = checkpoints.sign(mine.log, 7, ROOT)
    with pytest.raises(Invalid):
        CheckpointNote(text.replace(*change)).check(mine.log_keys())


def test_a_checkpoint_row_that_differs_from_its_note_is_found(tmp_path: Path) -> None:
    mine = keys.open_or_make(tmp_path, ORIGIN)
    note = checkpoints.sign(mine.log, 7, ROOT)
    checkpoints.check(Checkpoint(size=7, root=ROOT, note=note), mine.log_keys())
    with pytest.raises(TamperedTrail, match="differs"):
        checkpoints.check(Checkpoint(size=7, root=bytes(32), note=note), mine.log_keys())


def test_an_origin_names_the_site_in_plain_letters() -> None:
    assert checkpoints.origin("Werk Süd + 2") == "batchwright/werk-sud-2"
    with pytest.raises(ValueError, match="no letter"):
        checkpoints.origin("+++")
