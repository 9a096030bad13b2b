"""Buttons, their actions, and the confirmation asked for before an action."""

import abc
import re
from typing import Any, ClassVar, Final, Literal, get_args

import attrs

from cliq_async.errors import ValidationError
from cliq_async.models import validators
from cliq_async.models.base import Model
from cliq_async.models.extra import as_json_object, check_json_object

__all__ = [
    "Action",
    "Button",
    "Confirm",
    "CopyText",
    "InvokeFunction",
    "OpenUrl",
    "PreviewUrl",
    "SystemApi",
]

Emotion = Literal["positive", "neutral", "negative"]
ButtonType = Literal["+", "-"]

_WEB: Final = re.compile(r"(?:https?://|tel:|sms:|sip:)\S+", re.IGNORECASE)
_SYSTEM: Final = re.compile(r"(?:audiocall|videocall|startchat|invite)/[0-9]+|locationpermission")


def _check_mandatory(confirm: "Confirm", attribute: Any, value: object) -> None:
    if value not in ("true", "false"):
        validators.is_bool(confirm, attribute, value)


@attrs.frozen
class Confirm(Model):
    """A confirmation that Cliq asks for before it runs a button's action.

    Example:
        >>> confirm = Confirm("Sure?", input="Why?", button_label="Delete")

    Attributes:
        title: 1 to 100 characters.
        input: The prompt for the user's input, 1 to 300 characters.
        button_label: Label of the button that continues, 1 to 100 characters.
        description: At most 100 characters.
        emotion: `positive`, `neutral` or `negative`.
        cancel_button_label: Label of the button that cancels, at most 100 characters.
        mandatory: True if the user must type something. `"true"` and `"false"` are sent as text,
            as Zoho's page on buttons has it.

    Raises:
        ValidationError: A field breaks its limit.
    """

    title: str = attrs.field(validator=validators.str_length(1, 100))
    input: str = attrs.field(kw_only=True, validator=validators.str_length(1, 300))
    button_label: str = attrs.field(kw_only=True, validator=validators.str_length(1, 100))
    description: str = attrs.field(
        default="", kw_only=True, validator=validators.str_length(0, 100)
    )
    emotion: Emotion | None = attrs.field(
        default=None, kw_only=True, validator=validators.one_of(*get_args(Emotion))
    )
    cancel_button_label: str = attrs.field(
        default="", kw_only=True, validator=validators.str_length(0, 100)
    )
    mandatory: bool | Literal["true", "false"] | None = attrs.field(
        default=None, kw_only=True, validator=_check_mandatory
    )


@attrs.frozen
class Action(Model, abc.ABC):
    """The base of all actions.

    Attributes:
        confirm: A confirmation to ask for first.
        extra: Further fields of the action in the API's form, sent as they are and at your own
            risk. They replace fields of the same name.
    """

    type: ClassVar[str]

    confirm: Confirm | None = attrs.field(
        default=None,
        kw_only=True,
        validator=validators.instance(Confirm, "a Confirm or None", optional=True),
    )
    extra: dict[str, Any] = attrs.field(
        factory=dict,
        kw_only=True,
        converter=as_json_object,
        validator=check_json_object,
        hash=False,  # a dict is not hashable
    )

    @abc.abstractmethod
    def data(self) -> dict[str, str]:
        """Return the action's parameters in the API's form."""


@attrs.frozen
class OpenUrl(Action):
    """Action that opens a URL (`open.url`). At least one of the four URLs is required.

    Example:
        >>> action = OpenUrl("https://example.com/ticket/7")

    Attributes:
        web: At most 256 characters; http, https, tel, sms or sip.
        windows: URL for the Windows app, at most 256 characters.
        ios: URL for the iOS app, at most 256 characters.
        android: URL for the Android app, at most 256 characters.
        confirm: A confirmation to ask for first.
        extra: Further fields, as for `Action`.

    Raises:
        ValidationError: A field breaks its limit, or no URL is given.
    """

    type: ClassVar[str] = "open.url"

    web: str | None = attrs.field(
        default=None,
        validator=validators.matches(
            _WEB, "a URL of http, https, tel, sms or sip", high=256, optional=True
        ),
    )
    windows: str | None = attrs.field(
        default=None, kw_only=True, validator=validators.str_length(1, 256, optional=True)
    )
    ios: str | None = attrs.field(
        default=None, kw_only=True, validator=validators.str_length(1, 256, optional=True)
    )
    android: str | None = attrs.field(
        default=None, kw_only=True, validator=validators.str_length(1, 256, optional=True)
    )

    def __attrs_post_init__(self) -> None:
        if not self.data():
            raise ValidationError("OpenUrl.web", "a URL for at least one platform", None)

    def data(self) -> dict[str, str]:
        """Return the URL of each platform in the API's form."""
        urls = {
            "web": self.web,
            "windows": self.windows,
            "iOS": self.ios,
            "android": self.android,
        }
        return {platform: url for platform, url in urls.items() if url}


