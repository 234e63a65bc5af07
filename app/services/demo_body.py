"""The figure of the demo takes: a small human mesh that bends at its joints.

Made once from the CC0 base mesh and rig of the MakeHuman project by `build_body` and shipped as
`resources/demo/body.npz`. Frame: metres, x to the figure's left, y up, z to its front; floor at y = 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Segment -> (parent segment, MakeHuman bone at whose head it turns, bones whose weights it takes by prefix).
_ARM = ("upperarm", "shoulder")
_HAND = ("lowerarm", "wrist", "finger", "metacarpal")
SEGMENTS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "pelvis": ("", "root", ("root", "pelvis", "special")),
    "torso": ("pelvis", "spine04", ("spine", "breast", "clavicle")),
    "head": ("torso", "neck01", ("neck", "head")),
    "left arm": ("torso", "upperarm01.L", _ARM),
    "right arm": ("torso", "upperarm01.R", _ARM),
    "left forearm": ("left arm", "lowerarm01.L", _HAND),
    "right forearm": ("right arm", "lowerarm01.R", _HAND),
    "left thigh": ("pelvis", "upperleg01.L", ("upperleg",)),
    "right thigh": ("pelvis", "upperleg01.R", ("upperleg",)),
    "left shin": ("left thigh", "lowerleg01.L", ("lowerleg",)),
    "right shin": ("right thigh", "lowerleg01.R", ("lowerleg",)),
    "left foot": ("left shin", "foot.L", ("foot", "toe")),
    "right foot": ("right shin", "foot.R", ("foot", "toe")),
}
# LSP-14 joint -> (segment that carries it, MakeHuman bone at whose head it lies).
JOINTS: dict[str, tuple[str, str]] = {
    "right ankle": ("right shin", "foot.R"),
    "right knee": ("right shin", "lowerleg01.R"),
    "right hip": ("right thigh", "upperleg01.R"),
    "left hip": ("left thigh", "upperleg01.L"),
    "left knee": ("left shin", "lowerleg01.L"),
    "left ankle": ("left shin", "foot.L"),
    "right wrist": ("right forearm", "wrist.R"),
    "right elbow": ("right forearm", "lowerarm01.R"),
    "right shoulder": ("right arm", "upperarm01.R"),
    "left shoulder": ("left arm", "upperarm01.L"),
    "left elbow": ("left forearm", "lowerarm01.L"),
    "left wrist": ("left forearm", "wrist.L"),
    "neck": ("torso", "neck01"),
    "head top": ("head", ""),
}


@dataclass(frozen=True, eq=False)
class Body:
    """vertices (V, 3), pivots (S, 3), joints (14, 3) m; triangles (F, 3); weights (V, S), rows add to 1."""

    vertices: Floats
    triangles: NDArray[np.int64]
    weights: Floats
    pivots: Floats
    joints: Floats

    def posed(self, rotations: Mapping[str, Floats], root: Floats) -> tuple[Floats, Floats]:
        """Vertices (V, 3) and LSP-14 joints (14, 3) after turning segments and moving the root.

        rotations: segment name → 3×3 rotation about its pivot, in the axes of its parent; missing = rest.
        Linear blend skinning.
        """
        names = list(SEGMENTS)
        matrices = np.zeros((len(names), 3, 4))
        for s, name in enumerate(names):
            turn = rotations.get(name, np.eye(3))
            local = np.concatenate([turn, (self.pivots[s] - turn @ self.pivots[s])[:, None]], axis=1)
            parent = SEGMENTS[name][0]
            if parent:
                above = matrices[names.index(parent)]
                local = np.concatenate(
                    [above[:, :3] @ local[:, :3], above[:, :3] @ local[:, 3:] + above[:, 3:]], axis=1
                )
            else:
                local[:, 3] += root
            matrices[s] = local
        blended = np.einsum("vs,sij->vij", self.weights, matrices)
        vertices = np.einsum("vij,vj->vi", blended[:, :, :3], self.vertices) + blended[:, :, 3]
        carriers = matrices[[names.index(segment) for segment, _ in JOINTS.values()]]
        joints = np.einsum("nij,nj->ni", carriers[:, :, :3], self.joints) + carriers[:, :, 3]
        return vertices, joints


@cache
def load_body() -> Body:
    """The shipped mesh."""
    with files("resources").joinpath("demo", "body.npz").open("rb") as file, np.load(file) as data:
        weights = data["weights"].astype(np.float64)
        return Body(
            data["vertices"].astype(np.float64),
            data["triangles"].astype(np.int64),
            weights / weights.sum(axis=1, keepdims=True),
            data["pivots"].astype(np.float64),
            data["joints"].astype(np.float64),
        )


def build_body(archive: Path, out: Path, *, cell_m: float = 0.014) -> None:
    """Make `body.npz` from `makehuman_cc0.tar.xz`: a young adult, simplified by clustering vertices."""
    from models.train.human_mesh import read_makehuman  # only who makes the file again needs it

    mesh = read_makehuman(archive)
    person = "universal-male-young-averagemuscle-averageweight"
    vertices, quads = mesh.shaped({"caucasian-male-young": 1.0, person: 1.0}), mesh.quads["body"]
    used = np.unique(quads)
    vertices[:, 1] -= vertices[used, 1].min()
    heads = dict(zip(mesh.bones, mesh.bone_heads(vertices), strict=True))
    moves_with = np.zeros((len(mesh.bones), len(SEGMENTS)))
    moves_with[range(len(mesh.bones)), [_segment_of(bone) for bone in mesh.bones]] = 1
    top = vertices[used][np.argmax(vertices[used, 1])]
    joints = np.asarray([heads[bone] if bone else top for _, bone in JOINTS.values()])
    pivots = np.asarray([heads[bone] for _, bone, _ in SEGMENTS.values()])
    kept, triangles = _clustered(vertices, quads, cell_m)
    np.savez_compressed(
        out,
        vertices=vertices[kept].astype(np.float32),
        triangles=triangles.astype(np.uint16),
        weights=np.round(mesh.weights[kept] @ moves_with * 255).astype(np.uint8),
        pivots=pivots.astype(np.float32),
        joints=joints.astype(np.float32),
    )


def _segment_of(bone: str) -> int:
    """Segment that moves with a bone: by its name; bones of the face and eyes move with the head."""
    side = {"L": "left", "R": "right"}.get(bone[-1] if bone[-2:-1] == "." else "", "")
    for s, (name, (_, _, prefixes)) in enumerate(SEGMENTS.items()):
        if any(bone.startswith(p) for p in prefixes) and (not side or side in name or " " not in name):
            return s
    return list(SEGMENTS).index("head")


def _clustered(
    vertices: Floats, quads: NDArray[np.int64], cell: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """One vertex per cubic cell: indices of the kept vertices, and triangles between them."""
    used = np.unique(quads)
    _, first, label = np.unique(
        np.floor(vertices[used] / cell), axis=0, return_index=True, return_inverse=True
    )
    relabel = np.zeros(len(vertices), dtype=np.int64)
    relabel[used] = label.reshape(-1)
    triangles = relabel[np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])]
    distinct = (
        (triangles[:, 0] != triangles[:, 1])
        & (triangles[:, 1] != triangles[:, 2])
        & (triangles[:, 0] != triangles[:, 2])
    )
    return used[first], triangles[distinct]
