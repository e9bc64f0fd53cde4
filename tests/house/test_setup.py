"""Set-up: what it asks a person for, when it has nothing to do, and what the wheel must carry."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.house.test_tree import PACKAGES, ROOT
from tools import assets, environment, prepare, systemlibs
from tools.needs import NeedsAPerson
from tools.systemlibs import Need

DIST = ROOT / "web" / "static" / "dist"


def test_a_missing_library_without_rights_names_the_line_to_type(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    absent = Need("reading minds", lambda: False, ("libmind-1.0-0",), ("run",))
    monkeypatch.setattr(systemlibs, "NEEDS", (absent,))
    monkeypatch.setattr(systemlibs, "_rights", lambda: None)
    with pytest.raises(NeedsAPerson, match=r"sudo apt-get install .* libmind-1\.0-0"):
        systemlibs.ensure("run")


def test_set_up_that_needs_a_person_ends_with_2_and_the_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = Need("reading minds", lambda: False, ("libmind-1.0-0",), ("run",))
    monkeypatch.setattr(systemlibs, "NEEDS", (absent,))
    monkeypatch.setattr(systemlibs, "_rights", lambda: None)
    assert prepare.main(["run"]) == 2
    told = capsys.readouterr().err
    assert "sudo apt-get update && sudo apt-get install -y" in told
    assert told.rstrip().endswith("libmind-1.0-0")


def test_a_step_of_set_up_that_fails_ends_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(level: str) -> None:
        raise subprocess.CalledProcessError(1, "pip")

    monkeypatch.setattr(prepare, "prepare", fail)
    assert prepare.main(["run"]) == 1
    assert capsys.readouterr().err.startswith("Set-up stopped: ")


@pytest.mark.parametrize("words", [[], ["everything"], ["run", "twice"]])
def test_set_up_called_wrongly_ends_with_2(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepare.main(words) == 2
    assert "tools.prepare" in capsys.readouterr().out


def test_a_library_of_another_level_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = Need("reading minds", lambda: False, ("libmind-1.0-0",), ("test",))
    monkeypatch.setattr(systemlibs, "NEEDS", (absent,))
    assert systemlibs.missing("run") == []
    assert systemlibs.missing("test") == [absent]


def test_a_library_that_cannot_be_loaded_counts_as_missing() -> None:
    assert not systemlibs._loads(("libno-such-thing.so.9",))
    assert systemlibs._loads(systemlibs.PANGO)


def test_an_environment_that_fits_the_lock_is_left_alone(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = _recorded_pip(monkeypatch)
    environment.ensure(checkout, "run")
    assert len(calls) == 2, "the lock, then the project"
    environment.ensure(checkout, "run")
    assert len(calls) == 2


def test_a_changed_lock_is_installed_again(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = _recorded_pip(monkeypatch)
    environment.ensure(checkout, "run")
    (checkout / "requirements" / "run.txt").write_text("changed==2\n")
    environment.ensure(checkout, "run")
    assert [call[2] for call in calls[2:]] == ["--no-deps"]
    assert "--require-hashes" in calls[2]


def test_the_development_lock_serves_a_run_as_well(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = _recorded_pip(monkeypatch)
    environment.ensure(checkout, "check")
    environment.ensure(checkout, "run")
    assert len(calls) == 2


def test_an_install_that_fails_is_tried_again(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(python: Path, *arguments: str) -> None:
        raise subprocess.CalledProcessError(1, "pip")

    monkeypatch.setattr(environment, "_pip", fail)
    with pytest.raises(subprocess.CalledProcessError):
        environment.ensure(checkout, "run")
    calls = _recorded_pip(monkeypatch)
    environment.ensure(checkout, "run")
    assert len(calls) == 2


def test_packages_have_their_byte_code_where_python_is_told_not_to_write_any(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    _recorded_pip(monkeypatch)
    packages = checkout / ".venv" / "lib" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "fits.py").write_text("answer = 42\n")
    (packages / "template.py").write_text("{{ name }} is no Python\n")
    environment.ensure(checkout, "run")
    assert [found.name.partition(".")[0] for found in packages.rglob("*.pyc")] == ["fits"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with an environment in which nothing is installed yet."""
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (tmp_path / "requirements").mkdir()
    for name in ("run", "dev"):
        (tmp_path / "requirements" / f"{name}.txt").write_text(f"{name}==1\n")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def _recorded_pip(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    calls: list[tuple[str, ...]] = []

    def pip(python: Path, *arguments: str) -> None:
        calls.append(arguments)

    monkeypatch.setattr(environment, "_pip", pip)
    return calls


@pytest.fixture
def frontend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Sources of assets below `tmp_path`; what would be run with Node is recorded instead."""
    (tmp_path / "frontend" / "src").mkdir(parents=True)
    (tmp_path / "frontend" / "src" / "core.js").write_text("export {};")
    for name in (*assets.INSTALL_INPUTS, *assets.BUILD_INPUTS):
        (tmp_path / "frontend" / name).write_text("{}")
    calls: list[str] = []

    def node(folder: Path, program: Path, arguments: list[str]) -> None:
        calls.append(Path(arguments[0]).name)
        (folder / "node_modules").mkdir(exist_ok=True)
        dist = tmp_path / "web" / "static" / "dist"
        dist.mkdir(parents=True, exist_ok=True)
        (dist / "manifest.json").write_text("{}")

    monkeypatch.setattr(assets, "_node", lambda root: (Path("node"), Path("npm-cli.js")))
    monkeypatch.setattr(assets, "_run", node)
    return calls


def test_assets_that_fit_their_sources_are_left_alone(tmp_path: Path, frontend: list[str]) -> None:
    assets.ensure(tmp_path)
    assets.ensure(tmp_path)
    assert frontend == ["npm-cli.js", "build.mjs"]


def test_a_changed_source_is_built_again_and_nothing_installed(
    tmp_path: Path, frontend: list[str]
) -> None:
    assets.ensure(tmp_path)
    (tmp_path / "frontend" / "src" / "core.js").write_text("export const changed = 1;")
    assets.ensure(tmp_path)
    assert frontend == ["npm-cli.js", "build.mjs", "build.mjs"]


def test_lost_assets_are_built_again(tmp_path: Path, frontend: list[str]) -> None:
    assets.ensure(tmp_path)
    shutil.rmtree(tmp_path / "web")
    assets.ensure(tmp_path)
    assert frontend == ["npm-cli.js", "build.mjs", "build.mjs"]


def test_the_manifest_names_files_that_are_there() -> None:
    manifest = json.loads((DIST / "manifest.json").read_text())
    assert {"core", "bpmn-viewer", "chart"} <= manifest.keys()
    for entry in manifest.values():
        files = [entry["js"], *([entry["css"]] if entry["css"] else []), *entry["imports"]]
        assert [name for name in files if not (DIST / name).is_file()] == []


def test_the_same_sources_give_the_same_bytes(tmp_path: Path) -> None:
    for part in ("src", *assets.INSTALL_INPUTS, *assets.BUILD_INPUTS):
        original, copy = ROOT / "frontend" / part, tmp_path / "frontend" / part
        copy.parent.mkdir(exist_ok=True)
        shutil.copytree(original, copy) if original.is_dir() else shutil.copy(original, copy)
    (tmp_path / "frontend" / "node_modules").symlink_to(ROOT / "frontend" / "node_modules")
    node, _ = assets._node(ROOT)
    subprocess.run([node, "build.mjs"], cwd=tmp_path / "frontend", check=True)
    assert _digests(tmp_path / "web" / "static" / "dist") == _digests(DIST)


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*.*")
        if path.is_file()
    }


def test_the_licences_of_the_built_packages_are_beside_them() -> None:
    text = (DIST / "LICENSES" / "frontend.txt").read_text(encoding="utf-8")
    for words in ("bpmn-js 18", "htmx.org 4", "uplot 1", "SIL OPEN FONT LICENSE", "bpmn.io"):
        assert words in text


def test_the_wheel_carries_every_package_and_the_assets(tmp_path: Path) -> None:
    assert _build_wheel(ROOT, tmp_path).returncode == 0
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert [name for name in PACKAGES if f"{name}/__init__.py" not in names] == []
    built = {f"web/static/dist/{path.relative_to(DIST)}" for path in DIST.rglob("*.*")}
    assert built <= set(names)
    assert [name for name in names if name.startswith(("tests/", "tools/", "frontend/"))] == []


def test_a_wheel_without_the_assets_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "tools").mkdir(parents=True)
    for name in ("pyproject.toml", "README.md", "tools/hatch_build.py"):
        shutil.copy(ROOT / name, source / name)
    for package in PACKAGES:
        (source / package).mkdir()
        (source / package / "__init__.py").touch()
    result = _build_wheel(source, tmp_path)
    assert result.returncode != 0
    assert "run `make assets` first" in result.stderr
    assert list(tmp_path.glob("*.whl")) == []


def _build_wheel(source: Path, output: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(output)]
    return subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
