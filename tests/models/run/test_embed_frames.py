"""Vectors of takes by a pixel encoder: the same as frame by frame, however long the take."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from models.domain.errors import KnownError
from models.nets.tcc import FrameEncoder, FrameEncoderConfig
from models.run.add_model import add_model
from models.run.embed import FRAME_KIND, load_encoder
from models.run.embed_frames import BATCH, context_of, embed_frames, normalised, square
from models.run.weights import DESCRIPTION_KEY

CONFIG = {"trunk": "vggm", "size_px": 32, "channels": 16, "dimensions": 8, "context": 3, "gap_s": 0.2}


@pytest.fixture
def file(tmp_path):
    torch.manual_seed(0)
    net = FrameEncoder(FrameEncoderConfig(**CONFIG))
    path = tmp_path / "mine.safetensors"
    save_file(net.state_dict(), path, {DESCRIPTION_KEY: json.dumps({"kind": FRAME_KIND, **CONFIG})})
    return path


def _take(frames: int, seed: int = 0) -> list[np.ndarray]:
    return list(np.random.default_rng(seed).integers(0, 256, (frames, 40, 60, 3), dtype=np.uint8))


@pytest.mark.parametrize("frames", [1, BATCH, 2 * BATCH + 5])
def test_a_stream_gives_what_frame_by_frame_gives(file, frames):
    encoder, take = load_encoder(file), _take(frames)
    vectors = np.concatenate(list(embed_frames(encoder, iter(take), 10.0, device="cpu")))
    assert vectors.dtype == np.float32 and vectors.shape == (frames, encoder.dimensions)
    squares = torch.from_numpy(np.stack([square(picture, 32) for picture in take]))
    for t in (0, 1, 3, frames - 1):
        if t < frames:
            seen = context_of(np.array([t]), 3, 2)  # 0.2 s at 10 frames per second
            with torch.no_grad():
                alone = encoder.net(normalised(squares[seen]))[0].numpy()
            np.testing.assert_allclose(vectors[t], alone, atol=1e-4)


def test_the_context_is_a_time_and_not_a_number_of_frames(file):
    """The same take at twice the rate, every frame shown twice: the same vectors."""
    encoder, take = load_encoder(file), _take(12)
    slow = np.concatenate(list(embed_frames(encoder, iter(take), 10.0, device="cpu")))
    twice = [picture for picture in take for _ in range(2)]
    fast = np.concatenate(list(embed_frames(encoder, iter(twice), 20.0, device="cpu")))
    np.testing.assert_allclose(fast[::2], slow, atol=1e-4)


def test_what_comes_later_changes_nothing(file):
    encoder, take = load_encoder(file), _take(40)
    whole = np.concatenate(list(embed_frames(encoder, iter(take), 10.0, device="cpu")))
    part = np.concatenate(list(embed_frames(encoder, iter(take[:23]), 10.0, device="cpu")))
    np.testing.assert_allclose(part, whole[:23], atol=1e-4)


def test_a_take_without_frames_has_no_vectors(file):
    assert list(embed_frames(load_encoder(file), iter(()), 10.0, device="cpu")) == []


def test_files_that_are_no_encoder_are_refused_with_one_line(file, tmp_path):
    with pytest.raises(KnownError, match="no weights file"):
        load_encoder(tmp_path / "missing.safetensors")
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(KnownError, match="cannot be read"):
        load_encoder(cut)
    net = FrameEncoder(FrameEncoderConfig(**CONFIG))
    other = tmp_path / "other.safetensors"
    for wrong, said in (({"channels": 32}, "other shapes"), ({"size_px": 33}, "describes itself wrongly")):
        about = {"kind": FRAME_KIND, **CONFIG, **wrong}
        save_file(net.state_dict(), other, {DESCRIPTION_KEY: json.dumps(about)})
        with pytest.raises(KnownError, match=said):
            load_encoder(other)


def test_a_take_without_a_rate_is_refused(file):
    with pytest.raises(KnownError, match="positive frame rate"):
        list(embed_frames(load_encoder(file), iter(_take(3)), 0.0))


def test_an_encoder_that_was_trained_can_be_added_and_used_by_its_name(file, tmp_path):
    entry = add_model(file, name="my-pouring", licence="mine")
    assert (entry.kind, entry.input_size, entry.licence) == (FRAME_KIND, (32, 32), "mine")
    take = _take(12)
    by_file, by_name = (
        np.concatenate(list(embed_frames(load_encoder(name), iter(take), 10.0, device="cpu")))
        for name in (file, "my-pouring")
    )
    np.testing.assert_array_equal(by_file, by_name)
    cut = tmp_path / "cut.safetensors"
    tensors = {key: value.contiguous() for key, value in load_encoder(file).net.state_dict().items()}
    del tensors["embedder.embedding.bias"]
    save_file(tensors, cut, {DESCRIPTION_KEY: json.dumps({"kind": FRAME_KIND, **CONFIG})})
    with pytest.raises(KnownError, match=r"lacks 1 tensors: embedder\.embedding"):
        add_model(cut)
