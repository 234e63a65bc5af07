"""Anchors of alignments, embeddings of frames, and where alignments and suggestions come from."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "anchors",
        sa.Column("uid", sa.Text, primary_key=True),
        _video("reference_uid"),
        _video("query_uid"),
        sa.Column("reference_pts", sa.Integer, nullable=False),
        sa.Column("query_pts", sa.Integer, nullable=False),
        sa.Column("annotator", sa.Text, sa.ForeignKey("annotators.name")),
    )
    op.create_index("ix_anchors_pair", "anchors", ["reference_uid", "query_uid", "reference_pts"])
    op.create_index("ix_anchors_query_uid", "anchors", ["query_uid"])
    op.create_table(
        "embeddings",
        _video("video_uid", primary_key=True),
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("track_uid", sa.Text, nullable=False),
        sa.Column("track_crc", sa.Integer, nullable=False),
        sa.Column("frames", sa.Integer, nullable=False),
        sa.Column("dimensions", sa.Integer, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("crc", sa.Integer, nullable=False),
    )
    op.add_column("alignments", sa.Column("options", sa.JSON, nullable=False, server_default="{}"))
    for side in ("reference", "query"):
        uid = sa.Column(f"{side}_track_uid", sa.Text, nullable=False, server_default="")
        op.add_column("alignments", uid)
        crc = sa.Column(f"{side}_track_crc", sa.Integer, nullable=False, server_default="0")
        op.add_column("alignments", crc)
    with op.batch_alter_table("events") as events:  # SQLite adds a foreign key only to a new table
        events.add_column(sa.Column("source_video_uid", sa.Text))
        events.add_column(sa.Column("model", sa.Text, nullable=False, server_default=""))
        source = ("videos", ["source_video_uid"], ["uid"])
        events.create_foreign_key("fk_events_source_video_uid", *source, ondelete="SET NULL")
    op.create_index(
        "ix_events_source_video_uid",
        "events",
        ["source_video_uid"],
        sqlite_where=sa.text("source_video_uid IS NOT NULL"),
    )


def _video(name: str, *, primary_key: bool = False) -> sa.Column[str]:
    there = sa.ForeignKey("videos.uid", ondelete="CASCADE")
    return sa.Column(name, sa.Text, there, nullable=False, primary_key=primary_key)
