"""First schema: videos, tracks in chunks, ontologies, labels, alignments, settings."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _video(name: str = "video_uid", **options: Any) -> sa.Column[str]:
    return sa.Column(
        name, sa.Text, sa.ForeignKey("videos.uid", ondelete="CASCADE"), nullable=False, **options
    )


def _annotation() -> list[sa.Column[Any]]:
    return [
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("confidence", sa.Float, nullable=False),
        sa.Column("annotator", sa.Text, sa.ForeignKey("annotators.name")),
        sa.Column("note", sa.Text, nullable=False),
    ]


def upgrade() -> None:
    op.create_table(
        "videos",
        sa.Column("uid", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.Column("width_px", sa.Integer, nullable=False),
        sa.Column("height_px", sa.Integer, nullable=False),
        sa.Column("time_base_num", sa.Integer, nullable=False),
        sa.Column("time_base_den", sa.Integer, nullable=False),
        sa.Column("pts", sa.LargeBinary, nullable=False),
        sa.Column("pts_crc", sa.Integer, nullable=False),
        sa.Column("end_pts", sa.Integer, nullable=False),
        sa.Column("decode_failures", sa.Integer, nullable=False),
        sa.Column("codec", sa.Text, nullable=False),
        sa.Column("fps", sa.Text),
    )
    op.create_index("ix_videos_content_hash", "videos", ["content_hash"])
    op.create_table(
        "skeletons",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("data", sa.JSON, nullable=False),
    )
    op.create_table(
        "runs",
        sa.Column("uid", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        _video(),
        sa.Column("params", sa.JSON, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("finished", sa.Boolean, nullable=False),
    )
    op.create_index("ix_runs_video_uid", "runs", ["video_uid", "kind"])
    op.create_table(
        "tracks",
        sa.Column("uid", sa.Text, primary_key=True),
        _video(),
        sa.Column("run_uid", sa.Text, sa.ForeignKey("runs.uid", ondelete="CASCADE")),
        sa.Column("skeleton", sa.Text, nullable=False),
        sa.Column("dimensions", sa.Integer, sa.CheckConstraint("dimensions IN (2, 3)"), nullable=False),
        sa.Column("people", sa.Integer, nullable=False),
        sa.Column("frames", sa.Integer, nullable=False),
        sa.Column("frames_written", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
    )
    op.create_index("ix_tracks_run_uid", "tracks", ["run_uid"])
    op.create_index("ix_tracks_video_uid", "tracks", ["video_uid", "dimensions", "position"])
    op.create_index(
        "ux_tracks_active", "tracks", ["video_uid", "dimensions"], unique=True, sqlite_where=sa.text("active")
    )
    op.create_table(
        "track_chunks",
        sa.Column("track_uid", sa.Text, sa.ForeignKey("tracks.uid", ondelete="CASCADE"), primary_key=True),
        sa.Column("chunk", sa.Integer, primary_key=True),
        sa.Column("frames", sa.Integer, nullable=False),
        sa.Column("people", sa.Integer, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("crc", sa.Integer, nullable=False),
    )
    op.create_table(
        "ontologies",
        sa.Column("uid", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("phases", sa.JSON, nullable=False),
    )
    op.create_table(
        "key_events",
        sa.Column("uid", sa.Text, primary_key=True),
        sa.Column(
            "ontology_uid", sa.Text, sa.ForeignKey("ontologies.uid", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("color", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
    )
    op.create_index("ix_key_events_ontology_uid", "key_events", ["ontology_uid", "position"])
    op.create_table("annotators", sa.Column("name", sa.Text, primary_key=True))
    op.create_table(
        "events",
        sa.Column("uid", sa.Text, primary_key=True),
        _video(),
        sa.Column("key_event_uid", sa.Text, sa.ForeignKey("key_events.uid"), nullable=False),
        sa.Column("pts", sa.Integer, nullable=False),
        sa.Column("uncertainty_frames", sa.Float, nullable=False),
        *_annotation(),
    )
    op.create_index("ix_events_video_uid", "events", ["video_uid", "pts"])
    op.create_index("ix_events_key_event_uid", "events", ["key_event_uid"])
    op.create_index(
        "ix_events_suggestions",
        "events",
        ["video_uid", "pts"],
        sqlite_where=sa.text("origin IN ('transferred', 'model')"),
    )
    op.create_table(
        "intervals",
        sa.Column("uid", sa.Text, primary_key=True),
        _video(),
        sa.Column("tier", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("start_pts", sa.Integer, nullable=False),
        sa.Column("end_pts", sa.Integer, sa.CheckConstraint("end_pts >= start_pts"), nullable=False),
        sa.Column("duration_pts", sa.Integer, nullable=False),
        *_annotation(),
    )
    op.create_index("ix_intervals_video_uid", "intervals", ["video_uid", "start_pts"])
    op.create_index("ix_intervals_duration", "intervals", ["video_uid", "duration_pts"])
    op.create_table(
        "alignments",
        _video("reference_uid", primary_key=True),
        _video("query_uid", primary_key=True),
        sa.Column("run_uid", sa.Text, sa.ForeignKey("runs.uid", ondelete="CASCADE")),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("steps", sa.Integer, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("crc", sa.Integer, nullable=False),
    )
    op.create_index("ix_alignments_query_uid", "alignments", ["query_uid"])
    op.create_index("ix_alignments_run_uid", "alignments", ["run_uid"])
    op.create_table(
        "settings",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", sa.JSON, nullable=False),
    )
    op.create_table(
        "session",
        sa.Column("id", sa.Integer, sa.CheckConstraint("id = 1"), primary_key=True),
        sa.Column("clean", sa.Boolean, nullable=False),
        sa.Column("changes", sa.Integer, nullable=False),
        sa.Column("last_change_at", sa.Text, nullable=False),
    )
