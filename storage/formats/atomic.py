"""Write a file so that readers see the old one or the whole new one, never a part."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from models.domain.errors import KnownError


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """A text file (UTF-8, "\\n" lines as written) that takes the place of `path` when the block ends well.

    Raises KnownError when the folder is missing or cannot be written to, or the disk is full; `path` is then
    as it was.
    """
    path = Path(path)
    draft: Path | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        draft = Path(name)
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(0o644)
        draft.replace(path)
    except OSError as error:
        raise KnownError(
            f"{path} cannot be written ({error.strerror}).", hint="Choose another place, or make room."
        ) from error
    finally:
        if draft is not None:
            draft.unlink(missing_ok=True)
