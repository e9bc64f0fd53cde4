"""Rows of running procedures. Paths are the names that people, journal and record share.

A path is ``REC_0017/UP_G#1/OP_DRY#1/G170#2``: entry level, then for each border the BPMN id of the
call activity (or of a boundary event whose handler runs) with its ordinal, at the end the BPMN id
of the task. Rounds of a loop or of several instances are counted behind a dot: ``CA_WEIGH#1.3``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Fact, Head
from core.types import JsonText, UtcDateTime

PATH = 1000
NAME = 200
WORD = 20


class Run(Head, Base):
    """One execution of one procedure for one record, pinned to digests for life (URS-MRC-060).

    `state` is the command state of the whole; `problems` says why the engine itself holds it.
    """

    __tablename__ = "engine_run"
    __table_args__ = (UniqueConstraint("site_id", "record"),)

    record: Mapped[str] = mapped_column(String(NAME))
    procedure: Mapped[str] = mapped_column(String(64))
    pinned: Mapped[Any] = mapped_column(JsonText())
    root: Mapped[str] = mapped_column(String(NAME))
    state: Mapped[str] = mapped_column(String(WORD))
    problems: Mapped[Any] = mapped_column(JsonText())
    started_at: Mapped[datetime] = mapped_column(UtcDateTime())
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime())


class Instance(Head, Base):
    """One running (or ended) level, or one handler of a boundary event that did not interrupt.

    `tree` is the state of SpiffWorkflow, `counts` how often each node was reached and each flow of
    a decision was taken. `round` counts from 1.
    """

    __tablename__ = "engine_instance"
    __table_args__ = (
        UniqueConstraint("site_id", "run_id", "path"),
        Index("ix_engine_instance_parent", "run_id", "parent_path"),
    )

    run_id: Mapped[UUID] = mapped_column(ForeignKey("engine_run.id", ondelete="RESTRICT"))
    path: Mapped[str] = mapped_column(String(PATH))
    parent_path: Mapped[str | None] = mapped_column(String(PATH))
    border_path: Mapped[str | None] = mapped_column(String(PATH))
    level: Mapped[str] = mapped_column(String(NAME))
    handler: Mapped[str | None] = mapped_column(String(NAME))
    round: Mapped[int]
    state: Mapped[str] = mapped_column(String(WORD))
    open: Mapped[bool]
    tree: Mapped[str] = mapped_column(Text())
    counts: Mapped[Any] = mapped_column(JsonText())
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime())
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime())


class Task(Head, Base):
    """One performance of one step: ready until it is completed or cancelled, never again after.

    `token` is its number in the instance's tree.
    """

    __tablename__ = "engine_task"
    __table_args__ = (
        UniqueConstraint("site_id", "run_id", "path"),
        Index("ix_engine_task_instance", "run_id", "instance_path", "state"),
        CheckConstraint("state IN ('ready','complete','cancelled')", name="state"),
    )

    run_id: Mapped[UUID] = mapped_column(ForeignKey("engine_run.id", ondelete="RESTRICT"))
    instance_path: Mapped[str] = mapped_column(String(PATH))
    path: Mapped[str] = mapped_column(String(PATH))
    element: Mapped[str] = mapped_column(String(NAME))
    ordinal: Mapped[int]
    token: Mapped[int]
    state: Mapped[str] = mapped_column(String(WORD))
    ready_at: Mapped[datetime] = mapped_column(UtcDateTime())
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime())


class Border(Head, Base):
    """A place where a level waits for the engine: child levels, a timer, a decision, an error.

    `planned` is the number of rounds where it is known before, `started` and `done` count them.
    """

    __tablename__ = "engine_border"
    __table_args__ = (
        UniqueConstraint("site_id", "run_id", "path"),
        Index("ix_engine_border_instance", "run_id", "instance_path", "state"),
        CheckConstraint("state IN ('ready','complete','cancelled')", name="state"),
    )

    run_id: Mapped[UUID] = mapped_column(ForeignKey("engine_run.id", ondelete="RESTRICT"))
    instance_path: Mapped[str] = mapped_column(String(PATH))
    path: Mapped[str] = mapped_column(String(PATH))
    element: Mapped[str] = mapped_column(String(NAME))
    ordinal: Mapped[int]
    token: Mapped[int]
    kind: Mapped[str] = mapped_column(String(WORD))
    state: Mapped[str] = mapped_column(String(WORD))
    planned: Mapped[int | None]
    started: Mapped[int]
    done: Mapped[int]
    ready_at: Mapped[datetime] = mapped_column(UtcDateTime())
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime())


class Subscription(Head, Base):
    """Somebody waits for an event: a boundary of one task or border, or an intermediate timer.

    `host_path` is the task or border it belongs to; it ends with it. A timer has `due_at` (site
    time), `running_since` (from when running time counts) and its job. Suspended is a timer that
    became due while its instance stood still, and a condition that has fired and still holds.
    """

    __tablename__ = "engine_subscription"
    __table_args__ = (
        Index("ix_engine_subscription_host", "run_id", "host_path", "state"),
        Index("ix_engine_subscription_name", "site_id", "name", "state"),
        CheckConstraint("state IN ('open','suspended','ended')", name="state"),
    )

    run_id: Mapped[UUID] = mapped_column(ForeignKey("engine_run.id", ondelete="RESTRICT"))
    instance_path: Mapped[str] = mapped_column(String(PATH))
    host_path: Mapped[str] = mapped_column(String(PATH))
    element: Mapped[str] = mapped_column(String(NAME))
    kind: Mapped[str] = mapped_column(String(WORD))
    name: Mapped[str | None] = mapped_column(String(NAME))
    plant_wide: Mapped[bool]
    interrupting: Mapped[bool]
    state: Mapped[str] = mapped_column(String(WORD))
    fired: Mapped[int]
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    running_since: Mapped[datetime | None] = mapped_column(UtcDateTime())
    job_id: Mapped[UUID | None]
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime())
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime())


class StateChange(Fact, Base):
    """One step through the ISA-88 states, of a run (`path` None) or of an instance.

    `number` counts the changes of one run: their order is never read from times or keys.
    """

    __tablename__ = "engine_state_change"
    __table_args__ = (UniqueConstraint("site_id", "run_id", "number"),)

    run_id: Mapped[UUID] = mapped_column(ForeignKey("engine_run.id", ondelete="RESTRICT"))
    number: Mapped[int]
    path: Mapped[str | None] = mapped_column(String(PATH))
    command: Mapped[str] = mapped_column(String(WORD))
    before: Mapped[str] = mapped_column(String(WORD))
    after: Mapped[str] = mapped_column(String(WORD))
    reason: Mapped[str] = mapped_column(Text())
    at: Mapped[datetime] = mapped_column(UtcDateTime())


class Message(Head, Base):
    """A message that came before anybody waited for it; taken once, kept until then or expired."""

    __tablename__ = "engine_message"
    __table_args__ = (
        Index("ix_engine_message_name", "run_id", "name", "state"),
        CheckConstraint("state IN ('kept','taken','expired')", name="state"),
    )

    run_id: Mapped[UUID] = mapped_column(ForeignKey("engine_run.id", ondelete="RESTRICT"))
    name: Mapped[str] = mapped_column(String(NAME))
    correlation: Mapped[str | None] = mapped_column(String(NAME))
    state: Mapped[str] = mapped_column(String(WORD))
    arrived_at: Mapped[datetime] = mapped_column(UtcDateTime())
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    taken_by: Mapped[str | None] = mapped_column(String(PATH))
