"""The files of a SQLite database, and how they are told from others in their places."""

import os
from pathlib import Path
from typing import Final

import attrs

__all__ = ["NO_FILES", "FileIds", "SqliteFiles", "are_kept"]

_NO_FILE: Final = (0, 0)

FileIds = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
"""The device and inode of a database, of its log, and of the log's index."""
NO_FILES: Final[FileIds] = (_NO_FILE, _NO_FILE, _NO_FILE)


@attrs.frozen
class SqliteFiles:
    """The files of a database: they stay the same until the last connection is closed.

    Attributes:
        main: The database.
        log: The write-ahead log.
        index: The log's index.
    """

    main: str
    log: str
    index: str

    @classmethod
    def of(cls, path: Path) -> "SqliteFiles":
        """Return the files of the database at a path."""
        return cls(str(path), f"{path}-wal", f"{path}-shm")

    def ids(self) -> FileIds:
        """Return what tells these files from others in their places."""
        return _file_id(self.main), _file_id(self.log), _file_id(self.index)

    def are_incomplete(self) -> bool:
        """Return whether a file is missing that SQLite never removes alone.

        It creates the database, the log and the index in this order, and removes index and log in
        this one: so each must be there while the next one is.
        """
        index, log = _file_id(self.index), _file_id(self.log)
        if log == _NO_FILE:
            return index != _NO_FILE and index == _file_id(self.index)
        return _file_id(self.main) == _NO_FILE

    def remove(self) -> None:
        """Remove the database, so that all programs go on with a new one.

        If its log was taken away, this has to happen before a connection is closed: SQLite writes
        the log into a database that is there. And the database goes last, as SQLite would use a log
        beside a new one.

        Raises:
            OSError: A file could not be removed.
        """
        for path in (self.index, self.log, self.main):
            Path(path).unlink(missing_ok=True)


def are_kept(before: FileIds, ids: FileIds) -> bool:
    """Return whether all files are there, and each that was there before is the same one."""
    return all(
        now != _NO_FILE and then in {_NO_FILE, now} for then, now in zip(before, ids, strict=True)
    )


def _file_id(path: str) -> tuple[int, int]:
    try:
        found = os.stat(path)  # noqa: PTH116 - several of them for each batch
    except OSError:
        return _NO_FILE
    return found.st_dev, found.st_ino
