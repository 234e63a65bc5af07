"""Where networks run. "auto" takes a CUDA graphics card when torch can use one, else the processor."""

from __future__ import annotations

import torch

from models.domain.errors import KnownError

DEVICES = ("auto", "cpu", "cuda")


def choose_device(name: str = "auto") -> torch.device:
    """The torch device for "auto", "cpu" or "cuda". Raises KnownError when it is unknown or absent."""
    if name not in DEVICES:
        raise KnownError(f"Unknown device '{name}'.", hint=f"Choose one of {', '.join(DEVICES)}.")
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise KnownError("No CUDA graphics card can be used here.", hint="Choose --device cpu or auto.")
    return torch.device("cuda")


def fast_precision(device: str) -> str:
    """Fabric's name of the precision in which convolutions run fastest: bfloat16 on graphics cards and on
    processors with units for it (AMX), else float32."""
    if device.startswith("cuda") or torch.cpu._is_amx_tile_supported():
        return "bf16-mixed"
    return "32-true"
