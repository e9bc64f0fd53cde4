"""signed reviews of selections of the trail"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import core.types

revision = "3028bb7a4804"
down_revision = "77f61f0192fc"


def upgrade() -> None:
    op.create_table(
        "selection_review",
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("question", core.types.JsonText(), nullable=False),
        sa.Column("through", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.String(length=64), nullable=False),
        sa.Column("selected", sa.BigInteger(), nullable=False),
        sa.Column("selected_sha256", sa.String(length=64), nullable=False),
        sa.Column("ranks", core.types.JsonText(), nullable=False),
        sa.Column("rules", sa.Integer(), nullable=False),
        sa.Column("findings", sa.Text(), nullable=False),
        sa.Column("conclusion", sa.Text(), nullable=False),
        sa.Column("at", core.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=40), nullable=False),
        sa.Column("by_name", sa.String(length=120), nullable=False),
        sa.Column("signature_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["signature_id"],
            ["signature.id"],
            name=op.f("fk_selection_review_signature_id_signature"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_selection_review")),
        sa.UniqueConstraint("site_id", "ordinal", name=op.f("uq_selection_review_site_id_ordinal")),
    )
