"""The file that a sandbox loads its state from and saves it to."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import msgspec

from cliq_async.sandbox.state.snapshot import (
    FORMAT,
    VERSION,
    Snapshot,
    restore_snapshot,
    take_snapshot,
)
from cliq_async.sandbox.state.state import State
from cliq_async.storage.atomic import ensure_writable, write_atomic

__all__ = ["StateFile", "StateFileError"]


class StateFileError(ValueError):
    """A file does not contain a readable state; the message names the file."""


@attrs.frozen
class _Header:
    """The format and version of a file; both are optional, as in files of other programs."""

    format: str = ""
    version: int = 0


class StateFile:
    """A state file.

    Args:
        path: The path of the file, which need not exist.

    Raises:
        OSError: The file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._given_path = path
        self._path = path.resolve()
        # Checked on start, so that a failure does not lose the state on exit.
        with self._naming_file():
            ensure_writable(self._path)

    def read(self, *, seed: int = 0) -> State | None:
        """Read the state; return None if the file does not exist.

        Raises:
            OSError: The file cannot be read.
            StateFileError: The file is damaged, written by a newer version, or not a state file.
        """
        try:
            with self._naming_file():
                data = self._path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            head = msgspec.json.decode(data, type=_Header)
        except (ValueError, RecursionError):
            head = _Header()
        if head.format != FORMAT:
            raise StateFileError(f"{self._given_path} is damaged or not the state of a sandbox")
        if head.version > VERSION:
            raise StateFileError(
                f"{self._given_path} was written by a later version of cliq_async: upgrade it"
            )
        try:
            return restore_snapshot(msgspec.json.decode(data, type=Snapshot), seed=seed)
        except (KeyError, ValueError, RecursionError) as error:
            raise StateFileError(f"{self._given_path} is damaged: {error}") from None

    def write(self, state: State) -> None:
        """Replace the file's content with a state atomically.

        Raises:
            OSError: The file cannot be written; it is unchanged.
        """
        data = msgspec.json.encode(take_snapshot(state))
        with self._naming_file():
            write_atomic(self._path, data)

    @contextmanager
    def _naming_file(self) -> Iterator[None]:
        """Name the file in errors by the path that the user gave."""
        try:
            yield
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._given_path)) from None
