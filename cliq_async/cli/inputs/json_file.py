"""JSON files given by an option."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cliq_async.cli.errors import USAGE, CliError
from cliq_async.cli.inputs.bounded import read_bounded
from cliq_async.errors import ValidationError

__all__ = ["naming_file", "read_json"]


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        CliError: The file cannot be read, is too long, or is not JSON.
    """
    try:
        return json.loads(read_bounded(path).decode("utf-8-sig"))
    except OSError as error:
        raise CliError(f"{path}: {error.strerror}", USAGE) from None
    except UnicodeDecodeError:
        raise CliError(f"{path}: not UTF-8", USAGE) from None
    except (ValueError, RecursionError) as error:
        raise CliError(f"{path}: not JSON: {error}", USAGE) from None


@contextmanager
def naming_file(path: Path) -> Iterator[None]:
    """Make a ValueError of the body name the file; a ValidationError already names the field."""
    try:
        yield
    except ValidationError:
        raise
    except ValueError as error:
        raise CliError(f"{path}: {error}", USAGE) from None
