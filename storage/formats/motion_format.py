"""3D skeletons of one take as files for other programs: CSV, JSON, NPZ and TRC (OpenSim, Blender, Mokka).

Everything is in metres. Axes, named in every file:

* "camera": x right, y down, z away from the lens of the video's camera, which is the origin;
* "room": x to the right of the picture, y away from the camera along the floor, z up, the floor at z = 0, the
  origin under the middle of where people are.

TRC alone has y up, as its readers expect: x right, y up, z towards the camera. Times are seconds since the
first frame, from the presentation timestamps of the video; frames are numbered from 0 as everywhere in
Keyphase (TRC from 1, by its rules). Joints that nobody saw are empty cells, null, or NaN.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.domain.errors import KnownError
from models.domain.skeleton import Skeleton
from models.domain.timebase import FrameTimes
from storage.formats.atomic import replacing

AXES = {
    "room": "x right, y away from the camera along the floor, z up; floor at z = 0",
    "camera": "x right, y down, z away from the lens; the lens is the origin",
}


@dataclass(frozen=True, eq=False)
class Motion:
    """3D skeletons of a take. positions: float32 (T, P, J, 3) m, NaN = not seen; confidence: (T, P, J) 0..1.

    axes: a key of `AXES`. people: P names. about: further facts for formats that can keep them, JSON values.
    """

    video: str
    skeleton: Skeleton
    people: tuple[str, ...]
    positions: NDArray[np.float32]
    confidence: NDArray[np.float32]
    times: FrameTimes
    axes: str
    about: dict[str, object]

    @property
    def seconds(self) -> NDArray[np.float64]:
        """float64 (T,): seconds since the first frame."""
        pts = self.times.pts[: len(self.positions)]
        return np.asarray((pts - pts[0]) * float(self.times.time_base), dtype=np.float64)


def write_csv(motion: Motion, path: Path) -> None:
    """One row per frame, person and joint that is seen."""
    joints, seconds, pts = motion.skeleton.joints, motion.seconds, motion.times.pts
    seen = np.isfinite(motion.positions).all(axis=-1)
    with replacing(path) as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(
            ("frame", "pts", "seconds", "person", "joint", "x_m", "y_m", "z_m", "confidence", "axes")
        )
        for frame, person, joint in np.argwhere(seen).tolist():
            x, y, z = motion.positions[frame, person, joint].tolist()
            row = (frame, int(pts[frame]), f"{seconds[frame]:.6f}", motion.people[person], joints[joint])
            sure = f"{motion.confidence[frame, person, joint]:.4f}"
            table.writerow((*row, f"{x:.6f}", f"{y:.6f}", f"{z:.6f}", sure, motion.axes))


def write_json(motion: Motion, path: Path) -> None:
    """One object; `people[p].positions[t][j]` is [x, y, z] or null."""
    with replacing(path) as file:
        head = _facts(motion) | {
            "pts": motion.times.pts[: len(motion.positions)].tolist(),
            "seconds": motion.seconds.round(9).tolist(),
        }
        file.write(json.dumps(head, ensure_ascii=False, indent=1)[:-2] + ',\n "people": [')
        for person, name in enumerate(motion.people):
            file.write(("," if person else "") + f'\n  {{"name": {json.dumps(name, ensure_ascii=False)},')
            for key, values in (
                ("positions", motion.positions[:, person]),
                ("confidence", motion.confidence[:, person, :, None]),
            ):
                file.write(f'\n   "{key}": [')
                for frame, row in enumerate(values):
                    file.write(("," if frame else "") + "\n    " + _json_row(row))
                file.write("\n   ]" + ("," if key == "positions" else ""))
            file.write("\n  }")
        file.write("\n ]\n}\n")


def write_npz(motion: Motion, path: Path) -> None:
    """Arrays positions (T, P, J, 3), confidence (T, P, J), seconds (T,), pts (T,), joints (J,), people (P,),
    parents (J,), and `facts`, a JSON text. Nothing in it is pickled.
    """
    draft = path.with_name(f".{path.name}.part")
    try:
        with draft.open("wb") as file:
            np.savez_compressed(
                file,
                positions=motion.positions,
                confidence=motion.confidence,
                seconds=motion.seconds,
                pts=motion.times.pts[: len(motion.positions)],
                joints=np.array(motion.skeleton.joints),
                parents=np.array(motion.skeleton.parents),
                people=np.array(motion.people),
                facts=np.array(json.dumps(_facts(motion), ensure_ascii=False)),
            )
        draft.replace(path)
    except OSError as error:
        raise KnownError(
            f"{path} cannot be written ({error.strerror}).", hint="Choose another place, or make room."
        ) from error
    finally:
        draft.unlink(missing_ok=True)


def write_trc(motion: Motion, path: Path) -> None:
    """Marker trajectories; a file holds one person, so others go to `NAME_person2.trc` and so on.

    Turned so that y is up: from the room, (x, z, -y); from camera axes, (x, -y, -z).
    """
    x, y, z = np.moveaxis(motion.positions, -1, 0)
    upright = np.stack([x, z, -y] if motion.axes == "room" else [x, -y, -z], axis=-1)
    for person in range(len(motion.people)):
        name = path if person == 0 else path.with_name(f"{path.stem}_person{person + 1}{path.suffix}")
        with replacing(name) as file:
            file.write(_trc(motion, upright[:, person], name.name))


WRITERS: dict[str, Callable[[Motion, Path], None]] = {
    "3d-csv": write_csv,
    "3d-json": write_json,
    "3d-npz": write_npz,
    "trc": write_trc,
}


_TRC_HEAD = [
    "DataRate",
    "CameraRate",
    "NumFrames",
    "NumMarkers",
    "Units",
    "OrigDataRate",
    "OrigDataStartFrame",
    "OrigNumFrames",
]


def _facts(motion: Motion) -> dict[str, object]:
    return {
        "format": "keyphase-3d",
        "version": 1,
        "video": motion.video,
        "unit": "m",
        "axes": motion.axes,
        "axes_meaning": AXES[motion.axes],
        "fps": round(motion.times.fps, 6),
        "skeleton": motion.skeleton.name,
        "joints": list(motion.skeleton.joints),
        "parents": list(motion.skeleton.parents),
        **motion.about,
    }


def _json_row(values: NDArray[np.float32]) -> str:
    """Joints of a frame: numbers or lists of numbers, null where not seen."""
    rows: list[object] = []
    for joint in values.tolist():
        if any(number != number for number in joint):  # NaN
            rows.append(None)
        else:
            rounded = [round(number, 6) for number in joint]
            rows.append(rounded if len(rounded) > 1 else rounded[0])
    return json.dumps(rows, separators=(",", ":"))


def _trc(motion: Motion, positions: NDArray[np.float32], name: str) -> str:
    """The text of a TRC file of one person, positions (T, J, 3) with y up."""
    markers = [joint.replace(" ", "_") for joint in motion.skeleton.joints]
    frames, count, fps = len(positions), len(markers), f"{motion.times.fps:.6f}"
    text = io.StringIO()
    table = csv.writer(text, delimiter="\t", lineterminator="\n")
    table.writerow(("PathFileType", "4", "(X/Y/Z)", name))
    table.writerow(_TRC_HEAD)
    table.writerow((fps, fps, frames, count, "m", fps, 1, frames))
    table.writerow(("Frame#", "Time", *(cell for marker in markers for cell in (marker, "", ""))))
    table.writerow(("", "", *(f"{axis}{n + 1}" for n in range(count) for axis in "XYZ")))
    table.writerow(())
    for frame, (second, row) in enumerate(zip(motion.seconds.tolist(), positions, strict=True)):
        cells = ["" if value != value else f"{value:.6f}" for value in row.ravel().tolist()]
        table.writerow((frame + 1, f"{second:.6f}", *cells))
    return text.getvalue()
