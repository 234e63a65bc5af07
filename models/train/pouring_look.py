"""What differs between drawn pouring takes besides their timing: things, colours, light and camera.

Everything follows from the take's seed. Colours are RGB 0..255, lengths centimetres.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

from models.train.pouring_shapes import Vessel, area_below, smooth_vessel

Color = tuple[float, float, float]

_SKINS = ((236, 196, 170), (224, 172, 140), (198, 142, 108), (150, 102, 74), (104, 70, 52))
# Liquids: water, orange juice, cola, red wine, milk, green tea, berry juice, beer.
_LIQUIDS = (
    (176, 208, 226), (244, 156, 34), (74, 40, 26), (122, 18, 42),
    (240, 236, 226), (158, 178, 72), (196, 42, 92), (218, 162, 52),
)  # fmt: skip
_TABLES = (
    (158, 112, 72), (196, 158, 112), (92, 64, 48), (226, 222, 214),
    (62, 66, 74), (132, 148, 158), (176, 92, 76), (108, 134, 98),
)  # fmt: skip
_WALLS = (
    (206, 210, 214), (214, 200, 178), (150, 172, 186), (178, 190, 164),
    (226, 214, 206), (112, 116, 130), (200, 166, 150), (86, 104, 112),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """bottle_x, glass_x: where they stand. elevation: sine of the angle from which the camera looks down.
    first, poured: liquid in the bottle at the start and what leaves it, cm² of the section; first_glass: what
    is in the glass before. gain: of each colour channel. roll_rad, offset: of the camera (offset in shares of
    the view's width), view_cm: width of the view.
    """

    bottle: Vessel
    glass: Vessel
    bottle_x: float
    glass_x: float
    first: float
    poured: float
    first_glass: float
    liquid: Color
    tint: Color
    label: Color
    label_span: tuple[float, float]
    label_text: str
    skin: Color
    sleeve: Color
    sleeve_start: float
    sleeve_stripes: bool
    fingers_in_front: bool
    arm_scale: float
    table: Color
    planks: bool
    wall: Color
    wall_kind: int
    light_from: float
    gain: Color
    vignette: float
    elevation: float
    view_cm: float
    roll_rad: float
    offset: tuple[float, float]
    mirrored: bool
    noise_sd: float
    blur_px: float
    shake_px: float
    seed: int


def look_of(seed: int) -> Look:
    """The looks of the take with this seed."""
    rng = np.random.default_rng([seed, 1])
    bottle, glass = _random_bottle(rng), _random_glass(rng)
    hollow = glass.inside()
    glass_area = float(area_below(hollow, np.array([glass.height]))[0])
    first_glass = glass_area * float(rng.choice([0.0, 0.0, rng.uniform(0.08, 0.2)]))
    bottle_area = float(area_below(bottle.inside(), np.array([bottle.height]))[0])
    poured = glass_area * rng.uniform(0.4, 0.8) - first_glass
    # what stays: enough that the last drop leaves at a tilt an arm can reach
    first = float(
        np.clip(rng.uniform(0.5, 0.86) * bottle_area, poured + 0.14 * bottle_area, 0.88 * bottle_area)
    )
    poured = min(poured, first - 0.12 * bottle_area)
    gap = rng.uniform(13.0, 18.0)
    middle = rng.uniform(-3.0, 1.0)
    warm = rng.uniform(-0.1, 0.1)
    bright = rng.uniform(0.8, 1.2)
    low = rng.uniform(0.28, 0.42) * bottle.height
    return Look(
        bottle=bottle,
        glass=glass,
        bottle_x=middle + gap / 2,
        glass_x=middle - gap / 2,
        first=first,
        poured=poured,
        first_glass=first_glass,
        liquid=_near(rng, _LIQUIDS, 14),
        tint=_hue(rng, 0.1, 0.7, 0.55, 0.95),
        label=_hue(rng, 0.2, 0.9, 0.6, 1.0),
        label_span=(0.1 * bottle.height, low),
        label_text="".join(rng.choice(list("ABCDEFGHKLMNOPRSTUVW"), int(rng.integers(3, 6)))),
        skin=_near(rng, _SKINS, 10),
        sleeve=_hue(rng, 0.1, 0.85, 0.25, 0.95),
        sleeve_start=float(rng.choice([rng.uniform(2.5, 6.0), rng.uniform(9.0, 22.0)])),
        sleeve_stripes=bool(rng.random() < 0.35),
        fingers_in_front=bool(rng.random() < 0.7),
        arm_scale=rng.uniform(0.9, 1.15),
        table=_near(rng, _TABLES, 16),
        planks=bool(rng.random() < 0.6),
        wall=_near(rng, _WALLS, 16),
        wall_kind=int(rng.integers(4)),
        light_from=float(rng.choice([-1.0, 1.0]) * rng.uniform(0.3, 1.0)),
        gain=(bright * (1 + warm), bright, bright * (1 - warm)),
        vignette=rng.uniform(0.05, 0.35),
        elevation=rng.uniform(0.12, 0.3),
        view_cm=rng.uniform(54.0, 70.0),
        roll_rad=rng.normal(0, 0.022),
        offset=(rng.uniform(-0.03, 0.03), rng.uniform(-0.03, 0.03)),
        mirrored=bool(rng.random() < 0.5),
        noise_sd=rng.uniform(1.0, 6.0),
        blur_px=float(rng.choice([0.0, rng.uniform(0.4, 0.9)])),
        shake_px=float(rng.choice([0.0, rng.uniform(0.3, 1.4)])),
        seed=seed,
    )


def _random_bottle(rng: np.random.Generator) -> Vessel:
    """A wine bottle, a soft drink bottle, or a carafe."""
    height, body = rng.uniform(21.0, 27.0), rng.uniform(3.2, 4.0)
    neck = rng.uniform(1.15, 1.5)
    kind = int(rng.integers(3))
    if kind == 0:
        radii = (0.93 * body, body, body, neck * 1.15, neck, neck + 0.25, neck + 0.25)
        return smooth_vessel(tuple(height * k for k in (0.0, 0.04, 0.58, 0.72, 0.95, 0.96, 1.0)), radii)
    if kind == 1:
        radii = (0.9 * body, body, 0.88 * body, body, neck * 1.1, neck, neck + 0.2)
        return smooth_vessel(tuple(height * k for k in (0.0, 0.05, 0.4, 0.62, 0.87, 0.94, 1.0)), radii)
    radii = (1.0 * body, 1.1 * body, 0.8 * body, 1.25 * neck, 1.35 * neck, 1.6 * neck)
    return smooth_vessel(tuple(height * k for k in (0.0, 0.2, 0.5, 0.74, 0.9, 1.0)), radii)


def _random_glass(rng: np.random.Generator) -> Vessel:
    """A tumbler that widens to its mouth."""
    height, mouth = rng.uniform(8.5, 12.0), rng.uniform(3.2, 4.1)
    base = mouth * rng.uniform(0.72, 0.98)
    return smooth_vessel((0.0, height), (base, mouth), 8)


def _near(rng: np.random.Generator, colors: tuple[Color, ...], sd: float) -> Color:
    color = (
        np.asarray(colors[int(rng.integers(len(colors)))]) + rng.normal(0, sd / 2) + rng.normal(0, sd / 2, 3)
    )
    r, g, b = np.clip(color, 8, 250).tolist()
    return r, g, b


def _hue(rng: np.random.Generator, s_low: float, s_high: float, v_low: float, v_high: float) -> Color:
    r, g, b = colorsys.hsv_to_rgb(rng.random(), rng.uniform(s_low, s_high), rng.uniform(v_low, v_high))
    return 255 * r, 255 * g, 255 * b
