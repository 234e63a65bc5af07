"""Intervals may be suggestions as events are: how sure, from which take, by what."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # described here and not read from the file: reading leaves out the table's check
    before = sa.Table(
        "intervals",
        sa.MetaData(),
        sa.Column("uid", sa.Text, primary_key=True),
        sa.Column("video_uid", sa.Text, sa.ForeignKey("videos.uid", ondelete="CASCADE"), nullable=False),
        sa.Column("tier", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("start_pts", sa.Integer, nullable=False),
        sa.Column("end_pts", sa.Integer, sa.CheckConstraint("end_pts >= start_pts"), nullable=False),
        sa.Column("duration_pts", sa.Integer, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("confidence", sa.Float, nullable=False),
        sa.Column("annotator", sa.Text, sa.ForeignKey("annotators.name")),
        sa.Column("note", sa.Text, nullable=False),
        sa.Index("ix_intervals_video_uid", "video_uid", "start_pts"),
        sa.Index("ix_intervals_duration", "video_uid", "duration_pts"),
    )
    with op.batch_alter_table("intervals", copy_from=before) as intervals:
        intervals.add_column(sa.Column("uncertainty_frames", sa.Float, nullable=False, server_default="0"))
        intervals.add_column(sa.Column("source_video_uid", sa.Text))
        intervals.add_column(sa.Column("model", sa.Text, nullable=False, server_default=""))
        source = ("videos", ["source_video_uid"], ["uid"])
        intervals.create_foreign_key("fk_intervals_source_video_uid", *source, ondelete="SET NULL")
    op.create_index(
        "ix_intervals_source_video_uid",
        "intervals",
        ["source_video_uid"],
        sqlite_where=sa.text("source_video_uid IS NOT NULL"),
    )
