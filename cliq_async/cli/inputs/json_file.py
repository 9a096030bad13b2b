"""JSON files given by an option."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cliq_async.cli.errors import USAGE, CliError
from cliq_async.cli.inputs.bounded import STDIN, read_text
from cliq_async.errors import ValidationError

__all__ = ["naming_file", "read_json"]


def read_json(path: Path) -> Any:
    """Read a JSON file, or standard input for `-`.

    Raises:
        CliError: The file cannot be read, is too long, or is not JSON.
    """
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        where = f"{_name(path)} line {error.lineno}"
        raise CliError(f"{where}: not JSON: {error.msg} at column {error.colno}", USAGE) from None
    except (ValueError, RecursionError) as error:
        raise CliError(f"{_name(path)}: not JSON: {error}", USAGE) from None


def _name(path: Path) -> str:
    return "standard input" if str(path) == STDIN else str(path)


@contextmanager
def naming_file(path: Path) -> Iterator[None]:
    """Make a ValueError of the body name the file; a ValidationError already names the field."""
    try:
        yield
    except ValidationError:
        raise
    except ValueError as error:
        raise CliError(f"{_name(path)}: {error}", USAGE) from None
