"""All training pictures decoded on one device, from which whole batches of views are cut at once.

Why: a GPU sees a thousand pictures a second, far more than a few processor cores can decode and warp.
Convention: `pixels` uint8 (N, S, S, 4), RGB multiplied by the fourth number, the opacity; a picture fills the
upper left corner of its square, the rest is transparent. Photographs are opaque and black outside, as
inference sees them; cut-out people (renderings) get a background from a random photograph or plain noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from models.domain.skeleton import Skeleton
from models.train.pose_batches import Views, draw_views
from models.train.pose_data import PoseData
from models.train.recipes import PoseRecipe

CONTEXT = 1.9  # of a picture, around the person's box, is kept: more than any view shows
PLAIN_BACKGROUNDS = 0.3  # share of cut-out people before coloured noise instead of a photograph


@dataclass(frozen=True, slots=True)
class PictureBank:
    """Pictures on a device with labels in their pixels; make one with `of`. cut_out: bool (N,)."""

    pixels: Tensor
    cut_out: NDArray[np.bool_]
    joints: NDArray[np.float64]
    visible: NDArray[np.bool_]
    boxes: NDArray[np.float64]
    widths: NDArray[np.float64]

    @classmethod
    def of(cls, data: PoseData, size_px: int, device: torch.device) -> PictureBank:
        """Crop each picture around its person and shrink it into a square of `size_px`."""
        pixels = np.zeros((len(data), size_px, size_px, 4), np.uint8)
        joints, boxes = data.joints.copy(), data.boxes.copy()
        widths, cut_out = np.zeros(len(data)), np.zeros(len(data), bool)
        for i in range(len(data)):
            image, box = data.images[i], data.boxes[i]
            height, width = image.shape[:2]
            center, reach = (box[:2] + box[2:]) / 2, CONTEXT / 2 * float((box[2:] - box[:2]).max())
            x0, y0 = np.clip(np.floor(center - reach), 0, [width - 2, height - 2]).astype(int)
            x1, y1 = np.clip(np.ceil(center + reach), [x0 + 2, y0 + 2], [width, height]).astype(int)
            part = image[y0:y1, x0:x1]
            zoom = min(size_px / max(part.shape[:2]), 1.0)
            if zoom < 1:
                part = cv2.resize(part, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
            part = part[:size_px, :size_px]
            h, w = part.shape[:2]
            cut_out[i] = part.shape[2] == 4
            opacity = part[..., 3:] if cut_out[i] else np.full((h, w, 1), 255, np.uint8)
            pixels[i, :h, :w, :3] = part[..., :3] * (opacity / 255.0) + 0.5
            pixels[i, :h, :w, 3:] = opacity
            # pixel i of the small picture is the middle of 1 / zoom pixels of the large one
            offset = np.array([x0, y0]) + (1 / zoom - 1) / 2
            joints[i], boxes[i] = (joints[i] - offset) * zoom, (boxes[i] - np.tile(offset, 2)) * zoom
            widths[i] = w
        return cls(torch.from_numpy(pixels).to(device), cut_out, joints, data.visible, boxes, widths)

    def cut_views(
        self,
        chosen: NDArray[np.int64],
        skeleton: Skeleton,
        recipe: PoseRecipe,
        input_wh: tuple[int, int],
        rng: np.random.Generator,
    ) -> tuple[Tensor, Views]:
        """Pixels float32 (N, 3, H, W), 0..255, on the bank's device, and how they are seen."""
        views = draw_views(
            self.joints[chosen],
            self.visible[chosen],
            self.boxes[chosen],
            self.widths[chosen],
            skeleton,
            recipe,
            input_wh,
            rng,
        )
        seen = self._sampled(chosen, views.matrices, input_wh)
        colour, opacity = seen[:, :3], seen[:, 3:] / 255
        cut_out = np.flatnonzero(self.cut_out[chosen])
        if len(cut_out):
            behind = self._backgrounds(len(cut_out), input_wh, rng)
            where = torch.from_numpy(cut_out).to(colour.device)
            colour[where] += (1 - opacity[where]) * behind
        return colour, views

    def _backgrounds(self, n: int, input_wh: tuple[int, int], rng: np.random.Generator) -> Tensor:
        """Random pieces (n, 3, H, W) of photographs, enlarged and turned, or coloured noise."""
        device = self.pixels.device
        colours = torch.from_numpy(rng.uniform(0, 255, (n, 3, 1, 1)).astype(np.float32)).to(device)
        grain = rng.integers(2, 8)
        noise = torch.from_numpy(rng.uniform(-90, 90, (n, 3, grain, grain)).astype(np.float32)).to(device)
        behind = (colours + F.interpolate(noise, (input_wh[1], input_wh[0]), mode="bilinear")).clamp(0, 255)
        photographs = np.flatnonzero(~self.cut_out)
        if not len(photographs):
            return behind
        picked = rng.choice(photographs, n)
        zoom, angle = rng.uniform(1.0, 4.0, n), rng.uniform(0, 2 * np.pi, n)
        zoom *= np.hypot(*input_wh) / self.widths[picked]
        cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
        linear = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)
        center = rng.uniform(0.25, 0.75, (n, 2)) * self.widths[picked, None]
        offset = np.array(input_wh) / 2 - (linear @ center[..., None])[..., 0]
        matrices = np.concatenate([linear, offset[..., None]], -1)
        pieces = self._sampled(picked, matrices, input_wh)[:, :3]
        plain = torch.from_numpy(rng.random((n, 1, 1, 1)) < PLAIN_BACKGROUNDS).to(device)
        return torch.where(plain, behind, pieces)

    def _sampled(
        self, chosen: NDArray[np.int64], matrices: NDArray[np.float64], output_wh: tuple[int, int]
    ) -> Tensor:
        """float32 (N, 4, H, W): pictures seen through matrices picture → crop, bilinear, nothing outside."""
        device, size = self.pixels.device, self.pixels.shape[1]
        inverse = np.linalg.inv(matrices[..., :2])
        back = np.concatenate([inverse, -(inverse @ matrices[..., 2:])], -1).astype(np.float32)
        width, height = output_wh
        x = torch.arange(width, device=device, dtype=torch.float32).expand(height, width)
        y = torch.arange(height, device=device, dtype=torch.float32)[:, None].expand(height, width)
        positions = torch.stack([x, y, torch.ones_like(x)], -1)
        where = torch.einsum("hwk,njk->nhwj", positions, torch.from_numpy(back).to(device))
        source = self.pixels[torch.from_numpy(chosen).to(device)].permute(0, 3, 1, 2).float()
        return F.grid_sample(source, where * (2 / (size - 1)) - 1, align_corners=True)
