"""What the model had said of joints that were set over it since."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "predictions",
        sa.Column("track_uid", sa.Text, sa.ForeignKey("tracks.uid", ondelete="CASCADE"), primary_key=True),
        sa.Column("frame", sa.Integer, primary_key=True),
        sa.Column("person", sa.Integer, primary_key=True),
        sa.Column("joint", sa.Integer, primary_key=True),
        sa.Column("x", sa.Float, nullable=False),
        sa.Column("y", sa.Float, nullable=False),
        sa.Column("confidence", sa.Float, nullable=False),
    )
