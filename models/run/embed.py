"""Encoders: networks that give every frame of a take a vector, near to those of frames that show the same
moment of the action.

`load_encoder` knows bundled ones, added ones and files; what kind a file is, its description tells. Pose
encoders are run here, encoders of pictures in `embed_frames`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.domain.errors import KnownError
from models.domain.mapping import map_keypoints
from models.nets.pose_encoder import PoseEncoder, PoseEncoderConfig
from models.run import encoder_input
from models.run.library import default_model, resolve
from models.run.threads import one_thread
from models.run.weights import load_entry, load_strictly, load_tensors, read_description

POSE_KIND, FRAME_KIND = "pose-encoder", "frame-encoder"  # in the manifest and in files


@dataclass(frozen=True, slots=True, eq=False)
class Encoder:
    """A network ready to run. kind: what it embeds. config: what its file says about it."""

    name: str
    kind: Literal["poses", "frames"]
    net: nn.Module
    config: Mapping[str, Any]

    @property
    def dimensions(self) -> int:
        """Numbers per frame."""
        return int(self.config["dimensions"])


def load_encoder(name_or_path: str | Path | None = None) -> Encoder:
    """A bundled or added encoder by name, one from a .safetensors or .kpm file, or the default pose encoder
    (None).

    Raises KnownError when there is none, or when the file is not that of an encoder.
    """
    if name_or_path is None:
        entry = default_model(POSE_KIND)
    elif Path(name_or_path).suffix or Path(name_or_path).parent != Path():
        path = Path(name_or_path)
        tensors = load_tensors(path)
        return build_encoder(path.stem, tensors, read_description(path))
    else:
        entry = resolve(str(name_or_path))
    if entry.kind not in (POSE_KIND, FRAME_KIND):
        raise KnownError(
            f"'{entry.name}' is no encoder but a model of kind {entry.kind}.",
            hint="'keyphase models list' shows the kinds.",
        )
    return build_encoder(entry.name, load_entry(entry), {"kind": entry.kind, **entry.config})


def build_encoder(name: str, tensors: Mapping[str, Tensor], description: Mapping[str, Any]) -> Encoder:
    """The encoder that a description tells of, with these tensors. Raises KnownError when they disagree."""
    if description.get("kind") == FRAME_KIND:
        from models.run.embed_frames import build_frame_encoder

        return build_frame_encoder(name, tensors, description)
    if description.get("kind") != POSE_KIND:
        raise KnownError(f"{name} is not an encoder that Keyphase trained.", hint="Its file says no kind.")
    config = pose_config(description, name)
    net = PoseEncoder(config)
    load_strictly(net, tensors, name)
    return Encoder(name, "poses", net.eval(), {**description, **asdict(config)})


def pose_config(description: Mapping[str, Any], name: str) -> PoseEncoderConfig:
    """The configuration in a description. Raises KnownError when it is damaged or of other features."""
    known = {field.name for field in fields(PoseEncoderConfig)}
    try:
        values = {key: description[key] for key in description if key in known}
        values["dilations"] = tuple(int(d) for d in values["dilations"])
        config = PoseEncoderConfig(**values)
        if min(config.channels, config.dimensions, *config.dilations) < 1 or not config.rate_hz > 0:
            raise ValueError("sizes must be positive")
    except (KeyError, TypeError, ValueError) as error:
        raise KnownError(f"{name} describes itself wrongly: {error}.") from error
    if config.features != encoder_input.FEATURES:
        raise KnownError(f"{name} was made for other features than this version of Keyphase has.")
    return config


@one_thread()
def embed_poses(
    encoder: Encoder, values: NDArray[np.float32], skeleton: str, fps: float
) -> NDArray[np.float32]:
    """Vectors float32 (T, D) of one person's frames.

    values: float32 (T, J, 3) px + confidence or (T, J, 4) m + confidence, of `skeleton`; NaN = not seen. A
    frame in which no joint is seen gets a row of NaN. The vector of a 3D frame is that of its views from
    three sides of the person, one after the other, so that D is three times as large: vectors of 2D and 3D
    takes are not comparable. Raises KnownError when the encoder is one of pictures or the frame rate is not
    positive.
    """
    if encoder.kind != "poses":
        raise KnownError(f"'{encoder.name}' embeds pictures, not poses.")
    if values.ndim != 3 or values.shape[2] not in (3, 4):
        raise ValueError(f"one person's keypoints are (T, J, 3 or 4), not {values.shape}")
    if not (np.isfinite(fps) and fps > 0):
        raise KnownError(f"A take has a positive frame rate, not {fps}.")
    assert isinstance(encoder.net, PoseEncoder)
    config = encoder.net.config
    views = encoder_input.VIEWS_3D_DEG if values.shape[2] == 4 else (None,)
    if len(values) == 0:
        return np.zeros((0, config.dimensions * len(views)), np.float32)
    pose = map_keypoints(values, skeleton, encoder_input.SKELETON)
    coordinates, seen = resampled_tensors(pose, fps, config.rate_hz)
    parts = []
    for view in views:
        xy = coordinates
        if view is not None:
            xy = encoder_input.seen_from(coordinates, seen, config.rate_hz, view)
        parts.append(run_encoder(encoder.net, xy, seen))
    on_clock = np.concatenate(parts, axis=1)
    at = np.minimum(np.arange(len(values)) * config.rate_hz / fps, len(on_clock) - 1)
    before = np.floor(at).astype(np.int64)
    after = np.minimum(before + 1, len(on_clock) - 1)
    share = (at - before).astype(np.float32)[:, None]
    vectors = (1 - share) * on_clock[before] + share * on_clock[after]
    unseen = ~(np.isfinite(pose[..., :-1]).all(axis=-1) & (np.nan_to_num(pose[..., -1]) > 0)).any(axis=1)
    vectors[unseen] = np.nan
    return vectors.astype(np.float32)


def resampled_tensors(pose: NDArray[np.float32], fps: float, rate_hz: float) -> tuple[Tensor, Tensor]:
    """A take of Penn's joints on the encoder's clock: (1, R, 13, D) and seen (1, R, 13)."""
    coordinates, seen = encoder_input.resampled(pose, fps, rate_hz)
    return torch.from_numpy(coordinates)[None], torch.from_numpy(seen)[None]


@torch.inference_mode()
def run_encoder(net: PoseEncoder, xy: Tensor, seen: Tensor) -> NDArray[np.float32]:
    """Vectors (R, D) of one sequence (1, R, 13, 2) on the encoder's clock; around it nothing is seen."""
    frames = encoder_input.frame_features(xy, seen, net.config.rate_hz)
    frames = torch.nn.functional.pad(frames, (0, 0, net.config.radius, net.config.radius))
    answer: NDArray[np.float32] = net(frames[0]).numpy()
    return answer
