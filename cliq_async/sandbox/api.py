"""What the served endpoints do: each one a function from a call to a status and a body.

To serve another endpoint, add its function to `WORKS`; the route comes from the table.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import unquote

import attrs

from cliq_async.endpoints import BASE_PATH, ENDPOINTS, Endpoint
from cliq_async.sandbox.checks import Refused, malformed
from cliq_async.sandbox.state import State
from cliq_async.sandbox.validation import page_limit, read_message

__all__ = ["WORKS", "Call", "Reply", "Router"]

Reply = tuple[int, dict[str, Any] | None]

_SCOPES: Final = frozenset({"organization", "team", "personal"})


@attrs.frozen
class Call:
    """One request that came through.

    Attributes:
        user: The label of the user who asks.
        parameters: The values of the path's parameters, in their order.
        query: The query, its last value for each name.
        body: The body as it came.
    """

    user: str
    parameters: tuple[str, ...]
    query: Mapping[str, str]
    body: bytes


def _list_bots(state: State, call: Call) -> Reply:
    search, scope = call.query.get("search", "").casefold(), call.query.get("scope")
    if scope is not None and scope not in _SCOPES:
        raise malformed(f"'scope' is none of {', '.join(sorted(_SCOPES))}.", "invalid_scope")

    def keep(bot: dict[str, Any]) -> bool:
        return search in bot["name"].casefold() and scope in {None, bot["scope"]}

    page = state.bots.page(
        page_limit(call.query),
        next_token=call.query.get("next_token"),
        sync_token=call.query.get("sync_token"),
        keep=keep,
    )
    return 200, {"url": f"{BASE_PATH}/bots", "type": "bot"} | page


def _list_subscribers(state: State, call: Call) -> Reply:
    (reference,) = call.parameters
    page = state.bot(reference).subscribers.page(
        page_limit(call.query),
        next_token=call.query.get("next_token"),
        sync_token=call.query.get("sync_token"),
    )
    page.pop("deleted", None)  # documented for bots alone
    url = f"{BASE_PATH}/bots/{reference}/subscribers"
    return 200, {"url": url, "type": "bot_subscriber"} | page


def _send_message(state: State, call: Call) -> Reply:
    (name,) = call.parameters
    bot = state.bot(name, by_id=False)
    order = read_message(call.body, call.query)
    if order.broadcast:
        state.deliver(call.user, bot.subscribers.keys())
    elif order.user_ids is not None:
        zuids = state.valid(bot, order.user_ids)
        if not zuids:
            raise malformed(
                "No valid users found for the bot message.", "botmessage_no_valid_users"
            )
        state.deliver(call.user, zuids)
    # A channel's members are not known here, so its messages are not counted by recipient.
    return (200, state.message_ids()) if order.sync else (204, None)


WORKS: Final[dict[str, Callable[[State, Call], Reply]]] = {
    "list_bots": _list_bots,
    "list_subscribers": _list_subscribers,
    "send_message": _send_message,
}


_WRONG_URL: Final = (
    "The URL you've sent is wrong. It's possible that the resource you've requested has been "
    "moved to another URL."
)
_WRONG_METHOD: Final = "The requested resource does not support the HTTP method used."


@attrs.define
class _Node:
    """What may follow a part of a path; a parameter's child is under None."""

    children: dict[str | None, "_Node"] = attrs.field(factory=dict)
    methods: dict[str, Endpoint] = attrs.field(factory=dict)


class Router:
    """Finds the endpoint of a path, by the templates of the endpoint table."""

    def __init__(self) -> None:
        self._root = _Node()
        for endpoint in ENDPOINTS.values():
            node = self._root
            for part in (BASE_PATH + endpoint.path).split("/"):
                key = None if part.startswith("{") else part
                node = node.children.setdefault(key, _Node())
            node.methods[endpoint.method] = endpoint

    def find(self, method: str, path: str) -> tuple[str, tuple[str, ...]]:
        """The endpoint's name and the values of its path's parameters.

        Raises:
            Refused: There is no such URL, it has no such method, or it is not served here.
        """
        node, values = self._root, []
        for part in path.split("/"):
            child = node.children.get(part)
            if child is None:
                child = node.children.get(None)
                if child is None:
                    raise Refused(404, _WRONG_URL)
                values.append(unquote(part))
            node = child
        endpoint = node.methods.get(method)
        if endpoint is None and node.methods:
            raise Refused(405, _WRONG_METHOD)
        if endpoint is None or endpoint.name not in WORKS:
            raise Refused(404, _WRONG_URL)
        return endpoint.name, tuple(values)
