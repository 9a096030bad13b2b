"""Parser of voice calls in the API's plain form."""

from typing import Any

from cliq_async.errors import ValidationError
from cliq_async.models.call import Call, CallAction
from cliq_async.models.parsing.form import (
    Plain,
    action_from,
    check_object,
    known_fields,
    parse_object,
    parse_strict,
)
from cliq_async.models.parsing.places import FormError, each, within

__all__ = ["actions_from", "call_from"]


def call_from(data: object, *, allow_unknown: bool = False) -> Call:
    """Build a call, without its recipients, from the API's plain form.

    Args:
        data: The API's plain form.
        allow_unknown: Put fields with anything that a call does not have into `extra`, as they are.

    Raises:
        ValidationError: The data is not in that form, has a field that a call does not have, or
            breaks a limit; the error names the place in the data.
    """
    plain = check_object(data, "call")
    return parse_object(plain, Call, {"actions": _actions}, "call", allow_unknown=allow_unknown)


def actions_from(data: Any, *, allow_unknown: bool = False) -> dict[str, Any]:
    """Build the field of a call that has its actions from the API's plain form.

    Returns:
        The actions as `actions`; or, if they are allowed to have anything unknown and do, the data
        as it is in `extra`. Both are arguments of `Call`.

    Raises:
        ValidationError: The data is not in that form, or breaks a limit; the error names the place.
    """
    if not isinstance(data, list):
        raise ValidationError("actions", "a JSON array", data)
    try:
        return {"actions": parse_strict(data, _actions, "actions")}
    except FormError:
        if not allow_unknown:
            raise
    return {"extra": {"actions": data}}


def _actions(data: Any) -> list[CallAction]:
    return each(_action, data)


def _action(data: Plain) -> CallAction:
    fields: dict[str, Any] = known_fields(data, CallAction)
    fields["action"] = within("action", action_from, data["action"])
    return CallAction(**fields)
