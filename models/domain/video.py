"""What is known about a video file: where it is, what proves it the same, how its frames lie in time."""

from __future__ import annotations

from dataclasses import dataclass

from models.domain.timebase import FrameTimes


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """A video (or a folder of images) as read from disk.

    path: as given to the reader. content_hash: hex digest over the size and sampled blocks.
    width_px, height_px: of the picture as shown, after rotation. times: pts of every readable frame.
    decode_failures: frames the container promises but the decoder could not deliver.
    """

    path: str
    content_hash: str
    width_px: int
    height_px: int
    times: FrameTimes
    decode_failures: int = 0
    codec: str = ""

    @property
    def frame_count(self) -> int:
        return len(self.times)

    @property
    def is_variable_frame_rate(self) -> bool:
        return self.times.is_variable
