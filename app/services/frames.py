"""Write exact frames of a take as PNG files, named by index and pts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2

from app.services.media import open_take
from app.session import Session
from models.domain.errors import KnownError
from models.domain.progress import Progress
from storage.videos import Video


def write_frames(session: Session, video: Video, indices: Sequence[int], out: Path) -> Iterator[Progress]:
    """Write frames `indices` to folder `out` as `NAME_f000012_pts4567.png`.

    Raises KnownError before anything is written when an index is outside the video or its file is missing.
    """
    count = video.info.frame_count
    for index in indices:
        if not 0 <= index < count:
            raise KnownError(
                f"Take '{video.name}' has no frame {index}.", hint=f"Frames go from 0 to {count - 1}."
            )
    with open_take(session, video) as reader:
        out.mkdir(parents=True, exist_ok=True)
        for done, index in enumerate(indices):
            path = out / frame_file_name(video, index)
            coded, png = cv2.imencode(".png", cv2.cvtColor(reader.frame(index), cv2.COLOR_RGB2BGR))
            if not coded:
                raise KnownError(f"Frame {index} could not be written as PNG.")
            path.write_bytes(png.tobytes())
            yield Progress(done + 1, len(indices), path.name)


def frame_file_name(video: Video, index: int) -> str:
    """`NAME_f000012_pts4567.png`; what no file name can hold becomes `_`."""
    name = "".join("_" if letter in '/\\:*?"<>|' or letter < " " else letter for letter in video.name)
    return f"{name}_f{index:06d}_pts{video.info.times.pts_at(index)}.png"
