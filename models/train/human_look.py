"""What people look like: skin, face, hair and clothes as functions of the place on the neutral base mesh.

Places are those of the neutral mesh (metres, origin a little below the hips), so one rule dresses every shape
and pose. `Places.arm` runs 0 at the shoulder, 1 elbow, 2 wrist, 3 fingertips and is negative on the torso;
`Places.leg` 0 hip, 1 knee, 2 ankle, 3 toes likewise. Colours are RGB 0..1.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from models.train.human_mesh import HumanMesh

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

BODY, EYES, HAIR, SKIRT = range(4)
_SKULL = np.array([0.0, 0.745, 0.035])
_SKIN = np.array(  # from the darkest to the fairest
    [(66, 44, 36), (98, 62, 44), (150, 101, 72), (198, 146, 112), (228, 184, 154), (246, 214, 194)]
)
_HAIR = np.array(  # black, browns, blonds, grey, red
    [
        (34, 28, 26),
        (54, 38, 30),
        (84, 54, 32),
        (146, 104, 58),
        (206, 170, 108),
        (150, 150, 148),
        (132, 52, 26),
    ]
)
_HAIR_OF_FAIR, _HAIR_OF_DARK = (3, 3, 2, 1, 1, 1, 0.6), (6, 2, 0.5, 0, 0.2, 1, 0)
_PATTERNS = {"plain": 0.5, "stripes": 0.1, "bands": 0.13, "checks": 0.07, "picture": 0.2}
_ARM = ("upperarm", "lowerarm", "wrist", "finger", "metacarpal")
_LEG = ("upperleg", "lowerleg", "foot", "toe")


@dataclass(frozen=True, eq=False)
class Places:
    """position (n, 3) m; arm, leg (n,), see the module; part (n,): BODY, EYES, HAIR or SKIRT."""

    position: Floats
    arm: Floats
    leg: Floats
    part: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Pattern:
    """Colour of cloth. kind: plain, stripes, bands, checks or picture. size_m: its period."""

    kind: str
    first: Floats
    second: Floats
    size_m: float
    picture: NDArray[np.uint8] | None = None

    def colours(self, position: Floats) -> Floats:
        """Colours (n, 3) at places (n, 3) m."""
        if self.kind == "plain":
            return np.broadcast_to(self.first, (len(position), 3))
        across = (position[:, 0] + 0.6 * position[:, 2]) / self.size_m
        down = position[:, 1] / self.size_m
        if self.picture is not None:
            height, width = self.picture.shape[:2]
            rows = (-down * height).astype(np.int64) % height
            columns = (across * width).astype(np.int64) % width
            return self.picture[rows, columns] / 255.0
        where = {
            "stripes": across % 1 < 0.5,
            "bands": down % 1 < 0.5,
            "checks": (across % 1 < 0.5) ^ (down % 1 < 0.5),
        }[self.kind]
        return np.where(where[:, None], self.first, self.second)


@dataclass(frozen=True, eq=False)
class Look:
    """How one person looks.

    sleeve, trousers: how far along arms and legs (None: no such garment). hem, waist, neckline: heights m.
    skirt: height of its lower edge or None. long_hair: height of its lower edge or None. hairline: cosine of
    the angle between the crown and the hairline, None = bald. The *_m are how far a garment or the hair
    stands off the skin.
    """

    skin: Floats
    hair: Floats
    hairline: float | None
    hair_m: float
    long_hair: float | None
    beard: bool
    hat: Pattern | None
    sunglasses: bool
    top: Pattern | None
    sleeve: float
    hem: float
    neckline: float
    neck_v: float
    top_m: float
    bottom: Pattern
    trousers: float
    waist: float
    bottom_m: float
    skirt: float | None
    socks: Floats | None
    sock_top: float
    shoes: Floats | None
    gloves: Floats | None


def random_look(rng: np.random.Generator, female: float, pictures: NDArray[np.uint8]) -> Look:
    """A random outfit and complexion. pictures: (n, h, w, 3) RGB to print on cloth."""

    def cloth() -> Pattern:
        kind = str(
            rng.choice(["plain", "stripes", "bands", "checks", "picture"], p=[0.5, 0.1, 0.13, 0.07, 0.2])
        )
        first, second = _cloth_colour(rng), _cloth_colour(rng)
        if kind != "picture":
            return Pattern(kind, first, second, rng.uniform(0.02, 0.22))
        return Pattern(kind, first, second, rng.uniform(0.15, 0.7), pictures[rng.integers(len(pictures))])

    tone = rng.uniform(0, len(_SKIN) - 1)
    low = min(int(tone), len(_SKIN) - 2)
    skin = _SKIN[low] + (tone - low) * (_SKIN[low + 1] - _SKIN[low])
    skin = np.clip(skin * rng.normal(1, 0.06) * rng.normal(1, 0.03, 3), 0, 255) / 255
    dark = rng.choice(
        len(_HAIR), p=_shares([3, 3, 2, 1, 1, 1, 0.6] if tone > 2.5 else [6, 2, 0.5, 0, 0.2, 1, 0])
    )
    hair = np.clip(_HAIR[dark] / 255 * rng.normal(1, 0.15), 0, 1)
    if rng.uniform() < 0.04:
        hair = rng.uniform(0, 1, 3)
    long = rng.uniform() < 0.12 + 0.45 * female
    styles = {"street": 5, "sport": 4, "suit": 1.3, "swim": 0.6, "bare": 1.1 * (1 - female)}
    style = str(rng.choice(list(styles), p=_shares(tuple(styles.values()))))
    top, bottom = cloth(), cloth()
    sleeve = float(rng.choice([-0.03, rng.uniform(0.35, 0.85), rng.uniform(0.9, 1.6), rng.uniform(1.8, 2.0)]))
    trousers = float(rng.choice([rng.uniform(0.2, 0.5), rng.uniform(0.6, 0.95), rng.uniform(1.2, 1.7), 1.95]))
    hem, waist = rng.uniform(-0.06, 0.12), rng.uniform(0.06, 0.16)
    top_m, bottom_m = 0.004 + 0.034 * rng.uniform(0, 1, 2) ** 2
    if style == "street":
        trousers = trousers if rng.uniform() < 0.35 else rng.uniform(1.8, 2.0)
    if style == "suit":  # leotards, wetsuits, overalls: one cloth
        bottom, trousers = top, float(rng.choice([0.08, trousers, 1.95]))
        top_m, bottom_m, hem = 0.003, 0.003, 0.0
    if style == "swim":
        trousers, bottom_m = 0.12 if female > 0.5 else float(rng.uniform(0.15, 0.6)), 0.003
        sleeve, top_m, hem = -0.05, 0.003, (0.3 if rng.uniform() < 0.5 else 0.0)
    shoes = None if rng.uniform() < (0.8 if style == "swim" else 0.18) else _cloth_colour(rng)
    return Look(
        skin=skin,
        hair=hair,
        hairline=None if rng.uniform() < 0.1 * (1.2 - female) else rng.uniform(-0.32, 0.02),
        hair_m=rng.choice([rng.uniform(0.002, 0.02), rng.uniform(0.015, 0.055)], p=[0.75, 0.25]),
        long_hair=rng.uniform(0.35, 0.64) if long else None,
        beard=female < 0.5 and rng.uniform() < 0.25,
        hat=cloth() if rng.uniform() < 0.08 else None,
        sunglasses=rng.uniform() < 0.05,
        top=None if style == "bare" or (style == "swim" and female < 0.5) else top,
        sleeve=sleeve,
        hem=hem,
        neckline=rng.uniform(0.52, 0.6),
        neck_v=rng.choice([0.0, rng.uniform(0.02, 0.15)]),
        top_m=top_m,
        bottom=bottom,
        trousers=trousers,
        waist=waist,
        bottom_m=bottom_m,
        skirt=rng.uniform(-0.6, -0.22) if style == "street" and rng.uniform() < 0.3 * female else None,
        socks=_cloth_colour(rng) if rng.uniform() < 0.4 else None,
        sock_top=rng.uniform(1.3, 1.95),
        shoes=shoes,
        gloves=_cloth_colour(rng) if rng.uniform() < 0.06 else None,
    )


def garments(look: Look, at: Places) -> dict[str, Mask]:
    """Which places each garment and the hair cover; a later one lies over an earlier one."""
    x, y, z = at.position.T
    torso = (at.arm <= 0) & (at.leg < 0) & (y < 0.62)
    outward = at.position - _SKULL
    outward = outward / np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-9)
    head = (y > 0.6) & (at.arm < 0)
    ear = (np.abs(x) > 0.073) & (y > 0.68) & (y < 0.775)
    crown = outward @ np.array([0.0, 0.72, -0.69])
    edge = -0.2 if look.hairline is None else look.hairline
    neck = look.neckline - look.neck_v * np.clip(1 - np.abs(x) / 0.08, 0, 1) * (z > 0.03)
    neck = neck + np.clip(0.8 * (np.abs(x) - 0.06), 0, 0.07)  # straps and seams lie on the shoulders
    body = at.part == BODY
    masks = {
        "socks": body & (at.leg > look.sock_top) & (look.socks is not None),
        "gloves": body & (at.arm > 1.95) & (look.gloves is not None),
        "bottom": body & (at.leg < look.trousers) & ((at.leg >= 0) | (torso & (y < look.waist))),
        "top": body
        & (look.top is not None)
        & ((torso & (y > look.hem) & (y < neck)) | ((at.arm > 0) & (at.arm < look.sleeve))),
        "shoes": body & (at.leg > 2.03) & (look.shoes is not None),
        "hair": body & head & (crown > edge) & (look.hairline is not None) & ~ear,
        "beard": body & head & look.beard & (y < 0.672) & (outward @ np.array([0.0, -0.8, 0.6]) > 0.45),
        "hat": body & head & (look.hat is not None) & (y > 0.78) & (crown > -0.45),
        "skirt": at.part == SKIRT,
        "long hair": at.part == HAIR,
    }
    masks["beard"] &= ~((np.abs(y - 0.659) < 0.008) & (np.abs(x) < 0.022))
    return masks


def thickness(look: Look, masks: dict[str, Mask]) -> Floats:
    """How far (n,) m garments and hair stand off the skin."""
    off = np.zeros(len(masks["top"]))
    for name, metres in (
        ("bottom", look.bottom_m),
        ("top", look.top_m),
        ("shoes", 0.008),
        ("hair", look.hair_m),
        ("beard", 0.004),
        ("hat", 0.02),
    ):
        off[masks[name]] = metres
    return off


def paint(look: Look, at: Places) -> Floats:
    """Colours (n, 3) of the surface, without light."""
    colours = np.repeat(look.skin[None].astype(np.float32), len(at.position), axis=0)
    _paint_face(look, at, colours)
    masks = garments(look, at)
    for name, pattern in (
        ("socks", look.socks),
        ("gloves", look.gloves),
        ("bottom", look.bottom),
        ("top", look.top),
        ("shoes", look.shoes),
        ("beard", look.hair * 0.9),
        ("hair", look.hair),
        ("hat", look.hat),
        ("skirt", look.bottom),
        ("long hair", look.hair),
    ):
        where = masks[name]
        if pattern is None or not where.any():
            continue
        colours[where] = pattern.colours(at.position[where]) if isinstance(pattern, Pattern) else pattern
    for name in ("hair", "long hair"):  # strands
        where = masks[name]
        x, y, z = at.position[where].T
        colours[where] *= (1 + 0.15 * np.sin(260 * x + 140 * z + 30 * np.sin(25 * y)))[:, None]
    return np.clip(colours, 0, 1)


def _paint_face(look: Look, at: Places, colours: Floats) -> None:
    face = np.flatnonzero((at.position[:, 1] > 0.62) & (at.position[:, 2] > 0.05) & (at.arm < 0))
    x, y, z = at.position[face].T
    x = np.abs(x)
    skin_dark = look.skin * 0.35

    def blend(share: Floats, colour: Floats) -> None:
        colours[face] += share[:, None] * (colour - colours[face])

    socket = np.exp(-(((x - 0.031) / 0.019) ** 2) - ((y - 0.73) / 0.011) ** 2) * (z > 0.09)
    blend(0.75 * socket, skin_dark)
    brow = (
        (np.abs(y - 0.752 + 0.25 * np.maximum(x - 0.035, 0)) < 0.006) & (x > 0.011) & (x < 0.052) & (z > 0.1)
    )
    blend(0.75 * brow, look.hair * 0.7)
    lips = (np.abs(y - 0.659) < 0.010) & (x < 0.025) & (z > 0.12)
    blend(0.7 * lips, look.skin * [0.75, 0.45, 0.45])
    blend(0.8 * ((np.abs(y - 0.661) < 0.003) & (x < 0.023) & (z > 0.12)), skin_dark)
    nostril = np.exp(-(((x - 0.008) / 0.006) ** 2) - ((y - 0.685) / 0.006) ** 2) * (z > 0.13)
    blend(0.7 * nostril, skin_dark)
    ball = at.part[face] == EYES
    away = np.hypot(x - 0.0315, y - 0.729)
    blend(0.9 * (ball & (away > 0.0068)), np.array([0.85, 0.84, 0.82]))
    blend(1.0 * (ball & (away <= 0.0068)), np.array([0.10, 0.07, 0.05]))
    if look.sunglasses:
        blend(0.95 * ((np.abs(y - 0.73) < 0.017) & (x < 0.062) & (z > 0.06)), np.array([0.05, 0.05, 0.06]))


def vertex_places(mesh: HumanMesh) -> Places:
    """The places of all vertices of the mesh."""
    vertices, heads, at = mesh.vertices, mesh.bone_heads(mesh.vertices), mesh.bone_index
    part = np.full(len(vertices), BODY)
    for name, number in (("eyes", EYES), ("hair", HAIR), ("skirt", SKIRT)):
        part[np.unique(mesh.quads[name])] = number
    fields = []
    for prefixes, stops in (
        (_ARM, ("upperarm01", "lowerarm01", "wrist", "finger3-3")),
        (_LEG, ("upperleg01", "lowerleg01", "foot", "toe2-1")),
    ):
        columns = [b for b, bone in enumerate(mesh.bones) if bone.startswith(prefixes)]
        weight = np.asarray(mesh.weights[:, columns].sum(axis=1)).ravel()
        along = np.zeros(len(vertices))
        for suffix, side in ((".L", vertices[:, 0] >= 0), (".R", vertices[:, 0] < 0)):
            line = np.stack([heads[at[stop + suffix]] for stop in stops])
            along[side] = _along(line, vertices[side])
        fields.append(np.where(weight >= 0.5, np.maximum(along, 0.001), weight - 0.501))
    return Places(vertices, fields[0], fields[1], part)


def _along(line: Floats, points: Floats) -> Floats:
    """Where (n,) on a polyline (k, 3) the points (n, 3) are nearest, counted in its corners."""
    best, found = np.full(len(points), np.inf), np.zeros(len(points))
    for k, (start, end) in enumerate(pairwise(line)):
        step = end - start
        share = (points - start) @ step / (step @ step)
        share = np.clip(share, 0, None if k == len(line) - 2 else 1)
        distance = np.linalg.norm(points - start - np.minimum(share, 1)[:, None] * step, axis=1)
        closer = distance < best
        best[closer], found[closer] = distance[closer], k + share[closer]
    return found


def _shares(weights: tuple[float, ...]) -> Floats:
    return np.asarray(weights) / np.sum(weights)


def _cloth_colour(rng: np.random.Generator) -> Floats:
    """Mostly muted: black, white, greys and denim are what most people wear."""
    if rng.uniform() < 0.4:
        grey = rng.choice([0.15, 0.22, 0.45, 0.7, 0.92]) + np.array([0, 0, 0.02])
        return np.clip(grey + rng.normal(0, 0.03, 3), 0.1, 1)
    colour = 0.1 + 0.9 * rng.uniform(0, 1, 3) ** rng.uniform(0.7, 2.0)
    return colour + rng.uniform(0, 0.8) * (colour.mean() - colour)
