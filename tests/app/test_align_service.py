"""Aligning takes: by what people do in them, whatever the tempo."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch

from app.cli import run as command
from app.commands import DeleteAnchor, PutAnchor, RemoveVideo, SetJoints
from app.services.align import AlignOptions, align_takes
from app.services.align_state import out_of_date
from app.services.embed import embeddings_of
from app.session import Session
from models.domain.errors import KnownError
from models.domain.ontology import load_ontology
from models.domain.track import Origin
from models.nets.pose_encoder import PoseEncoder, PoseEncoderConfig
from models.run import encoder_input
from models.train.checkpoints import save_weights
from storage import alignments, embeddings, runs
from storage.anchors import Anchor
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
        assert all(r.finished and r.params["reference"] == quick.uid for r in runs.all_runs(tx, late.uid))


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
    from app.services import take_features

    original = take_features.align_sequences

    def spy(first, second, skeleton, other, **rest):
        used.append(skeleton)
        return original(first, second, skeleton, other, **rest)

    monkeypatch.setattr(take_features, "align_sequences", spy)
    rng = np.random.default_rng(0)
    put_track(session, quick, rng.normal(0, 0.4, (40, 17, 4)), dimensions=3, skeleton="h36m17")
    run(align_takes(session, quick, [late]))
    put_track(session, late, rng.normal(0, 0.4, (50, 17, 4)), dimensions=3, skeleton="h36m17")
    run(align_takes(session, quick, [late]))
    assert used == ["coco17", "h36m17"]


def mapped(session: Session, reference: Video, query: Video) -> np.ndarray:
    found = session.alignment(reference.uid, query.uid)
    assert found is not None
    return found.map_indices(np.arange(reference.info.frame_count))


@pytest.mark.parametrize("mode", ["best", "barycentre"])
def test_a_reference_is_found(session: Session, takes: list[Video], mode: str) -> None:
    """All takes show one movement, so each can be the reference; the warps must follow it."""
    starts = {"quick": (0.1, 0.4), "late": (0.5, 0.4), "slow": (0.1, 0.8)}
    steps = run(align_takes(session, None, takes, AlignOptions(reference=mode)))  # type: ignore[arg-type]
    assert any("comparing all takes" in step.note for step in steps)
    (uid,) = {run_.params["reference"] for video in takes for run_ in all_aligns(session, video)}
    reference = next(video for video in takes if video.uid == uid)
    share = np.linspace(0.25, 0.75, 6)
    for query in takes:
        if query.uid == uid:
            continue
        (a, b), (c, d) = starts[reference.name], starts[query.name]
        shown = np.round((reference.info.frame_count - 1) * (a + b * share)).astype(int)
        expected = (query.info.frame_count - 1) * (c + d * share)
        off = np.abs(mapped(session, reference, query)[shown] - expected)
        assert off.max() <= 0.1 * query.info.frame_count, query.name


def pinned_to(one: Video, frame: int, other: Video, other_frame: int) -> Anchor:
    pts = one.info.times.pts_at(frame), other.info.times.pts_at(other_frame)
    return Anchor("a", one.uid, other.uid, *pts)


def all_aligns(session: Session, video: Video) -> list[runs.Run]:
    with session.project.reading() as tx:
        return [run_ for run_ in runs.all_runs(tx, video.uid) if run_.kind == "align"]


def test_a_search_for_the_reference_can_be_stopped(session: Session, takes: list[Video]) -> None:
    job = align_takes(session, None, takes, AlignOptions(reference="barycentre"))
    for _ in range(4):
        next(job)
    job.close()
    with session.project.reading() as tx:
        assert alignments.all_alignments(tx) == []


def test_a_barycentre_is_by_dtw(session: Session, takes: list[Video]) -> None:
    with pytest.raises(KnownError, match="by DTW with open ends"):
        AlignOptions(reference="barycentre", matcher="nearest")
    with pytest.raises(KnownError, match="no matcher called 'magic'"):
        AlignOptions(matcher="magic")  # type: ignore[arg-type]


def test_takes_that_cannot_be_aligned_are_left_out_and_named(
    session: Session, takes: list[Video], tmp_path: Path
) -> None:
    new = (write_take(tmp_path / f"{name}.mp4", 5, at) for name, at in (("bare", 400), ("gone", 500)))
    bare, gone = add(session, *new)
    session.history.do(RemoveVideo(gone.uid))
    last = run(align_takes(session, takes[0], [*takes, bare, gone]))[-1]
    assert last.note.startswith("2 aligned to quick; left out: Take 'bare' has no poses yet.")
    assert "left out: " in last.note.split(";")[2]
    with pytest.raises(KnownError):
        run(align_takes(session, gone, takes))


def test_a_take_with_too_few_joints_does_not_stop_the_others(
    session: Session, takes: list[Video], tmp_path: Path
) -> None:
    (head,) = add(session, write_take(tmp_path / "head.mp4", 40, 600))
    only = raising(40)
    only[:, 5:, :2] = np.nan
    put_track(session, head, only)
    last = run(align_takes(session, takes[0], [head, *takes]))[-1]
    assert last.note.startswith("2 aligned to quick; left out: head: The two takes have")
    with pytest.raises(KnownError, match="joints in common"):
        run(align_takes(session, takes[0], [head]))
    found = run(align_takes(session, None, [head, *takes], AlignOptions(reference="best")))[-1]
    assert "left out: head" in found.note and "aligned to head" not in found.note


def test_a_take_of_one_frame_is_aligned(session: Session, takes: list[Video], tmp_path: Path) -> None:
    (one,) = add(session, write_take(tmp_path / "one.mp4", 1, 500))
    put_track(session, one, raising(40, 0.1, 0.5)[20:21])
    run(align_takes(session, takes[0], [one]))
    assert set(mapped(session, takes[0], one)) == {0.0}
    run(align_takes(session, one, [takes[0]]))
    assert 0 <= mapped(session, one, takes[0])[0] < 40


def test_a_take_of_something_else_is_pointed_out(
    session: Session, takes: list[Video], tmp_path: Path
) -> None:
    (other,) = add(session, write_take(tmp_path / "other.mp4", 60, 600))
    noise = np.random.default_rng(1).normal(0, 25, (60, 17, 3)).cumsum(axis=0) * 0.3
    odd = raising(60)
    odd[..., :2] += noise[..., :2]
    put_track(session, other, odd)
    last = run(align_takes(session, takes[0], [*takes, other]))[-1]
    assert "'other' may not show the same action" in last.note and "'late'" not in last.note


def test_alignments_know_when_they_are_out_of_date(session: Session, takes: list[Video]) -> None:
    quick, late, slow = takes
    run(align_takes(session, quick, takes))
    assert out_of_date(session) == {}
    found = session.track(late.uid, 2)
    assert found is not None
    place, value = np.array([[5, 0, 9]]), np.array([[3, 4, 1]], np.float32)
    session.history.do(SetJoints(found[0].uid, place, value, np.array([Origin.HUMAN], np.uint8)))
    assert out_of_date(session) == {(quick.uid, late.uid): "the poses of 'late' were corrected"}
    session.history.undo()
    assert out_of_date(session) == {}
    put_track(session, slow, raising(70))
    assert out_of_date(session) == {(quick.uid, slow.uid): "the poses of 'slow' are others now"}
    run(align_takes(session, quick, takes))
    assert out_of_date(session) == {}


def test_an_anchor_draws_the_warp_anew_as_it_was_made(session: Session, takes: list[Video]) -> None:
    quick, late, _ = takes
    run(align_takes(session, quick, [late]))
    before = mapped(session, quick, late)
    session.history.do(PutAnchor(pinned_to(quick, 12, late, 40)))
    pinned = mapped(session, quick, late)
    assert pinned[12] == 40 and before[12] < 37
    kept = session.alignment(quick.uid, late.uid)
    assert kept is not None and kept.method == "dtw-pose" and np.isfinite(kept.cycle_error).all()
    run(align_takes(session, quick, [late]))
    assert mapped(session, quick, late)[12] == 40, "aligning again keeps what a person said"
    session.history.do(DeleteAnchor("a"))
    np.testing.assert_array_equal(mapped(session, quick, late), before)


def test_an_anchor_bends_a_warp_through_the_average(session: Session, takes: list[Video]) -> None:
    quick, late, _ = takes
    run(align_takes(session, quick, takes, AlignOptions(reference="barycentre")))
    before = session.alignment(quick.uid, late.uid)
    assert before is not None and before.method == "barycentre-pose"
    session.history.do(PutAnchor(pinned_to(quick, 12, late, 40)))
    bent = session.alignment(quick.uid, late.uid)
    assert bent is not None and bent.method == before.method and bent.map_index(12) == 40
    moved = mapped(session, quick, late) - before.map_indices(np.arange(40))
    assert 0 < np.ptp(moved) < 12, "elsewhere it keeps its shape"
    session.history.undo()
    np.testing.assert_array_equal(mapped(session, quick, late), before.map_indices(np.arange(40)))
    session.history.redo()
    session.history.do(DeleteAnchor("a"))
    freed = session.alignment(quick.uid, late.uid)
    assert freed is not None and freed.map_index(12) < 37, "an anchor that is gone does not pull any more"


def test_two_takes_are_aligned_through_their_reference(session: Session, takes: list[Video]) -> None:
    quick, late, slow = takes
    run(align_takes(session, quick, takes))
    through = session.alignment(late.uid, slow.uid)
    assert through is not None and (through.reference_uid, through.query_uid) == (late.uid, slow.uid)
    share = np.linspace(0.25, 0.75, 6)  # of the movement
    shown = np.round(49 * (0.5 + 0.4 * share)).astype(np.int64)
    assert np.abs(through.map_indices(shown) - 69 * (0.1 + 0.8 * share)).max() <= 0.15 * 70
    run(align_takes(session, late, [slow]))
    direct = session.alignment(late.uid, slow.uid)
    assert direct is not None and direct.method == "dtw-pose", "a warp of the pair itself comes first"


@pytest.fixture
def encoder_file(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    config = PoseEncoderConfig(encoder_input.FEATURES)
    path = tmp_path / "own.safetensors"
    save_weights(PoseEncoder(config).state_dict(), path, {"kind": "pose-encoder", **asdict(config)})
    return path


def test_takes_are_aligned_by_a_model_and_embedded_once(
    session: Session, takes: list[Video], encoder_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from models.run import embed

    embedded: list[int] = []
    original = embed.embed_poses

    def spy(encoder, values, skeleton, fps):
        embedded.append(len(values))
        return original(encoder, values, skeleton, fps)

    monkeypatch.setattr(embed, "embed_poses", spy)
    quick, late, slow = takes
    hidden = raising(70)
    hidden[30:34] = np.nan
    put_track(session, slow, hidden)
    options = AlignOptions(model=str(encoder_file), matcher="soft-nearest")
    for _ in range(2):
        run(align_takes(session, quick, takes, options))
    assert sorted(embedded) == [40, 50, 70], "what is kept is used again"
    vectors = embeddings_of(session, takes, "own")
    assert np.isnan(vectors[slow.uid]).all(axis=1).nonzero()[0].tolist() == [30, 31, 32, 33]
    with session.project.reading() as tx:
        made = alignments.provenance(tx, quick.uid, late.uid)
        assert made is not None and made.options["matcher"] == "soft-nearest"
        warp = alignments.get(tx, quick.uid, late.uid)
        assert warp is not None and warp.method == "soft-nearest-embedding"
    put_track(session, late, raising(50, 0.2, 0.6))
    assert out_of_date(session) == {(quick.uid, late.uid): "the poses of 'late' are others now"}
    run(align_takes(session, quick, takes, options))
    assert sorted(embedded) == [40, 50, 50, 70] and out_of_date(session) == {}
    session.history.do(PutAnchor(pinned_to(quick, 12, late, 30)))
    assert mapped(session, quick, late)[12] == 30
    assert len(embedded) == 4, "anchors use what is kept"


def test_2d_and_3d_takes_are_compared_by_what_both_have(
    session: Session, takes: list[Video], encoder_file: Path
) -> None:
    quick, late, slow = takes
    rng = np.random.default_rng(0)
    for video, frames in ((quick, 40), (late, 50)):
        put_track(session, video, rng.normal(0, 0.4, (frames, 17, 4)), dimensions=3, skeleton="h36m17")
    options = AlignOptions(model=str(encoder_file))
    run(align_takes(session, quick, [late], options))
    with session.project.reading() as tx:
        assert embeddings.models(tx, quick.uid) == ["own@3d"]
    run(align_takes(session, quick, takes, options))
    sizes = {v.shape[1] for v in embeddings_of(session, takes, "own").values()}
    assert sizes == {PoseEncoderConfig(encoder_input.FEATURES).dimensions}
    with pytest.raises(KnownError, match="'slow' is not embedded by 'other'"):
        embeddings_of(session, [slow], "other")


def test_the_command_line_aligns_and_pins(
    session: Session, takes: list[Video], encoder_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(*arguments: str):
        assert command([*arguments, "--json"]) == 0, capsys.readouterr().err
        return json.loads(capsys.readouterr().out)

    path = str(session.project.path)
    session.close()
    best = told("align", path, "--reference", "best")
    assert best["reference"] in {"quick", "late", "slow"} and len(best["alignments"]) == 2
    found = told("align", path, "--reference", "quick", "--video", "late", "--model", str(encoder_file))
    methods = {row["take"]: row["method"] for row in found["alignments"]}
    assert methods["late"] == "dtw-embedding"
    near = told("align", path, "--reference", "quick", "--matcher", "nearest", "--ends", "closed")
    assert {row["method"] for row in near["alignments"]} == {"nearest-pose"}
    (anchor,) = told(
        "anchor", "add", path, "--reference", "quick", "--take", "late", "--frame", "12", "--take-frame", "40"
    )["anchors"]
    assert (anchor["reference_frame"], anchor["take_frame"]) == (12, 40)
    assert told("anchor", "list", path)["anchors"] == [anchor]
    assert told("anchor", "remove", path, anchor["uid"][:6])["anchors"] == []
    for wrong, line in (
        (("align", path, "--reference", "nobody"), "no video called 'nobody'"),
        (("align", path, "--reference", "quick", "--model", "none"), "none"),
        (("anchor", "remove", path, "zz"), "There is no anchor 'zz'"),
        (("align", path, "--reference", "best", "--video", "late"), "found among all takes"),
    ):
        assert command(list(wrong)) == 1
        assert line in capsys.readouterr().err
