"""Every change stands in an act, and every act is an entry of its record's chain."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from audit import chain, trail, verifier
from audit.errors import ActIncomplete, ReasonMissing, UnattributedChange
from audit.models import Entry, PendingEntry, StreamHead
from audit.streams import Stream
from core.actors import Actor
from core.errors import BrokenPromise
from core.house import House
from core.writeguard import UnauditedWrite
from tests.integration.audit.conftest import OPERATOR
from tests.integration.audit.sample import Glance, Kettle, Weight

BATCH = Stream("batch", "B-1")
LOT = Stream("lot", "PA-0411")


def payloads(house: House, stream: Stream = BATCH) -> list[dict[str, Any]]:
    with house.reading() as session:
        return [entry.data for entry in trail.entries(session, stream)]


def make_kettle(house: House, name: str = "K-1", **values: Any) -> None:
    with (
        house.transaction() as session,
        trail.act(session, "kettle.made", stream=BATCH, by=OPERATOR),
    ):
        session.add(Kettle(name=name, **values))


@pytest.mark.urs("URS-AUD-020")
def test_an_entry_says_who_what_when_why_and_where(house: House) -> None:
    with (
        house.transaction() as session,
        trail.act(
            session, "kettle.made", stream=BATCH, by=OPERATOR, object="K-1", reason="first use"
        ) as act,
    ):
        session.add(Kettle(name="K-1", volume=Decimal("125.00"), lock_code="4711"))
        act.facts["step"] = "G170"
        act.journal.append({"event": "task.ready", "at": datetime(2026, 3, 2, tzinfo=UTC)})
    (entry,) = payloads(house)
    after = entry["changes"][0].pop("after")
    assert entry["changes"][0] == {"table": "sample_kettle", "id": after["id"], "before": None}
    assert (after["volume"], after["lock_code"], after["version"]) == ("125.00", "(secret)", 1)
    assert after["state"] == "CLEAN"
    assert after["remark"] is None
    assert entry["actor"] == {
        "kind": "person", "id": "P-101", "name": "Ada Okafor", "role": "operator",
        "terminal": "T-1",
    }  # fmt: skip
    assert (entry["at"], entry["tz"]) == ("2026-03-02T07:00:00.000000+01:00", "Europe/Berlin")
    assert entry["real_at"] == "2026-03-02T06:00:00.000000+00:00"
    assert (entry["action"], entry["object"], entry["reason"]) == (
        "kettle.made", "K-1", "first use",
    )  # fmt: skip
    assert (entry["rec"], entry["rseq"], entry["prev"]) == ("batch/B-1", 1, None)
    assert entry["facts"] == {"step": "G170"}
    assert entry["journal"][0]["at"] == "2026-03-02T00:00:00.000000+00:00"
    assert entry["software"] == {"name": "batchwright test", "configuration": "default"}
    assert entry["request"]


def test_entries_of_a_stream_are_chained_from_one(house: House) -> None:
    for number in range(3):
        with (
            house.transaction() as session,
            trail.act(session, "batch.noted", stream=BATCH, by=OPERATOR, facts={"n": number}),
        ):
            pass
    with house.reading() as session:
        stored = trail.entries(session, BATCH)
        head = session.scalars(select(StreamHead)).one()
        waiting = session.scalars(select(PendingEntry)).all()
    previous = None
    for number, entry in enumerate(stored, start=1):
        assert (entry.data["rseq"], entry.data["prev"]) == (number, previous)
        assert entry.leaf == verifier.leaf_hash(entry.payload)
        assert verifier.canonical_bytes(json.loads(entry.payload)) == entry.payload
        previous = verifier.sha256(entry.payload).hex()
    assert head.hash is not None
    assert (head.rseq, head.hash.hex(), len(waiting)) == (3, previous, 3)


def test_acts_of_several_streams_and_nested_acts_keep_their_order(house: House) -> None:
    with (
        house.transaction() as session,
        trail.act(session, "step.completed", stream=BATCH, by=OPERATOR) as outer,
    ):
        session.add(Kettle(name="outer"))
        with trail.act(session, "lot.used", stream=LOT, by=OPERATOR) as inner:
            session.add(Kettle(name="inner"))
            assert trail.current(session) is inner
        assert trail.current(session) is outer
        with trail.act(session, "batch.noted", stream=BATCH, by=OPERATOR):
            pass
        session.add(Kettle(name="outer again"))
    batch, lot = payloads(house), payloads(house, LOT)
    assert [entry["action"] for entry in batch] == ["step.completed", "batch.noted"]
    assert [entry["action"] for entry in lot] == ["lot.used"]
    assert [change["after"]["name"] for change in batch[0]["changes"]] == ["outer", "outer again"]
    assert [change["after"]["name"] for change in lot[0]["changes"]] == ["inner"]


@pytest.mark.urs("URS-AUD-030")
def test_a_change_keeps_former_values_beside_the_full_row(house: House) -> None:
    make_kettle(house, volume=Decimal("10.20"), remark="as delivered")
    with (
        house.transaction() as session,
        trail.act(session, "kettle.used", stream=BATCH, by=OPERATOR, reason="typing error"),
    ):
        kettle = session.scalars(select(Kettle)).one()
        kettle.state, kettle.volume = "DIRTY", Decimal("10.4")
        session.flush()
        kettle.state = "DRAINED"
    (change,) = payloads(house)[-1]["changes"]
    assert change["before"] == {"state": "CLEAN", "volume": "10.20"}
    assert change["after"]["volume"] == "10.4"
    assert change["after"]["state"] == "DRAINED"
    assert change["after"]["remark"] == "as delivered"
    assert change["after"]["version"] == 3


def test_a_former_value_that_was_never_loaded_is_still_recorded(house: House) -> None:
    make_kettle(house, remark="as delivered")
    with (
        house.transaction() as session,
        trail.act(session, "kettle.marked", stream=BATCH, by=OPERATOR),
    ):
        kettle = session.scalars(select(Kettle)).one()
        session.expire(kettle, ["state"])
        kettle.remark, kettle.state = "dented", "DIRTY"
    (change,) = payloads(house)[-1]["changes"]
    assert change["before"] == {"remark": "as delivered", "state": "CLEAN"}


def test_a_secret_enters_as_changed_but_unnamed(house: House) -> None:
    make_kettle(house, lock_code="4711")
    with (
        house.transaction() as session,
        trail.act(session, "kettle.locked", stream=BATCH, by=OPERATOR),
    ):
        session.scalars(select(Kettle)).one().lock_code = "0815"
    (change,) = payloads(house)[-1]["changes"]
    assert change["before"] == {"lock_code": "(secret)"}
    assert "0815" not in json.dumps(payloads(house))


def test_a_change_to_the_same_value_is_no_change(house: House) -> None:
    make_kettle(house)
    with (
        house.transaction() as session,
        trail.act(session, "kettle.seen", stream=BATCH, by=OPERATOR),
    ):
        kettle = session.scalars(select(Kettle)).one()
        kettle.state = "DIRTY"
        kettle.state = "CLEAN"
    assert payloads(house)[-1]["changes"] == []


def change_outside_an_act(house: House, when: str) -> None:
    with house.transaction() as session:
        if when == "before":
            session.add(Kettle(name="K-1"))
        if when != "without act":
            with trail.act(session, "kettle.seen", stream=BATCH, by=OPERATOR):
                pass
        session.add(Kettle(name="K-1"))


@pytest.mark.urs("URS-AUD-010")
@pytest.mark.parametrize("when", ["without act", "before", "after"])
def test_a_change_outside_any_act_refuses_the_commit(house: House, when: str) -> None:
    with pytest.raises(UnattributedChange):
        change_outside_an_act(house, when)
    with house.reading() as session:
        assert session.scalars(select(Kettle)).all() == []
        assert session.scalars(select(Entry)).all() == []


def test_rows_outside_the_trail_need_no_act(house: House) -> None:
    with house.transaction() as session:
        session.add(Glance(note="seen"))
    with house.reading() as session:
        assert session.scalars(select(Entry)).all() == []


@pytest.mark.urs("URS-AUD-010")
def test_statements_past_the_unit_of_work_are_refused(house: House) -> None:
    make_kettle(house)
    with pytest.raises(UnauditedWrite), house.transaction() as session:
        session.execute(text("UPDATE sample_kettle SET state = 'DIRTY'"))
    with pytest.raises(UnauditedWrite), house.transaction() as session:
        session.execute(text("DELETE FROM entry"))


def test_a_row_is_never_deleted(house: House) -> None:
    make_kettle(house)
    with (
        pytest.raises(UnattributedChange, match="rows stay"),
        house.transaction() as session,
        trail.act(session, "kettle.scrapped", stream=BATCH, by=OPERATOR),
    ):
        session.delete(session.scalars(select(Kettle)).one())


def test_only_the_trail_writes_entries(house: House) -> None:
    with (
        pytest.raises(UnattributedChange, match="only the trail"),
        house.transaction() as session,
        trail.act(session, "entry.forged", stream=BATCH, by=OPERATOR),
    ):
        session.add(
            Entry(
                rec="batch/B-1", rseq=1, at=datetime.now(UTC), actor="P-101", action="a.b",
                object="x", payload=b"{}", leaf=b"",
            )
        )  # fmt: skip


@pytest.mark.urs("URS-AUD-040")
@pytest.mark.parametrize("reason", ["", "   ", ".", "x", "n/a", "N/A ", "...", "XXX", "--"])
def test_a_placeholder_is_no_reason(house: House, reason: str) -> None:
    with (
        pytest.raises(ReasonMissing),
        house.transaction() as session,
        trail.act(session, "value.corrected", stream=BATCH, by=OPERATOR, reason=reason),
    ):
        pass
    assert payloads(house) == []


@pytest.mark.urs("URS-AUD-040")
def test_a_correction_without_reason_leaves_the_value_unchanged(house: House) -> None:
    with (
        house.transaction() as session,
        trail.act(session, "weight.entered", stream=BATCH, by=OPERATOR),
    ):
        first = Weight(kettle="K-1", value=Decimal("10.2"))
        session.add(first)
        session.flush()
        first_id = first.id
    with (
        pytest.raises(ReasonMissing) as refused,
        house.transaction() as session,
        trail.act(session, "weight.corrected", stream=BATCH, by=OPERATOR),
    ):
        session.add(Weight(kettle="K-1", value=Decimal("10.4"), supersedes_id=first_id))
    assert refused.value.http_status == 422
    with house.reading() as session:
        assert [row.value for row in session.scalars(select(Weight))] == [Decimal("10.2")]


@pytest.mark.urs("URS-AUD-040")
def test_a_reasoned_field_needs_a_reason_from_its_second_value_on(house: House) -> None:
    make_kettle(house)
    with (
        house.transaction() as session,
        trail.act(session, "kettle.measured", stream=BATCH, by=OPERATOR),
    ):
        session.scalars(select(Kettle)).one().volume = Decimal("10")
    with (
        pytest.raises(ReasonMissing),
        house.transaction() as session,
        trail.act(session, "kettle.measured", stream=BATCH, by=OPERATOR),
    ):
        session.scalars(select(Kettle)).one().volume = Decimal("11")


def test_values_of_every_type_enter_exactly(house: House) -> None:
    with (
        house.transaction() as session,
        trail.act(session, "weight.entered", stream=BATCH, by=OPERATOR),
    ):
        session.add(
            Weight(
                kettle="Kessel Süd", value=Decimal("1.50E+2"), manual=True,
                taken_at=datetime(2026, 3, 2, tzinfo=UTC), raw=b"\x00\xff",
                limits={"b": "1.0", "a": [1]},
            )
        )  # fmt: skip
    after = payloads(house)[0]["changes"][0]["after"]
    assert (after["kettle"], after["value"], after["manual"]) == ("Kessel Süd", "150", True)
    assert (after["taken_at"], after["raw"]) == ("2026-03-02T00:00:00.000000+00:00", "AP8=")
    assert after["limits"] == '{"a":[1],"b":"1.0"}'
    assert after["site_id"] == 1


def fail_inside_an_act(session: Session) -> None:
    with trail.act(session, "lot.used", stream=LOT, by=OPERATOR):
        session.add(Kettle(name="undone"))
        session.flush()
        raise LookupError


def test_what_a_rolled_back_savepoint_did_never_happened(house: House) -> None:
    with (
        house.transaction() as session,
        trail.act(session, "batch.noted", stream=BATCH, by=OPERATOR),
    ):
        with pytest.raises(LookupError), session.begin_nested():
            fail_inside_an_act(session)
        session.add(Kettle(name="kept"))
    assert [change["after"]["name"] for change in payloads(house)[0]["changes"]] == ["kept"]
    assert payloads(house, LOT) == []


def test_an_act_left_half_done_refuses_the_commit(house: House) -> None:
    with (
        pytest.raises(BrokenPromise, match="half done"),
        house.transaction() as session,
        pytest.raises(LookupError),
    ):
        fail_inside_an_act(session)
    assert payloads(house, LOT) == []


@pytest.mark.urs("URS-AUD-020")
def test_an_act_without_origin_or_proper_name_is_refused(house: House) -> None:
    nowhere = Actor.service("worker")
    with house.transaction() as session:
        with pytest.raises(ActIncomplete, match="terminal"):
            trail.act(session, "job.done", stream=BATCH, by=nowhere).__enter__()
        with pytest.raises(ActIncomplete, match="verb_past"):
            trail.act(session, "Done", stream=BATCH, by=OPERATOR).__enter__()


def test_a_reading_session_keeps_no_trail(house: House) -> None:
    with house.reading() as session:
        assert trail.current(session) is None
        with pytest.raises(BrokenPromise):
            trail.act(session, "batch.noted", stream=BATCH, by=OPERATOR).__enter__()


FIELDS = sorted(
    {*verifier.ENTRY_FIELDS} - {"rec", "rseq", "prev"}
    | {f"actor.{name}" for name in verifier.ACTOR_FIELDS}
    | {f"software.{name}" for name in verifier.SOFTWARE_FIELDS}
)


@pytest.mark.urs("URS-AUD-020")
@pytest.mark.parametrize("field", FIELDS)
def test_an_entry_that_lacks_a_field_is_never_written(
    house: House, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    append = chain.append

    def forgetful(session: Session, drafts: list[chain.Draft]) -> None:
        for draft in drafts:
            outer, _, inner = field.partition(".")
            data = dict(draft.payload)
            if inner:
                data[outer] = {k: v for k, v in data[outer].items() if k != inner}
            else:
                del data[outer]
            append(session, [chain.Draft(draft.rec, data)])

    make_kettle(house)
    monkeypatch.setattr(chain, "append", forgetful)
    with pytest.raises(ActIncomplete, match=field.rpartition(".")[2]):
        make_kettle(house, "K-2")
    with house.reading() as session:
        assert len(session.scalars(select(Kettle)).all()) == 1
    assert len(payloads(house)) == 1
