"""Parser of voice calls in the API's plain form."""

from typing import Any

from cliq_async.models.call import Call, CallAction
from cliq_async.models.parsing.form import Plain, action_from, known_fields, parse_strict

__all__ = ["actions_from", "call_from"]


def call_from(data: object) -> Call:
    """Build a call, without its recipients, from the API's plain form.

    Raises:
        ValueError: The data is not in that form, or has a field that a call does not have.
        ValidationError: A limit is broken.
    """
    if not isinstance(data, dict):
        raise ValueError("a call is a JSON object")  # noqa: TRY004 - invalid data, not a programming error
    if "user_ids" in data:
        raise ValueError("user_ids: recipients are given separately, not in the call")
    return parse_strict(data, _call, "call")


def actions_from(data: Any) -> list[CallAction]:
    """Build the actions of a call from the API's plain form.

    Raises:
        ValueError: The data is not in that form.
        ValidationError: A limit is broken.
    """
    if not isinstance(data, list):
        raise ValueError("actions are a JSON array")  # noqa: TRY004 - invalid data, not a programming error
    return parse_strict(data, _actions, "call action")


def _call(data: Plain) -> Call:
    fields: dict[str, Any] = known_fields(data, Call)
    fields["actions"] = _actions(data.get("actions", ()))
    return Call(**fields)


def _actions(data: Any) -> list[CallAction]:
    return [_action(item) for item in data]


def _action(data: Plain) -> CallAction:
    fields: dict[str, Any] = known_fields(data, CallAction)
    fields["action"] = action_from(data["action"])
    return CallAction(**fields)
