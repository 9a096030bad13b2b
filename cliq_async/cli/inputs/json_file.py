"""JSON files given by an option."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cliq_async.cli.errors import USAGE, CliError, describe
from cliq_async.cli.inputs.bounded import read_bounded
from cliq_async.cli.inputs.places import json_line
from cliq_async.errors import ValidationError

__all__ = ["json_file", "read_json"]


def read_json(path: Path) -> Any:
    """Read a JSON file.

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
    try:
        text = read_bounded(path).decode("utf-8-sig")
        data = json.loads(text)
    except OSError as error:
        raise CliError(f"{path}: {error.strerror}", USAGE) from None
    except UnicodeDecodeError:
        raise CliError(f"{path}: not UTF-8", USAGE) from None
    except json.JSONDecodeError as error:
        reason = error.msg[:1].lower() + error.msg[1:]
        where = f"line {error.lineno}, column {error.colno}"
        raise CliError(f"{path}: {where}: not JSON: {reason}", USAGE) from None
    except (ValueError, RecursionError) as error:
        raise CliError(f"{path}: not JSON: {error}", USAGE) from None
    try:
        yield data
    except ValidationError as error:
        line = json_line(text, error.field)
        raise CliError(f"{path}: line {line}: {describe(error)}", USAGE) from None
