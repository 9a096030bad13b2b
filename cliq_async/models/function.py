"""Functions: the code behind buttons and forms. New functions, changes, handlers, answers."""

import re
from collections.abc import Iterable
from typing import Any, Final, Literal, get_args

import attrs

from cliq_async.errors import ValidationError
from cliq_async.models import converters, validators
from cliq_async.models.base import Model
from cliq_async.models.bot import ExecutionType, User
from cliq_async.models.extra import NO_EXTRA, Unknown
from cliq_async.models.handler import HandlerParam, check_script

__all__ = [
    "FUNCTION_HANDLER_TYPES",
    "FUNCTION_PERMISSIONS",
    "Function",
    "FunctionChanges",
    "FunctionHandler",
    "FunctionHandlerChanges",
    "FunctionHandlerType",
    "FunctionPermission",
    "FunctionType",
    "NewFunction",
    "NewFunctionHandler",
    "check_function_handler_type",
]

FunctionType = Literal["button", "form", "widget_button"]
FunctionHandlerType = Literal[
    "button_handler",
    "form_submit_handler",
    "form_change_handler",
    "form_dynamic_select_handler",
    "form_view_handler",
    "widget_button_handler",
]
FunctionPermission = Literal["chat", "message", "user"]

FUNCTION_HANDLER_TYPES: Final = get_args(FunctionHandlerType)

FUNCTION_PERMISSIONS: Final[dict[str, tuple[str, ...]]] = {
    "button_handler": ("chat", "message", "user"),
    "form_submit_handler": ("chat", "message", "user"),
    "form_change_handler": ("chat", "user"),
    "form_dynamic_select_handler": ("chat", "user"),
    "form_view_handler": ("user",),
    "widget_button_handler": ("user",),
}
"""The permissions of each type. Source: "Permissions availability by handler type"."""

_NAME_CHARS: Final = 30
_DESCRIPTION_CHARS: Final = 300
_URL_CHARS: Final = 225
_URL: Final = re.compile(r"https?://\S+", re.IGNORECASE)


def _permissions(
    value: FunctionPermission | Iterable[FunctionPermission] | None,
) -> tuple[FunctionPermission, ...] | None:
    return converters.as_optional_tuple(value)


def _check_permissions(model: object, attribute: Any, value: tuple[Any, ...] | None) -> None:
    names = get_args(FunctionPermission)
    validators.subset_of(*names, maximum=len(names))(model, attribute, value)
    if value is not None and len(set(value)) < len(value):
        field = validators.field_name(model, attribute)
        raise ValidationError(field, "each permission once", value)


_url_validator: Final = validators.matches(
    _URL, "an http:// or https:// URL", high=_URL_CHARS, optional=True
)


@attrs.frozen
class NewFunction(Model):
    """A function to create: the code that a button or a form invokes by the function's name.

    Example:
        >>> function = NewFunction(
        ...     "approve",
        ...     description="Approves an expense",
        ...     function_type="button",
        ...     execution_type="webhook",
        ...     execution_url="https://example.com/cliq",
        ... )

    Attributes:
        name: 1 to 30 characters; must be unique. `InvokeFunction` refers to it.
        description: 1 to 300 characters.
        function_type: `button`, `form` or `widget_button`; never changes.
        execution_type: `deluge`, Cliq's default, or `webhook`.
        execution_url: The URL that receives a webhook function's events, of at most 225 characters;
            it may be a bot's. Required for `webhook`, refused otherwise.

    Raises:
        ValidationError: A field breaks its limit.
    """

    name: str = attrs.field(validator=validators.str_length(1, _NAME_CHARS))
    description: str = attrs.field(
        kw_only=True, validator=validators.str_length(1, _DESCRIPTION_CHARS)
    )
    function_type: FunctionType = attrs.field(kw_only=True)
    execution_type: ExecutionType | None = attrs.field(
        default=None, kw_only=True, validator=validators.one_of(*get_args(ExecutionType))
    )
    execution_url: str | None = attrs.field(default=None, kw_only=True, validator=_url_validator)

    def __attrs_post_init__(self) -> None:
        types = get_args(FunctionType)
        if self.function_type not in types:
            raise ValidationError(
                "NewFunction.function_type", f"one of {', '.join(types)}", self.function_type
            )
        webhook = self.execution_type == "webhook"
        if webhook and self.execution_url is None:
            limit = "a URL when the type is webhook"
            raise ValidationError("NewFunction.execution_url", limit, None)
        if not webhook and self.execution_url is not None:
            limit = "None unless execution_type is webhook"
            raise ValidationError("NewFunction.execution_url", limit, self.execution_url)


@attrs.frozen(kw_only=True)
class FunctionChanges(Model):
    """Changes to a function, at least one. Fields that are None stay as they are.

    Example:
        >>> changes = FunctionChanges(execution_url="https://example.com/new")

    Attributes:
        name: 1 to 30 characters. Buttons and forms that invoke the old name find nothing.
        description: 1 to 300 characters.
        execution_url: The URL that receives a webhook function's events, of at most 225 characters.

    Raises:
        ValidationError: A field breaks its limit, or all fields are None.
    """

    name: str | None = attrs.field(
        default=None, validator=validators.str_length(1, _NAME_CHARS, optional=True)
    )
    description: str | None = attrs.field(
        default=None, validator=validators.str_length(1, _DESCRIPTION_CHARS, optional=True)
    )
    execution_url: str | None = attrs.field(default=None, validator=_url_validator)

    def __attrs_post_init__(self) -> None:
        validators.check_any(self)


