"""Buttons, what they do when pressed, and the question asked before."""

import abc
import re
from typing import ClassVar, Final, Literal, get_args

import attrs

from cliq_async.errors import ValidationError
from cliq_async.models import validators

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


@attrs.frozen
class Confirm:
    """A question that Cliq asks before a button acts.

    Example:
        >>> confirm = Confirm("Sure?", input="Why?", button_label="Delete")

    Attributes:
        title: 1 to 100 characters.
        input: What the user is asked to type, 1 to 300 characters.
        button_label: The button that goes on, 1 to 100 characters.
        description: At most 100 characters.
        emotion: `positive`, `neutral` or `negative`.
        cancel_button_label: At most 100 characters.
        mandatory: Whether the user has to type something.

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
    mandatory: bool | None = attrs.field(default=None, kw_only=True, validator=validators.is_bool)


@attrs.frozen
class Action(abc.ABC):
    """What all actions have: a type, and a question asked before if there is one."""

    type: ClassVar[str]

    confirm: Confirm | None = attrs.field(
        default=None,
        kw_only=True,
        validator=validators.instance(Confirm, "a Confirm or None", optional=True),
    )

    @abc.abstractmethod
    def data(self) -> dict[str, str]:
        """What the action needs, as the API wants it."""


@attrs.frozen
class OpenUrl(Action):
    """Open a URL (`open.url`); at least one of the four.

    Example:
        >>> action = OpenUrl("https://example.com/ticket/7")

    Attributes:
        web: At most 256 characters; http, https, tel, sms or sip.
        windows: What the Windows app opens instead, at most 256 characters.
        ios: What the iOS app opens instead, at most 256 characters.
        android: What the Android app opens instead, at most 256 characters.
        confirm: A question asked before.

    Raises:
        ValidationError: A field breaks its limit, or none was given.
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
        """The URL of each platform, as the API wants them."""
        urls = {
            "web": self.web,
            "windows": self.windows,
            "iOS": self.ios,
            "android": self.android,
        }
        return {platform: url for platform, url in urls.items() if url}


@attrs.frozen
class InvokeFunction(Action):
    """Call a Cliq function (`invoke.function`).

    Attributes:
        name: The function's name.
        owner: The email address of who made it.
        confirm: A question asked before.

    Raises:
        ValidationError: A field breaks its limit.
    """

    type: ClassVar[str] = "invoke.function"

    name: str = attrs.field(validator=validators.str_length(1))
    owner: str | None = attrs.field(
        default=None, kw_only=True, validator=validators.str_length(1, optional=True)
    )

    def data(self) -> dict[str, str]:
        """The name and the owner, as the API wants them."""
        return {"name": self.name, "owner": self.owner} if self.owner else {"name": self.name}


@attrs.frozen
class SystemApi(Action):
    """Start something of Cliq's own (`system.api`).

    Example:
        >>> action = SystemApi("audiocall/55743307")

    Attributes:
        api: `audiocall/ZUID`, `videocall/ZUID`, `startchat/ZUID`, `invite/ZUID` with the digits
            of a user's id, or `locationpermission`.
        confirm: A question asked before.

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
        """The API's name."""
        return {"api": self.api}


@attrs.frozen
class PreviewUrl(Action):
    """Show a page beside the chat (`preview.url`).

    Attributes:
        url: 1 to 500 characters.
        confirm: A question asked before.

    Raises:
        ValidationError: A field breaks its limit.
    """

    type: ClassVar[str] = "preview.url"

    url: str = attrs.field(validator=validators.str_length(1, 500))

    def data(self) -> dict[str, str]:
        """The URL."""
        return {"url": self.url}


@attrs.frozen
class CopyText(Action):
    """Copy a text to the clipboard (`copy`).

    Attributes:
        text: 1 to 200 characters.
        confirm: A question asked before.

    Raises:
        ValidationError: A field breaks its limit.
    """

    type: ClassVar[str] = "copy"

    text: str = attrs.field(validator=validators.str_length(1, 200))

    def data(self) -> dict[str, str]:
        """The text."""
        return {"text": self.text}


@attrs.frozen
class Button:
    """A button under a message, or inside its text by `Message.references`.

    Example:
        >>> button = Button("Open", action=OpenUrl("https://example.com"))

    Attributes:
        label: 1 to 20 characters.
        action: What it does.
        hint: Shown on hovering, at most 100 characters.
        type: `+` is green, `-` is red.
        key: For the function that is invoked to know it by, at most 100 characters.

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
