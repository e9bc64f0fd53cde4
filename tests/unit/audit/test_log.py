"""The log is the tree of RFC 9162, and its proofs are checked strictly."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import log, verifier
from audit.verifier import Invalid, node_hash

INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657",
          "606162636465666768696a6b6c6d6e6f"]  # fmt: skip
LEAVES = [verifier.leaf_hash(bytes.fromhex(part)) for part in INPUTS]
ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
"""Trees of the reference data of RFC 6962."""

DUMMY_ROOT = "additional/sizes-are-equal-one-and-proof-is-empty.json"
"""The one public vector that calls a root good which is no hash; it is left out by name."""

VECTORS = Path(os.environ.get("BATCHWRIGHT_VECTORS", Path(__file__).parents[4] / "shared/vectors"))


def tree_of(leaves: list[bytes]) -> log.Read:
    nodes: dict[tuple[int, int], bytes] = {}
    for size, leaf in enumerate(leaves):
        nodes.update(log.grown(lambda *at: nodes[at], size, [leaf]))
    return lambda level, index: nodes[level, index]


@pytest.mark.parametrize("size", ROOTS)
def test_roots_are_those_of_the_reference_trees(size: int) -> None:
    assert log.root(tree_of(LEAVES), size).hex() == ROOTS[size]


def test_proofs_in_the_example_of_the_standard() -> None:
    """RFC 9162, 2.1.5: seven leaves, nodes a..l."""
    d = LEAVES[:7]
    a, b, c, e = d[0], d[1], d[2], d[3]
    g, h = node_hash(a, b), node_hash(c, e)
    i, j = node_hash(d[4], d[5]), d[6]
    k, m = node_hash(g, h), node_hash(i, j)
    read = tree_of(d)
    assert log.inclusion_proof(read, 0, 7) == [b, h, m]
    assert log.inclusion_proof(read, 3, 7) == [c, g, m]
    assert log.inclusion_proof(read, 4, 7) == [d[5], j, k]
    assert log.inclusion_proof(read, 6, 7) == [i, k]
    assert log.consistency_proof(read, 3, 7) == [c, e, g, m]
    assert log.consistency_proof(read, 4, 7) == [m]
    assert log.consistency_proof(read, 6, 7) == [i, j, k]


@given(st.integers(1, 70), st.data())
def test_every_proof_that_is_made_is_accepted_and_no_other_index(
    size: int, data: st.DataObject
) -> None:
    leaves = [verifier.leaf_hash(str(number).encode()) for number in range(size)]
    read = tree_of(leaves)
    index = data.draw(st.integers(0, size - 1))
    older = data.draw(st.integers(1, size))
    proof = log.inclusion_proof(read, index, size)
    verifier.check_inclusion(leaves[index], index, size, proof, log.root(read, size))
    verifier.check_consistency(
        older, size, log.root(read, older), log.root(read, size),
        log.consistency_proof(read, older, size),
    )  # fmt: skip
    other = data.draw(st.integers(0, size - 1).filter(lambda n: n != index)) if size > 1 else size
    with pytest.raises(Invalid):
        verifier.check_inclusion(leaves[index], other, size, proof, log.root(read, size))


def test_growing_in_one_piece_or_leaf_by_leaf_is_the_same() -> None:
    whole = log.grown(lambda *at: pytest.fail(f"read {at}"), 0, LEAVES)
    read = tree_of(LEAVES)
    assert all(read(*position) == hashed for position, hashed in whole.items())


def test_an_empty_tree_has_no_root_and_proves_nothing() -> None:
    with pytest.raises(ValueError, match="empty"):
        log.root(tree_of([]), 0)
    for index, size in ((0, 0), (-1, 1), (1, 1)):
        with pytest.raises(Invalid):
            verifier.check_inclusion(LEAVES[0], index, size, [], LEAVES[0])
    with pytest.raises(Invalid):
        verifier.check_consistency(0, 1, LEAVES[0], LEAVES[0], [])
    with pytest.raises(ValueError, match="not in a tree"):
        log.inclusion_proof(tree_of(LEAVES), 8, 8)
    with pytest.raises(ValueError, match="compared"):
        log.consistency_proof(tree_of(LEAVES), 0, 8)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_hash_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(Invalid, match="32 bytes"):
        verifier.check_inclusion(LEAVES[0], 0, 2, [bytes(length)], bytes.fromhex(ROOTS[2]))
    with pytest.raises(Invalid, match="32 bytes"):
        verifier.check_inclusion(bytes(length), 0, 1, [], bytes(length))


def vectors(kind: str) -> list[Any]:
    file = VECTORS / "merkle" / "proofs.json"
    if not file.exists():
        pytest.skip(f"the public vectors are not here: set BATCHWRIGHT_VECTORS ({file.name})")
    found: list[Any] = json.loads(file.read_text(encoding="utf-8"))[kind]
    return [vector for vector in found if vector["name"] != DUMMY_ROOT]


def raw(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def accepts(check: Callable[..., None], *arguments: Any) -> bool:
    try:
        check(*arguments)
    except Invalid:
        return False
    return True


def test_public_vectors_of_inclusion() -> None:
    wrong = [
        vector["name"]
        for vector in vectors("inclusion")
        if accepts(
            verifier.check_inclusion,
            raw(vector["leafHash"]),
            vector["leafIdx"],
            vector["treeSize"],
            [raw(part) for part in vector["proof"] or []],
            raw(vector["root"]),
        )
        == vector["wantErr"]
    ]
    assert wrong == []


def test_public_vectors_of_consistency() -> None:
    wrong = [
        vector["name"]
        for vector in vectors("consistency")
        if accepts(
            verifier.check_consistency,
            vector["size1"],
            vector["size2"],
            raw(vector["root1"]),
            raw(vector["root2"]),
            [raw(part) for part in vector["proof"] or []],
        )
        == vector["wantErr"]
    ]
    assert wrong == []
