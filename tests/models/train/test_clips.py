"""Clips and batches: what is read, which frames are chosen, what the network is shown."""

import cv2
import numpy as np
import pytest

from models.domain.errors import KnownError
from models.nets.tcc import FrameEncoderConfig
from models.run.embed_frames import context_of, square
from models.train.clip_batches import Looks, SamplingRecipe, choose_frames, draw_batch
from models.train.clip_frames import decode_clips, image_folder_clip, phases_of
from tests.models.train.small_clips import clip

CONFIG = FrameEncoderConfig("vggm", size_px=48, gap_s=0.1, context=3)
AS_IT_IS = Looks(mirror=0.0, brightness=0.0, contrast=(1.0, 1.0))


def _decoded(clips, size=48, **options):
    job = decode_clips(clips, size, **options)
    while True:
        try:
            next(job)
        except StopIteration as done:
            return done.value


def test_frames_are_read_once_and_kept_small_also_beyond_the_memory_allowed(tmp_path):
    clips = [clip(0, 20), clip(1, 30)]
    in_memory = _decoded(clips)
    spilled = _decoded(clips, memory_bytes=1, spill=tmp_path)
    assert [len(c) for c in in_memory] == [20, 30]
    for kept, there, source in zip(in_memory, spilled, clips, strict=True):
        assert isinstance(there.frames, np.memmap) and not isinstance(kept.frames, np.memmap)
        np.testing.assert_array_equal(kept.frames, there.frames)
        np.testing.assert_array_equal(kept.frames[7], list(source.read())[7])
    assert not list(tmp_path.iterdir())  # the file has no name: it goes with the program
    assert _decoded(clips, 16)[0].frames.shape == (20, 16, 16, 3)


def test_a_picture_becomes_a_square_whatever_its_aspect():
    picture = np.zeros((40, 80, 3), np.uint8)
    picture[:, 40:] = 200
    small = square(picture, 20)
    assert small.shape == (20, 20, 3)
    assert small[:, :10].max() == 0 and small[:, 10:].min() == 200


def test_phases_lie_between_events_and_unknown_ones_are_not_guessed():
    assert phases_of((2, 4), 6).tolist() == [0, 0, 1, 1, 2, 2]
    assert phases_of((2, None), 6).tolist() == [0, 0, -1, -1, -1, -1]
    assert phases_of((), 3).tolist() == phases_of((None,), 3).tolist() == [-1, -1, -1]


def test_published_sampling_takes_any_frames_in_order_but_the_first():
    rng = np.random.default_rng(0)
    drawn = np.stack([choose_frames(50, SamplingRecipe(), rng) for _ in range(300)])
    assert (np.diff(drawn, axis=1) > 0).all()
    assert set(drawn.ravel()) == set(range(1, 50))
    # a take that is too short gives all its frames and repeats the last
    assert choose_frames(8, SamplingRecipe(frames=10), rng).tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 7, 7]
    assert choose_frames(1, SamplingRecipe(frames=3), rng).tolist() == [0, 0, 0]


def test_strides_start_anywhere_and_stay_inside():
    rng = np.random.default_rng(0)
    recipe = SamplingRecipe(frames=5, sampling="stride", stride=4)
    drawn = np.stack([choose_frames(40, recipe, rng) for _ in range(200)])
    assert (np.diff(drawn, axis=1) == 4).all()
    assert drawn.min() == 0 and drawn.max() < 40 and len(set(drawn[:, 0])) > 10
    assert choose_frames(10, recipe, rng).tolist() == [0, 4, 8, 9, 9]


def test_context_is_the_past_and_never_before_the_start():
    assert context_of(np.array([0, 2, 9]), 3, 3).tolist() == [[0, 0, 0], [0, 0, 2], [3, 6, 9]]
    assert context_of(np.array([9]), 3, 3, start=7).tolist() == [[7, 7, 9]]


