"""JSON files given by an option."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cliq_async.cli.errors import USAGE, CliError, describe
from cliq_async.cli.inputs.bounded import read_text, source_name
from cliq_async.cli.inputs.places import json_line
from cliq_async.errors import ValidationError

__all__ = ["json_file", "read_json"]


def read_json(path: Path) -> Any:
    """Read a JSON file, or standard input for `-`.

    Raises:
        CliError: The file cannot be read, is too long, or is not JSON.
    """
    with json_file(path) as data:
        return data


@contextmanager
def json_file(path: Path) -> Iterator[Any]:
    """Read a JSON file. A ValidationError of the body names the file and the line.

    Raises:
        CliError: The file cannot be read, is too long, or is not JSON; or the body raised a
            ValidationError.
    """
    name = source_name(path)
    try:
        text = read_text(path)
        data = json.loads(text)
    except json.JSONDecodeError as error:
        reason = error.msg[:1].lower() + error.msg[1:]
        where = f"{name} line {error.lineno}"
        raise CliError(f"{where}: not JSON: {reason} at column {error.colno}", USAGE) from None
    except (ValueError, RecursionError) as error:
        raise CliError(f"{name}: not JSON: {error}", USAGE) from None
    try:
        yield data
    except ValidationError as error:
        line = json_line(text, error.field)
        raise CliError(f"{name} line {line}: {describe(error)}", USAGE) from None
