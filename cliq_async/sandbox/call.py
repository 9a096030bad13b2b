"""The call of an endpoint, and the reply to it."""

from collections.abc import Mapping
from typing import Any, Final

import attrs

__all__ = ["NO_RESPONSE", "Call", "Reply"]

Reply = tuple[int, dict[str, Any] | None]

NO_RESPONSE: Final[dict[str, Any]] = {"Response Code": "204 No response"}
"""The body of a 200 without content."""


@attrs.frozen
class Call:
    """A request that passed authentication and rate limits.

    Attributes:
        user: The label of the user who sent it.
        parameters: The values of the path's parameters, in order.
        query: The query, with the last value of each name.
        body: The undecoded body.
    """

    user: str
    parameters: tuple[str, ...]
    query: Mapping[str, str]
    body: bytes
