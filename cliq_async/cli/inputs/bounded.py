"""Whole files of a limited length, so that none without end fills the memory."""

import sys
from pathlib import Path
from typing import Final

from cliq_async.cli.errors import USAGE, CliError
from cliq_async.cli.inputs.encoding import decode_file

__all__ = [
    "MAX_BYTES",
    "MAX_IMAGE_BYTES",
    "STDIN",
    "read_bounded",
    "read_line",
    "read_text",
    "source_name",
]

STDIN: Final = "-"
"""The name of standard input in options and arguments."""
MAX_BYTES: Final = 2**20
"""The longest file: more than the largest request."""
MAX_IMAGE_BYTES: Final = 16 * 2**20
_MAX_CHARS: Final = 4096
"""The longest line that a terminal passes on."""


def source_name(path: Path | str) -> str:
    """Return the name of a file in messages, which is not `-` for standard input."""
    return "standard input" if str(path) == STDIN else str(path)


def read_bounded(path: Path | str, limit: int = MAX_BYTES) -> bytes:
    """Read a whole file, or standard input for `-`.

    Raises:
        CliError: It is longer than the limit, or standard input is closed.
        OSError: It cannot be read.
    """
    if str(path) == STDIN:
        if sys.stdin is None:  # closed before the start
            raise CliError("standard input: the stream is closed", USAGE)
        content = sys.stdin.buffer.read(limit + 1)
    else:
        with Path(path).open("rb") as file:
            content = file.read(limit + 1)
    if len(content) > limit:
        raise CliError(
            f"{source_name(path)}: longer than {limit:,} bytes: check that it is the right file",
            USAGE,
        )
    return content


def read_text(path: Path | str) -> str:
    """Read a whole text file, or standard input for `-`. Keeps line ends.

    Raises:
        CliError: It cannot be read, is too long, or is not text.
    """
    name = source_name(path)
    try:
        return decode_file(name, read_bounded(path))
    except OSError as error:
        raise CliError(f"{name}: {error.strerror}", USAGE) from None


def read_line() -> str:
    """Read a line of standard input, with its end; empty at the end of the stream.

    Raises:
        CliError: It is too long.
    """
    line = sys.stdin.readline(_MAX_CHARS + 1)
    if len(line) > _MAX_CHARS:
        raise CliError(f"standard input: a line longer than {_MAX_CHARS:,} characters", USAGE)
    return line
