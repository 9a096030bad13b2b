"""`sqlite:///path`: buckets that all processes of a machine share, and that survive them."""

import os
from pathlib import Path

from cliq_async.clock import Clock, system_clock
from cliq_async.quota.stores.base import ColdStart, starts_spent
from cliq_async.quota.stores.reboot import boot_id
from cliq_async.quota.stores.sqlite_file import SqliteBackend
from cliq_async.quota.stores.threaded import ThreadedStore

__all__ = ["SqliteStore"]


class SqliteStore(ThreadedStore):
    """Buckets in a file.

    Safe to share between threads and event loops; a forked child opens the file for itself.

    Args:
        path: The file; created with its folder if it is missing, readable by its owner alone.
        clock: A clock that counts the seconds since the machine was started.
        cold_start: `full` or `spent`: the state of a new file.
        boot: A name for the machine's last start; the operating system's by default.

    Raises:
        ValueError: `cold_start` is neither.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        clock: Clock = system_clock,
        cold_start: ColdStart = "full",
        boot: str | None = None,
    ) -> None:
        # SQLite keeps its log beside the file itself, wherever a link or the program goes later.
        self.path = Path(os.path.realpath(path))
        boot = boot_id() if boot is None else boot
        spent = starts_spent(cold_start)
        super().__init__(SqliteBackend(self.path, clock=clock, boot=boot, spent=spent), clock)

    def __repr__(self) -> str:
        """Return the file."""
        return f"<{type(self).__name__} {self.path}>"
