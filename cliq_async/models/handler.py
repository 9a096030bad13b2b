"""Handlers of a bot's events: new handlers, changes, and handlers as described by Cliq."""

import re
from collections.abc import Iterable
from typing import Any, Final, Literal, get_args

import attrs

from cliq_async.errors import ValidationError
from cliq_async.models import converters, validators
from cliq_async.models.base import Model
from cliq_async.models.extra import NO_EXTRA, Unknown

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
    "check_script",
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
    "call_handler": ("user",),  # listed as alert_handler in the API documentation
}
"""The permissions of each handler type. Source: "Permissions availability per handler type"."""

_MENU: Final = "menu_handler"
_DISPUTED: Final = {_MENU: ("message",)}
"""Permissions that an example of Zoho's OpenAPI document has, against the table."""
_SCRIPT_BYTES: Final = 256_000
_NAME_CHARS: Final = 15
_MAX_PERMISSIONS: Final = 5
_MAX_SUB_ACTIONS: Final = 5
_ICON: Final = re.compile(r"[^/\s]+/[0-9A-Fa-f]{3,8}")
_ICON_WORDS: Final = "an icon as name/HEX"


def _permissions(value: Permission | Iterable[Permission] | None) -> tuple[Permission, ...] | None:
    return converters.as_optional_tuple(value)


def _sub_actions(value: "SubAction | Iterable[SubAction] | None") -> "tuple[SubAction, ...] | None":
    return converters.as_optional_tuple(value)


def check_script(model: object, attribute: Any, value: str | None) -> None:
    """Validate None or a script of 1 character to 256,000 bytes of UTF-8."""
    if value is None:
        return
    field = validators.field_name(model, attribute)
    size = len(validators.check_text(field, value, 1).encode())
    if size > _SCRIPT_BYTES:
        raise ValidationError(field, f"at most {_SCRIPT_BYTES} bytes of UTF-8", size)


def _check_permissions(model: object, attribute: Any, value: tuple[Any, ...] | None) -> None:
    validators.subset_of(*get_args(Permission), maximum=_MAX_PERMISSIONS)(model, attribute, value)
    if value is not None and len(set(value)) < len(value):
        raise ValidationError(
            validators.field_name(model, attribute), "each permission once", value
        )


def _check_sub_actions(model: object, attribute: Any, value: tuple[Any, ...] | None) -> None:
    if value is None:
        return
    validators.instances(SubAction, 0, _MAX_SUB_ACTIONS, "sub-actions")(model, attribute, value)
    for index, item in enumerate(value):
        field = f"{validators.field_name(model, attribute)}[{index}]"
        validators.check_text(f"{field}.name", item.name, 1, _NAME_CHARS)
        icon = validators.check_text(f"{field}.icon", item.icon)
        if icon and not _ICON.fullmatch(icon):
            raise ValidationError(f"{field}.icon", _ICON_WORDS, icon)


@attrs.frozen
class SubAction(Model):
    """An entry below a menu action. The model that contains it checks its limits.

    Attributes:
        name: The label, 1 to 15 characters.
        icon: `name/HEX`, such as `wand/627282`.
    """

    name: str = ""
    icon: str = attrs.field(default="", kw_only=True)


@attrs.frozen(kw_only=True)
class _HandlerFields(Model):
    """Fields that new handlers and changes have in common; None leaves a field out."""

    script: str | None = attrs.field(default=None, validator=check_script)
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

    def _check_script_or_permissions(self) -> None:
        if self.script is not None and self.permissions is not None:
            raise ValidationError(
                f"{type(self).__name__}.permissions",
                "None if a script is given: a handler has one or the other",
                self.permissions,
            )


