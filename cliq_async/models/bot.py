"""Bots: new bots, changes to bots, and bots as described by Cliq.

Enumerations in responses are plain strings: servers add values over time, and an unknown one must
not fail.
"""

import re
from collections.abc import Iterable
from typing import Any, Final, Literal, get_args

import attrs

from cliq_async.errors import ValidationError
from cliq_async.models import converters, validators
from cliq_async.models.base import Model
from cliq_async.models.extra import NO_EXTRA, Unknown
from cliq_async.models.handler import SubAction

__all__ = ["Bot", "BotChanges", "BotHandler", "NewBot", "User"]

ExecutionType = Literal["deluge", "webhook"]
Participation = Literal["listen_message", "send_message", "auto_follow_thread"]
Scope = Literal["organization", "team", "personal"]
Switch = Literal["enabled", "disabled", "enable", "disable"]
"""The Bots documents print the first two in their texts, and the last two in their schema."""

_URL: Final = re.compile(r"https?://\S+", re.IGNORECASE)
_NAME_CHARS: Final = 20
_DESCRIPTION_CHARS: Final = 300


def _ids(value: int | Iterable[int] | None) -> tuple[int, ...] | None:
    return None if value is None else converters.as_tuple(value)


def _texts(value: str | Iterable[str] | None) -> tuple[str, ...] | None:
    return None if value is None else converters.as_tuple(value)


def _participations(
    value: Participation | Iterable[Participation] | None,
) -> tuple[Participation, ...] | None:
    return None if value is None else converters.as_tuple(value)


def _check_team_ids(model: object, attribute: Any, value: tuple[Any, ...] | None) -> None:
    if value is None:
        return
    field = validators.field_name(model, attribute)
    validators.check_count(field, value, 1, 4, "ids")
    for index, item in enumerate(value):
        if type(item) is not int:  # bool is a subclass of int
            raise ValidationError(f"{field}[{index}]", "an int", item)


def _check_team(model: "NewBot | BotChanges") -> None:
    if model.scope == "team" and model.team_ids is None:
        field = f"{type(model).__name__}.team_ids"
        raise ValidationError(field, "1 to 4 ids when the scope is team", None)


@attrs.frozen(kw_only=True)
class _Described(Model):
    """Fields that new bots and changes to bots have in common; None leaves a field out."""

    scope: Scope | None = attrs.field(default=None, validator=validators.one_of(*get_args(Scope)))
    team_ids: tuple[int, ...] | None = attrs.field(
        default=None, converter=_ids, validator=_check_team_ids
    )
    status_messages: tuple[str, ...] | None = attrs.field(
        default=None,
        converter=_texts,
        validator=validators.strings(0, 10, "status messages", each=(1, 50), optional=True),
    )
    channel_participation: tuple[Participation, ...] | None = attrs.field(
        default=None,
        converter=_participations,
        validator=validators.subset_of(*get_args(Participation), maximum=3),
    )
    calls: Switch | None = attrs.field(default=None, validator=validators.one_of(*get_args(Switch)))
    image: str | None = attrs.field(default=None, validator=validators.str_length(1, optional=True))
    execution_url: str | None = attrs.field(
        default=None,
        validator=validators.matches(_URL, "an http:// or https:// URL", optional=True),
    )


@attrs.frozen
class NewBot(_Described):
    """A bot to create. Cliq assigns the unique name and the id.

    Example:
        >>> bot = NewBot("Pipeline Bot", description="Tells how builds went")
        >>> bot.scope
        'organization'

    Attributes:
        name: 1 to 20 characters; must be unique.
        description: 1 to 300 characters.
        execution_type: `deluge`, Cliq's default, or `webhook`.
        execution_url: The URL that receives a webhook bot's events. Required for `webhook`, refused
            otherwise.
        scope: `organization`, `team` or `personal`. It is always sent, since Cliq requires it; by
            default it is `team` if `team_ids` are given, else `organization`.
        team_ids: 1 to 4 ids; required when the scope is `team`.
        status_messages: At most 10, of 1 to 50 characters each.
        channel_participation: At most 3 of `listen_message`, `send_message`, `auto_follow_thread`.
        calls: `enabled` or `disabled` (also `enable` or `disable`, as some documents print them).
            Calls override the recipients' Do Not Disturb.
        image: The avatar, in base64.

    Raises:
        ValidationError: A field breaks its limit.
    """

    name: str = attrs.field(kw_only=False, validator=validators.str_length(1, _NAME_CHARS))
    description: str = attrs.field(
        kw_only=True, validator=validators.str_length(1, _DESCRIPTION_CHARS)
    )
    execution_type: ExecutionType | None = attrs.field(
        default=None, kw_only=True, validator=validators.one_of(*get_args(ExecutionType))
    )

    def __attrs_post_init__(self) -> None:
        if self.scope is None:
            scope = "organization" if self.team_ids is None else "team"
            object.__setattr__(self, "scope", scope)  # the class is frozen
        _check_team(self)
        webhook = self.execution_type == "webhook"
        if webhook and self.execution_url is None:
            raise ValidationError("NewBot.execution_url", "a URL when the type is webhook", None)
        if not webhook and self.execution_url is not None:
            limit = "None unless execution_type is webhook"
            raise ValidationError("NewBot.execution_url", limit, self.execution_url)


