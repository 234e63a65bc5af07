"""The table of pixel encoders: drawn takes, equal budgets, controls beside."""

import json
from dataclasses import replace

from models.nets.tcc import FrameEncoderConfig
from models.train.clip_batches import SamplingRecipe
from models.train.evaluate_alignment import Settings
from models.train.tcc_recipes import TccRecipe
from models.train.tcc_study import (
    PIXELS,
    TIME,
    UNTRAINED,
    as_markdown,
    median_frames,
    pouring_clips,
    study_methods,
)
from tests.models.train.small_clips import clip

TINY = TccRecipe(
    FrameEncoderConfig("vggm", size_px=32, channels=16, dimensions=8),
    "train_all",
    sampling=SamplingRecipe(frames=8),
    steps=2,
)


def _scores(out, recipe=TINY):
    settings = Settings(phases=False, references=2, matchers=("dtw",))
    clips = [clip(n, held_out=n < 3) for n in range(5)]
    job = study_methods(
        out, recipe, ["tcc", "supervised"], clips, ["turning point"], device="cpu", settings=settings
    )
    notes = []
    while True:
        try:
            notes.append(next(job).note)
        except StopIteration as done:
            return done.value, notes


def test_every_method_and_control_is_a_row_and_what_was_trained_is_used_again(tmp_path):
    scores, notes = _scores(tmp_path)
    assert [row.source for row in scores.sources] == ["tcc", "supervised", UNTRAINED, PIXELS, TIME]
    assert (scores.takes, scores.labelled, scores.train_takes) == (3, 3, 2)
    assert any(note.startswith("supervised: step") for note in notes)
    table = as_markdown(scores).splitlines()
    assert len(table) == 2 + 5 and all(line.count("|") == table[0].count("|") for line in table)
    place = next(row for row in scores.sources if row.source == TIME)
    assert place.kendalls_tau[2] > 0.99  # by construction, and yet its events are off
    assert median_frames(place, "one") > 1
    assert json.loads((tmp_path / "scores.json").read_text())["takes"] == 3
    again, notes = _scores(tmp_path, replace(TINY, steps=3))
    assert not any("step" in note for note in notes)
    assert again.sources[0].transfer == scores.sources[0].transfer


def test_drawn_takes_are_the_same_each_time_and_the_first_are_held_out():
    one, again = pouring_clips(3, 1), pouring_clips(3, 1)
    assert [clip.held_out for clip in one] == [True, False, False]
    assert [clip.events for clip in one] == [clip.events for clip in again]
    assert all(len(clip.events) == 4 and clip.action == "pouring" for clip in one)
