"""One writer per project: an operating-system lock on a small file beside it.

The lock belongs to the process and goes with it, however it ends; the file's text only tells people who
has it.
"""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    _LOCK_BYTE = 1 << 30  # far behind the text, which stays readable for others

    def _try_lock(fd: int) -> bool:
        os.lseek(fd, _LOCK_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(fd: int) -> bool:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


class FileLock:
    """An exclusive lock on `path` held from `acquire` to `release`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = -1

    def acquire(self) -> bool:
        """Take the lock; False when someone has it already. Raises OSError: the file cannot be made."""
        while True:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
            if not _try_lock(fd):
                os.close(fd)
                return False
            if self._is_current(fd):
                break
            os.close(fd)  # the holder before us removed the file while we opened it
        os.ftruncate(fd, 0)
        os.lseek(fd, 0, os.SEEK_SET)
        os.write(fd, f"process {os.getpid()} on {socket.gethostname()}".encode())
        self._fd = fd
        return True

    def holder(self) -> str:
        """Who has the lock, in words."""
        try:
            return self.path.read_text("utf-8", "replace").strip() or "another process"
        except OSError:
            return "another process"

    def release(self) -> None:
        """Give the lock back and remove its file. Does nothing when it is not held."""
        if self._fd < 0:
            return
        if sys.platform != "win32":  # Windows does not remove an open file; there it is removed after closing
            self.path.unlink(missing_ok=True)
        os.close(self._fd)
        self._fd = -1
        if sys.platform == "win32":
            with suppress(OSError):  # somebody else opened it meanwhile: then it is theirs
                self.path.unlink(missing_ok=True)

    def _is_current(self, fd: int) -> bool:
        try:
            return os.path.samestat(os.fstat(fd), self.path.stat())
        except FileNotFoundError:
            return False
