"""A whole sequence through a lifting network in one pass: edge padding and flip test as VideoPose3D
evaluates.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from models.nets.videopose3d import TemporalModel


@torch.no_grad()
def lift_sequence(
    model: TemporalModel,
    points: NDArray[np.float32],
    flip_in: Sequence[int],
    flip_out: Sequence[int],
    *,
    flip_test: bool = True,
) -> NDArray[np.float32]:
    """2D joints (T, J_in, 2) in screen units -> (T, J_out, 3), one pose for every frame.

    The first and last frame are repeated outwards. With the flip test the answer is the mean of the plain and
    the mirrored input's, the latter mirrored back. `model` is put into eval mode.
    """
    if points.ndim != 3 or not np.isfinite(points).all():
        raise ValueError("the network needs finite joints (T, J, 2)")
    model.eval()
    padded = torch.from_numpy(np.pad(points, (model.config.padding, (0, 0), (0, 0)), mode="edge"))
    rows = [padded]
    if flip_test:
        rows.append(padded[:, list(flip_in)] * torch.tensor([-1.0, 1.0]))
    device = next(model.parameters()).device
    answers = model(torch.stack(rows).to(device)).cpu()
    if flip_test:
        answers = torch.stack([answers[0], answers[1][:, list(flip_out)] * torch.tensor([-1.0, 1.0, 1.0])])
    return answers.mean(dim=0).numpy()