@attrs.frozen
class BotChanges(_Described):
    """Changes to a bot, at least one. Fields that are None stay as they are.

    Example:
        >>> changes = BotChanges(description="Tells how builds and tests went", calls="enabled")

    Attributes:
        name: 1 to 20 characters. The unique name does not change.
        description: 1 to 300 characters.
        execution_url: The URL that receives a webhook bot's events.
        scope: `organization`, `team` or `personal`.
        team_ids: 1 to 4 ids; required when the scope becomes `team`.
        status_messages: At most 10, of 1 to 50 characters each.
        channel_participation: At most 3 of `listen_message`, `send_message`, `auto_follow_thread`.
        calls: `enabled` or `disabled`, as for `NewBot`.
        image: The avatar, in base64.

    Raises:
        ValidationError: A field breaks its limit, or all fields are None.
    """

    name: str | None = attrs.field(
        default=None, kw_only=True, validator=validators.str_length(1, _NAME_CHARS, optional=True)
    )
    description: str | None = attrs.field(
        default=None,
        kw_only=True,
        validator=validators.str_length(1, _DESCRIPTION_CHARS, optional=True),
    )

    def __attrs_post_init__(self) -> None:
        _check_team(self)
        validators.check_any(self)


@attrs.frozen(kw_only=True)
class User(Model):
    """A Cliq user.

    Attributes:
        id: The user's ZUID, a string of digits.
        name: The display name.
    """

    id: str = ""
    name: str = ""


@attrs.frozen(kw_only=True)
class BotHandler(Model):
    """A handler in the description of its bot. Only menu handlers have more than a type.

    Attributes:
        type: Such as `menu_handler` or `welcome_handler`.
        id: The handler's id.
        name: The menu action's name.
        icon: `name/HEX`.
        position: The menu action's position.
        sub_actions: The entries below a menu action.
    """

    type: str = ""
    id: str = ""
    name: str = ""
    icon: str = ""
    position: int | None = None
    sub_actions: tuple[SubAction, ...] = ()


@attrs.frozen(kw_only=True)
class Bot(Model):
    """A bot. Id, unique name and name are always set; Cliq may leave out any other field.

    Attributes:
        id: The digits of the bot's id, or `b-` and the digits.
        unique_name: Assigned by Cliq when the bot is created; never changes.
        name: The display name.
        description: The purpose of the bot.
        scope: `organization`, `team` or `personal`.
        team_ids: The teams of a bot whose scope is `team`.
        status_messages: The status texts shown under its name.
        channel_participation: `listen_message`, `send_message`, `auto_follow_thread`.
        calls: `enabled` or `disabled`.
        handlers: Its handlers.
        creator: The user who created it.
        execution_type: `deluge` or `webhook`.
        execution_url: The URL that receives a webhook bot's events.
        status: `enabled` or another.
        type: `custom` or another.
        default: True if it is one of Cliq's own bots; None if Cliq does not say.
        subscriber_count: Number of subscribers; None if Cliq does not say.
        extra: All other fields of the response, unchanged. They include the subscription details,
            whose name is not documented. Except in a page, they also include `handlers` and
            `creator` as they came if those have more fields than the models here.
    """

    id: str
    unique_name: str
    name: str
    description: str = ""
    scope: str = ""
    team_ids: tuple[int, ...] = ()
    status_messages: tuple[str, ...] = ()
    channel_participation: tuple[str, ...] = ()
    calls: str = ""
    handlers: tuple[BotHandler, ...] = ()
    creator: User | None = None
    execution_type: str = ""
    execution_url: str = ""
    status: str = ""
    type: str = ""
    default: bool | None = None
    subscriber_count: int | None = None
    extra: Unknown = attrs.field(default=NO_EXTRA, hash=False)
