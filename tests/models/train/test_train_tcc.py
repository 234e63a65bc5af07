"""Training of pixel encoders: learns, resumes exactly, says clearly what it cannot use."""

import csv
import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from models.domain.errors import KnownError
from models.nets.tcc import FrameEncoder, FrameEncoderConfig
from models.run.embed import load_encoder
from models.run.embed_frames import embed_frames
from models.train.clip_batches import Looks, SamplingRecipe
from models.train.tcc_objective import METHODS, ObjectiveRecipe
from models.train.tcc_recipes import TCC_RECIPES, TccRecipe
from models.train.train_tcc import Trainee, start_from, train_tcc
from tests.models.train.small_clips import clip

TINY = TccRecipe(
    FrameEncoderConfig("vggm", size_px=32, gap_s=0.1, channels=16, dimensions=8),
    "train_all",
    sampling=SamplingRecipe(frames=8),
    steps=6,
    report_every=2,
    score_every=3,
)
CLIPS = [clip(0), clip(1), clip(2), clip(3, held_out=True), clip(4, held_out=True)]


def _run(out: Path, recipe: TccRecipe = TINY, clips=CLIPS, **options) -> list:
    return list(train_tcc(clips, out, recipe, device="cpu", **options))


def test_a_training_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path):
    recipe = replace(TINY, objective=ObjectiveRecipe(METHODS["tcc+sal+tcn"]))
    _run(tmp_path / "whole.safetensors", recipe)
    job = train_tcc(CLIPS, tmp_path / "parts.safetensors", recipe, device="cpu")
    for progress in job:
        if progress.note.startswith("step 4"):
            break
    job.close()
    assert not (tmp_path / "parts.safetensors").exists()
    rest = _run(tmp_path / "parts.safetensors", recipe)
    assert any("resumed at step 4" in progress.note for progress in rest)
    whole, parts = (load_file(tmp_path / f"{name}.safetensors") for name in ("whole", "parts"))
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[key], parts[key]) for key in whole)
    with (tmp_path / "parts.csv").open() as handle:
        assert [row["step"] for row in csv.DictReader(handle)] == ["2", "3", "4", "6"]


def test_two_takes_are_enough_and_the_result_is_an_encoder(tmp_path):
    out = tmp_path / "two.safetensors"
    last = _run(out, clips=CLIPS[:2], about={"licence": "mine"})[-1]
    assert last.done == last.total and "τ" not in last.note
    encoder = load_encoder(out)
    assert (encoder.kind, encoder.dimensions, encoder.config["actions"]) == ("frames", 8, ["travel"])
    vectors = np.concatenate(list(embed_frames(encoder, clip(9, 40).read(), 30.0, device="cpu")))
    assert vectors.shape == (40, 8) and np.isfinite(vectors).all()


def test_takes_that_cannot_be_used_are_named(tmp_path):
    out = tmp_path / "net.safetensors"
    with pytest.raises(KnownError, match="at least two takes of travel"):
        _run(out, clips=CLIPS[:1])
    with pytest.raises(KnownError, match="1 had fewer than 5 frames"):
        _run(out, clips=[clip(0), clip(7, 1)])
    with pytest.raises(KnownError, match="at least two takes of jump"):  # one take of each action
        _run(out, clips=[clip(0), clip(1, action="jump")])
    notes = [progress.note for progress in _run(out, clips=[*CLIPS, clip(7, 1)])]
    assert any("left out, too short: take7" in note for note in notes)
    with pytest.raises(KnownError, match="needs takes whose key events are labelled"):
        supervised = replace(TINY, objective=ObjectiveRecipe(METHODS["supervised"]))
        _run(tmp_path / "s.safetensors", supervised, [clip(0, events=()), clip(1, events=())])
    with pytest.raises(KnownError, match="other settings"):
        _run(out, replace(TINY, learning_rate=1.0), clips=[*CLIPS, clip(7, 1)])


def test_a_checkpoint_goes_on_with_the_same_pictures_only(tmp_path):
    out = tmp_path / "net.safetensors"
    job = train_tcc(CLIPS, out, TINY, device="cpu")
    while not next(job).note.startswith("step 2"):
        pass
    job.close()
    others = [replace(clip(k + 20), name=c.name) for k, c in enumerate(CLIPS)]
    with pytest.raises(KnownError, match="other settings"):
        _run(out, clips=others)


def test_a_diverging_loss_ends_the_training_and_keeps_the_last_checkpoint(tmp_path):
    with pytest.raises(KnownError, match="not finite"):
        _run(tmp_path / "net.safetensors", replace(TINY, learning_rate=1e30, steps=50))
    assert not (tmp_path / "net.safetensors").exists()


@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains(method, tmp_path):
    recipe = replace(TINY, objective=ObjectiveRecipe(METHODS[method]), steps=2)
    notes = [progress.note for progress in _run(tmp_path / "net.safetensors", recipe)]
    assert all(name in notes[-2] for name in METHODS[method]) or len(METHODS[method]) == 1


def test_stochastic_cycles_and_several_actions_train(tmp_path):
    others = [clip(n, action="jump") for n in (5, 6)]
    recipe = replace(TINY, objective=ObjectiveRecipe(cycles=20, cycle_length=2))
    _run(tmp_path / "net.safetensors", recipe, [*CLIPS, *others])
    encoder = load_encoder(tmp_path / "net.safetensors")
    assert encoder.config["actions"] == ["jump", "travel"]


