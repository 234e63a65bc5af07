"""The protocols of VideoPose3D (section 5): P1 MPJPE, P2 P-MPJPE, P3 N-MPJPE and the velocity error MPJVE.

Per action, over all frames of its takes before all cameras; the score of the data set is the plain mean over
actions, as the paper's tables have it. Millimetres; velocity in millimetres per frame.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from models.domain.errors import KnownError
from models.domain.skeleton import load_skeleton
from models.nets.videopose3d import TemporalModel, TemporalModelStrided, config_from_tensors
from models.run.camera import normalise_screen
from models.run.device import choose_device
from models.run.lift import Lifter
from models.run.lift_sequence import lift_sequence
from models.run.weights import load_strictly, load_tensors, read_description
from models.train.h36m import LiftData, Take
from models.train.lift_losses import mean_velocity_error, procrustes

Array = NDArray[np.float32]
METRICS = ("mpjpe_mm", "p_mpjpe_mm", "n_mpjpe_mm", "velocity_mm")
_LAYOUT_SKELETONS = {17: "h36m17"}


def evaluate_takes(
    data: LiftData, takes: Sequence[Take], net: TemporalModelStrided, *, flip_test: bool = True
) -> dict[str, Any]:
    """Scores of a network of the published form on takes with 3D."""
    dilated = TemporalModel(net.config).to(next(net.parameters()).device)
    dilated.load_state_dict(net.state_dict())

    def predict(take: Take) -> Array:
        points = normalise_screen(take.points_px, *data.size(take)).astype(np.float32)
        return lift_sequence(dilated, points, data.flip_2d, data.layout.flip, flip_test=flip_test)

    return _scores(takes, predict)


def evaluate_lifter(
    data: LiftData, takes: Sequence[Take], lifter: Lifter, skeleton: str, *, focal_known: bool = True
) -> dict[str, Any]:
    """Scores of this project's lifter, which takes pixels, on takes of Human3.6M's 17 joints."""
    if len(data.layout.parents) != 17:
        raise KnownError("This lifter gives Human3.6M's 17 joints; the data have others.")
    if len(load_skeleton(skeleton)) != data.joints_in:
        raise KnownError(
            f"The 2D data have {data.joints_in} joints, {skeleton} has {len(load_skeleton(skeleton))}.",
            hint="Name the right one with --skeleton.",
        )

    def predict(take: Take) -> Array:
        points = np.concatenate([take.points_px, np.ones_like(take.points_px[..., :1])], axis=-1)
        focal = float(take.camera.focal_px.mean()) if focal_known and take.camera is not None else None
        return lifter.lift(points, skeleton, *data.size(take), data.layout.fps, focal_px=focal)[..., :3]

    return _scores(takes, predict)


def evaluate_data(
    data: LiftData,
    model: str | None,
    subjects: Sequence[str] = (),
    *,
    skeleton: str | None = None,
    device: str = "auto",
    flip_test: bool = True,
    focal_known: bool = True,
) -> dict[str, Any]:
    """Scores of a bundled lifter by name, or of a file of weights of either kind, on these subjects (default:
    those that the data set keeps for the test).
    """
    chosen = tuple(subjects) or data.default_test()
    takes = data.of(chosen)
    path = Path(model) if model is not None else None
    if path is not None and path.suffix and read_description(path).get("kind") == "videopose3d":
        net = load_published(path, data.joints_in, device)
        if net.config.joints_out != len(data.layout.parents):
            raise KnownError(
                f"{path.name} gives {net.config.joints_out} joints, the data have {len(data.layout.parents)}."
            )
        scores = evaluate_takes(data, takes, net, flip_test=flip_test)
    else:
        lifter = Lifter.load(model, device, flip_test=flip_test)
        known = skeleton or _LAYOUT_SKELETONS.get(data.joints_in, "mpii16")
        scores = evaluate_lifter(data, takes, lifter, known, focal_known=focal_known)
    return {"subjects": list(chosen), "takes": len(takes), **scores}


def load_published(path: Path, joints_in: int, device: str = "auto") -> TemporalModelStrided:
    """A network of the published form (screen coordinates in). Raises KnownError when it does not fit."""
    tensors = {k: v for k, v in load_tensors(path).items() if not k.startswith("trajectory.")}
    try:
        config = config_from_tensors(
            tensors, joints_in, causal=bool(read_description(path).get("causal", False))
        )
    except ValueError as error:
        raise KnownError(f"{path.name} is no network for {joints_in} joints: {error}.") from error
    net = TemporalModelStrided(config)
    load_strictly(net, tensors, path.name)
    return net.to(choose_device(device)).eval()


@torch.no_grad()
def _scores(takes: Sequence[Take], predict: Callable[[Take], Array]) -> dict[str, Any]:
    totals: dict[str, NDArray[np.float64]] = {}
    frames: dict[str, int] = {}
    for take in takes:
        assert take.points_m is not None
        target = take.points_m.astype(np.float64)
        target = target - target[:, :1]
        predicted = predict(take).astype(np.float64)
        good = np.isfinite(predicted).all(axis=(1, 2))
        if not good.any():
            continue
        action = take.action.split(" ")[0]
        count = int(good.sum())
        totals[action] = totals.get(action, np.zeros(len(METRICS))) + count * _errors(
            predicted[good], target[good]
        )
        frames[action] = frames.get(action, 0) + count
    if not frames:
        raise KnownError("There is no frame with 3D to score on.")
    means = {action: totals[action] / frames[action] for action in sorted(frames)}
    return {
        "frames": sum(frames.values()),
        **_named(np.mean(list(means.values()), axis=0)),
        "actions": {action: {"frames": frames[action], **_named(mean)} for action, mean in means.items()},
    }


def _errors(predicted: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """P1, P2, P3 and velocity of one take, mm."""
    scale = (predicted * target).sum((1, 2)) / np.maximum(np.square(predicted).sum((1, 2)), 1e-12)
    fits = (predicted, procrustes(predicted, target), scale[:, None, None] * predicted)
    errors = [float(np.linalg.norm(fit - target, axis=-1).mean()) for fit in fits]
    velocity = mean_velocity_error(predicted, target) if len(target) > 1 else 0.0
    return 1000 * np.array([*errors, velocity])


def _named(values: NDArray[np.float64]) -> dict[str, float]:
    return {name: round(float(value), 2) for name, value in zip(METRICS, values, strict=True)}