@attrs.frozen
class InvokeFunction(Action):
    """Action that calls a Cliq function (`invoke.function`).

    Attributes:
        name: The name of the function, as in `NewFunction`.
        owner: The email address of the function's creator.
        confirm: A confirmation to ask for first.
        extra: Further fields, as for `Action`.

    Raises:
        ValidationError: A field breaks its limit.
    """

    type: ClassVar[str] = "invoke.function"

    name: str = attrs.field(validator=validators.str_length(1))
    owner: str | None = attrs.field(
        default=None, kw_only=True, validator=validators.str_length(1, optional=True)
    )

    def data(self) -> dict[str, str]:
        """Return the name and the owner in the API's form."""
        return {"name": self.name, "owner": self.owner} if self.owner else {"name": self.name}


@attrs.frozen
class SystemApi(Action):
    """Action that calls one of Cliq's system APIs (`system.api`).

    Example:
        >>> action = SystemApi("audiocall/55743307")

    Attributes:
        api: `audiocall/ZUID`, `videocall/ZUID`, `startchat/ZUID`, `invite/ZUID` with the digits
            of a user's id, or `locationpermission`.
        confirm: A confirmation to ask for first.
        extra: Further fields, as for `Action`.

    Raises:
        ValidationError: A field breaks its limit.
    """

    type: ClassVar[str] = "system.api"

    api: str = attrs.field(
        validator=validators.matches(
            _SYSTEM,
            "audiocall/ZUID, videocall/ZUID, startchat/ZUID, invite/ZUID or locationpermission",
        )
    )

    def data(self) -> dict[str, str]:
        """Return the system API's name in the API's form."""
        return {"api": self.api}


@attrs.frozen
class PreviewUrl(Action):
    """Action that shows a page next to the chat (`preview.url`).

    Attributes:
        url: 1 to 500 characters.
        confirm: A confirmation to ask for first.
        extra: Further fields, as for `Action`.

    Raises:
        ValidationError: A field breaks its limit.
    """

    type: ClassVar[str] = "preview.url"

    url: str = attrs.field(validator=validators.str_length(1, 500))

    def data(self) -> dict[str, str]:
        """Return the URL in the API's form."""
        return {"url": self.url}


@attrs.frozen
class CopyText(Action):
    """Action that copies a text to the clipboard (`copy`).

    Attributes:
        text: 1 to 200 characters.
        confirm: A confirmation to ask for first.
        extra: Further fields, as for `Action`.

    Raises:
        ValidationError: A field breaks its limit.
    """

    type: ClassVar[str] = "copy"

    text: str = attrs.field(validator=validators.str_length(1, 200))

    def data(self) -> dict[str, str]:
        """Return the text in the API's form."""
        return {"text": self.text}


@attrs.frozen
class Button(Model):
    """A button under a message, or inside its text by `Message.references`.

    Example:
        >>> button = Button("Open", action=OpenUrl("https://example.com"))

    Attributes:
        label: 1 to 20 characters.
        action: The action that it runs.
        hint: Shown on hovering, at most 100 characters.
        type: `+` is green, `-` is red.
        key: Identifies the button to the invoked function, at most 100 characters.
        arguments: Any JSON values by name, which the invoked function receives.
        extra: Further fields of the button in the API's form, sent as they are and at your own
            risk. They replace fields of the same name.

    Raises:
        ValidationError: A field breaks its limit.
    """

    label: str = attrs.field(validator=validators.str_length(1, 20))
    action: Action = attrs.field(kw_only=True, validator=validators.instance(Action, "an Action"))
    hint: str = attrs.field(default="", kw_only=True, validator=validators.str_length(0, 100))
    type: ButtonType | None = attrs.field(
        default=None, kw_only=True, validator=validators.one_of(*get_args(ButtonType))
    )
    key: str = attrs.field(default="", kw_only=True, validator=validators.str_length(0, 100))
    arguments: dict[str, Any] = attrs.field(
        factory=dict,
        kw_only=True,
        converter=as_json_object,
        validator=check_json_object,
        hash=False,  # a dict is not hashable
    )
    extra: dict[str, Any] = attrs.field(
        factory=dict,
        kw_only=True,
        converter=as_json_object,
        validator=check_json_object,
        hash=False,  # a dict is not hashable
    )