def _trunk(mode: str, tmp_path: Path) -> dict[str, bool]:
    """Whether a step changed the trunk's convolutions, its batch norms, its statistics; and the embedder."""
    torch.manual_seed(0)
    before = FrameEncoder(TINY.network).state_dict()
    recipe = replace(TINY, trunk_mode=mode, steps=2, learning_rate=1e-2)
    _run(tmp_path / f"{mode}.safetensors", recipe, initial=before)
    after = load_file(tmp_path / f"{mode}.safetensors")
    keys = {
        "convolutions": "trunk.layers.0.weight",
        "norms": "trunk.layers.1.weight",
        "statistics": "trunk.layers.1.running_mean",
        "embedder": "embedder.embedding.weight",
    }
    return {name: not torch.equal(after[key], before[key].half()) for name, key in keys.items()}


def test_trunk_modes_train_what_they_say(tmp_path):
    everything = {"convolutions": True, "norms": True, "statistics": True, "embedder": True}
    assert _trunk("train_all", tmp_path) == everything
    assert _trunk("only_bn", tmp_path) == everything | {"convolutions": False}
    frozen = dict.fromkeys(everything, False) | {"embedder": True}
    assert _trunk("frozen", tmp_path) == frozen


def test_a_whole_resnet50_starts_the_trunk_and_others_are_refused():
    recipe = TccRecipe(FrameEncoderConfig(size_px=32, channels=8, dimensions=4))
    net = FrameEncoder(recipe.network)
    with pytest.raises(KnownError, match="needs trained weights"):
        start_from(net, None, recipe)
    whole = {key: torch.full_like(value, 0.5) for key, value in net.trunk.state_dict().items()}
    whole |= {"layer3.3.conv1.weight": torch.zeros(1), "layer4.0.bn1.bias": torch.zeros(1)}
    start_from(net, whole | {"fc.weight": torch.zeros(1000, 2048)}, recipe)
    assert (net.trunk.layer3[2].conv3.weight == 0.5).all()
    with pytest.raises(KnownError, match=r"lacks 1 tensors: layer2\.0\.conv1"):
        start_from(net, {k: v for k, v in whole.items() if k != "layer2.0.conv1.weight"}, recipe)
    with pytest.raises(KnownError, match="unknown 1 tensors: head"):
        start_from(net, whole | {"head.weight": torch.zeros(1)}, recipe)
    with pytest.raises(KnownError, match="lacks"):
        start_from(FrameEncoder(TINY.network), whole, TINY)


def test_regularisation_is_the_mean_over_kernels():
    trainee = Trainee(TINY, 1)
    kernels = [
        module.weight
        for module in trainee.encoder.embedder.modules()
        if isinstance(module, torch.nn.Conv3d | torch.nn.Linear)
    ]
    assert len(kernels) == 5
    expected = 1e-5 * sum(kernel.detach().square().sum().item() for kernel in kernels) / 5
    assert trainee.regularisation(1e-5).item() == pytest.approx(expected, rel=1e-5)


def test_recipes_are_the_published_ones():
    published, scratch = TCC_RECIPES["published"], TCC_RECIPES["scratch"]
    assert (published.batch, published.sampling.frames, published.learning_rate) == (2, 20, 1e-4)
    assert (published.steps, published.weight_decay, published.network.size_px) == (150_000, 1e-5, 224)
    assert published.looks == Looks(0.5, 32 / 255, (0.5, 1.5))
    assert (published.network.trunk, published.trunk_mode) == ("resnet50", "only_bn")
    assert (scratch.network.trunk, scratch.trunk_mode) == ("vggm", "train_all")
    assert published.rate_at(0.9) == 1e-4 and TCC_RECIPES["small"].rate_at(1.0) < 1e-5


def test_learning_brings_held_back_takes_into_step(tmp_path):
    """A quarter of a minute: the travelling square is found, whatever its pace."""
    network = FrameEncoderConfig("vggm", size_px=32, gap_s=0.1, channels=32, dimensions=16)
    recipe = replace(
        TINY,
        network=network,
        looks=Looks(mirror=0.0),
        sampling=SamplingRecipe(frames=12),
        learning_rate=1e-3,
        batch=4,
        steps=60,
        score_every=60,
    )
    clips = [*(clip(n) for n in range(6)), *(clip(n, held_out=True) for n in range(6, 9))]
    taus = [p.tau for p in _run(tmp_path / "net.safetensors", recipe, clips) if getattr(p, "tau", None)]
    assert taus[-1] > 0.8


def test_frames_that_are_missing_end_the_training_with_one_line(tmp_path):
    def broken():
        yield from itertools.islice(clip(0).read(), 3)
        raise KnownError("frame 4 cannot be read.")

    with pytest.raises(KnownError, match="frame 4"):
        _run(tmp_path / "net.safetensors", clips=[*CLIPS, replace(clip(5), read=broken)])
    with pytest.raises(KnownError, match="take5 has no frames"):
        _run(tmp_path / "net.safetensors", clips=[*CLIPS, replace(clip(5), read=lambda: iter(()))])
