"""Items of JSON, parsed from lines: JSON Lines, or one array as `--json` prints it."""

import json
from collections.abc import AsyncIterator
from typing import Any, Final

from cliq_async.cli.errors import CliError
from cliq_async.cli.inputs.lines import Lines

__all__ = ["MAX_ARRAY_CHARS", "json_items"]

MAX_ARRAY_CHARS: Final = 1 << 24
"""The longest array, which is read as a whole: that of some 200,000 subscribers."""


async def json_items(lines: Lines) -> AsyncIterator[Any]:
    """Iterate over the objects of JSON Lines, or the items of an array. Skips blank lines.

    Raises:
        CliError: It is neither.
    """
    async for line in lines:
        if line.lstrip().startswith("["):
            for item in await _read_array(lines, line):
                yield item
        elif line.strip():
            yield _parse_object(lines, line)


def _parse_object(lines: Lines, line: str) -> dict[str, Any]:
    if line.strip() == "{":
        raise lines.error("an object over several lines: put each on one line, or all in an array")
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise lines.error(f"not JSON: {error}", lines.number) from None
    if not isinstance(row, dict):
        raise lines.error("not a JSON object", lines.number)
    return row


async def _read_array(lines: Lines, first: str) -> list[Any]:
    start, length = lines.number, len(first)
    text = [first]
    async for line in lines:
        text.append(line)
        length += len(line)
        if length > MAX_ARRAY_CHARS:
            raise lines.error(
                f"an array of more than {MAX_ARRAY_CHARS:,} characters: write JSON Lines instead, "
                "as `jq -c '.[]'` does"
            )
    try:
        items = json.loads("\n".join(text))
    except json.JSONDecodeError as error:
        raise _array_error(lines, start, error) from None
    except (ValueError, RecursionError) as error:
        raise lines.error(f"not JSON: {error}") from None
    return list(items)


def _array_error(lines: Lines, start: int, error: json.JSONDecodeError) -> CliError:
    return lines.error(f"not JSON: {error.msg} at column {error.colno}", start + error.lineno - 1)
