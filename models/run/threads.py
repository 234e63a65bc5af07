"""Small work in one thread.

Threads of a matrix product or of a layer wait for each other in loops. For what takes a millisecond that is
no gain on a free machine, and on a busy one the waiting costs many times the work.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController

_lock = threading.RLock()  # the limit of BLAS holds for the whole process: two that overlap would not undo it


@contextmanager
def one_thread() -> Iterator[None]:
    """Matrix products of numpy, and torch on the processor, run in the calling thread alone.

    For work of at most a second: others that ask for the same wait meanwhile.
    """
    with _lock, _controller("torch" in sys.modules).limit(limits=1):
        yield


@cache
def _controller(with_torch: bool) -> ThreadpoolController:
    """Knows the libraries loaded when it is made: those of numpy, and with them those of torch."""
    return ThreadpoolController()
