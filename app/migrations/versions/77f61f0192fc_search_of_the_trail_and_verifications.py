"""search over the trail, saved questions, verifications"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import core.types

revision = "77f61f0192fc"
down_revision = "5fb0cda7b5bc"


def upgrade() -> None:
    op.create_table(
        "saved_question",
        sa.Column("owner", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("question", core.types.JsonText(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_question")),
        sa.UniqueConstraint(
            "site_id",
            "owner",
            "name",
            "revision",
            name=op.f("uq_saved_question_site_id_owner_name_revision"),
        ),
    )
    op.create_table(
        "search_block",
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("value", sa.String(length=140), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("bits", sa.LargeBinary(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_block")),
        sa.UniqueConstraint(
            "site_id",
            "kind",
            "value",
            "block",
            name=op.f("uq_search_block_site_id_kind_value_block"),
        ),
    )
    op.create_table(
        "search_state",
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("terms", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_state")),
        sa.UniqueConstraint("site_id", name=op.f("uq_search_state_site_id")),
    )
    op.create_table(
        "verification",
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=True),
        sa.Column("verifier", sa.String(length=64), nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("signatures", sa.Integer(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("problems", core.types.JsonText(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("at", core.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verification")),
    )
    with op.batch_alter_table("verification", schema=None) as batch_op:
        batch_op.create_index("ix_verification_at", ["site_id", "at"], unique=False)
