"""The checks of query parameters, and of the body that names a channel."""

from collections.abc import Mapping
from typing import Final

from cliq_async.sandbox.errors import bad_request
from cliq_async.sandbox.validation.checks import json_object, object_with, string

__all__ = ["page_limit", "read_channel", "read_fields", "read_recipients", "read_target_channel"]

_LIMITS: Final = {str(number): number for number in range(1, 51)}
_MAX_RECIPIENTS: Final = 100
_DETAILS: Final = "subscription_details"
_CHANNEL_NAMES: Final = ("channel_unique_name", "CHANNEL_UNIQUE_NAME")
_ASSOCIATION: Final = object_with({"channel_unique_name": string(min_length=1)})


def page_limit(query: Mapping[str, str]) -> int:
    """Return the maximum number of records on a page.

    Raises:
        ApiFault: `limit` is not a number, or out of range.
    """
    limit = _LIMITS.get(query.get("limit", "20"))
    if limit is None:
        raise bad_request(f"'limit' is not a number from 1 to {len(_LIMITS)}.")
    return limit


def read_fields(query: Mapping[str, str]) -> bool:
    """Return whether the query requests the details of subscriptions.

    Raises:
        ApiFault: `fields` has another value.
    """
    fields = query.get("fields")
    if fields not in {None, _DETAILS}:
        raise bad_request(f"'fields' is not {_DETAILS}.")
    return fields is not None


def read_recipients(text: str | None) -> tuple[str, ...] | None:
    """Split ZUIDs or emails at commas; return None for None.

    Raises:
        ApiFault: There are more than 100.
    """
    if text is None:
        return None
    user_ids = tuple(each.strip() for each in text.split(","))
    if len(user_ids) > _MAX_RECIPIENTS:
        raise bad_request(
            f"'user_ids' has {len(user_ids)} entries; the limit is {_MAX_RECIPIENTS}."
        )
    return user_ids


def read_target_channel(query: Mapping[str, str]) -> str:
    """Return the unique name of the channel that a message goes to, or an empty string.

    The documents print the parameter's name in capitals; both ways of writing it count.
    """
    return next((query[name] for name in _CHANNEL_NAMES if query.get(name)), "")


def read_channel(body: bytes) -> str:
    """Return the unique name of the channel that a bot is added to.

    Raises:
        ApiFault: The body is not valid.
    """
    request = json_object(body)
    _ASSOCIATION(request, "")
    name: str = request["channel_unique_name"]
    return name
