"""steps, remarks and attachments are found by run"""

from __future__ import annotations

from alembic import op

revision = "3fc34d1bdcf3"
down_revision = "12e01e15febd"


def upgrade() -> None:
    op.create_index("ix_attachment_run_id", "attachment", ["run_id"])
    op.create_index("ix_remark_run_id", "remark", ["run_id"])
    op.create_index("ix_step_key", "step", ["run_id", "key"])
    op.create_index("ix_step_ordinal", "step", ["run_id", "ordinal"])
