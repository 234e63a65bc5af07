"""Finds the people in a frame: boxes with a score, without being told anything.

Convention: frames uint8 (H, W, 3) RGB of any size; boxes float32 (N, 5) x1, y1, x2, y2 px, score 0..1, best
first. The frame is scaled so that its longer side has each of `long_sides_px` (never enlarged more than
twice); a person found at several sizes has a higher score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.nets.detector import ALIGN_PX, DetectorConfig, PersonDetector, boxes_at_cells, normalise
from models.run.device import choose_device
from models.run.fold import fold_batch_norm
from models.run.library import ModelEntry
from models.run.weights import default_model, load_entry, load_strictly, resolve

Frame = NDArray[np.uint8]
Boxes = NDArray[np.float32]

LONG_SIDE_PX = 512  # of the picture the network sees: people of 1/16 of it can still be found
LARGEST_ZOOM = 2.0
OVERLAP_LIMIT = 0.5  # two boxes with a larger intersection over union are one person
CANDIDATES = 100  # peaks of one picture that are looked at
LEAST_SCORE = 0.05  # of a peak at one size


@dataclass(frozen=True, slots=True)
class PersonFinder:
    """A detector ready to run; make one with `load` or `of`.

    threshold: boxes with a lower score are dropped. long_sides_px: the sizes at which a frame is searched.
    """

    net: nn.Module
    device: torch.device
    threshold: float = 0.3
    long_sides_px: tuple[int, ...] = (LONG_SIDE_PX,)

    @classmethod
    def load(
        cls,
        device: str = "auto",
        *,
        name: str | None = None,
        threshold: float | None = None,
        long_sides_px: tuple[int, ...] | None = None,
        proposals: bool = False,
    ) -> PersonFinder:
        """The bundled detector `name` (None: the default one). Raises KnownError when it cannot be loaded.

        proposals: with the lower threshold for boxes that something else judges.
        """
        entry = default_model("detector") if name is None else resolve(name, "detector")
        return cls.from_entry(
            entry,
            load_entry(entry),
            device,
            threshold=threshold,
            long_sides_px=long_sides_px,
            proposals=proposals,
        )

    @classmethod
    def from_entry(
        cls,
        entry: ModelEntry,
        tensors: Mapping[str, Tensor],
        device: str = "auto",
        *,
        threshold: float | None = None,
        long_sides_px: tuple[int, ...] | None = None,
        proposals: bool = False,
    ) -> PersonFinder:
        """The detector of an entry, with these tensors. Raises KnownError when they do not fit."""
        chosen = choose_device(device)
        net = PersonDetector(
            DetectorConfig(
                stem=int(entry.config["stem"]),
                widths=tuple(entry.config["widths"]),
                blocks=tuple(entry.config["blocks"]),
                neck=int(entry.config["neck"]),
                stride=int(entry.config["stride"]),
            )
        )
        load_strictly(net, tensors, entry.name)
        own = float(entry.config["proposal_threshold" if proposals else "threshold"])
        return cls.of(
            net,
            chosen,
            threshold=own if threshold is None else threshold,
            long_sides_px=tuple(entry.config["long_sides_px"]) if long_sides_px is None else long_sides_px,
        )

    @classmethod
    def of(
        cls,
        net: PersonDetector,
        device: torch.device,
        *,
        threshold: float = 0.3,
        long_sides_px: tuple[int, ...] = (LONG_SIDE_PX,),
    ) -> PersonFinder:
        """Wrap a network in memory; a folded, channels-last copy of it runs."""
        ready = fold_batch_norm(net).to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return cls(ready, device, threshold, long_sides_px)

    def find(self, frame: Frame) -> Boxes:
        """People of one frame, float32 (N, 5)."""
        return self.find_batch([frame])[0]

    def find_batch(self, frames: Sequence[Frame]) -> list[Boxes]:
        """People of each frame; frames of one size go through the network together."""
        found: list[list[Boxes]] = [[] for _ in frames]
        for shape in {frame.shape for frame in frames}:
            members = [i for i, frame in enumerate(frames) if frame.shape == shape]
            for side in self.long_sides_px:
                zoom = min(side / max(shape[:2]), LARGEST_ZOOM)
                inputs = np.stack([_letterbox(frames[i], zoom) for i in members])
                for i, boxes in zip(members, self._boxes(inputs, zoom), strict=True):
                    found[i].append(boxes)
        together = [agreed(boxes) for boxes in found]
        return [
            _inside(boxes[boxes[:, 4] >= self.threshold], frame.shape)
            for boxes, frame in zip(together, frames, strict=True)
        ]

    @torch.inference_mode()
    def _boxes(self, inputs: NDArray[np.uint8], zoom: float) -> list[Boxes]:
        """Peaks in pictures (N, H, W, 3), as boxes in frame pixels: unsure ones, too, as another size may
        agree."""
        output = self.net(normalise(torch.from_numpy(inputs).to(self.device)))
        stride = inputs.shape[2] // output.heat.shape[2]
        heat = torch.sigmoid(output.heat)
        peak = torch.nn.functional.max_pool2d(heat[:, None], 3, 1, 1)[:, 0] == heat
        scores = (heat * peak).flatten(1)
        best, cell = scores.topk(min(CANDIDATES, scores.shape[1]), dim=1)
        sides = boxes_at_cells(output.sides, stride).flatten(2).transpose(1, 2)
        boxes = torch.gather(sides, 1, cell[..., None].expand(-1, -1, 4))
        rows = torch.cat([(boxes + 0.5) / zoom - 0.5, best[..., None]], dim=2).cpu().numpy()
        return [row[row[:, 4] >= min(self.threshold, LEAST_SCORE)].astype(np.float32) for row in rows]


def overlaps(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.float64]:
    """Intersection over union (N, M) of boxes (N, ≥4) and (M, ≥4); 0 for empty or unknown (NaN) boxes."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:4], b[None, :, 2:4])
    inner = np.prod(np.clip(high - low, 0, None), axis=-1)
    area_a = np.prod(np.clip(a[:, 2:4] - a[:, :2], 0, None), axis=-1)
    area_b = np.prod(np.clip(b[:, 2:4] - b[:, :2], 0, None), axis=-1)
    union = area_a[:, None] + area_b[None] - inner
    ratio = np.divide(inner, union, out=np.zeros_like(inner, dtype=np.float64), where=union > 0)
    return np.asarray(np.nan_to_num(ratio), dtype=np.float64)


