"""The checks of bots: creating and updating one."""

import re
from typing import Any, Final

from cliq_async.sandbox.errors import bad_request
from cliq_async.sandbox.validation.checks import (
    Check,
    array_of,
    integer,
    json_object,
    matching,
    object_with,
    one_of,
    string,
    with_code,
)

__all__ = ["read_bot_changes", "read_new_bot"]

_WEBHOOK: Final = "webhook"

_NAMED: Final[dict[str, Check]] = {
    "name": string(20, min_length=1),
    "description": string(300, min_length=1),
}
_OPTIONAL: Final[dict[str, Check]] = {
    "execution_url": matching(r"https?://\S+", "an http:// or https:// URL", re.IGNORECASE),
    "scope": with_code(one_of("organization", "team", "personal"), "invalid_scope"),
    "team_ids": array_of(integer(), max_items=4, min_items=1),
    "status_messages": array_of(string(50, min_length=1), max_items=10),
    "image": string(min_length=1),
    "channel_participation": array_of(
        one_of("listen_message", "send_message", "auto_follow_thread"), max_items=3
    ),
    "calls": one_of("enabled", "disabled"),
}
_NEW: Final = object_with(_NAMED, _OPTIONAL | {"execution_type": one_of("deluge", _WEBHOOK)})
_CHANGES: Final = object_with({}, _NAMED | _OPTIONAL)


def read_new_bot(body: bytes) -> dict[str, Any]:
    """Check the body that creates a bot.

    Raises:
        ApiFault: The body is not valid.
    """
    form = json_object(body)
    _NEW(form, "")
    _check_teams(form)
    execution_type = form.get("execution_type")
    _check_execution_url(form, execution_type)
    if execution_type == _WEBHOOK and "execution_url" not in form:
        raise bad_request("A webhook bot needs an 'execution_url'.", "execution_url_required")
    return form


def read_bot_changes(body: bytes, execution_type: str) -> dict[str, Any]:
    """Check the body that updates a bot of an execution type.

    Raises:
        ApiFault: The body is not valid, or it changes nothing.
    """
    form = json_object(body)
    _CHANGES(form, "")
    if not form:
        raise bad_request("The body changes nothing.")
    _check_teams(form)
    _check_execution_url(form, execution_type)
    return form


def _check_teams(form: dict[str, Any]) -> None:
    if form.get("scope") == "team" and "team_ids" not in form:
        raise bad_request("The scope 'team' needs 'team_ids'.", live="param_missing")


def _check_execution_url(form: dict[str, Any], execution_type: str | None) -> None:
    if "execution_url" in form and execution_type != _WEBHOOK:
        raise bad_request(
            "A Deluge bot cannot have an 'execution_url'.", "execution_url_not_allowed"
        )
