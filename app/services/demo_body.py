"""The figure of the demo takes: a small human mesh that bends at its joints.

Made once from the CC0 base mesh and rig of the MakeHuman project by `build_body` and shipped as
`resources/demo/body.npz`. Frame: metres, x to the figure's left, y up, z to its front; floor at y = 0.
"""

from __future__ import annotations

import json
import tarfile
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
    with tarfile.open(archive, "r:xz") as tar:

        def text(name: str) -> str:
            member = tar.extractfile(name) or tar.extractfile(f"./{name}")
            assert member is not None
            return member.read().decode("utf-8")

        names = {m.name.removeprefix("./"): m.name for m in tar.getmembers()}
        vertices, quads = _parse_obj(text(names["3dobjs/base.obj"]))
        for target in (
            "targets/macrodetails/caucasian-male-young.target",
            "targets/macrodetails/universal-male-young-averagemuscle-averageweight.target",
        ):
            for line in text(names[target]).splitlines():
                if line and not line.startswith("#"):
                    index, *delta = line.split()
                    vertices[int(index)] += np.asarray(delta, dtype=float)
        rig = json.loads(text(names["rigs/default.mhskel"]))
        bone_weights = json.loads(text(names["rigs/default_weights.mhw"]))["weights"]
    used = np.unique(quads)
    vertices = vertices * 0.1
    vertices[:, 1] -= vertices[used, 1].min()

    def bone_head(bone: str) -> Floats:
        head = vertices[rig["joints"][rig["bones"][bone]["head"]]].mean(axis=0)
        return np.asarray(head, dtype=np.float64)

    weights = np.zeros((len(vertices), len(SEGMENTS)))
    for bone, pairs in bone_weights.items():
        weights[[int(v) for v, _ in pairs], _segment_of(bone)] += [float(w) for _, w in pairs]
    top = vertices[used][np.argmax(vertices[used, 1])]
    joints = np.asarray([bone_head(bone) if bone else top for _, bone in JOINTS.values()])
    pivots = np.asarray([bone_head(bone) for _, bone, _ in SEGMENTS.values()])
    kept, triangles = _clustered(vertices, quads, cell_m)
    share = weights[kept] / np.maximum(weights[kept].sum(axis=1, keepdims=True), 1e-9)
    np.savez_compressed(
        out,
        vertices=vertices[kept].astype(np.float32),
        triangles=triangles.astype(np.uint16),
        weights=np.round(share * 255).astype(np.uint8),
        pivots=pivots.astype(np.float32),
        joints=joints.astype(np.float32),
    )


def _parse_obj(text: str) -> tuple[Floats, NDArray[np.int64]]:
    """All vertices, and the quads of the group `body`."""
    vertices, quads, group = [], [], ""
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "v":
            vertices.append([float(x) for x in rest.split()])
        elif kind == "g":
            group = rest.strip()
        elif kind == "f" and group == "body":
            corners = [int(part.split("/")[0]) - 1 for part in rest.split()]
            quads.append(corners if len(corners) == 4 else [*corners, corners[-1]])
    return np.asarray(vertices), np.asarray(quads)


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
