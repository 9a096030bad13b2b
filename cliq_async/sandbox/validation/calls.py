"""Calls: their limits."""

from typing import Any, Final

from cliq_async.sandbox.validation.actions import CALL_ACTION
from cliq_async.sandbox.validation.checks import (
    a_list,
    a_text,
    an_object,
    json_object,
    matching,
    whole,
)

__all__ = ["read_call"]

_USER: Final = matching(r"[^,\s\x00-\x1f\x7f-\x9f]+", "a ZUID or an email")
_ACTION: Final = an_object(
    {"label": a_text(20, least=1), "action": CALL_ACTION},
    {"icon": a_text(least=1), "hint": a_text(100), "key": a_text(100)},
)
_CALL: Final = an_object(
    {"text": a_text(500, least=1)},
    {
        "user_ids": a_list(_USER, most=10, least=1),
        "retry": whole(0, 3),
        "loop": whole(1, 3),
        "actions": a_list(_ACTION, most=5),
    },
)


def read_call(body: bytes) -> dict[str, Any]:
    """Check a call.

    Raises:
        Refused: The documents do not allow it.
    """
    call = json_object(body)
    _CALL(call, "")
    return call
