"""Encoders of pictures at work: a vector for every frame of a take, read once from front to back.

The trunk sees each frame once; its maps of the frames that are still needed as context are kept, no others,
so that memory does not grow with the take. The context of the first frames is the first frame, as published.
Convention: pictures uint8 (H, W, 3) RGB of any size, resized to the encoder's square; vectors float32 (T, D).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, fields
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.domain.errors import KnownError
from models.nets.tcc import FrameEncoder, FrameEncoderConfig
from models.run.device import choose_device
from models.run.embed import Encoder
from models.run.weights import load_strictly

Picture = NDArray[np.uint8]
BATCH = 32  # frames that go through the trunk at once


def build_frame_encoder(name: str, tensors: Mapping[str, Tensor], description: Mapping[str, Any]) -> Encoder:
    """The encoder that a description tells of, with these tensors. Raises KnownError when they disagree."""
    config = frame_config(description, name)
    net = FrameEncoder(config)
    load_strictly(net, tensors, name)
    net.trunk.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Encoder(name, "frames", net.eval(), {**description, **asdict(config)})


def frame_config(description: Mapping[str, Any], name: str) -> FrameEncoderConfig:
    """The configuration in a description. Raises KnownError when it is damaged."""
    known = {field.name for field in fields(FrameEncoderConfig)}
    try:
        return FrameEncoderConfig(**{key: description[key] for key in description if key in known})
    except (TypeError, ValueError) as error:
        raise KnownError(f"{name} describes itself wrongly: {error}.") from error


def embed_frames(
    encoder: Encoder, pictures: Iterable[Picture], fps: float, *, device: str = "auto"
) -> Iterator[NDArray[np.float32]]:
    """Vectors of a take's frames, in blocks (B, D) in order; concatenated they are float32 (T, D).

    fps: of the take; the context lies as many seconds back as in training. Raises KnownError when the encoder
    is one of poses, the frame rate is not positive or the device is not there.
    """
    if not isinstance(encoder.net, FrameEncoder):
        raise KnownError(f"'{encoder.name}' embeds poses, not pictures.")
    if not (np.isfinite(fps) and fps > 0):
        raise KnownError(f"A take has a positive frame rate, not {fps}.")
    net = encoder.net.eval().to(choose_device(device))
    return _embedded(net, pictures, net.config.gap_frames(fps))


@torch.inference_mode()
def _embedded(net: FrameEncoder, pictures: Iterable[Picture], gap: int) -> Iterator[NDArray[np.float32]]:
    config = net.config
    device = next(net.parameters()).device
    reach = gap * (config.context - 1)
    maps: Tensor | None = None  # of the frames from `first` on
    first = done = 0
    for block in _batched(pictures):
        shown = np.stack([square(picture, config.size_px) for picture in block])
        new = net.trunk(normalised(torch.from_numpy(shown).to(device)))
        maps = new if maps is None else torch.cat([maps, new])
        frames = np.arange(done, done + len(block))
        seen = torch.from_numpy(context_of(frames, config.context, gap) - first).to(device)
        yield net.embedder(maps[seen]).float().cpu().numpy()
        done += len(block)
        keep = max(0, done - reach)
        maps, first = maps[keep - first :], keep


def context_of(frames: NDArray[np.int64], context: int, gap: int, start: int = 0) -> NDArray[np.int64]:
    """Indices (..., k) of the frames seen at each of `frames`: the past only, no earlier than `start`."""
    back = gap * np.arange(context - 1, -1, -1)
    return np.maximum(frames[..., None] - back, np.minimum(start, frames[..., None]))


def square(picture: Picture, size_px: int) -> Picture:
    """A frame (H, W, 3) resized to (S, S, 3) whatever its aspect, as published."""
    if picture.shape[:2] == (size_px, size_px):
        return picture
    shrinks = picture.shape[0] > size_px and picture.shape[1] > size_px
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (size_px, size_px), interpolation=how), dtype=np.uint8)


def normalised(frames: Tensor) -> Tensor:
    """uint8 (..., S, S, 3) -> float32 (..., 3, S, S), values −1..1."""
    return frames.movedim(-1, -3).float() / 127.5 - 1


def _batched(pictures: Iterable[Picture]) -> Iterator[tuple[Picture, ...]]:
    source = iter(pictures)
    while block := tuple(itertools.islice(source, BATCH)):
        yield block
