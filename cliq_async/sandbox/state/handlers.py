"""A bot's handlers and their representations in the API."""

from collections.abc import Iterable
from typing import Any, Final, Literal, NotRequired, TypedDict

import attrs

from cliq_async.sandbox.errors import ApiFault, bad_request

__all__ = ["Handler", "HandlerType", "Handlers", "SubAction", "describe_logic"]

HandlerType = Literal[
    "welcome_handler",
    "message_handler",
    "mention_handler",
    "context_handler",
    "participation_handler",
    "incoming_webhook_handler",
    "menu_handler",
    "call_handler",
]

_MENU: Final = "menu_handler"
_MAX_MENU_ACTIONS: Final = 5

# The parameters of each type's handlers, besides access and environment.
_PARAMS: Final[dict[str, tuple[str, ...]]] = {
    "welcome_handler": ("user", "newuser"),
    "message_handler": (
        *("message", "raw_message", "message_details", "attachments", "links", "mentions"),
        *("chat", "user", "location"),
    ),
    "mention_handler": ("message", "raw_message", "mentions", "chat", "user", "location"),
    "context_handler": ("context_id", "answers", "attachments", "chat", "user"),
    "participation_handler": ("operation", "data", "chat", "user"),
    "incoming_webhook_handler": ("headers", "param", "body", "http_method", "user"),
    _MENU: ("chat", "user", "location", "sub_action"),
    "call_handler": ("operation", "data", "user"),
}
_STRINGS: Final = frozenset(
    {"newuser", "message", "raw_message", "context_id", "operation", "http_method", "sub_action"}
)


class SubAction(TypedDict):
    """An entry of a menu action."""

    name: str
    icon: NotRequired[str]


@attrs.define(kw_only=True, eq=False)
class Handler:
    """A handler.

    Attributes:
        id: The handler's id, a string of digits.
        type: One of the eight handler types.
        default: True if the handler was created with its bot, and so cannot be deleted.
        script: The script of a Deluge bot's handler.
        permissions: The data that a webhook bot's handler receives.
        name: A menu action's name.
        icon: A menu action's icon.
        sub_actions: A menu action's entries.
    """

    id: str
    type: HandlerType
    default: bool = False
    script: str | None = None
    permissions: list[str] | None = None
    name: str | None = None
    icon: str | None = None
    sub_actions: list[SubAction] | None = None

    def fields(self, *names: str) -> dict[str, Any]:
        """Return the values of those of these fields that are set."""
        values = ((name, getattr(self, name)) for name in names)
        return {name: value for name, value in values if value is not None}


class Handlers:
    """The handlers of one bot, in order of creation.

    Args:
        handlers: The initial handlers.
    """

    __slots__ = ("_handlers",)

    def __init__(self, handlers: Iterable[Handler] = ()) -> None:
        self._handlers = list(handlers)

    def check_can_add(self, handler_type: str) -> None:
        """Check that a handler of a type can be added.

        Raises:
            ApiFault: The limit for the type is reached.
        """
        count = len(self._of_type(handler_type))
        limit = _MAX_MENU_ACTIONS if handler_type == _MENU else 1
        if count >= limit:
            text = f"The bot has {count} of {handler_type}; the limit is {limit}."
            live = None if handler_type == _MENU else "execution_handler_already_exists"
            raise bad_request(text, "execution_handler_create_failed", live=live)

    def add(self, handler: Handler) -> None:
        """Add a handler."""
        self._handlers.append(handler)

    def find(self, handler_type: str, handler_id: str | None) -> Handler:
        """Return the handler of a type and an id, or without an id the first of the type.

        Raises:
            ApiFault: The bot does not have such a handler.
        """
        for handler in self._of_type(handler_type):
            if handler_id in {None, handler.id}:
                return handler
        code = "execution_handler_not_found"
        raise ApiFault(404, "The bot has no such handler.", code, live=(400, code))

    def remove(self, handler: Handler) -> None:
        """Remove a handler.

        Raises:
            ApiFault: The handler was created with the bot.
        """
        if handler.default:
            text = f"The {handler.type} was created with the bot and cannot be deleted."
            raise bad_request(text, "default_handler_delete_not_allowed")
        self._handlers.remove(handler)

    def all(self) -> list[Handler]:
        """Return all handlers."""
        return list(self._handlers)

    def summarize(self) -> list[dict[str, Any]]:
        """Return the handlers as the bot's record lists them."""
        return [
            {"type": _MENU, "id": each.id} | self._display(each) | each.fields("sub_actions")
            if each.type == _MENU
            else {"type": each.type}
            for each in self._handlers
        ]

    def describe(self, handler: Handler) -> dict[str, Any]:
        """Return a handler with all its details."""
        details: dict[str, Any] = {"type": handler.type, "handler_id": handler.id}
        if handler.type == _MENU:
            display = self._display(handler)
            details |= display | handler.fields("sub_actions") | {"display_props": display}
        return details | describe_logic(handler)

    def describe_update(self, handler: Handler) -> dict[str, Any]:
        """Return a handler as the response to an update has it."""
        details = {"type": handler.type, "id": handler.id} | handler.fields("permissions")
        if handler.type == _MENU:
            details["display_props"] = self._display(handler)
        return details

    def _of_type(self, handler_type: str) -> list[Handler]:
        return [each for each in self._handlers if each.type == handler_type]

    def _display(self, handler: Handler) -> dict[str, Any]:
        position = self._of_type(_MENU).index(handler) + 1
        return handler.fields("name", "icon") | {"position": position}


def describe_logic(handler: Handler) -> dict[str, Any]:
    """Return a handler's script or permissions, return type and parameters."""
    params = [
        {"param_name": name, "param_type": "STRING" if name in _STRINGS else "MAP"}
        for name in ("access", "environment", *_PARAMS[handler.type])
    ]
    return handler.fields("script", "permissions") | {"return_type": "MAP", "params": params}