@attrs.frozen
class NewHandler(_HandlerFields):
    """A handler to create: with a script for a Deluge bot, with permissions for a webhook bot.

    Example:
        >>> handler = NewHandler("menu_handler", script="return Map();", name="Open ticket")

    Attributes:
        type: One of the eight types, such as `message_handler`.
        script: Deluge source code of 1 character to 256,000 bytes of UTF-8.
        permissions: The data that the webhook receives: at most 5 of `attachments`, `chat`,
            `location`, `message` and `user`, and only those that the type allows. May be empty.
        name: 1 to 15 characters; required for a menu handler, refused for any other.
        icon: `name/HEX`; only for a menu handler.
        sub_actions: At most 5; only for a menu handler.

    Raises:
        ValidationError: A field breaks its limit.
    """

    type: HandlerType = attrs.field(kw_only=False)

    def __attrs_post_init__(self) -> None:
        self._check_script_or_permissions()
        if self.script is None and self.permissions is None:
            raise ValidationError("NewHandler.script", "a script, or permissions", None)
        check_type("NewHandler.type", self.type, self)
        if self.type == _MENU and self.name is None:
            raise ValidationError("NewHandler.name", "1 to 15 characters in a menu handler", None)


@attrs.frozen
class HandlerChanges(_HandlerFields):
    """Changes to a handler, at least one. Fields that are None stay as they are.

    Example:
        >>> changes = HandlerChanges(permissions=["message", "user"])

    Attributes:
        script: Deluge source code of 1 character to 256,000 bytes of UTF-8.
        permissions: Replaces the old ones; the same values as for `NewHandler`.
        name: 1 to 15 characters; only for a menu handler.
        icon: `name/HEX`; only for a menu handler.
        sub_actions: At most 5; replaces the old ones; only for a menu handler.

    Raises:
        ValidationError: A field breaks its limit, or all fields are None.
    """

    def __attrs_post_init__(self) -> None:
        validators.check_any(self)
        self._check_script_or_permissions()


def check_type(field: str, handler_type: str, handler: NewHandler | HandlerChanges | None) -> str:
    """Return the type of a handler, checked together with the fields to set.

    Args:
        field: The type's name, for the error.
        handler_type: The type.
        handler: The fields to set; None for no fields.

    Raises:
        ValidationError: The type is unknown, or does not allow a field or a permission.
    """
    if handler_type not in HANDLER_TYPES:
        raise ValidationError(field, f"one of {', '.join(HANDLER_TYPES)}", handler_type)
    if handler is None:
        return handler_type
    owner = type(handler).__name__
    allowed = PERMISSIONS[handler_type] + _DISPUTED.get(handler_type, ())
    for index, permission in enumerate(handler.permissions or ()):
        if permission not in allowed:
            choices = f"one of {', '.join(allowed)} for a {handler_type}"
            raise ValidationError(f"{owner}.permissions[{index}]", choices, permission)
    if handler_type != _MENU:
        for name in ("name", "icon", "sub_actions"):
            if getattr(handler, name) is not None:
                raise ValidationError(
                    f"{owner}.{name}",
                    f"None unless the type is {_MENU}",
                    getattr(handler, name),
                )
    return handler_type


@attrs.frozen(kw_only=True)
class HandlerParam(Model):
    """A parameter of a handler.

    Attributes:
        param_name: Such as `user` or `chat`.
        param_type: Such as `MAP` or `STRING`.
    """

    param_name: str = ""
    param_type: str = ""


@attrs.frozen(kw_only=True)
class Handler(Model):
    """A handler as described by Cliq, which may leave out any field.

    Attributes:
        type: Such as `menu_handler` or `welcome_handler`.
        id: The handler's id; empty after `create`, whose response has no id.
        name: The menu action's name.
        icon: The menu action's icon, `name/HEX`.
        position: The menu action's position.
        sub_actions: The entries below a menu action.
        script: The Deluge source code of a Deluge bot's handler.
        permissions: The data that a webhook bot's handler receives.
        return_type: Such as `MAP`.
        params: The handler's parameters.
        extra: All other fields of the response, unchanged, and `sub_actions` and `params` as they
            came if they have more fields than these models.
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
    extra: Unknown = attrs.field(default=NO_EXTRA, hash=False)
