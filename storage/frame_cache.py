"""Decoded pictures that are kept, bounded in bytes: stepping back through a group of pictures costs no
decoding.

A compressed video can only be decoded forwards from a keyframe. On the way to the frame that was asked for,
the reader passes the frames before it; it leaves them here, still in the decoder's own pixel format (half the
size of RGB), and the least recently used ones go first when the bound is reached.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Picture = TypeVar("Picture")

DEFAULT_CAPACITY_BYTES = 256 << 20


class FrameCache(Generic[Picture]):
    """Least-recently-used map from (owner, frame index) to a picture; thread-safe; may serve several
    readers.
    """

    def __init__(self, capacity_bytes: int = DEFAULT_CAPACITY_BYTES) -> None:
        if capacity_bytes < 0:
            raise ValueError("capacity_bytes must not be negative")
        self.capacity_bytes = capacity_bytes
        self._entries: OrderedDict[tuple[Hashable, int], tuple[Picture, int]] = OrderedDict()
        self._used_bytes = 0
        self._lock = threading.Lock()

    @property
    def used_bytes(self) -> int:
        return self._used_bytes

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, owner: Hashable, index: int) -> Picture | None:
        """The picture, now the most recently used one; None when it is not here."""
        with self._lock:
            entry = self._entries.get((owner, index))
            if entry is None:
                return None
            self._entries.move_to_end((owner, index))
            return entry[0]

    def put(self, owner: Hashable, index: int, picture: Picture, size_bytes: int) -> None:
        """Keep a picture of `size_bytes`; one that is larger than the whole cache is not kept."""
        with self._lock:
            self._drop((owner, index))
            if size_bytes > self.capacity_bytes:
                return
            self._entries[(owner, index)] = (picture, size_bytes)
            self._used_bytes += size_bytes
            while self._used_bytes > self.capacity_bytes:
                self._drop(next(iter(self._entries)))

    def indices(self, owner: Hashable) -> list[int]:
        """Frame indices of `owner` that are here, unsorted."""
        with self._lock:
            return [index for key_owner, index in self._entries if key_owner == owner]

    def forget(self, owner: Hashable) -> None:
        """Drop every picture of `owner` (its reader was closed)."""
        with self._lock:
            for key in [key for key in self._entries if key[0] == owner]:
                self._drop(key)

    def _drop(self, key: tuple[Hashable, int]) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._used_bytes -= entry[1]
