"""The tables of a project file, in SQLAlchemy Core.

Conventions: identities are text uids; times are integer pts; fractions are two integers or "a/b"; arrays are
little-endian blobs with a CRC-32 beside them; anything JSON is a JSON column. The tables are made by the
revisions in `storage/migrations`; a test keeps this description and the revisions equal.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    bindparam,
    text,
)
from sqlalchemy.dialects.sqlite import Insert, insert

APPLICATION_ID = 0x4B594648  # "KYFH" in the SQLite header: what makes a database a Keyphase project
REVISION = "0005"  # the newest revision in storage/migrations/versions
CHUNK_FRAMES = 256  # frames of keypoints per row of track_chunks
SUGGESTED = text("origin IN ('transferred', 'model')")  # literally so, or its index is not used

metadata = MetaData()


def _video(name: str = "video_uid", *, primary_key: bool = False) -> Column[str]:
    there = ForeignKey("videos.uid", ondelete="CASCADE")
    return Column(name, Text, there, nullable=False, primary_key=primary_key)


videos = Table(
    "videos",
    metadata,
    Column("uid", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("name", Text, nullable=False, unique=True),
    Column("path", Text, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("width_px", Integer, nullable=False),
    Column("height_px", Integer, nullable=False),
    Column("time_base_num", Integer, nullable=False),
    Column("time_base_den", Integer, nullable=False),
    Column("pts", LargeBinary, nullable=False),  # int64 (N,)
    Column("pts_crc", Integer, nullable=False),
    Column("end_pts", Integer, nullable=False),
    Column("decode_failures", Integer, nullable=False),
    Column("codec", Text, nullable=False),
    Column("fps", Text),  # chosen frame rate of an image sequence, "30000/1001"
    Index("ix_videos_content_hash", "content_hash"),
)

skeletons = Table(  # only those that do not ship with the program
    "skeletons",
    metadata,
    Column("name", Text, primary_key=True),
    Column("data", JSON, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("uid", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("model", Text, nullable=False),
    _video(),
    Column("params", JSON, nullable=False),
    Column("created_at", Text, nullable=False),  # ISO 8601, UTC
    Column("finished", Boolean, nullable=False),
    Index("ix_runs_video_uid", "video_uid", "kind"),
)

tracks = Table(
    "tracks",
    metadata,
    Column("uid", Text, primary_key=True),
    _video(),
    Column("run_uid", Text, ForeignKey("runs.uid", ondelete="CASCADE")),
    Column("skeleton", Text, nullable=False),
    Column("dimensions", Integer, CheckConstraint("dimensions IN (2, 3)"), nullable=False),
    Column("people", Integer, nullable=False),
    Column("frames", Integer, nullable=False),
    Column("frames_written", Integer, nullable=False),  # written without a gap from frame 0
    Column("position", Integer, nullable=False),  # order of creation
    Column("active", Boolean, nullable=False),
    Column("names", JSON, nullable=False, server_default="[]"),  # of the first people, "" = by number only
    Column("smoothing", JSON(none_as_null=True)),  # settings of the derived, smoothed poses; NULL = none
    Index("ix_tracks_run_uid", "run_uid"),
    Index("ix_tracks_video_uid", "video_uid", "dimensions", "position"),
    Index("ux_tracks_active", "video_uid", "dimensions", unique=True, sqlite_where=text("active")),
)

track_chunks = Table(
    "track_chunks",
    metadata,
    Column("track_uid", Text, ForeignKey("tracks.uid", ondelete="CASCADE"), primary_key=True),
    Column("chunk", Integer, primary_key=True),  # frames [chunk * 256, chunk * 256 + frames)
    Column("frames", Integer, nullable=False),
    Column("people", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),  # float32 (n, P, J, D), then uint8 (n, P, J)
    Column("crc", Integer, nullable=False),
)

predictions = Table(  # what the model had said of joints that were set over it since
    "predictions",
    metadata,
    Column("track_uid", Text, ForeignKey("tracks.uid", ondelete="CASCADE"), primary_key=True),
    Column("frame", Integer, primary_key=True),
    Column("person", Integer, primary_key=True),
    Column("joint", Integer, primary_key=True),
    Column("x", Float, nullable=False),
    Column("y", Float, nullable=False),
    Column("confidence", Float, nullable=False),
)

ontologies = Table(
    "ontologies",
    metadata,
    Column("uid", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("name", Text, nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column("phases", JSON, nullable=False),
)

key_events = Table(
    "key_events",
    metadata,
    Column("uid", Text, primary_key=True),
    Column("ontology_uid", Text, ForeignKey("ontologies.uid", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("color", Text, nullable=False),
    Column("key", Text, nullable=False),
    Index("ix_key_events_ontology_uid", "ontology_uid", "position"),
)

annotators = Table("annotators", metadata, Column("name", Text, primary_key=True))


def _annotation() -> list[Column[object]]:
    return [
        Column("origin", Text, nullable=False),
        Column("confidence", Float, nullable=False),
        Column("annotator", Text, ForeignKey("annotators.name")),
        Column("note", Text, nullable=False),
    ]


events = Table(
    "events",
    metadata,
    Column("uid", Text, primary_key=True),
    _video(),
    Column("key_event_uid", Text, ForeignKey("key_events.uid"), nullable=False),
    Column("pts", Integer, nullable=False),
    Column("uncertainty_frames", Float, nullable=False),
    *_annotation(),
    Column("source_video_uid", Text, ForeignKey("videos.uid", ondelete="SET NULL")),  # of a suggestion
    Column("model", Text, nullable=False, server_default=""),  # what suggested it
    Index("ix_events_video_uid", "video_uid", "pts"),
    Index("ix_events_key_event_uid", "key_event_uid"),
    Index(
        "ix_events_suggestions",
        "video_uid",
        "pts",
        sqlite_where=SUGGESTED,
    ),
    Index(
        "ix_events_source_video_uid",
        "source_video_uid",
        sqlite_where=text("source_video_uid IS NOT NULL"),
    ),
)

intervals = Table(
    "intervals",
    metadata,
    Column("uid", Text, primary_key=True),
    _video(),
    Column("tier", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("start_pts", Integer, nullable=False),
    Column("end_pts", Integer, CheckConstraint("end_pts >= start_pts"), nullable=False),
    Column("duration_pts", Integer, nullable=False),  # bounds the look-up of overlapping intervals
    *_annotation(),
    Column("uncertainty_frames", Float, nullable=False, server_default="0"),
    Column("source_video_uid", Text, ForeignKey("videos.uid", ondelete="SET NULL")),  # of a suggestion
    Column("model", Text, nullable=False, server_default=""),  # what suggested it
    Index("ix_intervals_video_uid", "video_uid", "start_pts"),
    Index("ix_intervals_duration", "video_uid", "duration_pts"),
    Index(
        "ix_intervals_source_video_uid",
        "source_video_uid",
        sqlite_where=text("source_video_uid IS NOT NULL"),
    ),
)

alignments = Table(
    "alignments",
    metadata,
    Column("reference_uid", Text, ForeignKey("videos.uid", ondelete="CASCADE"), primary_key=True),
    Column("query_uid", Text, ForeignKey("videos.uid", ondelete="CASCADE"), primary_key=True),
    Column("run_uid", Text, ForeignKey("runs.uid", ondelete="CASCADE")),
    Column("method", Text, nullable=False),
    Column("steps", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),  # int32 (K, 2), then float32 (2, K): cost, cycle error
    Column("crc", Integer, nullable=False),
    Column("options", JSON, nullable=False, server_default="{}"),  # matcher, model, ends
    # poses it was made from and a checksum of them then, to tell when it is out of date; "" = no poses
    Column("reference_track_uid", Text, nullable=False, server_default=""),
    Column("reference_track_crc", Integer, nullable=False, server_default="0"),
    Column("query_track_uid", Text, nullable=False, server_default=""),
    Column("query_track_crc", Integer, nullable=False, server_default="0"),
    Index("ix_alignments_query_uid", "query_uid"),
    Index("ix_alignments_run_uid", "run_uid"),
)

anchors = Table(  # frames of two takes that correspond, as a person said
    "anchors",
    metadata,
    Column("uid", Text, primary_key=True),
    _video("reference_uid"),
    _video("query_uid"),
    Column("reference_pts", Integer, nullable=False),
    Column("query_pts", Integer, nullable=False),
    Column("annotator", Text, ForeignKey("annotators.name")),
    Index("ix_anchors_pair", "reference_uid", "query_uid", "reference_pts"),
    Index("ix_anchors_query_uid", "query_uid"),
)

embeddings = Table(
    "embeddings",
    metadata,
    _video("video_uid", primary_key=True),
    Column("model", Text, primary_key=True),
    Column("track_uid", Text, nullable=False),  # of the poses that were embedded; "" = the pictures were
    Column("track_crc", Integer, nullable=False),
    Column("frames", Integer, nullable=False),
    Column("dimensions", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),  # float32 (frames, dimensions)
    Column("crc", Integer, nullable=False),
)

settings = Table(
    "settings",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", JSON, nullable=False),
)

session = Table(  # one row: the last time the file was open for writing
    "session",
    metadata,
    Column("id", Integer, CheckConstraint("id = 1"), primary_key=True),
    Column("clean", Boolean, nullable=False),
    Column("changes", Integer, nullable=False),
    Column("last_change_at", Text, nullable=False),  # ISO 8601, UTC; "" = nothing was changed
)


def upsert(table: Table, *, keep: tuple[str, ...] = ()) -> Insert:
    """A statement that inserts a row or replaces the one with the same key, except its `keep` columns.

    Made once per table, at import: building it costs more than running it.
    """
    names = [column.name for column in table.columns]
    statement = insert(table).values({name: bindparam(name) for name in names})
    changed = {
        c.name: statement.excluded[c.name] for c in table.columns if not c.primary_key and c.name not in keep
    }
    return statement.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=changed)
