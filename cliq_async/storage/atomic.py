"""Atomic file replacement with owner-only permissions."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from os.path import realpath
from pathlib import Path
from typing import BinaryIO

__all__ = ["ensure_writable", "replace_atomic", "write_atomic"]


def ensure_writable(path: Path) -> None:
    """Check that a file can be replaced, without changing it.

    Raises:
        OSError: It cannot.
    """
    handle, name = _temp_sibling(_target(path))
    os.close(handle)
    Path(name).unlink()


def write_atomic(path: Path, data: bytes) -> None:
    """Replace the contents of a file; a link to it stays a link.

    Raises:
        OSError: It cannot be written; the file is as it was.
    """
    with replace_atomic(path) as file:
        file.write(data)


@contextmanager
def replace_atomic(path: Path) -> Iterator[BinaryIO]:
    """Yield a file that replaces another one when the body has ended; a link to it stays a link.

    Raises:
        OSError: It cannot be written; the file is as it was, as after any error of the body.
    """
    path = _target(path)
    handle, name = _temp_sibling(path)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(handle)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _target(path: Path) -> Path:
    """Return the file that a link leads to; unlike `Path.resolve`, also for links in a circle."""
    return Path(realpath(path))


def _temp_sibling(path: Path) -> tuple[int, str]:
    """Create a file in the same folder that only its owner may read."""
    return tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
