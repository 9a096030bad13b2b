"""A voice call from the form that the API takes."""

from typing import Any

from cliq_async.models.call import Call, CallAction
from cliq_async.models.parsing.form import Plain, action_from, known_fields, parse_strict

__all__ = ["actions_from", "call_from"]


def call_from(data: object) -> Call:
    """The call that the API's plain form describes, without those who are called.

    Raises:
        ValueError: It is not of that form, or has something that no call has.
        ValidationError: A limit is broken.
    """
    if not isinstance(data, dict):
        raise ValueError("a call is a JSON object")  # noqa: TRY004 - the data's fault
    if "user_ids" in data:
        raise ValueError("user_ids: recipients stand beside the call, not in it")
    return parse_strict(data, _call, "call")


def actions_from(data: Any) -> list[CallAction]:
    """The actions of a call from the API's plain form.

    Raises:
        ValueError: They are not in that form.
        ValidationError: A limit is broken.
    """
    if not isinstance(data, list):
        raise ValueError("actions are a JSON array")  # noqa: TRY004 - the data's fault
    return parse_strict(data, _actions, "action of a call")


def _call(data: Plain) -> Call:
    fields: dict[str, Any] = known_fields(data, Call)
    fields["actions"] = _actions(data.get("actions", ()))
    return Call(**fields)


def _actions(data: Any) -> list[CallAction]:
    return [_action(each) for each in data]


def _action(data: Plain) -> CallAction:
    fields: dict[str, Any] = known_fields(data, CallAction)
    fields["action"] = action_from(data["action"])
    return CallAction(**fields)
