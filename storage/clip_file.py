"""A video file on its way: written beside its name, with its sound fed in step, and renamed when it is whole.

A cancelled or failed export leaves nothing, and what was there before stays.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from math import inf
from pathlib import Path
from typing import Self

import av
from av.container import OutputContainer

from models.domain.errors import KnownError
from storage.sound import SoundSource


class ClipFile:
    """Add the picture's stream to `container`, call `start`, then `mux`, then `finish` or `abort`.

    sound: what is heard; the file closes it. comment: kept in the file. draft: where to write, and to leave
    the file when it is whole, for one that appears together with others (see `drafts`). As a context manager
    it is aborted where the block raises or did not finish it. Raises KnownError where the file cannot be
    written.
    """

    def __init__(
        self,
        path: Path,
        *,
        sound: SoundSource | None = None,
        comment: str = "",
        draft: Path | None = None,
    ) -> None:
        self.path = path
        self._sound = sound
        self._stays = draft is not None
        self._part = draft or path.with_name(f"{path.stem}.{os.getpid()}.part{path.suffix}")
        self._open = self._whole = False
        try:
            options = {} if path.suffix.lower() == ".mkv" else {"movflags": "faststart"}
            self.container: OutputContainer = av.open(os.fspath(self._part.absolute()), "w", options=options)
            self._open = True
            self.container.metadata["comment"] = comment
        except (av.FFmpegError, ValueError) as error:
            self.abort()
            raise not_written(path, error) from error

    def start(self) -> None:
        """Write the header; every stream of pictures has been added."""
        try:
            if self._sound is not None:
                self._sound.add_to(self.container)
            self.container.start_encoding()
        except (av.FFmpegError, ValueError) as error:
            self.abort()
            raise not_written(self.path, error) from error

    def mux(self, packets: Iterable[av.Packet], seconds: float) -> None:  # type: ignore[type-arg]
        """Write packets of the picture, and the sound up to that time of the clip."""
        try:
            for packet in packets:
                self.container.mux_one(packet)
            if self._sound is not None:
                for sounding in self._sound.packets_until(seconds):
                    self.container.mux_one(sounding)
        except (av.FFmpegError, OSError) as error:
            raise not_written(self.path, error) from error

    def finish(
        self,
        last: Iterable[av.Packet] = (),  # type: ignore[type-arg]
        check: Callable[[Path], None] | None = None,
    ) -> None:
        """Complete the file and put it under its name, replacing what was there.

        check: looks at the whole file before that, and raises where it is not what it should be.
        """
        try:
            self.mux(last, inf)
            self.container.close()
            if check is not None:
                check(self._part)
            if not self._stays:
                self._part.replace(self.path)
        except (av.FFmpegError, OSError) as error:
            self.abort()
            raise not_written(self.path, error) from error
        except BaseException:
            self.abort()
            raise
        self._close_sound()
        self._open, self._whole = False, True

    def abort(self) -> None:
        """Leave nothing behind; does nothing after `finish`."""
        if self._open:
            self._open = False
            with suppress(av.FFmpegError, OSError):  # it is thrown away
                self.container.close()
        self._close_sound()
        if not self._whole:
            self._part.unlink(missing_ok=True)

    def _close_sound(self) -> None:
        if self._sound is not None:
            self._sound.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.abort()


def not_written(path: Path, error: Exception) -> KnownError:
    """What to say when FFmpeg could not write a clip."""
    reason = getattr(error, "strerror", None) or str(error)
    return KnownError(
        f"{path} cannot be written ({reason}).",
        hint="Choose a folder that exists, may be written to and has room, and a name that ends in .mp4.",
    )
