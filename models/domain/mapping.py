"""Explicit mappings between skeletons.

A target joint is either one source joint or the mean of several (the pelvis is the midpoint of the hips).
A target joint the source cannot give is *declared* missing: NaN coordinates, confidence 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.domain.skeleton import Skeleton, load_skeleton

_HIPS = ("left hip", "right hip")
_SHOULDERS = ("left shoulder", "right shoulder")
_EARS = ("left ear", "right ear")

# target joint -> ways to derive it when the source has no joint of that name, first possible way wins.
# Human3.6M: "thorax" lies at the level of the shoulders, "neck" is neck/nose (Ionescu et al. 2014 as used by
# VideoPose3D), "spine" is halfway between pelvis and thorax.
_DERIVATIONS: dict[str, tuple[tuple[str, ...], ...]] = {
    "pelvis": (_HIPS,),
    "thorax": (("neck",), _SHOULDERS),
    "spine": (("pelvis", "thorax"), (*_HIPS, "neck", "neck"), (*_HIPS, *_SHOULDERS)),
    "neck": (("upper neck",), ("thorax",), _SHOULDERS),
    "upper neck": (("neck",), _SHOULDERS),
    "head": (("head top", "neck"), ("head top", "upper neck"), _EARS),
    "nose": (("head",),),
    "head top": (("head",),),
}
# Combinations whose derivation would be wrong anatomically: declared missing instead of invented.
# The "neck" of LSP and body19 is the base of the neck, not Human3.6M's neck/nose; a Penn "head" is not the
# top of the head.
_DECLARED_MISSING: dict[tuple[str, str], frozenset[str]] = {
    ("lsp14", "h36m17"): frozenset({"neck"}),
    ("penn13", "h36m17"): frozenset({"neck", "head top"}),
    ("coco17", "h36m17"): frozenset({"head top"}),
    ("lsp14", "coco17"): frozenset({"nose"}),
    ("penn13", "coco17"): frozenset({"nose"}),
    ("mpii16", "coco17"): frozenset({"nose"}),
    ("penn13", "body19"): frozenset({"nose", "head top"}),
}
# Joints of different names that mean the same place.
_SAME: dict[tuple[str, str], dict[str, tuple[str, ...]]] = {
    ("lsp14", "mpii16"): {"thorax": ("neck",), "upper neck": ("neck",)},
    ("coco17", "h36m17"): {"neck": ("nose",), "thorax": _SHOULDERS},
    ("h36m17", "lsp14"): {"neck": ("thorax",)},
    ("h36m17", "mpii16"): {"upper neck": ("neck",)},
    ("mpii16", "lsp14"): {"neck": ("thorax",)},
    ("coco17", "penn13"): {"head": _EARS},
    ("body19", "h36m17"): {"neck": ("nose",)},
    ("h36m17", "body19"): {"neck": ("thorax",)},
    ("mpii16", "body19"): {"neck": ("thorax",)},
}


def joint_sources(source: Skeleton, target: Skeleton) -> dict[str, tuple[str, ...]]:
    """For each target joint the source joints whose mean gives it; joints that are missing have no entry."""
    missing = _DECLARED_MISSING.get((source.name, target.name), frozenset())
    same = _SAME.get((source.name, target.name), {})
    sources: dict[str, tuple[str, ...]] = {}
    for joint in target.joints:
        if joint in missing:
            continue
        if joint in same:
            sources[joint] = same[joint]
        elif joint in source.joints:
            sources[joint] = (joint,)
        else:
            ways = _DERIVATIONS.get(joint, ())
            possible = [way for way in ways if all(name in source.joints for name in way)]
            if possible:
                sources[joint] = possible[0]
    return sources


def missing_joints(source: str, target: str) -> tuple[str, ...]:
    """Names of the target joints that `source` cannot give."""
    sources = joint_sources(load_skeleton(source), load_skeleton(target))
    return tuple(joint for joint in load_skeleton(target).joints if joint not in sources)


def map_keypoints(values: NDArray[np.float32], source: str, target: str) -> NDArray[np.float32]:
    """Re-express keypoints of one skeleton in another.

    values: float32 (..., J_source, D); the last of the D numbers is the confidence 0..1, the others are
    coordinates; NaN = not seen. Returns (..., J_target, D). A derived joint is the mean of its sources and
    has the smallest of their confidences; it is missing (NaN, 0) when any of them is.
    """
    if source == target:
        return values
    source_skeleton, target_skeleton = load_skeleton(source), load_skeleton(target)
    if values.shape[-2] != len(source_skeleton):
        raise ValueError(f"{source} has {len(source_skeleton)} joints, the data has {values.shape[-2]}")
    mapped = np.full((*values.shape[:-2], len(target_skeleton), values.shape[-1]), np.nan, dtype=np.float32)
    mapped[..., -1] = 0
    for joint, names in joint_sources(source_skeleton, target_skeleton).items():
        picked = values[..., [source_skeleton.index(name) for name in names], :]
        j = target_skeleton.index(joint)
        mapped[..., j, :-1] = picked[..., :-1].mean(axis=-2)
        seen = np.isfinite(mapped[..., j, :-1]).all(axis=-1)
        mapped[..., j, -1] = np.where(seen, picked[..., -1].min(axis=-1), 0)
    return mapped
