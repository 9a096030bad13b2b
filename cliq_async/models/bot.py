"""A bot, as Cliq describes it.

Enumerations are plain text: servers add values over time, and an unknown one never fails.
"""

import attrs

__all__ = ["Bot", "BotHandler", "SubAction", "User"]


@attrs.frozen(kw_only=True)
class User:
    """A Cliq user.

    Attributes:
        id: The user's ZUID, a string of digits.
        name: The display name.
    """

    id: str = ""
    name: str = ""


@attrs.frozen(kw_only=True)
class SubAction:
    """An entry below a menu action.

    Attributes:
        name: What the user sees.
        icon: `name/HEX`.
    """

    name: str = ""
    icon: str = ""


@attrs.frozen(kw_only=True)
class BotHandler:
    """A handler of a bot; only a menu handler has more than a type.

    Attributes:
        type: As `menu_handler` or `welcome_handler`.
        id: The handler's id.
        name: The menu action's name.
        icon: `name/HEX`.
        position: The menu action's place.
        sub_actions: The entries below a menu action.
    """

    type: str = ""
    id: str = ""
    name: str = ""
    icon: str = ""
    position: int | None = None
    sub_actions: tuple[SubAction, ...] = ()


@attrs.frozen(kw_only=True)
class Bot:
    """A bot. Id, unique name and name are always there; Cliq may leave out any other field.

    Attributes:
        id: The digits of the bot's id, or `b-` and the digits.
        unique_name: Assigned by Cliq when the bot is created; never changes.
        name: The display name.
        description: What the bot is for.
        scope: `organization`, `team` or `personal`.
        team_ids: The teams of a bot whose scope is `team`.
        status_messages: The texts under its name.
        channel_participation: `listen_message`, `send_message`, `auto_follow_thread`.
        calls: `enabled` or `disabled`.
        handlers: Its handlers.
        creator: Who made it.
        execution_type: `deluge` or `webhook`.
        execution_url: Where a webhook bot's events go.
        status: `enabled` or another.
        type: `custom` or another.
        default: Whether it is one of Cliq's own; None if Cliq does not say.
        subscriber_count: How many users subscribe to it; None if Cliq does not say.
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