def suppress(boxes: Boxes, limit: float = OVERLAP_LIMIT) -> Boxes:
    """Non-maximum suppression: of boxes that overlap by more than `limit` the best one, best first."""
    order = boxes[np.argsort(-boxes[:, 4], kind="stable")]
    if len(order) < 2:
        return order
    overlap = overlaps(order, order)
    kept: list[int] = []
    for i in range(len(order)):
        if all(overlap[i, j] <= limit for j in kept):
            kept.append(i)
    return order[kept]


def agreed(sizes: Sequence[Boxes]) -> Boxes:
    """Boxes found at several sizes of one picture as one list, best first, none of which overlap too much.

    Of boxes that overlap the best one stays. Sizes err more or less independently of each other, so its score
    is 1 − Π (1 − best score of each size): who is found at two sizes stands above who is found at one.
    """
    every = np.concatenate(sizes)
    best = suppress(every)
    shared = overlaps(best, every) > OVERLAP_LIMIT
    size_of = np.repeat(np.arange(len(sizes)), [len(boxes) for boxes in sizes])
    doubt = np.ones(len(best), dtype=np.float32)
    for size in range(len(sizes)):
        here = shared & (size_of == size)
        doubt *= 1 - np.where(here, every[:, 4], 0).max(axis=1, initial=0)
    best[:, 4] = 1 - doubt
    return np.asarray(best[np.argsort(-best[:, 4], kind="stable")], dtype=np.float32)


def _letterbox(frame: Frame, zoom: float) -> Frame:
    """The frame scaled by `zoom`, with grey below and to the right up to a multiple of the network's step."""
    height, width = (max(1, round(side * zoom)) for side in frame.shape[:2])
    method = cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR
    scaled = cv2.resize(frame, (width, height), interpolation=method)
    below, right = -height % ALIGN_PX, -width % ALIGN_PX
    return cv2.copyMakeBorder(scaled, 0, below, 0, right, cv2.BORDER_CONSTANT, value=(127, 127, 127))


def _inside(boxes: Boxes, shape: tuple[int, ...]) -> Boxes:
    """Boxes cut off at the frame's border; those without an area left are dropped."""
    edge = np.array([shape[1], shape[0], shape[1], shape[0]], dtype=np.float32) - 0.5
    boxes = boxes.copy()
    boxes[:, :4] = np.clip(boxes[:, :4], -0.5, edge)
    return boxes[(boxes[:, 2] - boxes[:, 0] > 1) & (boxes[:, 3] - boxes[:, 1] > 1)]
