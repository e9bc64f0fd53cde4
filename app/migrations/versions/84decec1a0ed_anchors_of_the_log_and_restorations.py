"""anchors of the log and restorations"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import core.types

revision = "84decec1a0ed"
down_revision = "3fc34d1bdcf3"


def upgrade() -> None:
    op.create_table(
        "anchor_state",
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("known_since", core.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("succeeded_at", core.types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("alarmed", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_anchor_state")),
        sa.UniqueConstraint(
            "site_id", "kind", "name", name=op.f("uq_anchor_state_site_id_kind_name")
        ),
    )
    op.create_table(
        "cosignature",
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("witness", sa.String(length=300), nullable=False),
        sa.Column("key_hash", sa.String(length=8), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("signed_at", core.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("at", core.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cosignature")),
        sa.UniqueConstraint(
            "site_id",
            "size",
            "witness",
            "key_hash",
            name=op.f("uq_cosignature_site_id_size_witness_key_hash"),
        ),
    )
    op.create_table(
        "outside_ahead",
        sa.Column("source", sa.String(length=300), nullable=False),
        sa.Column("origin", sa.String(length=300), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("found_at", core.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outside_ahead")),
        sa.UniqueConstraint("site_id", "source", name=op.f("uq_outside_ahead_site_id_source")),
    )
    op.create_table(
        "restoration",
        sa.Column("former_origin", sa.String(length=300), nullable=False),
        sa.Column("origin", sa.String(length=300), nullable=False),
        sa.Column("kept_size", sa.BigInteger(), nullable=False),
        sa.Column("lost_size", sa.BigInteger(), nullable=False),
        sa.Column("lost_from", core.types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("lost_to", core.types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("outside_note", sa.Text(), nullable=True),
        sa.Column("source", sa.String(length=300), nullable=False),
        sa.Column("incident", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.String(length=80), nullable=False),
        sa.Column("confirmed_by", sa.String(length=80), nullable=False),
        sa.Column("restored_at", core.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("kept_size <= lost_size", name=op.f("ck_restoration_range")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_restoration")),
        sa.UniqueConstraint("site_id", "origin", name=op.f("uq_restoration_site_id_origin")),
    )
    op.create_table(
        "timestamp_token",
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("authority", sa.String(length=300), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("stamped_at", core.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("at", core.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "purpose IN ('daily','release')", name=op.f("ck_timestamp_token_purpose")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timestamp_token")),
        sa.UniqueConstraint(
            "site_id",
            "purpose",
            "subject",
            "authority",
            name=op.f("uq_timestamp_token_site_id_purpose_subject_authority"),
        ),
    )
