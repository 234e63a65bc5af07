"""Semi-supervised terms of VideoPose3D (section 4): what unlabelled video can teach through its 2D joints.

Two networks answer for a batch whose first N rows are labelled and whose other M rows are not: one gives
root-relative poses (N + M, T, J, 3), the other the place of the root in camera space (N + M, T, 1, 3),
metres. Slot 0 of the labelled ground truth holds the absolute root.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.run.camera import project, project_linear
from models.train.lift_losses import mpjpe, weighted_mpjpe


@dataclass(frozen=True, slots=True)
class SemiTerms:
    """The four terms; each is a scalar tensor with its own graph."""

    pose: Tensor
    trajectory: Tensor
    reprojection: Tensor
    bones: Tensor

    def total(self, *, with_reprojection: bool = True) -> Tensor:
        """The loss: all weights are 1."""
        supervised = self.pose + self.trajectory + self.bones
        return supervised + self.reprojection if with_reprojection else supervised


def semi_supervised_terms(
    poses: Tensor,
    roots: Tensor,
    labelled_3d: Tensor,
    unlabelled_2d: Tensor,
    unlabelled_cameras: Tensor,
    *,
    pad: int,
    parents: Sequence[int],
    linear: bool = False,
    unlabelled_weights: Tensor | None = None,
) -> SemiTerms:
    """Terms for one batch.

    labelled_3d (N, T, J, 3) with the absolute root in slot 0; unlabelled_2d (M, T + 2 pad, J, 2) in screen
    units; unlabelled_cameras (M, 9). `linear` leaves lens distortion out. The trajectory is weighted by 1 /
    depth; the bone term is the mean over bones of |mean length labelled - mean length unlabelled|.
    unlabelled_weights (M, T, J): of the joints in the reprojection, 0 where a joint was not seen; all 1
    unless given.
    """
    count = len(labelled_3d)
    target_root = labelled_3d[:, :, :1]
    target = torch.cat([torch.zeros_like(target_root), labelled_3d[:, :, 1:]], dim=2)
    frames = slice(pad, unlabelled_2d.shape[1] - pad)
    seen = (project_linear if linear else project)(poses[count:] + roots[count:], unlabelled_cameras)
    observed = unlabelled_2d[:, frames]
    weights = torch.ones_like(observed[..., 0]) if unlabelled_weights is None else unlabelled_weights
    lengths = _bone_lengths(poses, parents)
    return SemiTerms(
        pose=mpjpe(poses[:count], target),
        trajectory=weighted_mpjpe(roots[:count], target_root, 1 / target_root[..., 2]),
        reprojection=weighted_mpjpe(seen, observed, weights),
        bones=(lengths[:count].mean((0, 1)) - lengths[count:].mean((0, 1))).abs().mean(),
    )


def _bone_lengths(poses: Tensor, parents: Sequence[int]) -> Tensor:
    """Lengths (N, T, J - 1) of the bones from joints 1.. to their parents."""
    return (poses[:, :, 1:] - poses[:, :, list(parents[1:])]).norm(dim=-1)
