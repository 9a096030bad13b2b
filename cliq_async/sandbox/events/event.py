"""Events that are due, and the people who see their answers."""

from collections.abc import Mapping
from typing import Any

import attrs

from cliq_async.sandbox.events.payloads import Receiver, Scene
from cliq_async.sandbox.state.bots import Bot
from cliq_async.sandbox.state.people import Person

__all__ = ["Audience", "Event", "NoEventError"]


class NoEventError(Exception):
    """An event that is not sent; the message says why."""


@attrs.frozen(kw_only=True)
class Audience:
    """The people who see an answer.

    Attributes:
        chat_id: The chat it is posted in; None for messages to recipients.
        person: The person who caused it; None without one.
        channel: The channel's unique name, if the chat is one.
        recipients: The ZUIDs of the recipients; None for all subscribers.
        message_id: The message that an edit changes.
    """

    chat_id: str | None = None
    person: Person | None = None
    channel: str | None = None
    recipients: tuple[str, ...] | None = None
    message_id: str | None = None


@attrs.frozen(kw_only=True)
class Event:
    """An event that is due.

    Attributes:
        bot: The bot, or the bot whose message has the button.
        receiver: The handler it goes to.
        scene: The place of the event.
        params: The parameters, whether permitted or not.
        audience: The people who see the answer; None if no answer is used.
        sub_action: The entry of a menu action that was chosen.
    """

    bot: Bot
    receiver: Receiver
    scene: Scene
    params: Mapping[str, Any]
    audience: Audience | None = None
    sub_action: str | None = None
