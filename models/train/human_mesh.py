"""The CC0 base mesh, rig and shapes of the MakeHuman project as a family of people that can be posed.

Everything is in the frame of the project: metres, x to the person's left, y up, z to the front. A person's
shape is base + Σ weight · target (MakeHuman's macro targets); the joints move with the vertices. Skinning is
linear blend skinning with the 163 bones of the default rig.
"""

from __future__ import annotations

import json
import lzma
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from io import StringIO
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from models.domain.errors import KnownError

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

METRES_PER_UNIT = 0.1  # MakeHuman's unit is the decimetre
_PARTS = {  # group of the base mesh -> name here; the other groups are helpers that nobody sees
    "body": "body",
    "helper-l-eye": "eyes",
    "helper-r-eye": "eyes",
    "helper-hair": "hair",
    "helper-skirt": "skirt",
}


@dataclass(frozen=True, eq=False)
class HumanMesh:
    """vertices: (V, 3) m of the neutral person. quads: part -> (F, 4) vertex indices.

    bones: names, parents before children. parent: (B,) index, -1 at the root. heads: per bone the vertices
    whose mean is its head. weights: sparse (V, B), rows add to 1. targets: name -> float32 (V, 3) m.
    """

    vertices: Floats
    quads: Mapping[str, Indices]
    bones: tuple[str, ...]
    parent: tuple[int, ...]
    heads: tuple[Indices, ...]
    weights: csr_matrix
    targets: Mapping[str, NDArray[np.float32]]

    @cached_property
    def bone_index(self) -> dict[str, int]:
        """Bone name -> row in `bones`."""
        return {name: b for b, name in enumerate(self.bones)}

    @cached_property
    def _head_means(self) -> csr_matrix:
        rows = np.repeat(np.arange(len(self.heads)), [len(h) for h in self.heads])
        share = np.concatenate([np.full(len(h), 1 / len(h)) for h in self.heads])
        shape = (len(self.heads), len(self.vertices))
        return csr_matrix((share, (rows, np.concatenate(self.heads))), shape=shape)

    def bone_heads(self, vertices: Floats) -> Floats:
        """Heads (B, 3) m of the bones in a person with these vertices (V, 3)."""
        return np.asarray(self._head_means @ vertices)

    def shaped(self, target_weights: Mapping[str, float]) -> Floats:
        """Vertices (V, 3) m of the person with these weights of targets; unknown names raise KeyError."""
        vertices = self.vertices.copy()
        for name, weight in target_weights.items():
            vertices += np.float32(weight) * self.targets[name]
        return vertices

    def bone_moves(self, vertices: Floats, rotations: Floats) -> tuple[Floats, Floats]:
        """How the bones move (B, 3, 4) a person with these vertices, and where their heads (B, 3) m get to.

        rotations: (B, 3, 3) of each bone in the world's frame, about its head. The head of the root stays.
        """
        rest = self.bone_heads(vertices)
        heads = rest.copy()
        for b, parent in enumerate(self.parent):
            if parent >= 0:
                heads[b] = heads[parent] + rotations[parent] @ (rest[b] - rest[parent])
        shifts = heads - np.einsum("bij,bj->bi", rotations, rest)
        return np.concatenate([rotations, shifts[..., None]], axis=2), heads


def skinned(weights: csr_matrix, vertices: Floats, moves: Floats) -> Floats:
    """Vertices (n, 3) moved by bones (B, 3, 4) with sparse weights (n, B): linear blend skinning."""
    blended = (weights @ moves.reshape(len(moves), 12)).reshape(-1, 3, 4)
    return np.asarray((blended[..., :3] @ vertices[..., None])[..., 0] + blended[..., 3])


