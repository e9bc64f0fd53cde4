"""Potency, targets and compensation: the golden numbers of the demonstration recipe."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.errors import NothingToWeigh
from inventory.potency import (
    Source,
    Weighed,
    compensating,
    counted_of,
    plan_container,
    pure_share,
)

FIRST, SECOND = D("0.991018"), D("0.996004")
ACTIVE, NOMINAL, READABILITY = D("80.000"), D("8.500"), D("0.01")


def weighed(lot: str, share: D, net: str, counted: str | None = None) -> Weighed:
    return Weighed(lot=lot, net=D(net), pure=D(net) * share, counted=D(counted or net))


def second_lot(content: str = "25") -> Source:
    return Source(lot="PA-0457", share=SECOND, lot_on_hand=D("175"), content=D(content))


@pytest.mark.urs("URS-MAT-030")
@pytest.mark.parametrize(
    ("assay", "loss", "dried", "share"),
    [
        ("99.4", "0.30", True, "0.991018"),
        ("99.8", "0.20", True, "0.996004"),
        ("99.4", "0.30", False, "0.994"),
        ("101.0", None, True, "1.01"),
        ("98.0", "1.0", True, "0.9702"),
    ],
)
def test_the_pure_share_takes_off_water_only_on_dried_basis(
    assay: str, loss: str | None, dried: bool, share: str
) -> None:
    assert pure_share(D(assay), D(loss) if loss else None, dried_basis=dried) == D(share)


@pytest.mark.urs("URS-MAT-030")
def test_the_first_lot_is_pure_36_172157_kg() -> None:
    assert D("36.50") * FIRST == D("36.172157")


@pytest.mark.urs("URS-MAT-030")
@pytest.mark.parametrize(
    ("nets", "target", "cellulose"),
    [(("25.00", "11.50"), "44.00", "8.000"), (("25.00", "11.48"), "44.02", "8.000")],
)
def test_the_last_lot_makes_the_pure_total_from_the_nets_read(
    nets: tuple[str, str], target: str, cellulose: str
) -> None:
    earlier = [weighed("PA-0411", FIRST, net) for net in nets]
    third = plan_container(ACTIVE, earlier, second_lot(), readability=READABILITY, containers=4)
    assert third.lot_target == D(target)
    assert not third.to_the_end
    earlier.append(weighed("PA-0457", SECOND, str(third.target), str(third.counted)))
    fourth = plan_container(ACTIVE, earlier, second_lot(), readability=READABILITY, containers=4)
    assert third.counted + fourth.counted == D(target)
    counted = [*(D(net) for net in nets), third.counted, fourth.counted]
    assert compensating(NOMINAL, counted, ACTIVE) == D(cellulose)


@pytest.mark.urs("URS-MAT-030")
def test_the_exact_target_of_the_second_lot_is_44_00368_kg() -> None:
    earlier = [weighed("PA-0411", FIRST, "36.50")]
    plan = plan_container(ACTIVE, earlier, second_lot(), readability=READABILITY)
    assert plan.exact.quantize(D("0.00001")) == D("44.00368")
    assert plan.target == D("22.00")


@pytest.mark.urs("URS-MAT-030")
def test_the_last_container_takes_what_is_really_missing() -> None:
    earlier = [
        weighed("PA-0411", FIRST, "36.50"),
        weighed("PA-0457", SECOND, "22.03", "22.00"),
    ]
    plan = plan_container(ACTIVE, earlier, second_lot(), readability=READABILITY, containers=3)
    assert plan.target == D("21.97")
    assert plan.counted == D("22.00")


@pytest.mark.urs("URS-MAT-030")
@pytest.mark.parametrize(
    ("assay", "loss", "target", "cellulose"),
    [("99.0", "0.50", "81.214", "7.286"), ("101.0", "0", "79.208", "9.292")],
)
def test_the_extremes_of_the_specification_stay_inside_the_allowed_cellulose(
    assay: str, loss: str, target: str, cellulose: str
) -> None:
    share = pure_share(D(assay), D(loss), dried_basis=True)
    source = Source(lot="X", share=share, lot_on_hand=D(100), content=D(100))
    plan = plan_container(ACTIVE, [], source, readability=D("0.001"))
    assert plan.target == D(target)
    assert compensating(NOMINAL, [plan.counted], ACTIVE) == D(cellulose)


@pytest.mark.urs("URS-MAT-030")
def test_ten_kilograms_at_98_percent_with_one_percent_water_need_10_307() -> None:
    share = pure_share(D("98.0"), D("1.0"), dried_basis=True)
    source = Source(lot="X", share=share, lot_on_hand=D(100), content=D(50))
    plan = plan_container(D("10.000"), [], source, readability=D("0.001"))
    assert plan.target == D("10.307")


def test_a_lot_that_does_not_suffice_is_used_to_the_end() -> None:
    source = Source(lot="PA-0411", share=FIRST, lot_on_hand=D("36.5"), content=D("11.5"))
    plan = plan_container(ACTIVE, [], source, readability=READABILITY, containers=4)
    assert plan.to_the_end
    assert plan.target == D("11.50")
    assert counted_of(plan, D("11.48")) == D("11.48")


def test_nothing_is_left_to_weigh_when_the_total_is_there() -> None:
    earlier = [weighed("X", D(1), "4.000")]
    source = Source(lot="X", share=D(1), lot_on_hand=D(21), content=D(21))
    with pytest.raises(NothingToWeigh):
        plan_container(D("4.000"), earlier, source, readability=D("0.001"))


@given(
    nets=st.lists(st.integers(2100, 2300), min_size=0, max_size=3),
    containers=st.integers(1, 5),
)
def test_what_the_containers_of_the_last_lot_count_is_always_its_target(
    nets: list[int], containers: int
) -> None:
    earlier: list[Weighed] = [weighed("PA-0411", FIRST, "36.50")]
    counted = []
    for net in [*nets, None, None, None, None, None]:
        plan = plan_container(
            ACTIVE, earlier, second_lot("30"), readability=READABILITY, containers=containers
        )
        counted.append(plan.counted)
        if plan.left == 1:
            break
        given_net = plan.target if net is None else min(D(net) / 100, plan.target)
        earlier.append(weighed("PA-0457", SECOND, str(given_net), str(plan.counted)))
    assert sum(counted) == D("44.00")