def test_a_batch_shows_the_chosen_frames_with_their_context():
    clips = _decoded([clip(0, 30), clip(1, 40)])
    batch = draw_batch(clips, CONFIG, SamplingRecipe(frames=6), AS_IT_IS, np.random.default_rng(3))
    assert batch.seen.shape == (2, 6, 3) and batch.second_frames is None
    assert batch.lengths.tolist() == [30, 40]
    assert len(batch.pictures) == len(batch.seen.unique())  # no frame goes through the trunk twice
    for n, source in enumerate(clips):
        seen = context_of(batch.frames[n].numpy(), 3, 3)
        expected = source.frames[seen].transpose(0, 1, 4, 2, 3) / 127.5 - 1
        np.testing.assert_allclose(batch.pictures[batch.seen[n]].numpy(), expected, atol=1e-5)
        np.testing.assert_array_equal(batch.phases[n], source.phases[batch.frames[n]])


def test_looks_are_the_same_in_a_clip_and_differ_between_clips():
    clips = _decoded([clip(0, 30)] * 2)
    looks = Looks(mirror=0.5)
    recipe = SamplingRecipe(frames=6)
    draws = [draw_batch(clips, CONFIG, recipe, looks, np.random.default_rng(n)) for n in range(20)]
    again = draw_batch(clips, CONFIG, recipe, looks, np.random.default_rng(7))
    assert bool((again.pictures == draws[7].pictures).all())
    assert all(batch.pictures.min() >= -1 and batch.pictures.max() <= 1 for batch in draws)
    mirrored = set()
    for batch in draws:
        columns = clips[0].frames[batch.frames[0].numpy()[0]].astype(float).mean(axis=(0, 2))
        seen = batch.pictures[batch.seen[0, 0, -1]].numpy().mean(axis=(0, 1))
        mirrored.add(np.corrcoef(columns, seen)[0, 1] < np.corrcoef(columns[::-1], seen)[0, 1])
    assert mirrored == {True, False}


def test_second_choices_of_tcn_and_scl():
    clips = _decoded([clip(0, 40), clip(1, 40)])
    recipe = SamplingRecipe(frames=6)
    rng = np.random.default_rng(0)
    before = draw_batch(clips, CONFIG, recipe, AS_IT_IS, rng, positives=5)
    distance = (before.frames - before.second_frames).numpy()
    assert distance.min() >= 0 and distance.max() <= 5 and before.seen.shape == (4, 6, 3)
    again = draw_batch(clips, CONFIG, recipe, AS_IT_IS, rng, second_view=True)
    assert (again.frames != again.second_frames).any()


def test_a_late_start_hides_what_came_before():
    clips = _decoded([clip(0, 60)])
    recipe = SamplingRecipe(frames=10, late_start=1.0)
    config = FrameEncoderConfig("vggm", size_px=48, gap_s=1.0, context=2)
    hidden = 0
    for seed in range(20):
        batch = draw_batch(clips, config, recipe, AS_IT_IS, np.random.default_rng(seed))
        first = batch.frames[0, 0].item()
        past = (batch.pictures[batch.seen[0, 0, 0]] + 1).numpy() * 127.5
        shown = [np.abs(past - f.transpose(2, 0, 1)).max() < 0.5 for f in clips[0].frames]
        hidden += first > 30 and int(np.argmax(shown)) > first - 30
    assert hidden > 0


def test_folders_of_images_are_clips_and_missing_ones_are_named(tmp_path):
    paths = [tmp_path / f"{n:06d}.png" for n in range(3)]
    for n, path in enumerate(paths):
        cv2.imwrite(str(path), np.full((20, 30, 3), (10, 20, 50 * n), np.uint8))
    source = image_folder_clip(tmp_path, paths, action="wave", fps=20)
    assert [picture[0, 0].tolist() for picture in source.read()] == [[50 * n, 20, 10] for n in range(3)]
    paths[1].write_bytes(b"no picture")
    with pytest.raises(KnownError, match=r"000001\.png is not a picture"):
        list(source.read())
    paths[1].unlink()
    with pytest.raises(KnownError, match=r"000001\.png cannot be read"):
        list(source.read())
