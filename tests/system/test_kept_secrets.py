"""After a whole batch no secret lies in log files, the database, or what was handed out
(URS-SEC-040, URS-IAM-070)."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.support.story import Played


def secrets(home: Path) -> Iterator[tuple[str, bytes]]:
    """Everything that nobody else may know, in each form in which it could be written down."""
    for name in ("log.key", "export.key"):
        seed = (home / "keys" / name).read_text().split()[1]
        yield name, seed.encode()
        yield name, bytes.fromhex(seed)
    pepper = (home / "keys" / "pepper").read_bytes()
    for form in (pepper, pepper.hex().encode(), base64.b64encode(pepper)):
        yield "pepper", form
    yield "seal.pem", (home / "keys" / "seal.pem").read_bytes().splitlines()[5]
    yield "token of the cell", (home / "cell" / "token").read_bytes().strip()
    for card in json.loads((home / "cards.json").read_text()):
        yield "a passphrase", card["passphrase"].encode()


def places(home: Path) -> Iterator[tuple[str, bytes]]:
    """Log files, databases and what was handed out, packed or not."""
    for pattern in ("logs/*", "*.db", "out/*"):
        for file in home.glob(pattern):
            if file.suffix == ".zip":
                packed = ZipFile(file)
                yield from (
                    (f"{file.name}: {name}", packed.read(name)) for name in packed.namelist()
                )
            else:
                yield file.name, file.read_bytes()


@pytest.mark.urs("URS-SEC-040", "URS-IAM-070")
def test_no_secret_of_the_site_is_in_logs_database_or_bundle(story: Played) -> None:
    home = story.settings.home
    wanted = list(secrets(home))
    found = [
        f"{what} in {where}" for where, data in places(home) for what, secret in wanted
        if secret in data
    ]  # fmt: skip
    assert found == []
    assert len(wanted) > 20


@pytest.mark.urs("URS-SEC-040")
def test_a_secret_that_was_written_down_would_be_found(story: Played, tmp_path: Path) -> None:
    seed = (story.settings.home / "keys" / "log.key").read_bytes()
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "web.log").write_bytes(b"started with " + seed)
    wanted = list(secrets(story.settings.home))
    assert any(secret in data for _, data in places(tmp_path) for _, secret in wanted)
