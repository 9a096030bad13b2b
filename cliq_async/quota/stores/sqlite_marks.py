"""Files beside a SQLite store that tell if it has lost writes: a mark and a watermark.

SQLite keeps the last writes in a log (`-wal`) with an index (`-shm`), and removes both when the
last connection is closed. If either is taken away before that, the program that uses them and the
next one count apart, and the next one has forgotten what was in the log. Three signs tell:

- The files of a connection stay the same until it is closed. A program that finds others in their
  places leaves them.
- The watermark is the time of the last write. If that write is missing, the log was lost.
- The mark names a file that is not to be trusted. Any other file in its place starts spent.
"""

import os
from contextlib import suppress
from math import inf
from pathlib import Path
from stat import S_IMODE
from typing import Final

import attrs

__all__ = ["StoreMarks"]

_WIDTH: Final = 80
"""The length of the watermark: one write replaces it."""


@attrs.frozen
class StoreMarks:
    """The files beside a store.

    Attributes:
        path: The store's file.
        watermark: The time of the last write.
        mark: The name of a file that is not to be trusted.
    """

    path: Path
    watermark: Path
    mark: Path

    @classmethod
    def of(cls, path: Path) -> "StoreMarks":
        """Return the files beside the store at a path."""
        return cls(
            path, path.with_name(path.name + ".written"), path.with_name(path.name + ".spent")
        )

    def leave_mark(self) -> None:
        """Name the file that is not to be trusted."""
        with suppress(OSError):
            _write(self.mark, self._name(), os.O_CREAT | os.O_TRUNC)

    def marked(self) -> bool:
        """Return whether the mark is about the file that is there."""
        try:
            return _read(self.mark) == self._name()
        except OSError:
            return False

    def last_write(self, boot: str) -> float:
        """Return the time of the last write since the machine's start, or -inf."""
        try:
            text = _read(self.watermark)
            at, _, written_boot = text.rstrip().partition(" ")
            return float(at) if written_boot == boot else -inf
        except (OSError, ValueError):
            return -inf

    def save_last_write(self, boot: str, at: float) -> None:
        """Move the watermark to the time of a write.

        Raises:
            OSError: It could not be written.
        """
        text = f"{at!r} {boot}".ljust(_WIDTH)
        try:
            _write(self.watermark, text, 0)  # creating it would lock the folder each time
        except FileNotFoundError:
            self._create_watermark(text)
        except PermissionError:
            # Another user's, from before the store was opened to a group. Without the right to
            # replace it, the store is used as before.
            with suppress(PermissionError):
                self.watermark.unlink(missing_ok=True)
                self._create_watermark(text)

    def _create_watermark(self, text: str) -> None:
        _write(self.watermark, text, os.O_CREAT)
        with suppress(OSError):  # who may write the store may write this
            self.watermark.chmod(S_IMODE(self.path.stat().st_mode))

    def _name(self) -> str:
        """Return a text that tells the store's file from another one in its place."""
        try:
            found = self.path.stat()
        except OSError:
            return "none"
        return f"{found.st_dev} {found.st_ino}"


def _read(path: Path) -> str:
    """Return the beginning of a file, which is all of a file that this program has written."""
    with path.open(encoding="utf-8") as file:
        return file.read(_WIDTH)


def _write(path: Path, text: str, flags: int) -> None:
    fd = os.open(path, os.O_WRONLY | flags, 0o600)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
