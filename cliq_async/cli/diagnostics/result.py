"""What came of one check of `cliq doctor`."""

from typing import Final

import attrs

__all__ = ["OK", "UNCHECKED", "WRONG", "Check"]

OK: Final = "ok"
WRONG: Final = "wrong"
UNCHECKED: Final = "not checked"


@attrs.frozen
class Check:
    """What came of a check.

    Attributes:
        name: What was looked at.
        status: One of `OK`, `WRONG` and `UNCHECKED`.
        said: What was found, in plain words.
        advice: What to do about it.
    """

    name: str
    status: str
    said: str
    advice: str = ""
