"""How a network becomes a supermask and what a training does with it: thin it, fix its masks, write it down.

Every training that can thin its network uses these (pose encoder, lifter, HRNet). Plain edge-popup
(Ramanujan et al., CVPR 2020) is what a recipe says by default: random signed constants, norms without affine
parts, scores alone learn.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from models.domain.errors import KnownError
from models.nets.edge_popup import adopt, convert, subnet_layers
from models.nets.random_weights import Init
from models.run import score_ranks
from models.run.supermask import SupermaskInfo, pack

_Norm = nn.modules.batchnorm._BatchNorm


@dataclass(frozen=True, slots=True)
class SupermaskRecipe:
    """How a network is thinned for a training.

    keep: share of the weights that stays; of multiples of 1/16 the ranks of the scores rebuild it exactly.
    init, scaled: rule for the weights (`models.nets.random_weights`). signed: scores choose signs too ("keep,
    hide, invert", Koster et al., ICLR 2022; beyond edge-popup). affine: the affine parts of batch norms learn
    (published: there are none). biases: those of layers learn. dense: names of layers that are left as they
    are and learn their weights (published: none). seed: of the weights and the first scores.
    """

    keep: float = 0.5
    init: Init = "signed_constant"
    scaled: bool = False
    signed: bool = False
    affine: bool = False
    biases: bool = False
    dense: tuple[str, ...] = ()
    seed: int = 0


def thin(
    network: nn.Module, recipe: SupermaskRecipe, trained: Mapping[str, Tensor] | None = None
) -> nn.Module:
    """Turn a network into its subnet form in place and return it; `trained` is the state dict of a trained
    network of the same form to start from (see `edge_popup.adopt`).

    Raises KnownError when `trained` is of another form, ValueError for a recipe that is none.
    """
    own = network.state_dict()
    for key, value in {} if trained is None else trained.items():
        if key in own and value.shape != own[key].shape:
            raise _another(f"{key} is {_sizes(value)} instead of {_sizes(own[key])}")
    convert(
        network,
        keep=recipe.keep,
        init=recipe.init,
        seed=recipe.seed,
        scaled=recipe.scaled,
        signed=recipe.signed,
        affine=recipe.affine,
        train_biases=recipe.biases,
        dense=recipe.dense,
    )
    if trained is not None:
        missing = [f"{name}.weight" for name, _ in subnet_layers(network) if f"{name}.weight" not in trained]
        if missing:
            raise _another(f"it has no {missing[0]}")
        adopt(network, trained)
    return network


def freeze_masks(network: nn.Module) -> list[nn.Parameter]:
    """Fix all masks (they cost no search any more) and return what is left to tune: affine parts of batch
    norms, biases that learn, dense layers.

    Norms without an affine part get one that changes nothing at first. Masks are those of the scores at this
    moment: load a checkpoint before, not after.
    """
    for _, layer in subnet_layers(network):
        layer.fix()
    for norm in network.modules():
        if isinstance(norm, _Norm) and not norm.affine:
            like = norm.running_mean if norm.running_mean is not None else torch.ones(norm.num_features)
            norm.affine = True
            norm.weight, norm.bias = nn.Parameter(torch.ones_like(like)), nn.Parameter(torch.zeros_like(like))
    return [parameter for parameter in network.parameters() if parameter.requires_grad]


def plain_state(network: nn.Module) -> dict[str, Tensor]:
    """The thinned network as the state dict of the network it was made from, bit for bit what its supermask
    file rebuilds: weights that are left out are 0, norms without an affine part have ones and zeros.

    The batch counters of norms, which play no part in inference, are left out.
    """
    state = {
        key: value.detach().clone()
        for key, value in network.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    for name, layer in subnet_layers(network):
        del state[f"{name}.scores"]
        state[f"{name}.weight"] = _without_minus_zero(layer.effective_weight().detach())
    for name, norm in network.named_modules():
        if isinstance(norm, _Norm) and not norm.affine and norm.running_mean is not None:
            state[f"{name}.weight"] = torch.ones_like(norm.running_mean)
            state[f"{name}.bias"] = torch.zeros_like(norm.running_mean)
    return state


def write_supermask(
    network: nn.Module, path: Path, recipe: SupermaskRecipe, description: Mapping[str, object]
) -> SupermaskInfo:
    """Write a thinned network to `path` (.kpm) and the ranks of its scores beside it (.ranks).

    Both or none: files of before are replaced once both are complete. Raises KnownError when they cannot be
    written.
    """
    draft = path.with_name(f".{path.name}.part")
    try:
        draft.mkdir(parents=True, exist_ok=True)
        info = pack(
            network,
            draft / path.name,
            seed=recipe.seed,
            init=recipe.init,
            keep=recipe.keep,
            scaled=recipe.scaled,
            description=description,
        )
        ranks = path.with_suffix(score_ranks.SUFFIX)
        score_ranks.write_ranks(network, draft / ranks.name)
        (draft / ranks.name).replace(ranks)
        (draft / path.name).replace(path)
    except OSError as error:
        raise KnownError(f"{path.name} could not be written: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return info


def _without_minus_zero(weight: Tensor) -> Tensor:
    return torch.where(weight == 0, torch.zeros_like(weight), weight)


def _sizes(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape)) or "a number"


def _another(why: str) -> KnownError:
    return KnownError(
        f"The network to start from is another one: {why}.",
        hint="Start from one of the same layers and widths.",
    )
