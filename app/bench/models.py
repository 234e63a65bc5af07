"""The bundled networks as the program runs them, beside the plain eager networks on the same weights.

Poses: the program crops, runs the network in its fastest form and decodes; the plain network only maps
tensors that are ready to heatmaps, in batches of the same size and with the same flip test.
Lifting: the program maps joints to Human3.6M's, prepares features and turns the poses back; the plain network
(dilated, whole take in one pass) only maps features that are ready. Both with flip test.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from app.bench.align import random_take
from app.bench.figures import Figure, Sizes, interleaved


def figures(sizes: Sizes) -> Iterator[Figure]:
    """Frames per second of the bundled pose network and the bundled lifter, on the processor."""
    yield _poses(sizes)
    yield _lifting(sizes)


def _poses(sizes: Sizes) -> Figure:
    import torch

    from models.nets.hrnet import HRNet, config_from_tensors
    from models.run.pose2d import PoseEstimator
    from models.run.weights import default_model, load_entry, load_strictly

    entry = default_model("pose2d")
    tensors = load_entry(entry)
    plain = HRNet(config_from_tensors(tensors)).eval()
    load_strictly(plain, tensors, entry.name)
    estimator = PoseEstimator.load(device="cpu")
    width, height = estimator.input_wh
    count = sizes.crops
    frames = list(np.random.default_rng(2).integers(0, 256, (count, 2 * height, 2 * width, 3), np.uint8))
    boxes = [np.array([[width / 2, height / 2, 1.5 * width, 1.5 * height]])] * count
    ready = torch.rand(count, 3, height, width)

    @torch.inference_mode()
    def run_plain() -> None:
        for batch in torch.split(ready, estimator.batch):
            plain(batch)
            plain(batch.flip(-1))

    ours_ms, plain_ms = interleaved(
        lambda: estimator.predict_batch(frames, boxes), run_plain, rounds=sizes.rounds
    )
    return Figure(
        "models",
        f"2D poses with {entry.name}, crops {width} × {height}",
        1000 * count / ours_ms,
        "frames/s",
        1000 * count / plain_ms,
        "plain eager network",
        "≥ 1.5 ×",
    )


def _lifting(sizes: Sizes) -> Figure:
    import torch

    from models.nets.videopose3d import TemporalModel
    from models.run.lift import Lifter
    from models.run.weights import default_model

    lifter = Lifter.load(device="cpu")
    count = sizes.lift_frames
    take = random_take(count)
    take_px = np.concatenate([500 + 200 * take[..., :2], take[..., 3:]], axis=2).astype(np.float32)
    config = lifter.config
    plain = TemporalModel(config).eval()
    plain.load_state_dict(lifter.net.state_dict())
    frames = count + config.receptive_field - 1
    ready = torch.rand(2, frames, config.joints_in, config.features_in)

    @torch.inference_mode()
    def run_plain() -> None:
        plain(ready)

    ours_ms, plain_ms = interleaved(
        lambda: lifter.lift(take_px, "h36m17", 1280, 720, 30.0), run_plain, rounds=sizes.rounds
    )
    return Figure(
        "models",
        f"3D lifting with {default_model('lift3d').name}, flip test included",
        1000 * count / ours_ms,
        "frames/s",
        1000 * count / plain_ms,
        "plain eager network",
        "≥ 20,000 frames/s",
    )
