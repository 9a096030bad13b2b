"""Handlers: what a bot does on an event. How they are made, changed, and described by Cliq."""

import re
from collections.abc import Iterable
from typing import Any, Final, Literal, get_args

import attrs

from cliq_async.errors import ValidationError
from cliq_async.models import converters, validators

__all__ = [
    "HANDLER_TYPES",
    "PERMISSIONS",
    "Handler",
    "HandlerChanges",
    "HandlerParam",
    "HandlerType",
    "NewHandler",
    "Permission",
    "SubAction",
    "check_type",
]

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
Permission = Literal["attachments", "chat", "location", "message", "user"]

HANDLER_TYPES: Final = get_args(HandlerType)

PERMISSIONS: Final[dict[str, tuple[str, ...]]] = {
    "welcome_handler": ("user",),
    "message_handler": ("attachments", "chat", "location", "message", "user"),
    "mention_handler": ("chat", "location", "message", "user"),
    "context_handler": ("attachments", "chat", "user"),
    "participation_handler": ("chat", "user"),
    "incoming_webhook_handler": ("user",),
    "menu_handler": ("chat", "location", "user"),
    "call_handler": ("user",),  # the documents' table has it as alert_handler
}
"""Which permissions a handler may have. Source: "Permissions availability per handler type"."""

_MENU: Final = "menu_handler"
_SCRIPT_BYTES: Final = 256_000
_NAME_CHARS: Final = 15
_MOST_PERMISSIONS: Final = 5
_MOST_SUB_ACTIONS: Final = 5
_ICON: Final = re.compile(r"[^/\s]+/[0-9A-Fa-f]{3,8}")
_ICON_WORDS: Final = "an icon as name/HEX"


def _permissions(value: Permission | Iterable[Permission] | None) -> tuple[Permission, ...] | None:
    return converters.as_optional_tuple(value)


def _sub_actions(value: "SubAction | Iterable[SubAction] | None") -> "tuple[SubAction, ...] | None":
    return converters.as_optional_tuple(value)


def _check_script(model: object, attribute: Any, value: str | None) -> None:
    if value is None:
        return
    field = validators.field_name(model, attribute)
    size = len(validators.check_text(field, value, 1).encode())
    if size > _SCRIPT_BYTES:
        raise ValidationError(field, f"at most {_SCRIPT_BYTES} bytes of UTF-8", size)


def _check_permissions(model: object, attribute: Any, value: tuple[Any, ...] | None) -> None:
    validators.subset_of(*get_args(Permission), most=_MOST_PERMISSIONS)(model, attribute, value)
    if value is not None and len(set(value)) < len(value):
        raise ValidationError(
            validators.field_name(model, attribute), "each permission once", value
        )


def _check_sub_actions(model: object, attribute: Any, value: tuple[Any, ...] | None) -> None:
    if value is None:
        return
    validators.instances(SubAction, 0, _MOST_SUB_ACTIONS, "sub-actions")(model, attribute, value)
    for index, item in enumerate(value):
        field = f"{validators.field_name(model, attribute)}[{index}]"
        validators.check_text(f"{field}.name", item.name, 1, _NAME_CHARS)
        icon = validators.check_text(f"{field}.icon", item.icon)
        if icon and not _ICON.fullmatch(icon):
            raise ValidationError(f"{field}.icon", _ICON_WORDS, icon)


@attrs.frozen
class SubAction:
    """An entry below a menu action. Its limits are checked where it is used.

    Attributes:
        name: What the user sees, 1 to 15 characters.
        icon: `name/HEX`, as `wand/627282`.
    """

    name: str = ""
    icon: str = attrs.field(default="", kw_only=True)


@attrs.frozen(kw_only=True)
class _Handling:
    """The fields that making and changing a handler have in common; None leaves a field out."""

    script: str | None = attrs.field(default=None, validator=_check_script)
    permissions: tuple[Permission, ...] | None = attrs.field(
        default=None, converter=_permissions, validator=_check_permissions
    )
    name: str | None = attrs.field(
        default=None, validator=validators.str_length(1, _NAME_CHARS, optional=True)
    )
    icon: str | None = attrs.field(
        default=None, validator=validators.matches(_ICON, _ICON_WORDS, optional=True)
    )
    sub_actions: tuple[SubAction, ...] | None = attrs.field(
        default=None, converter=_sub_actions, validator=_check_sub_actions
    )

    def _check_one_logic(self) -> None:
        if self.script is not None and self.permissions is not None:
            raise ValidationError(
                f"{type(self).__name__}.permissions",
                "None with a script: a bot has either",
                self.permissions,
            )


