"""Reads .npz files whose arrays are pickled Python objects, without running what a pickle may hold.

The data sets of VideoPose3D (Human3.6M, HumanEva) are dictionaries of arrays, saved by NumPy as a pickle. A
pickle can name any function; here only what makes NumPy arrays, data types, scalars and plain containers is
let in, and anything else is refused before it is called.
"""

from __future__ import annotations

import collections
import pickle
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np

from models.domain.errors import KnownError


def read_pickled_npz(path: Path, key: str) -> Any:
    """The object stored under `key`: dictionaries, lists, numbers and arrays. None when there is no such key.

    Raises KnownError when the file is missing, damaged, or holds anything but plain data.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if f"{key}.npy" not in archive.namelist():
                return None
            with archive.open(f"{key}.npy") as stream:
                return _read_array(stream)
    except _Forbidden as error:
        raise KnownError(
            f"{path.name} holds more than numbers ({error}) and was not read.",
            hint="Do not use this file: it may be harmful.",
        ) from error
    except (
        OSError,
        zipfile.BadZipFile,
        pickle.UnpicklingError,
        ValueError,
        TypeError,
        EOFError,
        AttributeError,
        IndexError,
        KeyError,
        ImportError,
        MemoryError,
        OverflowError,
    ) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise KnownError(f"{path} cannot be read: {reason}.", hint="Give a .npz file.") from error


class _Forbidden(Exception):
    pass


def _read_array(stream: IO[bytes]) -> Any:
    version = np.lib.format.read_magic(stream)
    read_header = np.lib.format.read_array_header_1_0
    shape, _, dtype = (read_header if version == (1, 0) else np.lib.format.read_array_header_2_0)(stream)
    if not dtype.hasobject:
        raise ValueError("a pickled dictionary was expected")
    array = _plain(_PlainUnpickler(stream).load())
    if shape == () and isinstance(array, list) and len(array) == 1:
        return array[0]
    return array


class _Dtype:
    """Stands for a data type: a letter, a size and a byte order, no fields."""

    def __init__(self, code: str, *_: object) -> None:
        if not isinstance(code, str) or not re.fullmatch(r"[?biufcSUO]\d*", code):
            raise _Forbidden("an unusual data type")
        self.code, self.order = code, "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] not in ("<", ">", "|", "=") or state[2] is not None or state[3] is not None:
            raise _Forbidden("an unusual data type")
        self.order = "=" if state[1] == "|" else state[1]

    @property
    def numpy(self) -> np.dtype[Any]:
        dtype = np.dtype(self.code).newbyteorder(self.order)
        if dtype.hasobject:
            raise _Forbidden("an unusual data type")
        return dtype


class _Array:
    """Stands for an array until its numbers are known."""

    value: Any = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, fortran, data = state
        if dtype.code.startswith("O"):
            self.value = list(data) if len(shape) <= 1 else np.array(data, object).reshape(shape).tolist()
        else:
            flat = np.frombuffer(data, dtype.numpy)
            self.value = flat.reshape(shape, order="F" if fortran else "C").copy()


def _plain(value: Any) -> Any:
    """The same with the arrays in place of what stood for them."""
    if isinstance(value, _Array):
        return _plain(value.value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        allowed = _ALLOWED.get((module.replace("numpy._core", "numpy.core"), name))
        if allowed is None:
            raise _Forbidden(f"{module}.{name}")
        return allowed

    def persistent_load(self, pid: object) -> Any:
        raise _Forbidden("a reference to another file")


def _new_array(*_: object) -> _Array:
    return _Array()


def _scalar(dtype: _Dtype, data: bytes) -> Any:
    return np.frombuffer(data, dtype.numpy, count=1)[0]


def _encode(text: str, encoding: str = "latin1") -> bytes:
    if encoding not in ("latin1", "utf-8", "ascii"):
        raise _Forbidden(f"an encoding called {encoding}")
    return text.encode(encoding)


_ALLOWED: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy.core.multiarray", "_reconstruct"): _new_array,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("_codecs", "encode"): _encode,
}
