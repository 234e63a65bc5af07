"""Skeletons: joint names, parents, edges and the left/right table, read from `resources/skeletons`.

Left and right are the person's own, never the picture's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from models.domain.errors import KnownError


@dataclass(frozen=True, slots=True)
class Skeleton:
    """Named joints of a body.

    joints: J names. edges: pairs of joint indices drawn as limbs. flip: for each joint the index of its
    mirror image (itself on the midline). parents: index of each joint's parent, -1 for the root.
    """

    name: str
    title: str
    joints: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    flip: tuple[int, ...]
    parents: tuple[int, ...]

    def __post_init__(self) -> None:
        n = len(self.joints)
        if len(set(self.joints)) != n:
            raise ValueError(f"skeleton {self.name}: joint names repeat")
        if len(self.flip) != n or any(self.flip[self.flip[i]] != i for i in range(n)):
            raise ValueError(f"skeleton {self.name}: the left/right table is not its own inverse")
        if len(self.parents) != n or any(not -1 <= p < n for p in self.parents):
            raise ValueError(f"skeleton {self.name}: parents do not fit the joints")
        if any(not (0 <= a < n and 0 <= b < n) for a, b in self.edges):
            raise ValueError(f"skeleton {self.name}: an edge names a joint that does not exist")

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        return self.joints.index(joint)

    def side(self, joint: int) -> str:
        """`"left"`, `"right"` or `"middle"`."""
        if self.flip[joint] == joint:
            return "middle"
        return "left" if self.joints[joint].startswith("left") else "right"


@cache
def skeleton_names() -> tuple[str, ...]:
    """Names of the skeletons that ship with the program."""
    folder = files("resources").joinpath("skeletons")
    return tuple(sorted(p.name.removesuffix(".json") for p in folder.iterdir() if p.name.endswith(".json")))


@cache
def load_skeleton(name: str) -> Skeleton:
    """The skeleton `name`. Raises KnownError when there is none of that name."""
    if name not in skeleton_names():
        raise KnownError(
            f"There is no skeleton called '{name}'.", hint=f"Known: {', '.join(skeleton_names())}."
        )
    return skeleton_from_dict(
        json.loads(files("resources").joinpath("skeletons", f"{name}.json").read_text("utf-8"))
    )


def skeleton_from_dict(data: dict[str, object]) -> Skeleton:
    """Build a skeleton from its JSON form, in which parents, edges and flips are joint names."""
    joints = tuple(str(j) for j in data["joints"])  # type: ignore[attr-defined]
    index = {name: i for i, name in enumerate(joints)}
    parents: dict[str, str] = data["parents"]  # type: ignore[assignment]
    edges: list[list[str]] = data["edges"]  # type: ignore[assignment]
    flip = tuple(index[mirrored(name)] for name in joints)
    return Skeleton(
        name=str(data["name"]),
        title=str(data["title"]),
        joints=joints,
        edges=tuple((index[a], index[b]) for a, b in edges),
        flip=flip,
        parents=tuple(index[parents[name]] if name in parents else -1 for name in joints),
    )


def mirrored(joint: str) -> str:
    """Name of the joint on the other side: `"left hip"` and `"right hip"`; midline joints keep theirs."""
    side, _, rest = joint.partition(" ")
    return {"left": f"right {rest}", "right": f"left {rest}"}.get(side, joint)
