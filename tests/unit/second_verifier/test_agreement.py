"""Both verifiers, written apart, give the same answer on files that nobody foresaw."""

import json
import random
import zipfile
from pathlib import Path

import pytest

from audit.verifier import verify_bundle
from tests.second_verifier.bundle import verify


def _agreed(path: Path, trust: Path) -> str | None:
    """The first place, on which both agree."""
    theirs = verify_bundle(str(path), json.loads(trust.read_text()))
    place = theirs["problems"][0]["place"] if theirs["problems"] else None
    assert verify(path.read_bytes(), trust.read_bytes()) == place
    assert theirs["result"] == ("VALID" if place is None else "INVALID")
    return place


@pytest.mark.parametrize("name", ["plain", "deflated", "time-stamp", "one-entry"])
def test_both_agree_when_a_bit_of_the_zip_is_turned(
    name: str, unpacked: Path, tmp_path: Path
) -> None:
    whole = (unpacked / f"good/{name}.zip").read_bytes()
    chance, path = random.Random(name), tmp_path / "turned.zip"
    for _ in range(40):
        turned = bytearray(whole)
        turned[chance.randrange(len(turned))] ^= 1 << chance.randrange(8)
        path.write_bytes(turned)
        _agreed(path, unpacked / "trust/site.json")


def test_both_agree_when_a_file_is_changed_and_packed_again(unpacked: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(unpacked / "good/plain.zip") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    for changed in files:
        path = tmp_path / "changed.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data + b" " if name == changed else data)
        assert _agreed(path, unpacked / "trust/site.json") == changed