def random_shape(rng: np.random.Generator, female: float) -> dict[str, float]:
    """Weights of the macro targets of a random person: age, descent, weight, muscles, height; female 0..1."""
    age = rng.choice(3, p=[0.12, 0.68, 0.20])
    share_of_age = {"young": 1.0}
    if age != 1:
        other = rng.uniform(0.3, 1.0)
        share_of_age = {"child" if age == 0 else "old": other, "young": 1 - other}
    descent = rng.dirichlet([0.6, 0.6, 0.6])
    heavy, strong = np.clip(rng.normal(0, 0.5, 2), -1, 1)
    weights: dict[str, float] = {}

    def add(name: str, weight: float) -> None:
        if weight:
            weights[name] = weights.get(name, 0.0) + weight

    for (sex, of_sex), (years, of_age) in product(
        (("female", female), ("male", 1 - female)), share_of_age.items()
    ):
        share = float(of_sex * of_age)
        add(f"caucasian-{sex}-{years}", share)
        # The other descents exist for young adults: what sets them apart is added at every age.
        for name, part in zip(("african", "asian"), descent[:2], strict=True):
            add(f"{name}-{sex}-young", share * part)
            add(f"caucasian-{sex}-young", -share * part)
        build = f"universal-{sex}-{years}"
        add(f"{build}-averagemuscle-averageweight", share * (1 - abs(heavy)))
        add(f"{build}-averagemuscle-{'max' if heavy > 0 else 'min'}weight", share * abs(heavy))
        if years == "young":
            add(f"{build}-{'max' if strong > 0 else 'min'}muscle-averageweight", share * abs(strong))
            add(f"{build}-averagemuscle-averageweight", -share * abs(strong))
            tall, odd = rng.normal(0, 0.35, 2)
            average = f"{sex}-young-averagemuscle-averageweight"
            add(f"{average}-{'max' if tall > 0 else 'min'}height", share * min(abs(tall), 1.0))
            add(f"{average}-{'uncommon' if odd > 0 else 'ideal'}proportions", share * abs(odd))
    return weights


def read_makehuman(archive: Path) -> HumanMesh:
    """Read `makehuman_cc0.tar.xz`. Raises KnownError when it is missing, damaged or lacks a file."""
    try:
        with tarfile.open(archive, "r:xz") as tar:
            texts = {
                member.name.removeprefix("./"): file.read().decode("utf-8")
                for member in tar
                if member.isfile() and (file := tar.extractfile(member)) is not None
            }
        vertices, quads = _parse_obj(texts["3dobjs/base.obj"])
        rig = json.loads(texts["rigs/default.mhskel"])
        pairs = json.loads(texts["rigs/default_weights.mhw"])["weights"]
        targets = {
            Path(name).stem: _parse_target(text, len(vertices))
            for name, text in texts.items()
            if name.endswith(".target")
        }
    except (OSError, EOFError, lzma.LZMAError, tarfile.TarError, KeyError, ValueError) as error:
        raise KnownError(
            f"{archive} is not the MakeHuman archive: {error}.",
            hint="Expected a tar.xz with 3dobjs/base.obj, rigs/default.* and targets/.",
        ) from error
    bones = _parents_first({name: bone["parent"] for name, bone in rig["bones"].items()})
    index = {name: b for b, name in enumerate(bones)}
    rows, columns, values = [], [], []
    for bone, entries in pairs.items():
        rows += [int(v) for v, _ in entries]
        values += [float(w) for _, w in entries]
        columns += [index[bone]] * len(entries)
    weights = csr_matrix((values, (rows, columns)), shape=(len(vertices), len(bones)))
    total = np.asarray(weights.sum(axis=1)).ravel()
    weights = csr_matrix(weights.multiply(1 / np.maximum(total, 1e-9)[:, None]))
    return HumanMesh(
        vertices,
        quads,
        bones,
        tuple(index.get(rig["bones"][name]["parent"], -1) for name in bones),
        tuple(np.asarray(rig["joints"][rig["bones"][name]["head"]]) for name in bones),
        weights,
        targets,
    )


def _parse_obj(text: str) -> tuple[Floats, dict[str, Indices]]:
    vertices: list[list[float]] = []
    quads: dict[str, list[list[int]]] = {part: [] for part in _PARTS.values()}
    part: str | None = None
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "v":
            vertices.append([float(x) for x in rest.split()])
        elif kind == "g":
            part = _PARTS.get(rest.strip())
        elif kind == "f" and part:
            quads[part].append([int(corner.split("/")[0]) - 1 for corner in rest.split()])
    return np.asarray(vertices) * METRES_PER_UNIT, {name: np.asarray(q) for name, q in quads.items()}


def _parse_target(text: str, count: int) -> NDArray[np.float32]:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    rows = np.loadtxt(StringIO("\n".join(lines)), ndmin=2) if lines else np.empty((0, 4))
    delta = np.zeros((count, 3), np.float32)
    delta[rows[:, 0].astype(np.int64)] = rows[:, 1:4] * METRES_PER_UNIT
    return delta


def _parents_first(parents: Mapping[str, str | None]) -> tuple[str, ...]:
    order: list[str] = []

    def place(name: str) -> None:
        if name in order:
            return
        above = parents[name]
        if above:
            place(above)
        order.append(name)

    for name in parents:
        place(name)
    return tuple(order)
