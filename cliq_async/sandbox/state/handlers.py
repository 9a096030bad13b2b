"""The handlers of a bot, and how the API shows them."""

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

# What the handlers of a type are called with, besides access and environment.
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
    """An entry below a menu action."""

    name: str
    icon: NotRequired[str]


@attrs.define(kw_only=True, eq=False)
class Handler:
    """A handler.

    Attributes:
        id: Its id, digits.
        type: One of the eight types.
        default: Whether it came with its bot and cannot be deleted.
        script: What a Deluge bot's handler does.
        permissions: What a webhook bot's handler is told of.
        name: A menu action's name.
        icon: A menu action's icon.
        sub_actions: The entries below a menu action.
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
        """Those of these fields that it has."""
        values = ((name, getattr(self, name)) for name in names)
        return {name: value for name, value in values if value is not None}


class Handlers:
    """The handlers of one bot, in the order they came.

    Args:
        handlers: The first ones.
    """

    __slots__ = ("_handlers",)

    def __init__(self, handlers: Iterable[Handler] = ()) -> None:
        self._handlers = list(handlers)

    def check_can_add(self, handler_type: str) -> None:
        """Check that there may be another handler of a type.

        Raises:
            ApiFault: There are as many as there may be.
        """
        count = len(self._of_type(handler_type))
        most = _MAX_MENU_ACTIONS if handler_type == _MENU else 1
        if count >= most:
            text = f"The bot has {count} of {handler_type}; the limit is {most}."
            raise bad_request(text, "execution_handler_create_failed")

    def add(self, handler: Handler) -> None:
        """Add a handler."""
        self._handlers.append(handler)

    def find(self, handler_type: str, handler_id: str | None) -> Handler:
        """The handler of a type and, if it is given, an id; the first one without it.

        Raises:
            ApiFault: There is none.
        """
        for handler in self._of_type(handler_type):
            if handler_id in {None, handler.id}:
                return handler
        raise ApiFault(404, "The bot has no such handler.", "execution_handler_not_found")

    def remove(self, handler: Handler) -> None:
        """Take a handler away.

        Raises:
            ApiFault: It came with the bot.
        """
        if handler.default:
            text = f"The {handler.type} came with the bot."
            raise bad_request(text, "default_handler_delete_not_allowed")
        self._handlers.remove(handler)

    def all(self) -> list[Handler]:
        """All of them."""
        return list(self._handlers)

    def summarize(self) -> list[dict[str, Any]]:
        """As the bot's record shows them."""
        return [
            {"type": _MENU, "id": each.id} | self._display(each) | each.fields("sub_actions")
            if each.type == _MENU
            else {"type": each.type}
            for each in self._handlers
        ]

    def describe(self, handler: Handler) -> dict[str, Any]:
        """A handler in full."""
        shown: dict[str, Any] = {"type": handler.type, "handler_id": handler.id}
        if handler.type == _MENU:
            display = self._display(handler)
            shown |= display | handler.fields("sub_actions") | {"display_props": display}
        return shown | describe_logic(handler)

    def describe_update(self, handler: Handler) -> dict[str, Any]:
        """A handler as the answer to a change shows it."""
        shown = {"type": handler.type, "id": handler.id} | handler.fields("permissions")
        if handler.type == _MENU:
            shown["display_props"] = self._display(handler)
        return shown

    def _of_type(self, handler_type: str) -> list[Handler]:
        return [each for each in self._handlers if each.type == handler_type]

    def _display(self, handler: Handler) -> dict[str, Any]:
        position = self._of_type(_MENU).index(handler) + 1
        return handler.fields("name", "icon") | {"position": position}


def describe_logic(handler: Handler) -> dict[str, Any]:
    """What a handler does, what it answers and what it is called with."""
    params = [
        {"param_name": name, "param_type": "STRING" if name in _STRINGS else "MAP"}
        for name in ("access", "environment", *_PARAMS[handler.type])
    ]
    return handler.fields("script", "permissions") | {"return_type": "MAP", "params": params}
