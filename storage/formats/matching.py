"""Find the take a file speaks of: by its content, else by its name; and the moment, by pts or by frame."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from sqlalchemy import Connection

from storage import videos
from storage.videos import Video


@dataclass(frozen=True, slots=True)
class Take:
    """A take of the project that a file speaks of.

    exact_pts: the file's pts are those of the project's video; otherwise its frame indices count.
    """

    video: Video
    exact_pts: bool


@dataclass(frozen=True, slots=True)
class Takes:
    """The takes of a project, to match those of a file against."""

    by_hash: dict[str, list[Video]]
    by_name: dict[str, Video]

    @classmethod
    def of(cls, tx: Connection) -> Takes:
        by_hash: dict[str, list[Video]] = {}
        by_name: dict[str, Video] = {}
        for video in videos.all_videos(tx):
            by_hash.setdefault(video.info.content_hash, []).append(video)
            by_name[video.name] = video
        return cls(by_hash, by_name)

    def match(self, name: str, content_hash: str, frames: int, time_base: Fraction) -> Take | str:
        """The take with this content (of several: the one with this name), else the one with this name.

        A text says why there is none: a take of that name with another number of frames is another video.
        """
        same = self.by_hash.get(content_hash, [])
        video = next((v for v in same if v.name == name), same[0] if same else self.by_name.get(name))
        if video is None:
            return f"Take '{name}' is not in this project; its labels were left out."
        if video.info.frame_count != frames:
            return (
                f"Take '{name}' has {video.info.frame_count} frames here and {frames} in the file; "
                "its labels were left out."
            )
        return Take(video, bool(same) and video.info.times.time_base == time_base)
