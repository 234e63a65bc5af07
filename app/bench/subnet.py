"""Networks that are only thinned (edge-popup), beside dense ones: training steps, masks, loading.

A training step is forward and backward of Conv6 without an optimiser. Choosing a mask is measured against a
full sort, as the official code does it. Loading is from the file to the network with its weights.
Empty channels are those of a real network's largest weights; random masks have fewer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from app.bench.figures import Figure, Sizes, interleaved

GROUP = "subnet"
KEEP = 0.5
SKIPPING = (0.5, 0.05, 0.01)


def figures(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Milliseconds of a step and of a mask, seconds and megabytes of a supermask file, on the processor."""
    yield _step(sizes)
    yield _mask(sizes)
    yield from _loading(sizes, folder)
    yield from _skipping(sizes)


def _step(sizes: Sizes) -> Figure:
    import torch

    from models.nets.edge_popup import convert
    from models.nets.hidden_networks import ConvNet

    dense, thinned = ConvNet(6), convert(ConvNet(6), keep=KEEP)
    pictures = torch.rand(sizes.subnet_batch, 3, 32, 32)

    def step(net: torch.nn.Module) -> None:
        net.zero_grad(set_to_none=True)
        net(pictures).square().mean().backward()

    ours_ms, dense_ms = interleaved(lambda: step(thinned), lambda: step(dense), rounds=sizes.rounds)
    name = f"forward and backward of Conv6, batch {sizes.subnet_batch}, keep 50 %"
    return Figure(GROUP, name, ours_ms, "ms", dense_ms, "dense Conv6", "≤ 1.25 ×")


def _mask(sizes: Sizes) -> Figure:
    import torch

    from models.nets.edge_popup import top_mask, zeroed_count

    scores = torch.randn(sizes.mask_weights)

    def by_sorting() -> torch.Tensor:
        order = scores.abs().flatten().sort().indices
        mask = torch.ones_like(scores)
        mask[order[: zeroed_count(scores.numel(), KEEP)]] = 0
        return mask

    ours_ms, sort_ms = interleaved(lambda: top_mask(scores, KEEP), by_sorting, rounds=sizes.rounds)
    name = f"mask of a layer of {sizes.mask_weights:,} weights"
    return Figure(GROUP, name, ours_ms, "ms", sort_ms, "full sort", "≤ 0.25 ×")


def _loading(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    from safetensors.torch import save_file

    from models.nets.edge_popup import convert
    from models.nets.hrnet import W32, HRNet, config_from_tensors
    from models.run.supermask import pack, unpack
    from models.run.weights import load_strictly, load_tensors

    thin, dense = folder / "thin.kpm", folder / "dense.safetensors"
    network = convert(HRNet(replace(W32, width=sizes.hrnet_width)), keep=KEEP)
    pack(network, thin, seed=0, init="signed_constant", keep=KEEP)
    save_file(unpack(thin), dense)

    def load(path: Path) -> None:
        tensors = load_tensors(path)
        load_strictly(HRNet(config_from_tensors(tensors)), tensors, path.name)

    ours_ms, dense_ms = interleaved(lambda: load(thin), lambda: load(dense), rounds=sizes.rounds)
    name = f"HRNet-W{sizes.hrnet_width} as a supermask, keep 50 %"
    stored = "as float32 (.safetensors)"
    yield Figure(GROUP, f"loading {name}", ours_ms / 1000, "s", dense_ms / 1000, stored, "≤ 1.5 s")
    megabytes = [path.stat().st_size / 1e6 for path in (thin, dense)]
    yield Figure(GROUP, f"file of {name}", megabytes[0], "MB", megabytes[1], stored, "≤ 4.5 MB")


def _skipping(sizes: Sizes) -> Iterator[Figure]:
    """The bundled lifter, of each layer the largest weights kept, beside the whole one."""
    import torch

    from models.nets.edge_popup import adopt, convert
    from models.nets.videopose3d import TemporalModel, config_from_tensors
    from models.run.lift import TRAJECTORY
    from models.run.lift_features import FEATURES_IN, JOINTS_IN
    from models.run.lift_network import FoldedTemporalModel
    from models.run.weights import default_model, load_entry, load_strictly
    from models.train.supermask_training import plain_state

    own = {k: v for k, v in load_entry(default_model("lift3d")).items() if not k.startswith(TRAJECTORY)}
    config = config_from_tensors(own, JOINTS_IN)
    frames = sizes.lift_frames
    poses = torch.randn(1, frames + config.receptive_field - 1, JOINTS_IN, FEATURES_IN)

    def folded(tensors: dict[str, torch.Tensor]) -> FoldedTemporalModel:
        network = TemporalModel(config).eval()
        load_strictly(network, tensors)
        return FoldedTemporalModel(network)

    whole = folded({key: torch.where(value == 0, 1e-9, value) for key, value in own.items()})
    for keep in SKIPPING:
        form = convert(TemporalModel(config), keep=keep, signed=True, affine=True, train_biases=True)
        adopt(form, own)
        small = folded(plain_state(form))
        ours_ms, whole_ms = interleaved(lambda n=small: n(poses), lambda: whole(poses), rounds=sizes.rounds)  # type: ignore[misc]
        name = f"3D lifting without its empty channels, keep {100 * keep:g} %"
        rates = [1000 * frames / ms for ms in (ours_ms, whole_ms)]
        yield Figure(GROUP, name, rates[0], "frames/s", rates[1], "all channels")
