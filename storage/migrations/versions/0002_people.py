"""Tracks: names of their people, and how the smoothed poses are derived from them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tracks", sa.Column("names", sa.JSON, nullable=False, server_default="[]"))
    op.add_column("tracks", sa.Column("smoothing", sa.JSON))
