"""Bots: the limits of what makes and changes one."""

import re
from typing import Any, Final

from cliq_async.sandbox.errors import bad_request
from cliq_async.sandbox.validation.checks import (
    Check,
    a_list,
    a_text,
    an_object,
    coded,
    json_object,
    matching,
    one_of,
    whole,
)

__all__ = ["read_bot_changes", "read_new_bot"]

_WEBHOOK: Final = "webhook"

_NAMED: Final[dict[str, Check]] = {
    "name": a_text(20, least=1),
    "description": a_text(300, least=1),
}
_OPTIONAL: Final[dict[str, Check]] = {
    "execution_url": matching(r"https?://\S+", "an http:// or https:// URL", re.IGNORECASE),
    "scope": coded(one_of("organization", "team", "personal"), "invalid_scope"),
    "team_ids": a_list(whole(), most=4, least=1),
    "status_messages": a_list(a_text(50, least=1), most=10),
    "image": a_text(least=1),
    "channel_participation": a_list(
        one_of("listen_message", "send_message", "auto_follow_thread"), most=3
    ),
    "calls": one_of("enabled", "disabled"),
}
_NEW: Final = an_object(_NAMED, _OPTIONAL | {"execution_type": one_of("deluge", _WEBHOOK)})
_CHANGES: Final = an_object({}, _NAMED | _OPTIONAL)


def read_new_bot(body: bytes) -> dict[str, Any]:
    """Check what a bot is made from.

    Raises:
        Refused: The documents do not allow it.
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
    """Check what a bot of an execution type is to be changed to.

    Raises:
        Refused: The documents do not allow it, or nothing is to be changed.
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
        raise bad_request("The scope 'team' needs 'team_ids'.")


def _check_execution_url(form: dict[str, Any], execution_type: str | None) -> None:
    if "execution_url" in form and execution_type != _WEBHOOK:
        raise bad_request("A Deluge bot has no 'execution_url'.", "execution_url_not_allowed")
