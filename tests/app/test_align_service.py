"""Aligning takes: by what people do in them, whatever the tempo."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.services.align import align_takes
from app.session import Session
from models.domain.errors import KnownError
from models.domain.ontology import load_ontology
from storage import alignments, runs
from storage.videos import Video
from tests.app.takes import add, put_track, raising, run, write_take


@pytest.fixture
def session(tmp_path: Path):
    with Session.create(tmp_path / "p.keyphase", load_ontology("pouring")) as made:
        yield made


@pytest.fixture
def takes(session: Session, tmp_path: Path) -> list[Video]:
    """Three takes of one movement: at once, late, slow."""
    plan = (("quick", 40, 0.1, 0.5), ("late", 50, 0.5, 0.9), ("slow", 70, 0.1, 0.9))
    paths = [write_take(tmp_path / f"{name}.mp4", n, 100 * k) for k, (name, n, *_) in enumerate(plan)]
    videos = add(session, *paths)
    for video, (_, frames, start, stop) in zip(videos, plan, strict=True):
        put_track(session, video, raising(frames, start, stop))
    return videos


def test_the_warp_follows_the_movement(session: Session, takes: list[Video]) -> None:
    quick, late, slow = takes
    steps = run(align_takes(session, quick, takes))
    assert (steps[-1].done, steps[-1].total) == (2, 2)
    share = np.linspace(0.25, 0.75, 6)  # of the movement
    shown = np.round(39 * (0.1 + 0.4 * share)).astype(np.int64)
    for video, frames, start, length in ((late, 50, 0.5, 0.4), (slow, 70, 0.1, 0.8)):
        warp = session.alignment(quick.uid, video.uid)
        assert warp is not None and warp.path[:, 0].max() == 39 and warp.path[:, 1].max() == frames - 1
        expected = (frames - 1) * (start + length * share)
        assert np.abs(warp.map_indices(shown) - expected).max() <= 0.1 * frames, video.name
    opposite = session.alignment(late.uid, quick.uid)
    assert opposite is not None and opposite.reference_uid == late.uid


def test_each_alignment_is_a_run_of_its_query_and_replaces_the_one_before(
    session: Session, takes: list[Video]
) -> None:
    quick, late, _ = takes
    for _ in range(2):
        run(align_takes(session, quick, [late]))
    with session.project.reading() as tx:
        assert len(alignments.all_alignments(tx)) == 1
        assert all(r.finished and r.params == {"reference": quick.uid} for r in runs.all_runs(tx, late.uid))


def test_a_take_without_poses_is_named(session: Session, takes: list[Video], tmp_path: Path) -> None:
    (bare,) = add(session, write_take(tmp_path / "bare.mp4", 5, 400))
    with pytest.raises(KnownError, match="bare"):
        run(align_takes(session, takes[0], [bare]))
    put_track(session, bare, np.full((5, 17, 3), np.nan, np.float32))
    with pytest.raises(KnownError, match="No person was found in take 'bare'"):
        run(align_takes(session, takes[0], [bare]))


def test_3d_poses_are_used_where_both_takes_have_them(
    session: Session, takes: list[Video], monkeypatch: pytest.MonkeyPatch
) -> None:
    quick, late, _ = takes
    used: list[str] = []
    from app.services import align

    original = align.align_sequences

    def spy(first, second, skeleton, other, **rest):
        used.append(skeleton)
        return original(first, second, skeleton, other, **rest)

    monkeypatch.setattr(align, "align_sequences", spy)
    rng = np.random.default_rng(0)
    put_track(session, quick, rng.normal(0, 0.4, (40, 17, 4)), dimensions=3, skeleton="h36m17")
    run(align_takes(session, quick, [late]))
    put_track(session, late, rng.normal(0, 0.4, (50, 17, 4)), dimensions=3, skeleton="h36m17")
    run(align_takes(session, quick, [late]))
    assert used == ["coco17", "h36m17"]
