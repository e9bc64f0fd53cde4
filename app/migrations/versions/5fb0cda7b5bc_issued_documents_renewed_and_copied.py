"""issued documents renewed and copied"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import core.types

revision = "5fb0cda7b5bc"
down_revision = "84decec1a0ed"


def upgrade() -> None:
    op.create_table(
        "controlled_copy",
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("holder", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.Column("at", core.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=40), nullable=False),
        sa.Column("by_name", sa.String(length=200), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "number = 1 OR reason <> ''", name=op.f("ck_controlled_copy_reprint_has_reason")
        ),
        sa.ForeignKeyConstraint(
            ["document_id"],
            ["issued_document.id"],
            name=op.f("fk_controlled_copy_document_id_issued_document"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_controlled_copy")),
        sa.UniqueConstraint("site_id", "code", name=op.f("uq_controlled_copy_site_id_code")),
        sa.UniqueConstraint(
            "site_id",
            "document_id",
            "number",
            name=op.f("uq_controlled_copy_site_id_document_id_number"),
        ),
    )
    with op.batch_alter_table("controlled_copy", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_controlled_copy_document_id"), ["document_id"], unique=False
        )

    op.create_table(
        "renewed_seal",
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("proven_until", core.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("at", core.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"],
            ["issued_document.id"],
            name=op.f("fk_renewed_seal_document_id_issued_document"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_renewed_seal")),
        sa.UniqueConstraint(
            "site_id",
            "document_id",
            "edition",
            name=op.f("uq_renewed_seal_site_id_document_id_edition"),
        ),
    )
    with op.batch_alter_table("renewed_seal", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_renewed_seal_document_id"), ["document_id"], unique=False
        )

    op.create_table(
        "copy_return",
        sa.Column("copy_id", sa.Uuid(), nullable=False),
        sa.Column("fate", sa.String(length=12), nullable=False),
        sa.Column("note", sa.String(length=400), nullable=False),
        sa.Column("at", core.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=40), nullable=False),
        sa.Column("by_name", sa.String(length=200), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "fate IN ('returned','destroyed','lost')", name=op.f("ck_copy_return_fate")
        ),
        sa.ForeignKeyConstraint(
            ["copy_id"],
            ["controlled_copy.id"],
            name=op.f("fk_copy_return_copy_id_controlled_copy"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_copy_return")),
        sa.UniqueConstraint("site_id", "copy_id", name=op.f("uq_copy_return_site_id_copy_id")),
    )
    with op.batch_alter_table("issued_document", schema=None) as batch_op:
        batch_op.add_column(sa.Column("subject", sa.Text(), nullable=True))
        batch_op.add_column(
            sa.Column("proven_until", core.types.UtcDateTime(timezone=True), nullable=True)
        )
