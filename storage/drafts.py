"""Several files that belong together: all of them appear under their names at the end, or none does."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Self

from models.domain.errors import KnownError


class Drafts:
    """Hands out names to write to, beside the files that are meant. Use as a context manager: `keep` at the
    end of the block puts every draft under its name; a block that ends otherwise leaves nothing, and what was
    there before stays. Folders that were made for it go again."""

    def __init__(self) -> None:
        self._drafts: dict[Path, Path] = {}
        self._made: list[Path] = []

    def draft(self, path: Path) -> Path:
        """Where to write what will be `path`. Raises KnownError when its folder cannot be made."""
        missing = []
        folder = path.parent
        while not folder.exists():
            missing.append(folder)
            folder = folder.parent
        try:
            for new in reversed(missing):
                new.mkdir()
                self._made.append(new)
        except OSError as error:
            raise _no_place(path, error) from error
        made = path.with_name(f".{path.stem}.{os.getpid()}.draft{path.suffix}")
        self._drafts[path] = made
        return made

    def write_text(self, path: Path, text: str) -> None:
        """Write a text file (UTF-8, line ends as they are) as a draft. Raises KnownError where it cannot."""
        try:
            self.draft(path).write_text(text, encoding="utf-8", newline="")
        except OSError as error:
            raise _no_place(path, error) from error

    def keep(self) -> None:
        """Put every draft that was written under its name, replacing what was there."""
        for path, draft in self._drafts.items():
            try:
                if draft.exists():
                    draft.replace(path)
            except OSError as error:
                raise _no_place(path, error) from error
        self._drafts.clear()
        self._made.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for draft in self._drafts.values():
            draft.unlink(missing_ok=True)
        for folder in reversed(self._made):
            if not any(folder.iterdir()):
                folder.rmdir()


def _no_place(path: Path, error: OSError) -> KnownError:
    return KnownError(
        f"{path} cannot be written ({error.strerror}).", hint="Choose another place, or make room."
    )
