"""A clip in which the 3D view turns once, written by a job; the first frame follows on the last."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from models.domain.progress import Progress
from storage.clip_writer import ClipWriter
from widgets.orbit_camera import OrbitCamera
from widgets.skeleton_scene import Palette, Scene
from widgets.skeleton_shot import scene_pixels

FPS = 30


def write_turntable(
    scene: Scene, camera: OrbitCamera, palette: Palette, path: Path, size: tuple[int, int], seconds: float
) -> Generator[Progress, None, None]:
    """Write a turn of `camera` around its target, `seconds` long. Cancelled or failed, it leaves nothing.

    size: (width, height) px; odd sides grow by one. Raises KnownError where the clip cannot be written.
    """
    count = max(2, round(seconds * FPS))
    size = size[0] + size[0] % 2, size[1] + size[1] % 2
    with ClipWriter(path, *size, Fraction(FPS)) as clip:
        for frame in range(count):
            turned = replace(camera, azimuth_deg=camera.azimuth_deg + 360 * frame / count)
            clip.write(scene_pixels(scene, turned, palette, size))
            if frame < count - 1:
                yield Progress(frame + 1, count, f"turntable · {path.name}")
    yield Progress(count, count, f"turntable · {path.name}")
