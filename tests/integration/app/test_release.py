"""An installation is what was released, or no GMP site opens on it (URS-VAL-050)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import pytest

from app import making
from app.bootstrap import compose, opened
from audit import trail
from audit.streams import SITE
from core import release
from core.errors import BrokenPromise
from core.release import Release
from core.sites import SiteMode
from tests.integration.app.conftest import Command, settings_of

CHECKOUT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this checkout, unpacked as an installation is."""
    folder = tmp_path_factory.mktemp("release")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=CHECKOUT, capture_output=True, check=True)
    (wheel,) = folder.iterdir()
    ZipFile(wheel).extractall(folder / "installed")
    return folder / "installed"


@pytest.fixture
def shipped(installed: Path) -> Release:
    """What the wheel says it is."""
    found = release.read(installed / "core" / "release.json")
    assert found is not None
    return found


@pytest.mark.urs("URS-VAL-050")
def test_an_installed_wheel_is_what_was_released(installed: Path, shipped: Release) -> None:
    assert list(release.differences(shipped, installed)) == []
    assert "web/static/dist/manifest.json" in shipped.files
    assert {"flask", "sqlalchemy", "cryptography"} <= shipped.dependencies.keys()


@pytest.mark.urs("URS-VAL-050")
@pytest.mark.parametrize("way", ["changed", "added", "removed"])
def test_a_file_that_differs_is_named(installed: Path, shipped: Release, way: str) -> None:
    file = installed / "audit" / ("more.py" if way == "added" else "chain.py")
    before = file.read_bytes() if file.exists() else None
    if way == "removed":
        file.unlink()
    else:
        file.write_bytes((before or b"") + b"# a little more\n")
    try:
        (said,) = release.differences(shipped, installed)
    finally:
        if before is None:
            file.unlink()
        else:
            file.write_bytes(before)
    assert f"audit/{file.name}" in said


@pytest.mark.urs("URS-VAL-050")
def test_another_version_of_a_dependency_is_named(installed: Path, shipped: Release) -> None:
    other = replace(shipped, dependencies={**shipped.dependencies, "flask": "0.1", "gone": "1.0"})
    assert [line.split()[2] for line in release.differences(other, installed)] == ["flask", "gone"]


def test_a_checkout_is_told_as_one_and_compares_nothing() -> None:
    assert release.read(release.MANIFEST) is None
    assert release.of_this_installation() == ("a checkout, not a release", ())


@pytest.fixture
def altered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process runs a release of which one file is another."""
    described = release.described(CHECKOUT, "0.1.0", "")
    wrong = replace(described, files={**described.files, "audit/chain.py": "0" * 64})
    monkeypatch.setattr(release, "MANIFEST", tmp_path / "release.json")
    (tmp_path / "release.json").write_text(wrong.as_json(), encoding="utf-8")
    release.of_this_installation.cache_clear()
    yield
    release.of_this_installation.cache_clear()


@pytest.mark.urs("URS-VAL-050", "URS-AUD-010")
@pytest.mark.parametrize("mode", SiteMode)
def test_an_altered_installation_opens_no_gmp_site_and_is_an_entry_of_any(
    batchwright: Command,
    tmp_path: Path,
    altered: None,
    monkeypatch: pytest.MonkeyPatch,
    mode: SiteMode,
) -> None:
    settings = settings_of(tmp_path / "site")
    making.make_site(settings, name="Werk Nord", mode=mode, zone="Europe/Berlin")
    if mode is SiteMode.GMP:
        with pytest.raises(BrokenPromise, match=r"audit/chain\.py is not the released one"):
            compose(settings)
        told = batchwright("verify", home=settings.home)
        assert told.exit_code == 1
    else:
        compose(settings).database.close()
    assert "audit/chain.py" in batchwright("doctor", home=settings.home).output
    monkeypatch.undo()
    release.of_this_installation.cache_clear()
    with opened(settings) as house, house.reading() as session:
        told_of = [
            entry.data["facts"]["first"]
            for entry in trail.entries(session, SITE)
            if entry.action == "installation.differs"
        ]
    assert ["the file audit/chain.py is not the released one"] in told_of
