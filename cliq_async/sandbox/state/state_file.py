"""The file that a sandbox starts from and leaves its state in."""

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
    """What is in a file is no state that can be read; the message names the file."""


@attrs.frozen
class _Header:
    """What tells whose a file is; other programs' files need not have it."""

    format: str = ""
    version: int = 0


class StateFile:
    """A state's file.

    Args:
        path: Where it is, or will be.

    Raises:
        OSError: Nothing can be written there.
    """

    def __init__(self, path: Path) -> None:
        self._given_path = path
        self._path = path.resolve()
        # Found out now, not when there is something to lose.
        with self._naming_file():
            ensure_writable(self._path)

    def read(self, *, seed: int = 0) -> State | None:
        """The state in the file; None if there is no file.

        Raises:
            OSError: It cannot be read.
            StateFileError: What is in it is damaged, newer, or no state.
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
            raise StateFileError(f"{self._given_path} was written by a newer version")
        try:
            return restore_snapshot(msgspec.json.decode(data, type=Snapshot), seed=seed)
        except (KeyError, ValueError, RecursionError) as error:
            raise StateFileError(f"{self._given_path} is damaged: {error}") from None

    def write(self, state: State) -> None:
        """Put a state in place of what is in the file, wholly or not at all.

        Raises:
            OSError: It cannot be written; the file is as it was.
        """
        data = msgspec.json.encode(take_snapshot(state))
        with self._naming_file():
            write_atomic(self._path, data)

    @contextmanager
    def _naming_file(self) -> Iterator[None]:
        """Have errors name the file."""
        try:
            yield
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._given_path)) from None
