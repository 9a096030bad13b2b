"""The result of a check of `cliq doctor`."""

from typing import Final

import attrs

__all__ = ["OK", "UNCHECKED", "WRONG", "Check"]

OK: Final = "ok"
WRONG: Final = "wrong"
UNCHECKED: Final = "not checked"


@attrs.frozen
class Check:
    """The result of a check.

    Attributes:
        name: The subject of the check.
        status: One of `OK`, `WRONG` and `UNCHECKED`.
        said: The finding.
        advice: The remedy.
    """

    name: str
    status: str
    said: str
    advice: str = ""