@attrs.frozen(kw_only=True)
class _HandlerFields(Model):
    """Fields that new handlers and changes have in common; None leaves a field out."""

    script: str | None = attrs.field(default=None, validator=check_script)
    permissions: tuple[FunctionPermission, ...] | None = attrs.field(
        default=None, converter=_permissions, validator=_check_permissions
    )

    def _check_script_or_permissions(self) -> None:
        name = type(self).__name__
        if self.script is not None and self.permissions is not None:
            limit = "None if a script is given: a handler has one or the other"
            raise ValidationError(f"{name}.permissions", limit, self.permissions)
        if self.script is None and self.permissions is None:
            raise ValidationError(f"{name}.script", "a script, or permissions", None)


@attrs.frozen
class NewFunctionHandler(_HandlerFields):
    """A function's handler to create: with a script, or with permissions for a webhook function.

    Example:
        >>> handler = NewFunctionHandler("button_handler", permissions=["message", "user"])

    Attributes:
        type: `button_handler`, `widget_button_handler`, or one of the four types of a form:
            `form_submit_handler`, `form_change_handler`, `form_dynamic_select_handler` and
            `form_view_handler`.
        script: Deluge source code of 1 character to 256,000 bytes of UTF-8.
        permissions: The data that the webhook receives: `chat`, `message` and `user`, and only
            those that the type allows. May be empty.

    Raises:
        ValidationError: A field breaks its limit.
    """

    type: FunctionHandlerType = attrs.field(kw_only=False)

    def __attrs_post_init__(self) -> None:
        self._check_script_or_permissions()
        check_function_handler_type("NewFunctionHandler.type", self.type, self)


@attrs.frozen
class FunctionHandlerChanges(_HandlerFields):
    """Changes to a function's handler: a script, or permissions.

    Example:
        >>> changes = FunctionHandlerChanges(permissions=["user"])

    Attributes:
        script: Deluge source code of 1 character to 256,000 bytes of UTF-8.
        permissions: Replaces the old ones; the same values as for `NewFunctionHandler`.

    Raises:
        ValidationError: A field breaks its limit, or not exactly one of both is given.
    """

    def __attrs_post_init__(self) -> None:
        self._check_script_or_permissions()


def check_function_handler_type(
    field: str, handler_type: str, handler: NewFunctionHandler | FunctionHandlerChanges | None
) -> str:
    """Return the type of a function's handler, checked together with the permissions to set.

    Args:
        field: The type's name, for the error.
        handler_type: The type.
        handler: The fields to set; None for no fields.

    Raises:
        ValidationError: The type is unknown, or does not allow a permission.
    """
    if handler_type not in FUNCTION_HANDLER_TYPES:
        choices = f"one of {', '.join(FUNCTION_HANDLER_TYPES)}"
        raise ValidationError(field, choices, handler_type)
    allowed = FUNCTION_PERMISSIONS[handler_type]
    for index, permission in enumerate(() if handler is None else handler.permissions or ()):
        if permission not in allowed:
            choices = f"one of {', '.join(allowed)} for a {handler_type}"
            field = f"{type(handler).__name__}.permissions[{index}]"
            raise ValidationError(field, choices, permission)
    return handler_type


@attrs.frozen(kw_only=True)
class FunctionHandler(Model):
    """A function's handler as described by Cliq, which may leave out any field.

    Attributes:
        type: Such as `button_handler`.
        function_id: The id of its function; empty in the list of a `Function`.
        script: The Deluge source code of a Deluge function's handler.
        permissions: The data that a webhook function's handler receives.
        return_type: Such as `MAP`.
        params: The handler's parameters.
        extra: All other fields of the response, unchanged, and `params` as they came if they have
            more fields than these models.
    """

    type: str = ""
    function_id: str = ""
    script: str = ""
    permissions: tuple[str, ...] = ()
    return_type: str = ""
    params: tuple[HandlerParam, ...] = ()
    extra: Unknown = attrs.field(default=NO_EXTRA, hash=False)


@attrs.frozen(kw_only=True)
class Function(Model):
    """A function. Id and name are always set; Cliq may leave out any other field.

    Attributes:
        id: A string of digits.
        name: The name by which buttons and forms invoke it.
        description: The purpose of the function.
        function_type: `button`, `form` or `widget_button`.
        handlers: Its handlers, with their types alone.
        creator: The user who created it.
        execution_type: `deluge` or `webhook`.
        execution_url: The URL that receives a webhook function's events.
        status: `enabled` or another.
        type: `custom` or another.
        scope: `personal` or another.
        extra: All other fields of the response, unchanged. Except in a page, they also include
            `handlers` and `creator` as they came if those have more fields than the models here.
    """

    id: str
    name: str
    description: str = ""
    function_type: str = ""
    handlers: tuple[FunctionHandler, ...] = ()
    creator: User | None = None
    execution_type: str = ""
    execution_url: str = ""
    status: str = ""
    type: str = ""
    scope: str = ""
    extra: Unknown = attrs.field(default=NO_EXTRA, hash=False)
