"""Parser of voice calls in the API's plain form."""

from typing import Any

from cliq_async.errors import ValidationError
from cliq_async.models.call import Call, CallAction
from cliq_async.models.extra import RECIPIENT_KEYS
from cliq_async.models.parsing.form import (
    Plain,
    action_from,
    known_fields,
    parse_object,
    parse_strict,
)

__all__ = ["actions_from", "call_from"]


def call_from(data: object, *, allow_unknown: bool = False) -> Call:
    """Build a call, without its recipients, from the API's plain form.

    Args:
        data: The API's plain form.
        allow_unknown: Put fields with anything that a call does not have into `extra`, as they are.

    Raises:
        ValueError: The data is not in that form, or has a field that a call does not have.
        ValidationError: A limit is broken.
    """
    if not isinstance(data, dict):
        raise ValueError("a call is a JSON object")  # noqa: TRY004 - invalid data, not a programming error
    if recipients := sorted(key for key in data if key.lower() in RECIPIENT_KEYS):
        raise ValueError(f"{recipients[0]}: recipients are given separately, not in the call")
    return parse_object(data, Call, {"actions": _actions}, "call", allow_unknown=allow_unknown)


def actions_from(data: Any, *, allow_unknown: bool = False) -> dict[str, Any]:
    """Build the field of a call that has its actions from the API's plain form.

    Returns:
        The actions as `actions`; or, if they are allowed to have anything unknown and do, the data
        as it is in `extra`. Both are arguments of `Call`.

    Raises:
        ValueError: The data is not in that form.
        ValidationError: A limit is broken.
    """
    if not isinstance(data, list):
        raise ValueError("actions are a JSON array")  # noqa: TRY004 - invalid data, not a programming error
    try:
        return {"actions": parse_strict(data, _actions, "call action")}
    except ValidationError:
        raise
    except ValueError:
        if not allow_unknown:
            raise
    return {"extra": {"actions": data}}


def _actions(data: Any) -> list[CallAction]:
    return [_action(item) for item in data]


def _action(data: Plain) -> CallAction:
    fields: dict[str, Any] = known_fields(data, CallAction)
    fields["action"] = action_from(data["action"])
    return CallAction(**fields)
