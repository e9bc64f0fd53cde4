"""backups made and drills that restored one"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import core.types

revision = "96032560f262"
down_revision = "3028bb7a4804"


def upgrade() -> None:
    op.create_table(
        "backup_run",
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("at", core.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("scheduled", sa.Boolean(), nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("file", sa.String(length=200), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("log_size", sa.BigInteger(), nullable=False),
        sa.Column("private_keys", sa.Boolean(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("due_by", core.types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("drill_by", core.types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("ok = (file IS NOT NULL)", name=op.f("ck_backup_run_file_where_made")),
        sa.CheckConstraint(
            "ok = (problem IS NULL)", name=op.f("ck_backup_run_problem_where_failed")
        ),
        sa.CheckConstraint(
            "ok = (sha256 IS NOT NULL)", name=op.f("ck_backup_run_digest_where_made")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backup_run")),
        sa.UniqueConstraint("site_id", "ordinal", name=op.f("uq_backup_run_site_id_ordinal")),
    )
    op.create_table(
        "restore_drill",
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("at", core.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("scheduled", sa.Boolean(), nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("file", sa.String(length=200), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("figures", core.types.JsonText(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("due_by", core.types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "ok = (problem IS NULL)", name=op.f("ck_restore_drill_problem_where_failed")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_restore_drill")),
        sa.UniqueConstraint("site_id", "ordinal", name=op.f("uq_restore_drill_site_id_ordinal")),
    )
