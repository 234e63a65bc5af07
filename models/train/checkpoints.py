"""Checkpoints and weights of a lifter's training on disk: complete or absent, also on a full disk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.domain.errors import KnownError
from models.run.weights import DESCRIPTION_KEY


def save_checkpoint(state: Mapping[str, Any], path: Path) -> None:
    """Replace the checkpoint. Raises KnownError when the disk is full; the one before is kept then."""
    part = path.with_suffix(".part")
    try:
        torch.save(dict(state), part)
        part.replace(path)
    except (OSError, RuntimeError) as error:  # torch reports a failed write as RuntimeError
        raise _unwritten(path, part, error) from error


def load_checkpoint(path: Path, identity: str, device: torch.device) -> dict[str, Any] | None:
    """The state in a checkpoint whose "recipe" is `identity`; None when there is no file.

    Raises KnownError when it belongs to another training or cannot be read.
    """
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, weights_only=True, map_location=device)
    except (OSError, RuntimeError, ValueError, EOFError) as error:
        raise KnownError(f"{path} cannot be read.", hint="Delete the file to start over.") from error
    if state.get("recipe") != identity:
        raise KnownError(
            f"{path} belongs to a training with other settings.",
            hint="Use the same settings to resume, or delete the file to start over.",
        )
    return state


def save_weights(tensors: Mapping[str, Tensor], path: Path, description: Mapping[str, object]) -> None:
    """Write a .safetensors file with its description. Raises KnownError when the disk is full."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    part = path.with_suffix(".part")
    try:
        save_file(dict(tensors), part, {DESCRIPTION_KEY: json.dumps(dict(description))})
        part.replace(path)
    except (OSError, SafetensorError) as error:
        raise _unwritten(path, part, error) from error


def _unwritten(path: Path, part: Path, error: Exception) -> KnownError:
    part.unlink(missing_ok=True)
    kept = f"{path.name} of before is kept." if path.exists() else "Nothing was left behind."
    reason = (str(error).splitlines() or ["unknown"])[0]
    return KnownError(
        f"{path} could not be written: {reason}.", hint=f"Make room on the disk and run again; {kept}"
    )
