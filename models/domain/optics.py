"""What a person knows of a video's camera and of who was filmed: it gives the 3D its size and distance.

One view shows neither how long the lens is nor how tall the person is. Where nothing is known, a usual camera
and an average body stand in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from models.domain.errors import KnownError

# Focal length assumed where none is known, as a multiple of the longer side of the picture: 47 degrees
# across, between a phone's main camera and a television camera (Human3.6M has 1.15).
DEFAULT_FOCAL = 1.15
HEIGHT_M = (0.3, 2.8)


@dataclass(frozen=True, slots=True)
class Optics:
    """focal_px: focal length in pixels of the video. body_height_m: of the people in it. None = not known.

    Raises KnownError for what cannot be.
    """

    focal_px: float | None = None
    body_height_m: float | None = None

    def __post_init__(self) -> None:
        if self.focal_px is not None and not 0 < self.focal_px < math.inf:
            raise KnownError(
                f"A focal length of {self.focal_px:g} pixels cannot be.", hint="Give a positive number."
            )
        if self.body_height_m is not None and not HEIGHT_M[0] <= self.body_height_m <= HEIGHT_M[1]:
            raise KnownError(
                f"A body height of {self.body_height_m:g} m cannot be.", hint="Give metres, such as 1.75."
            )

    def focal_in(self, width_px: int, height_px: int) -> float:
        """Focal length in pixels, the usual one where it is not known."""
        return self.focal_px or DEFAULT_FOCAL * max(width_px, height_px)

    def as_json(self) -> dict[str, float | None]:
        """Both values, for `from_json`."""
        return {"focal_px": self.focal_px, "body_height_m": self.body_height_m}

    @classmethod
    def from_json(cls, data: Any) -> Optics:
        """What `as_json` gave; what is missing or no number counts as not known."""
        known = data if isinstance(data, dict) else {}
        values = (known.get(name) for name in ("focal_px", "body_height_m"))
        focal, height = (float(v) if isinstance(v, (int, float)) else None for v in values)
        return cls(focal, height)


def focal_from_view_angle(view_deg: float, width: int) -> float:
    """Focal length in pixels of a picture `width` pixels wide that spans this horizontal angle, degrees.

    Raises KnownError when no flat picture can span it.
    """
    if not 0 < view_deg < 180:
        raise KnownError(
            f"A field of view of {view_deg:g} degrees cannot be.", hint="Give 1 to 179, phones have 60 to 75."
        )
    return width / 2 / math.tan(math.radians(view_deg) / 2)


def view_angle(focal_px: float, width: int) -> float:
    """Horizontal angle in degrees that a picture `width` pixels wide spans."""
    return math.degrees(2 * math.atan(width / 2 / focal_px))
