"""Arrays as little-endian blobs with a CRC-32, so that a damaged row is reported instead of shown as data."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.domain.errors import KnownError


def pack(*arrays: NDArray[Any]) -> tuple[bytes, int]:
    """The arrays' bytes one after the other, and their CRC-32."""
    data = b"".join(np.ascontiguousarray(a, a.dtype.newbyteorder("<")).tobytes() for a in arrays)
    return data, zlib.crc32(data)


def unpack(data: bytes, crc: int, what: str, *layout: tuple[str, tuple[int, ...]]) -> list[NDArray[Any]]:
    """The arrays of a blob; `layout` gives (dtype, shape) of each. The arrays are writable copies.

    Raises KnownError naming `what` when length or checksum do not fit.
    """
    sizes = [int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize for dtype, shape in layout]
    if len(data) != sum(sizes) or zlib.crc32(data) != crc:
        raise KnownError(
            f"The project file is damaged: {what} cannot be read.",
            hint="Everything else can be used; run the model again, or go back to a backup of the file.",
        )
    arrays, at = [], 0
    for (dtype, shape), size in zip(layout, sizes, strict=True):
        little = np.frombuffer(data[at : at + size], np.dtype(dtype).newbyteorder("<"))
        arrays.append(little.astype(dtype).reshape(shape))
        at += size
    return arrays
