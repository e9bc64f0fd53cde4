"""A packaging order through the record with people and the bottle line: REC-0021 v2 on PK-2.

The golden lot of 97.63 kg is packed without trouble; a second order has a failed control and lost
labels. Both are played once for all tests here.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app import exporting
from app.demo import closing, packaging
from app.history import playing
from app.history.stage import PastStage
from audit.models import Signature
from ebr import queries
from hardware import queries as plant
from hardware.words import Cleaning
from inventory import genealogy, ledger
from inventory import queries as stock
from inventory.models import StockBalance
from production import queries as production
from production.models import Disposition
from quality import queries as quality
from tests.support import packing
from tests.support.story import PATIENCE_SECONDS

pytestmark = [pytest.mark.xdist_group("packed"), pytest.mark.timeout(PATIENCE_SECONDS)]
GOLDEN, TROUBLED = "PK-2039", "PK-2040"
SECOND = "B-2040"


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """The site after both orders; nothing may be written to it."""

    golden: PastStage
    troubled: PastStage
    out: exporting.Exported

    def ask(self, query: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        return self.golden.ask(query, *arguments, **more)

    def values(self, number: str, key: str) -> dict[str, str | None]:
        """The first value in force of each parameter of the latest occurrence of a step."""
        with self.golden.house.reading() as session:
            step = queries.steps_of_key(session, queries.run_of(session, number), key)[-1]
            found = queries.current_values(session, step)
            return {code: values[0].text for code, values in found.items()}

    def exceptions(self, number: str) -> list[tuple[str, str, str | None]]:
        """Type, severity and step of each exception."""
        with self.golden.house.reading() as session:
            run = queries.run_of(session, number)
            keys = {step.id: step.key for step in queries.steps(session, run)}
            cases = queries.exceptions(session, run)
            return [
                (case.type, case.severity, keys.get(case.step_id) if case.step_id else None)
                for case in cases
            ]


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Packed]:
    """Two orders, planned, made, reviewed, released, the first exported."""
    folder = tmp_path_factory.mktemp("packed")
    with packing.staged(folder) as stage:
        golden, order = packing.planned(stage, refusals=True)
        packaging.pack(golden, order)
        packaging.finish(golden)
        golden.worker.settle()
        golden.sequence()
        out = exporting.write(golden.house, golden.number, folder / "out")
        playing.clean_units(golden, ["PK-2"])
        packing.deliver(golden, SECOND, first=7101)
        troubled, order = packing.planned(stage, SECOND, torque="2.25", lost_labels=4)
        packaging.pack(troubled, order)
        yield Packed(golden=golden, troubled=troubled, out=out)


@pytest.mark.urs("URS-EXE-020", "URS-MAT-010")
def test_the_order_has_a_number_of_its_own_and_refuses_an_older_label(packed: Packed) -> None:
    assert (packed.golden.number, packed.troubled.number) == (GOLDEN, TROUBLED)
    (refused,) = packed.golden.refusals
    assert "LBL-PT500-04 is BLOCKED" in refused


@pytest.mark.urs("URS-MAT-080")
def test_the_golden_order_accounts_for_every_bottle_label_and_tablet(packed: Packed) -> None:
    charged, labels = packed.values(GOLDEN, "F040"), packed.values(GOLDEN, "F070")
    assert (charged["charged"], charged["tablets"]) == ("97.63", "156108")
    assert (labels["applied"], labels["spoiled"], labels["destroyed"]) == ("1561", "12", "77")
    assert labels["difference"] == "0.00"
    yields = packed.values(GOLDEN, "F080")
    assert (yields["bottles"], yields["packed"], yields["left"]) == ("1561", "1555", "8")
    assert (yields["percent"], yields["accountability"]) == ("100.00", "100.00")
    assert packed.exceptions(GOLDEN) == []


@pytest.mark.urs("URS-MAT-070", "URS-MAT-080")
def test_nothing_stays_at_the_order_and_the_rest_is_back_in_its_store(packed: Packed) -> None:
    with packed.golden.house.reading() as session:
        rows = session.scalars(select(StockBalance).where(StockBalance.amount != 0)).all()
        found = {(row.account, row.lot): row.amount for row in rows if not row.open_ended}
        assert ledger.differences(session) == []
        assert ledger.unbalanced(session) == []
    assert {account for account, _ in found if account.startswith("batch/PK")} == set()
    assert found[f"consumed/{GOLDEN}", "LBL-PT500-05"] == 1561
    assert found[f"scrap/{GOLDEN}", "LBL-PT500-05"] == 89
    assert found[f"consumed/{GOLDEN}", "BT-1107"] == 1561
    assert found["location/1.01", "BT-1107"] == 6000 - 2 * (1561 + 12)
    assert found["location/1.31", GOLDEN] == 1555


@pytest.mark.urs("URS-MAT-060")
def test_the_packed_lot_leads_back_to_its_bulk_and_its_labels(packed: Packed) -> None:
    back = {hop.source for hop in packed.ask(genealogy.backward, f"lot/{GOLDEN}")}
    assert {"lot/B-2039", "lot/LBL-PT500-05", "lot/BT-1107", "lot/CP-2205"} < back
    assert packed.ask(genealogy.where_used, "LBL-PT500-05") == [GOLDEN, TROUBLED]


@pytest.mark.urs("URS-REL-060")
def test_the_packed_batch_is_released_and_its_lot_with_it(packed: Packed) -> None:
    batch = packed.ask(production.batch, GOLDEN)
    assert (batch.disposition, batch.size) == (Disposition.RELEASED, Decimal(1561))
    assert packed.ask(stock.lot, GOLDEN).status == "released"
    assert packed.ask(quality.decision, packed.golden.record).decision == "release"


@pytest.mark.urs("URS-REC-030")
def test_its_bundle_verifies_and_speaks_of_pieces(packed: Packed, tmp_path: Path) -> None:
    valid, told = closing.verify(packed.out.bundle, packed.out.trust)
    assert valid, told
    with zipfile.ZipFile(packed.out.bundle) as bundle:
        record = json.loads(bundle.read("record.json"))
    text = json.dumps(record)
    assert "LBL-PT500-05" in text
    assert '"issued"' in text


@pytest.mark.urs("URS-SIG-020")
def test_labels_are_destroyed_before_a_witness_who_signs_as_one(packed: Packed) -> None:
    with packed.golden.house.reading() as session:
        step = queries.steps_of_key(session, queries.run_of(session, GOLDEN), "F070")[-1]
        meanings = {
            each.part: session.get_one(Signature, each.signature_id).meaning
            for each in queries.signatures(session, step)
        }
    assert meanings == {"performer": "performed", "verifier": "witnessed"}


@pytest.mark.urs("URS-DEV-010", "URS-EXE-030")
def test_a_failed_control_and_lost_labels_are_exceptions(packed: Packed) -> None:
    found = packed.exceptions(TROUBLED)
    assert ("out_of_limit", "major", "F055") in found
    assert ("out_of_limit", "major", "F070") in found
    assert packed.values(TROUBLED, "F070")["difference"] == "0.24"
    with packed.golden.house.reading() as session:
        booked = stock.movement(session, _adjustment(packed))
    assert booked is not None


def _adjustment(packed: Packed) -> str:
    path = packed.troubled.path("F070")
    return f"adjustment/{packed.troubled.record}/{path}/LBL-PT500-05"


@pytest.mark.urs("URS-EQP-060")
def test_the_line_is_to_be_cleaned_after_an_order(packed: Packed) -> None:
    assert packed.ask(plant.equipment, "PK-2").cleaning == Cleaning.TO_BE_CLEANED
