"""The lines of JSON and TOML files in which the places that errors name are."""

import json
import re
import tomllib
from collections.abc import Sequence
from typing import Any, Final

__all__ = ["json_line", "toml_line"]

_PART: Final = re.compile(r"\[\d+\]|[^.\[\]]+")
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_MAX_LINES: Final = 2_000
_scan: Final = json.JSONDecoder().raw_decode


def _parts(place: str) -> list[str | int]:
    """Split a place such as `buttons[0].label`."""
    found = _PART.findall(place)
    return [int(part[1:-1]) if part[0] == "[" else part for part in found]


def json_line(text: str, place: str) -> int:
    """Return the line of a place in valid JSON, or of the deepest part of it that is there."""
    position = _skip(text, 0)
    for part in _parts(place):
        found = _child(text, position, part)
        if found is None:
            break
        position = found
    return text.count("\n", 0, position) + 1


def _skip(text: str, position: int) -> int:
    space = _SPACE.match(text, position)
    return position if space is None else space.end()


def _child(text: str, position: int, part: str | int) -> int | None:
    """Return the position of an item in the array or object at a position, or None."""
    if text[position] != ("[" if isinstance(part, int) else "{"):
        return None
    found, number = None, 0
    while True:
        position = _skip(text, position + 1)
        if text[position] in "]}":
            return found
        name: Any = number
        if not isinstance(part, int):
            name, position = _scan(text, position)
            position = _skip(text, _skip(text, position) + 1)
        if name == part:
            found = position  # of equal names, json takes the last one
        position = _skip(text, _scan(text, position)[1])
        number += 1
        if text[position] in "]}":
            return found


def toml_line(text: str, place: str) -> int | None:
    """Return the line in which valid TOML sets a place, or the deepest part of it; None if nowhere.

    It is the line before which the file does not have the place, and after which it does.
    """
    lines = text.splitlines(keepends=True)
    parts = _parts(place)
    while parts and len(lines) <= _MAX_LINES:
        if (line := _line(lines, parts)) is not None:
            return line
        parts.pop()
    return None


def _line(lines: list[str], parts: list[str | int]) -> int | None:
    name = str(next((part for part in reversed(parts) if isinstance(part, str)), ""))
    for index, line in enumerate(lines):
        if name in line and _has("".join(lines[:index]), parts) is False:
            for end in range(index + 1, len(lines) + 1):
                if (found := _has("".join(lines[:end]), parts)) is not None:
                    if found:
                        return index + 1
                    break
    return None


def _has(text: str, parts: Sequence[str | int]) -> bool | None:
    """Return whether TOML has a place; None if the text ends inside a value."""
    try:
        value: Any = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None
    for part in parts:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return False
    return True
