"""How well a pixel encoder in training puts held-back takes in order: Kendall's τ as TCC reports it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from models.nets.tcc import FrameEncoder
from models.run.embed_frames import context_of, normalised
from models.train.clip_frames import ClipFrames
from models.train.phase_scores import kendalls_tau

MOST_TAKES, MOST_FRAMES = 8, 48  # looked at, so that scoring stays a small part of the training
BATCH = 16


def mean_tau(net: FrameEncoder, clips: Sequence[ClipFrames]) -> float | None:
    """Mean over the actions of τ over ordered pairs of their takes.

    Of long takes every so many frames are looked at, of many takes the first ones. None without any pair.
    """
    by_action: dict[str, list[NDArray[np.float32]]] = {}
    for clip in clips[:MOST_TAKES]:
        by_action.setdefault(clip.action, []).append(embed_some(net, clip))
    found = [kendalls_tau(vectors, stride=1) for vectors in by_action.values()]
    known = [tau for tau in found if tau is not None]
    return float(np.mean(known)) if known else None


@torch.inference_mode()
def embed_some(net: FrameEncoder, clip: ClipFrames) -> NDArray[np.float32]:
    """Vectors (n, D) of evenly spaced frames of a clip, each with its true context; leaves the mode of the
    network as it was.
    """
    config, device, mode = net.config, next(net.parameters()).device, net.training
    net.eval()
    chosen = np.arange(0, len(clip), max(1, -(-len(clip) // MOST_FRAMES)))
    seen = context_of(chosen, config.context, config.gap_frames(clip.fps))
    parts = [
        net(normalised(torch.from_numpy(clip.frames[seen[i : i + BATCH]]).to(device))).float().cpu().numpy()
        for i in range(0, len(chosen), BATCH)
    ]
    net.train(mode)
    return np.concatenate(parts)
