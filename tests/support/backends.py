"""A backend as a user may write one: a folder that processes share, with a file for each state."""

from pathlib import Path
from urllib.parse import quote

from filelock import FileLock

from cliq_async.clock import system_clock
from cliq_async.errors import QuotaStoreError
from cliq_async.quota.stores.backend import State, StateBackend
from cliq_async.quota.stores.threaded import ThreadedStore
from cliq_async.storage.atomic import write_atomic


class FolderStore(ThreadedStore):
    """A quota store whose states are files."""

    def __init__(self, folder, clock=system_clock):
        super().__init__(FolderBackend(folder, clock), clock)


class FolderBackend(StateBackend):
    """States in files; a lock makes comparing and swapping one step."""

    def __init__(self, folder, clock):
        self.folder = Path(folder)
        self.clock = clock
        self.lock = FileLock(self.folder / "lock")

    def load(self, key):
        return State(self.read(key), self.clock())

    def swap(self, key, state, data, keep_until):
        with self.lock:
            if self.read(key) != state.data:
                return False
            try:
                if data is None:
                    self.path(key).unlink(missing_ok=True)
                else:
                    write_atomic(self.path(key), data)
            except OSError as error:
                raise QuotaStoreError(f"{self.folder} cannot be written: {error}") from error
        return True

    def close(self):
        """Do nothing: no file stays open."""

    def read(self, key):
        try:
            return self.path(key).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise QuotaStoreError(f"{self.folder} cannot be read: {error}") from error

    def path(self, key):
        return self.folder / f"{key.kind} {quote(key.name, safe='')}"
