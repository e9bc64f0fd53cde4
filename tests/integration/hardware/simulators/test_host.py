"""The host refuses to start with a weak token or a damaged memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from hardware.simulators.host import main


def test_a_short_token_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "token").write_text("short")
    arguments = ["--pki", str(tmp_path), "--token-file", str(tmp_path / "token")]
    assert main(arguments) == 2
    assert "16 characters" in capsys.readouterr().err


def test_a_damaged_memory_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "token").write_text("a token that is long enough")
    (tmp_path / "cell.json").write_text("{}")
    arguments = ["--pki", str(tmp_path), "--token-file", str(tmp_path / "token")]
    assert main([*arguments, "--state-file", str(tmp_path / "cell.json")]) == 2
    assert "state file" in capsys.readouterr().err
