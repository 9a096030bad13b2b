"""The streams that commands print to, whose failures do not undo what a command has done.

A command may have sent messages when its output cannot be written: a disk is full, or the reader
of a pipe has exited. So a failure to write is noted and never raised, and `final_status` accounts
for it when the command has ended.
"""

import errno
import io
import select
import sys
from typing import Any, Final, TextIO

from cliq_async.cli.errors import PARTLY

__all__ = ["final_status", "guard_streams", "stdout_failed"]

_NO_READER: Final = {errno.EPIPE, errno.ECONNRESET}


class _GuardedFile(io.RawIOBase):
    """A file that notes its first failure, and drops what is written from then on.

    Args:
        stream: The stream whose file it is.
        holds_ctrl_c: True if Ctrl-C during a write is a failure, since the work is done.

    Attributes:
        failure: The failure, or None.
    """

    def __init__(self, stream: io.TextIOWrapper, *, holds_ctrl_c: bool) -> None:
        self._stream = stream  # without a reference, it would close the file
        self._raw: Any = getattr(stream.buffer, "raw", stream.buffer)  # no buffer: `python -u`
        self._held: Any = KeyboardInterrupt if holds_ctrl_c else ()
        self.failure: OSError | KeyboardInterrupt | None = None

    def writable(self) -> bool:
        """See `io.RawIOBase`."""
        return True

    def fileno(self) -> int:
        """See `io.RawIOBase`."""
        return int(self._raw.fileno())

    def isatty(self) -> bool:
        """See `io.RawIOBase`."""
        return bool(self._raw.isatty())

    def write(self, data: Any) -> int:
        """Write as much as possible, or drop it all."""
        if self.failure is None:
            try:
                while (written := self._raw.write(data)) is None:
                    select.select([], [self._raw], [])  # a pipe that does not block
                return int(written)
            except OSError as error:
                self.failure = error
            except self._held as error:
                self.failure = error
        return len(data)


def guard_streams() -> None:
    """Replace stdout and stderr by streams on which a failure to write is not raised."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout = _guard(sys.stdout, holds_ctrl_c=True)
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr = _guard(sys.stderr, holds_ctrl_c=False)


def _guard(stream: io.TextIOWrapper, *, holds_ctrl_c: bool) -> io.TextIOWrapper:
    return io.TextIOWrapper(
        io.BufferedWriter(_GuardedFile(stream, holds_ctrl_c=holds_ctrl_c)),
        encoding=stream.encoding,
        errors="replace",  # a character that the terminal cannot show must not end the command
        line_buffering=stream.line_buffering or stream.write_through,
    )


def _failure(stream: TextIO | None) -> OSError | KeyboardInterrupt | None:
    buffer = getattr(stream, "buffer", None)
    return getattr(getattr(buffer, "raw", None), "failure", None)


def stdout_failed() -> bool:
    """Return whether stdout cannot be written, so that there is no reason to read on for it."""
    return _failure(sys.stdout) is not None


def final_status(status: int) -> int:
    """Return the exit status of a command that has ended, with regard to what it printed.

    What has happened decides. A pipe whose reader has exited is not an error: it has read enough.
    If output could not be printed for another reason, a line on stderr says so.

    Args:
        status: The exit status by what the command did.
    """
    if sys.stdout is not None:
        sys.stdout.flush()
    failure = _failure(sys.stdout)
    if failure is None or (isinstance(failure, OSError) and failure.errno in _NO_READER):
        return status
    reason = "interrupted" if isinstance(failure, KeyboardInterrupt) else failure.strerror
    if sys.stderr is not None:
        done = "" if status else "done, but "
        sys.stderr.write(f"error: {done}the output could not be printed: {reason}\n")
        sys.stderr.flush()
    return status or PARTLY
