"""Whole files of a limited length, so that none without end fills the memory."""

import sys
from pathlib import Path
from typing import Final

from cliq_async.cli.errors import USAGE, CliError

__all__ = ["MAX_BYTES", "MAX_IMAGE_BYTES", "read_bounded", "read_line"]

MAX_BYTES: Final = 2**20
"""The longest file: more than the largest request."""
MAX_IMAGE_BYTES: Final = 16 * 2**20
_MAX_CHARS: Final = 4096
"""The longest line that a terminal passes on."""


def read_bounded(path: Path | str, limit: int = MAX_BYTES) -> bytes:
    """Read a whole file, or standard input for `-`.

    Raises:
        CliError: It is longer than the limit.
        OSError: It cannot be read.
    """
    if path == "-":
        name, content = "standard input", sys.stdin.buffer.read(limit + 1)
    else:
        with Path(path).open("rb") as file:
            name, content = str(path), file.read(limit + 1)
    if len(content) > limit:
        raise CliError(
            f"{name}: longer than {limit:,} bytes: check that it is the right file", USAGE
        )
    return content


def read_line() -> str:
    """Read a line of standard input, with its end; empty at the end of the stream.

    Raises:
        CliError: It is too long.
    """
    line = sys.stdin.readline(_MAX_CHARS + 1)
    if len(line) > _MAX_CHARS:
        raise CliError(f"standard input: a line longer than {_MAX_CHARS:,} characters", USAGE)
    return line
