"""Learning rate and batch norm momentum of VideoPose3D over a training (section 5 and appendix A.4 of the
paper).
"""

from __future__ import annotations

import math


def decayed_learning_rate(epoch: int, initial: float = 1e-3, decay: float = 0.95) -> float:
    """Learning rate in force during epoch `epoch` (from 0) of the published recipe."""
    return initial * decay**epoch


def cosine_learning_rate(progress: float, initial: float) -> float:
    """Learning rate after this share of the training (0..1): half a cosine from `initial` down to 0."""
    return initial * 0.5 * (1 + math.cos(math.pi * min(max(progress, 0.0), 1.0)))


def bn_momentum(progress: float, initial: float = 0.1, final: float = 0.001) -> float:
    """Momentum of the batch norms after this share of the training (epoch / epochs): exponential decay."""
    return initial * math.exp(-progress * math.log(initial / final))
