"""What the command line says when the machine lacks something."""

from __future__ import annotations

import pytest

from app import cli


def ending(monkeypatch: pytest.MonkeyPatch, problem: Exception) -> None:
    """Run it with a command that ends like this."""

    def broken(**_named: object) -> None:
        raise problem

    monkeypatch.setattr(cli, "main", broken)
    cli.entry()


def test_a_missing_library_is_named_with_the_line_that_brings_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = OSError("cannot load library 'libpango-1.0-0': no such file.  Additionally, ...")
    with pytest.raises(SystemExit, match="2"):
        ending(monkeypatch, lost)
    told = capsys.readouterr().err
    assert "lacks libpango-1.0-0" in told
    assert "apt-get install libpango-1.0-0 libpangoft2-1.0-0" in told


def test_any_other_problem_is_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError, match="full"):
        ending(monkeypatch, OSError(28, "the disk is full"))