@attrs.frozen
class NewHandler(_Handling):
    """A handler to be made: of a Deluge bot with a script, of a webhook bot with permissions.

    Example:
        >>> handler = NewHandler("menu_handler", script="return Map();", name="Open ticket")

    Attributes:
        type: One of the eight types, as `message_handler`.
        script: Deluge source code of 1 character to 256,000 bytes of UTF-8.
        permissions: What the webhook is told of: at most 5 of `attachments`, `chat`, `location`,
            `message` and `user`, and of those only what the type allows. May be empty.
        name: 1 to 15 characters; a menu handler needs it, no other has it.
        icon: `name/HEX`; for a menu handler alone.
        sub_actions: At most 5; for a menu handler alone.

    Raises:
        ValidationError: A field breaks its limit.
    """

    type: HandlerType = attrs.field(kw_only=False)

    def __attrs_post_init__(self) -> None:
        self._check_one_logic()
        if self.script is None and self.permissions is None:
            raise ValidationError("NewHandler.script", "a script, or permissions", None)
        check_type("NewHandler.type", self.type, self)
        if self.type == _MENU and self.name is None:
            raise ValidationError("NewHandler.name", "1 to 15 characters in a menu handler", None)


@attrs.frozen
class HandlerChanges(_Handling):
    """Changes of a handler: at least one; what is None stays as it is.

    Example:
        >>> changes = HandlerChanges(permissions=["message", "user"])

    Attributes:
        script: Deluge source code of 1 character to 256,000 bytes of UTF-8.
        permissions: In place of the old ones, as for `NewHandler`.
        name: 1 to 15 characters; for a menu handler alone.
        icon: `name/HEX`; for a menu handler alone.
        sub_actions: At most 5, in place of the old ones; for a menu handler alone.

    Raises:
        ValidationError: A field breaks its limit, or nothing changes.
    """

    def __attrs_post_init__(self) -> None:
        validators.check_any(self)
        self._check_one_logic()


def check_type(field: str, handler_type: str, handling: NewHandler | HandlerChanges | None) -> str:
    """The type of a handler, if it is one and may have what is to be set.

    Args:
        field: The type's name, for the error.
        handler_type: The type.
        handling: What is to be set; None for nothing.

    Raises:
        ValidationError: There is no such type, or it may not have a field or a permission.
    """
    if handler_type not in HANDLER_TYPES:
        raise ValidationError(field, f"one of {', '.join(HANDLER_TYPES)}", handler_type)
    if handling is None:
        return handler_type
    owner = type(handling).__name__
    allowed = PERMISSIONS[handler_type]
    for index, permission in enumerate(handling.permissions or ()):
        if permission not in allowed:
            words = f"one of {', '.join(allowed)} for a {handler_type}"
            raise ValidationError(f"{owner}.permissions[{index}]", words, permission)
    if handler_type != _MENU:
        for name in ("name", "icon", "sub_actions"):
            if getattr(handling, name) is not None:
                raise ValidationError(
                    f"{owner}.{name}",
                    f"None but for a {_MENU}",
                    getattr(handling, name),
                )
    return handler_type


@attrs.frozen(kw_only=True)
class HandlerParam:
    """Something that a handler is told of.

    Attributes:
        param_name: As `user` or `chat`.
        param_type: As `MAP` or `STRING`.
    """

    param_name: str = ""
    param_type: str = ""


@attrs.frozen(kw_only=True)
class Handler:
    """A handler, as Cliq describes it; it may leave out any field.

    Attributes:
        type: As `menu_handler` or `welcome_handler`.
        id: The handler's id; empty after `create`, whose answer has none.
        name: The menu action's name.
        icon: The menu action's icon, `name/HEX`.
        position: The menu action's place.
        sub_actions: The entries below a menu action.
        script: The Deluge source code of a Deluge bot's handler.
        permissions: What a webhook bot's handler is told of.
        return_type: As `MAP`.
        params: What the handler is called with.
    """

    type: str = ""
    id: str = ""
    name: str = ""
    icon: str = ""
    position: int | None = None
    sub_actions: tuple[SubAction, ...] = ()
    script: str = ""
    permissions: tuple[str, ...] = ()
    return_type: str = ""
    params: tuple[HandlerParam, ...] = ()
