"""The checks of voice calls."""

from typing import Any, Final

from cliq_async.sandbox.validation.actions import CALL_ACTION
from cliq_async.sandbox.validation.checks import (
    array_of,
    integer,
    json_object,
    matching,
    object_with,
    string,
)

__all__ = ["read_call"]

_USER: Final = matching(r"[^,\s\x00-\x1f\x7f-\x9f]+", "a ZUID or an email")
_ACTION: Final = object_with(
    {"label": string(20, min_length=1), "action": CALL_ACTION},
    {"icon": string(min_length=1), "hint": string(100), "key": string(100)},
)
_CALL: Final = object_with(
    {"text": string(500, min_length=1)},
    {
        "user_ids": array_of(_USER, max_items=10, min_items=1),
        "retry": integer(0, 3),
        "loop": integer(0, 3),
        "actions": array_of(_ACTION, max_items=5),
    },
)


def read_call(body: bytes) -> dict[str, Any]:
    """Check the body of a call.

    Raises:
        ApiFault: The body is not valid.
    """
    call = json_object(body)
    _CALL(call, "")
    return call
