"""The page of the evidence format is enough: a verifier written from it gives every answer."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.second_verifier.__main__ import main

VECTORS = Path(__file__).parents[3] / "docs/reference/evidence-vectors"
LIST = json.loads((VECTORS / "index.json").read_text())["vectors"]


@pytest.mark.parametrize("vector", LIST, ids=[v["name"] for v in LIST])
def test_gives_result_place_and_exit_code_of_each_vector(
    vector: dict[str, Any], unpacked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [vector["file"], vector["trust"]]
    code = main([str(unpacked / name) for name in names if name])
    said = " ".join(word for word in (vector["result"], vector["place"]) if word)
    assert (capsys.readouterr().out, code) == (said + "\n", vector["exit_code"])


def test_a_wrong_call_or_trust_file_is_neither_valid_nor_invalid(
    unpacked: Path, tmp_path: Path
) -> None:
    bundle, trust = str(unpacked / "good/plain.zip"), tmp_path / "trust.json"
    trust.write_text('{"v": 1}')
    assert main([]) == main([bundle, str(trust)]) == main([str(tmp_path / "none.zip")]) == 2
