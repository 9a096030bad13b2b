"""A plain check of Deluge scripts."""

import re
from typing import Final

__all__ = ["compiles"]

_PAIRS: Final = {")": "(", "]": "[", "}": "{"}
_TOKEN: Final = re.compile(
    r"""
    (?P<closed> //[^\n]* | /\*.*?\*/ | "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' )
    | (?P<endless> /\* | ["'] )
    | (?P<bracket> [()\[\]{}] )
    """,
    re.DOTALL | re.VERBOSE,
)


def compiles(script: str) -> bool:
    """Return whether a script's brackets, quotes and comments are closed; no more is checked."""
    opened: list[str] = []
    for token in _TOKEN.finditer(script):
        if token.lastgroup == "endless":
            return False
        bracket = token["bracket"]
        if bracket in _PAIRS:
            if not opened or opened.pop() != _PAIRS[bracket]:
                return False
        elif bracket is not None:
            opened.append(bracket)
    return not opened
