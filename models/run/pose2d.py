"""2D keypoints of people in frames, from their boxes.

Top-down (Sun et al., CVPR 2019): every box becomes one crop of the network's input size; crops of many people
and frames go through the network together, by default with their mirror images (flip test). Convention:
frames are uint8 (H, W, 3) RGB, boxes float (P, 4) x1, y1, x2, y2 px, keypoints float32 (P, J, 3) x px, y px,
confidence 0..1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.domain.errors import KnownError
from models.domain.skeleton import Skeleton, load_skeleton
from models.nets.hrnet import HRNet, config_from_tensors
from models.run.crop import (
    PADDING,
    affine,
    box_to_center_scale,
    crop_person,
    pixel_grid,
    transform_points,
)
from models.run.device import choose_device
from models.run.fast_net import Network, beside, fast_net
from models.run.heatmap import (
    decode_dark,
    decode_peak,
    decode_softmax,
    flip_back,
    mass_near,
    mirror,
    softmax_maps,
)
from models.run.weights import (
    ModelEntry,
    default_model,
    load_entry,
    load_strictly,
    load_tensors,
    read_description,
    resolve,
)

MEAN = np.array([0.485, 0.456, 0.406], np.float32)  # ImageNet, RGB, as in the published code
STD = np.array([0.229, 0.224, 0.225], np.float32)
SKELETON_OF_JOINTS = {17: "coco17", 16: "mpii16", 14: "lsp14", 13: "penn13"}

Frame = NDArray[np.uint8]
STRIDE = 4  # input pixels per heatmap pixel

#: How heatmaps become positions. "peak": as published, for networks trained with L2. "softmax": mean near the
#: peak, for networks trained with cross-entropy. "dark": a Gaussian fitted to either. "udp": "dark" with a
#: flip test free of bias.
Decoder = Literal["peak", "softmax", "dark", "udp"]
DECODERS: tuple[Decoder, ...] = get_args(Decoder)


@dataclass(frozen=True, slots=True)
class MapKind:
    """What the heatmaps of a network are by its training.

    distribution: logits of a distribution over positions (cross-entropy), else Gaussians of height 1 (L2).
    sigma: their width in heatmap px; None: the usual one for the input size. pixel_centres: the crops'
    coordinates are those of UDP (`crop.pixel_grid`).
    """

    distribution: bool = False
    sigma: float | None = None
    pixel_centres: bool = False

    @classmethod
    def described(cls, about: Mapping[str, Any], stem: str = "") -> MapKind:
        """From what a file or the manifest says ("maps" or "decoder", "sigma", "coordinates").

        A file that does not say its coordinates is taken as UDP's when "udp" is in its name.
        """
        distribution = about.get("maps", about.get("decoder")) in ("distribution", "softmax")
        sigma = about.get("sigma")
        coordinates = about.get("coordinates", "udp" if "udp" in stem.lower() else "published")
        return cls(distribution, None if sigma is None else float(sigma), coordinates == "udp")

    def width_px(self, input_wh: tuple[int, int]) -> float:
        """Width of the Gaussians in heatmap px: published are 2 for 256 px inputs and 3 for 384."""
        return self.sigma or (1.0 if self.distribution else max(input_wh) / 128)


@dataclass(frozen=True, slots=True)
class PoseEstimator:
    """A pose network ready to run; make one with `load` or `of`. padding: context around a box."""

    net: Network
    skeleton: Skeleton
    input_wh: tuple[int, int]
    device: torch.device
    decoder: Decoder = "peak"
    padding: float = PADDING
    flip_test: bool = True
    batch: int = 32
    kind: MapKind = MapKind()

    @classmethod
    def load(
        cls,
        name: str | Path | None = None,
        device: str = "auto",
        *,
        flip_test: bool = True,
        skeleton: str | None = None,
        input_wh: tuple[int, int] | None = None,
        decoder: str | None = None,
    ) -> PoseEstimator:
        """A bundled network by name (None: the default one), or a checkpoint in the published layout by path.

        For a path the network is read off the tensors' shapes. Files that `train_hrnet` wrote say the rest
        themselves; for others skeleton and input size follow from the number of joints and from a "256x192"
        (height x width) in the file name, unless they are given. decoder: one of `DECODERS`, None for
        the network's own. Raises KnownError.
        """
        path = Path(name) if name is not None else None
        if path is None or not (path.suffix or path.parent != Path()):
            entry = default_model("pose2d") if name is None else resolve(str(name), "pose2d")
            return cls.from_entry(
                entry,
                load_entry(entry),
                device,
                flip_test=flip_test,
                skeleton=skeleton,
                input_wh=input_wh,
                decoder=decoder,
            )
        tensors, about = load_tensors(path), read_description(path)
        try:
            kind = MapKind.described(about, path.stem)
            padding, size = float(about.get("padding", PADDING)), size_in_name(path.stem)
            if "input_wh" in about:
                size = (int(about["input_wh"][0]), int(about["input_wh"][1]))
        except (TypeError, ValueError, LookupError) as error:
            raise KnownError(f"{path.name} describes itself wrongly: {error}.") from error
        net = _network(tensors, path.name)
        joints = net.config.joints
        skeleton = skeleton or str(about.get("skeleton", "")) or SKELETON_OF_JOINTS.get(joints)
        if skeleton is None:
            raise KnownError(
                f"{path.name} has {joints} joints; no skeleton has that many.", hint="Name a skeleton."
            )
        size = input_wh or size or ((192, 256) if joints == 17 else (256, 256))
        chosen = _decoder(decoder or _own_decoder(about), kind, path.name)
        return cls.of(
            net,
            skeleton,
            size,
            choose_device(device),
            decoder=chosen,
            padding=padding,
            flip_test=flip_test,
            kind=kind,
        )

    @classmethod
    def from_entry(
        cls,
        entry: ModelEntry,
        tensors: Mapping[str, Tensor],
        device: str = "auto",
        *,
        flip_test: bool = True,
        skeleton: str | None = None,
        input_wh: tuple[int, int] | None = None,
        decoder: str | None = None,
        fast: bool = True,
    ) -> PoseEstimator:
        """The network that an entry describes, with these tensors. Raises KnownError when they do not fit.

        fast: see `of`.
        """
        kind = MapKind.described(entry.config, entry.name)
        return cls.of(
            _network(tensors, entry.name),
            skeleton or entry.skeleton,
            input_wh or (entry.input_size[0], entry.input_size[1]),
            choose_device(device),
            decoder=_decoder(decoder or _own_decoder(entry.config), kind, entry.name),
            padding=float(entry.config.get("padding", PADDING)),
            flip_test=flip_test,
            kind=kind,
            fast=fast,
        )

    @classmethod
    def of(
        cls,
        net: HRNet,
        skeleton: str,
        input_wh: tuple[int, int],
        device: torch.device,
        *,
        decoder: Decoder = "peak",
        padding: float = PADDING,
        flip_test: bool = True,
        kind: MapKind | None = None,
        fast: bool = True,
    ) -> PoseEstimator:
        """Wrap a network in memory, in the form that is fastest on the device (see `fast_net`).

        fast: False leaves it as it is, for a few frames: to make the fastest form takes seconds.
        kind: None takes distributions for the decoder "softmax", published heatmaps for the others.
        """
        joints = load_skeleton(skeleton)
        if len(joints) != net.config.joints:
            raise KnownError(
                f"The network has {net.config.joints} joints, skeleton {skeleton} has {len(joints)}."
            )
        if any(side % 32 for side in input_wh):
            raise KnownError(f"Input size {input_wh[0]}x{input_wh[1]} is not a multiple of 32.")
        kind = kind or MapKind(distribution=decoder == "softmax")
        ready = fast_net(net, device) if fast else net.to(device).eval()
        return cls(ready, joints, input_wh, device, decoder, padding, flip_test, kind=kind)

    def predict(self, frame: Frame, boxes: NDArray[np.floating]) -> NDArray[np.float32]:
        """Keypoints (P, J, 3) of the people in `boxes` (P, 4)."""
        return self.predict_batch([frame], [boxes])[0]

    def predict_batch(
        self, frames: Sequence[Frame], boxes: Sequence[NDArray[np.floating]]
    ) -> list[NDArray[np.float32]]:
        """Keypoints (P, J, 3) of each frame's people; all crops of all frames share batches."""
        counts = [len(b) for b in boxes]
        flat = np.concatenate([np.reshape(b, (-1, 4)) for b in boxes]) if boxes else np.empty((0, 4))
        if not len(flat):
            return [np.empty((0, len(self.skeleton), 3), np.float32) for _ in counts]
        owners = np.repeat(np.arange(len(counts)), counts)
        center, scale = box_to_center_scale(flat, self.input_wh[0] / self.input_wh[1], self.padding)
        scale = np.maximum(scale, 1e-3)  # an empty box still has a place
        matrices = affine(center, scale, 0.0, self._grid()[0])
        parts = []
        for start in range(0, len(flat), self.batch):
            part = slice(start, start + self.batch)
            crops = [
                crop_person(frames[o], m, self.input_wh)
                for o, m in zip(owners[part], matrices[part], strict=True)
            ]
            parts.append(self._decode(self.heatmaps(np.stack(crops)), center[part], scale[part]))
        return np.split(np.concatenate(parts), np.cumsum(counts)[:-1])

    @torch.inference_mode()
    def heatmaps(self, crops: NDArray[np.uint8]) -> Tensor:
        """Heatmaps float32 (N, J, h, w) of crops (N, H, W, 3): raw values, or distributions if trained so."""
        with beside(self.net):
            return self._heatmaps(crops)

    def _heatmaps(self, crops: NDArray[np.uint8]) -> Tensor:
        pixels = torch.from_numpy(crops).to(self.device).permute(0, 3, 1, 2).float()
        mean = torch.from_numpy(MEAN * 255).to(self.device).view(3, 1, 1)
        std = torch.from_numpy(STD * 255).to(self.device).view(3, 1, 1)
        inputs = (pixels - mean) / std
        if not self.flip_test:
            return self._maps(inputs)
        unbiased = self.kind.pixel_centres or self.decoder == "udp"
        lost = STRIDE - 1 if unbiased and not self.kind.pixel_centres else 0
        maps, turned = self._maps(torch.cat([inputs, mirror(inputs, lost)])).chunk(2)
        return (maps + flip_back(turned, self.skeleton.flip, shift=not unbiased)) * 0.5

    def _maps(self, inputs: Tensor) -> Tensor:
        output = self.net(inputs)
        return softmax_maps(output) if self.kind.distribution else output

    def _grid(self) -> tuple[tuple[int, int], NDArray[np.float64]]:
        heatmap_wh = (self.input_wh[0] // STRIDE, self.input_wh[1] // STRIDE)
        return pixel_grid(self.input_wh, heatmap_wh, pixel_centres=self.kind.pixel_centres)

    def _decode(
        self, maps: Tensor, center: NDArray[np.floating], scale: NDArray[np.floating]
    ) -> NDArray[np.float32]:
        values = maps.cpu().numpy()
        if self.decoder == "softmax":
            xy, confidence = decode_softmax(values)
        elif self.decoder == "peak":
            xy, confidence = decode_peak(values)
        else:
            xy, confidence = decode_dark(values, self.kind.width_px(self.input_wh))
        if self.kind.distribution and self.decoder != "softmax":
            confidence = mass_near(values, xy)
        wh, stride = self._grid()
        xy = transform_points(xy * stride, affine(center, scale, 0.0, wh, inverse=True))
        return np.concatenate([xy, np.clip(confidence, 0, 1)[..., None]], -1).astype(np.float32)


def _network(tensors: Mapping[str, Tensor], source: str) -> HRNet:
    with torch.device("meta"):  # no random weights are drawn that nobody needs
        net = HRNet(config_from_tensors(tensors))
    load_strictly(net.to_empty(device="cpu"), tensors, source)
    return net


def _own_decoder(about: Mapping[str, Any]) -> str:
    own = str(about.get("decoder", ""))
    return own if own in DECODERS else "peak"


def _decoder(name: str, kind: MapKind, source: str) -> Decoder:
    """The decoder called so, if it can read the network's maps. Raises KnownError."""
    known = next((decoder for decoder in DECODERS if decoder == name), None)
    if known is None:
        raise KnownError(f"There is no decoder '{name}'.", hint=f"Known: {', '.join(DECODERS)}.")
    if known == "softmax" and not kind.distribution:
        raise KnownError(
            f"The heatmaps of {source} are no distributions, which 'softmax' reads.",
            hint="Choose peak, dark or udp.",
        )
    return known


def size_in_name(stem: str) -> tuple[int, int] | None:
    """Width, height from a published file name such as pose_hrnet_w32_256x192 (height x width)."""
    found = re.search(r"(\d{2,4})x(\d{2,4})", stem)
    return (int(found[2]), int(found[1])) if found else None
