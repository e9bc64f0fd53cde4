"""The whole matrix of roles and permissions, so that a change of it is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import BrokenPromise
from personnel.matrix import ADMINISTRATION, ALL, DEMONSTRATION, TABLE, roles_with
from personnel.rules import Role

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "roles.md"
SHARED_WITH_ADMINISTRATION = {
    "audit.read": "nobody is kept from reading trails",
    "credential.confirm": "the quality unit, too, confirms who enrolled",
    "drill.sign": "either looks at what a restore drill shows",
    "keys.confirm": "the second of two people who exchange a key",
    "restore.confirm": "the second of two people who sign a restore",
}


def documented() -> dict[str, set[str]]:
    """Permission -> roles, from the table of the reference page."""
    rows = [line for line in REFERENCE.read_text("utf-8").splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return {row[0].strip("`"): set(row[1].split()) for row in cells}


@pytest.mark.urs("URS-IAM-020")
def test_the_matrix_is_the_one_of_the_reference() -> None:
    assert documented() == {
        permission: {str(role) for role in roles_with(permission)} for permission in ALL
    }


@pytest.mark.urs("URS-IAM-020")
def test_every_role_stands_in_the_table() -> None:
    assert set(TABLE) == set(Role)


@pytest.mark.urs("URS-IAM-030")
def test_no_gmp_role_administers_and_no_administrator_does_gmp_work() -> None:
    for permission in ADMINISTRATION - set(SHARED_WITH_ADMINISTRATION):
        assert roles_with(permission) == [Role.ADMIN]
    assert TABLE[Role.ADMIN] == ADMINISTRATION


@pytest.mark.urs("URS-IAM-020")
def test_an_inspector_only_reads() -> None:
    verbs = {permission.split(".")[1] for permission in TABLE[Role.INSPECTOR]}
    assert verbs == {"read", "bundle"}
    assert not any(Role.INSPECTOR in roles_with(name) for name in DEMONSTRATION)


@pytest.mark.urs("URS-REL-040")
def test_only_the_quality_unit_releases_and_only_the_qp_certifies() -> None:
    assert roles_with("release.decide") == [Role.QA]
    assert roles_with("release.certify") == [Role.QP]


def test_a_permission_outside_the_table_is_a_mistake() -> None:
    with pytest.raises(BrokenPromise):
        roles_with("batch.conjure")
