"""2D poses on the processor: HRNet-W32 beside other ways to run it, whole videos beside their networks alone.

The other ways get tensors that are ready and give heatmaps, once for the original and once for the mirrored
crop; ours begins with the crop and averages both maps. A whole video is a run of the program on a 720p file
with one person: decoding, detection, following, and what is written to the project; its reference are the
same inputs through the bare networks alone.
"""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np

from app.bench.figures import Figure, Sizes, interleaved
from app.services.demo_scene import TAKES, render_take
from storage.clip_writer import ClipWriter

FPS = Fraction(30)


def figures(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Figures of HRNet-W32 (random weights) and of a rendered take, on the processor."""
    yield from _hrnet(sizes)
    yield _whole_video(sizes, folder)


def _hrnet(sizes: Sizes) -> Iterator[Figure]:
    import torch

    from models.nets.hrnet import HRNet, HRNetConfig
    from models.run.pose2d import PoseEstimator

    torch.manual_seed(0)
    width, height = sizes.hrnet_input_wh
    net = HRNet(HRNetConfig(width=sizes.hrnet_width)).eval()
    estimator = PoseEstimator.of(net, "coco17", (width, height), torch.device("cpu"))
    crops = np.random.default_rng(2).integers(0, 256, (1, height, width, 3), np.uint8)
    ready = torch.rand(1, 3, height, width)
    ways: dict[str, Callable[[], object]] = {"ours": lambda: estimator.heatmaps(crops)}

    def with_flip(run: Callable[[torch.Tensor], object], inputs: torch.Tensor) -> Callable[[], object]:
        mirrored = inputs.flip(-1)

        def both() -> None:
            with torch.inference_mode():
                run(inputs)
                run(mirrored)

        return both

    ways["eager"] = with_flip(net, ready)
    ways["channels_last"] = with_flip(*_channels_last(net, ready))
    ways["onnxruntime"] = with_flip(_onnxruntime(net), ready)
    compiled = _compiled(net, ready) if sizes.hrnet_compile else None
    if compiled is not None:
        ways["torch.compile"] = with_flip(compiled, ready)
    times = dict(zip(ways, interleaved(*ways.values(), rounds=sizes.rounds), strict=True))
    name = f"HRNet-W{sizes.hrnet_width} {height} × {width}, flip test"
    ours = 1000 / times.pop("ours")
    yield Figure("poses", name, ours, "crops/s", 1000 / times["eager"], "plain eager network", "≥ 1.5 ×")
    best = min(times, key=lambda way: times[way])
    against = f"{best}, best of {', '.join(times)}"
    yield Figure("poses", f"{name}, best other", ours, "crops/s", 1000 / times[best], against, "≥ 1 ×")


def _channels_last(net: Any, ready: Any) -> tuple[Callable[[Any], object], Any]:
    import copy

    import torch

    layout = torch.channels_last
    return copy.deepcopy(net).to(memory_format=layout), ready.to(memory_format=layout)


def _onnxruntime(net: Any) -> Callable[[Any], object]:
    """ONNX Runtime as it comes: its own number of threads and its own options."""
    import onnxruntime

    from models.run.fold import fold_batch_norm
    from models.run.onnx_graph import onnx_bytes

    model = onnx_bytes(fold_batch_norm(net))
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return lambda inputs: session.run(["y"], {"x": inputs.numpy()})


def _compiled(net: Any, ready: Any) -> Callable[[Any], object] | None:
    """torch.compile, where there is a C++ compiler."""
    if not any(map(shutil.which, ("c++", "g++", "clang++", "cl"))):
        return None
    import torch

    compiled: Callable[[Any], object] = torch.compile(net)
    try:
        with torch.inference_mode(), warnings.catch_warnings(action="ignore"):
            compiled(ready)
    except Exception:  # a compiler that does not work: the figure goes without
        return None
    return compiled


def _whole_video(sizes: Sizes, folder: Path) -> Figure:
    """Seconds of a run on a video with one person, and of its networks alone on inputs of the same sizes."""
    import torch

    from app.services.media import add_videos
    from app.services.pose import estimate_poses
    from app.session import Session
    from models.domain.ontology import load_ontology
    from models.run.detect import PersonFinder
    from models.run.pose2d import PoseEstimator

    path = _one_person(folder / "person.mp4", sizes)
    estimator, finder = PoseEstimator.load(device="cpu"), PersonFinder.load("cpu", threshold=0.15)
    given: list[tuple[Any, tuple[int, ...]]] = []

    def noting(net: Any) -> Callable[[Any], object]:
        def run(inputs: Any) -> object:
            given.append((net, tuple(inputs.shape)))
            return net(inputs)

        return run

    noted = replace(estimator, net=noting(estimator.net)), replace(finder, net=noting(finder.net))  # type: ignore[arg-type]

    @torch.inference_mode()
    def networks_alone() -> None:
        for net, shape in last:
            net(torch.zeros(shape))

    with (
        Session.create(folder / "video.keyphase", load_ontology("pouring")) as session,
        patch.object(PoseEstimator, "load", return_value=noted[0]),
        patch.object(PersonFinder, "load", return_value=noted[1]),
    ):
        for _ in add_videos(session, [path]):
            pass
        (video,) = session.videos()

        def whole_run() -> None:
            given.clear()
            for _ in estimate_poses(session, video.uid, device="cpu", max_people=1):
                pass
            last[:] = given

        last: list[tuple[Any, tuple[int, ...]]] = []
        run_ms, alone_ms = interleaved(whole_run, networks_alone, rounds=min(sizes.rounds, 3))
    name = f"poses of a {sizes.video_wh[1]}p video, one person, {video.info.frame_count} frames"
    return Figure("poses", name, run_ms / 1000, "s", alone_ms / 1000, "its networks alone", "≤ 1.15 ×")


def _one_person(path: Path, sizes: Sizes) -> Path:
    """The demo's figure in a large picture."""
    width, height = sizes.video_wh
    with ClipWriter(path, width, height, FPS) as writer:
        for number, (small, _) in enumerate(render_take(TAKES[0])):
            if number == sizes.person_frames:
                break
            side = round(small.shape[1] * height / small.shape[0])
            figure = cv2.resize(small, (min(side, width), height))
            room = width - figure.shape[1]
            picture = cv2.copyMakeBorder(figure, 0, 0, room // 2, room - room // 2, cv2.BORDER_REPLICATE)
            writer.write(np.asarray(picture, dtype=np.uint8))
    return path
