"""The events that a webhook bot receives, one class each.

Any field may be absent from an event, above all those that its handler has no permission for. A
text is empty then, and a part is an empty object, so that `event.user.first_name` needs no check.
All that came, as it came, is in `params`, `payload` and `raw`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final, Literal

import attrs
import msgspec

from cliq_async.client import CliqClient
from cliq_async.models.message import Message, SentMessage
from cliq_async.webhooks.parts import (
    Attachment,
    EventChat,
    EventUser,
    Location,
    Mention,
    RepliedMessage,
)

__all__ = [
    "ButtonEvent",
    "CallEvent",
    "ContextEvent",
    "Event",
    "FormAction",
    "FormEvent",
    "IncomingEvent",
    "MentionEvent",
    "MenuEvent",
    "MessageEvent",
    "ParticipationEvent",
    "WelcomeEvent",
]

FormAction = Literal["submit", "change", "select", "view"]

_NO_USER: Final = EventUser()
_NO_CHAT: Final = EventChat()
_NOWHERE: Final = Location()
_NO_MESSAGE: Final = RepliedMessage()


@attrs.define(kw_only=True, eq=False)
class Event:
    """An event of a bot, of any type.

    Attributes:
        type: The handler's type, such as `message_handler`.
        bot: The bot's unique name.
        at: When Cliq made the event, in UTC.
        user: The person who caused it.
        chat: Where it happened; empty without the permission `chat`.
        raw: The whole event, as it came.
    """

    type: str = ""
    bot: str = ""
    at: datetime = attrs.field(factory=lambda: datetime.now(UTC))
    user: EventUser = _NO_USER
    chat: EventChat = _NO_CHAT
    raw: bytes = attrs.field(default=b"{}", repr=False)
    _client: CliqClient | None = attrs.field(default=None, repr=False, alias="client")

    # Read when they are asked for: decoded, they take four times the memory while handlers run.

    @cached_property
    def payload(self) -> Mapping[str, Any]:
        """The whole event, decoded."""
        decoded: dict[str, Any] = msgspec.json.decode(self.raw)
        return decoded

    @property
    def params(self) -> Mapping[str, Any]:
        """All parameters, as they came."""
        params = self.payload.get("params")
        return params if isinstance(params, dict) else {}

    async def reply(self, message: Message | str) -> SentMessage:
        """Send a message where the event happened, through the client, whose quota guards it.

        It goes to the channel if the event names one, else to the user. It is a message beside the
        answer, which the handler returns.

        Raises:
            RuntimeError: The bot has no client, or it is not open.
            ValidationError: The message breaks a limit, or the event names no user.
            CliqError: As for `client.messages.send`.
        """
        if self._client is None:
            raise RuntimeError("event.reply sends through a client: WebhookBot(..., client=client)")
        if self.chat.channel_unique_name:
            return await self._client.messages.send(
                self.bot, message, channel=self.chat.channel_unique_name
            )
        user = self.user.zoho_user_id or self.user.id
        return await self._client.messages.send(self.bot, message, user_ids=[user])


@attrs.define(kw_only=True, eq=False)
class MessageEvent(Event):
    """A message to the bot.

    Attributes:
        text: The message's text.
        mentions: Who is mentioned in it.
        attachments: Files sent along; needs the permission `attachments`.
        links: The URLs in it.
        location: The user's place; needs the permission `location`.
        message_id: The message's id.
        replied_to: The message to which it replies.
    """

    text: str = ""
    mentions: tuple[Mention, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    links: tuple[str, ...] = ()
    location: Location = _NOWHERE
    message_id: str = ""
    replied_to: RepliedMessage = _NO_MESSAGE


@attrs.define(kw_only=True, eq=False)
class MentionEvent(MessageEvent):
    """A message that mentions the bot, in any chat."""


@attrs.define(kw_only=True, eq=False)
class WelcomeEvent(Event):
    """A user has subscribed to the bot.

    Attributes:
        new_user: False if the user has come back.
    """

    new_user: bool = True


@attrs.define(kw_only=True, eq=False)
class ContextEvent(Event):
    """All questions of a context have been answered.

    Attributes:
        context: The context's id, from `Reply(context=...)`.
        answers: The answers by the questions' names.
        attachments: Files sent along; needs the permission `attachments`.
    """

    context: str = ""
    answers: Mapping[str, str] = attrs.field(factory=dict)
    attachments: tuple[Attachment, ...] = ()


@attrs.define(kw_only=True, eq=False)
class MenuEvent(Event):
    """A menu action of the bot was chosen.

    Attributes:
        action: The menu action's name.
        sub_action: The name of the entry below it, or nothing.
        location: The user's place; needs the permission `location`.
    """

    action: str = ""
    sub_action: str = ""
    location: Location = _NOWHERE


@attrs.define(kw_only=True, eq=False)
class IncomingEvent(Event):
    """A request to the bot's incoming webhook.

    Attributes:
        body: The request's body, as text.
        headers: The request's headers.
        query: The parameters of its URL.
        http_method: Such as `POST`.
    """

    body: str = attrs.field(default="", repr=False)
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    query: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    http_method: str = ""

    def json(self) -> Any:
        """Decode the body as JSON.

        Raises:
            ValueError: The body is not JSON.
        """
        return msgspec.json.decode(self.body)


@attrs.define(kw_only=True, eq=False)
class ParticipationEvent(Event):
    """Something happened in a channel or thread in which the bot takes part.

    Attributes:
        operation: `added`, `removed`, `message_sent`, `message_edited`, `message_deleted`,
            `auto_followed_thread`, `added_in_thread`, `removed_from_thread`, `thread_closed` or
            `thread_reopened`.
        text: The message's text, if the operation is about one.
        data: The details, as they came.
    """

    operation: str = ""
    text: str = ""
    data: Mapping[str, Any] = attrs.field(factory=dict, repr=False)


@attrs.define(kw_only=True, eq=False)
class CallEvent(Event):
    """The state of a call that the bot makes has changed. Its handler answers nothing.

    Attributes:
        operation: `ringing`, `answered`, `ended`, `declined`, `missed`, `busy`, `offline` or
            `default_state`.
        call_id: The call's id.
    """

    operation: str = ""
    call_id: str = ""


@attrs.define(kw_only=True, eq=False)
class ButtonEvent(Event):
    """A button that invokes a function was pressed.

    Attributes:
        function: The function's name.
        key: The button's key.
        label: The button's label.
        arguments: The button's arguments, as they came.
        message: The text of the message that has the button.
        message_id: Its id.
    """

    function: str = ""
    key: str = ""
    label: str = ""
    arguments: Mapping[str, Any] = attrs.field(factory=dict)
    message: str = ""
    message_id: str = ""


@attrs.define(kw_only=True, eq=False)
class FormEvent(Event):
    """A form was submitted, or is being filled in.

    Attributes:
        function: The function's name.
        form: The form's name.
        action: `submit`, `change` of a field, `select` for the choices of a field, or `view`.
        values: The fields' values: a text, `{"label": …, "value": …}`, or a list of them.
        target: The field that `change` and `select` are about: its name, and value or query.
    """

    function: str = ""
    form: str = ""
    action: FormAction = "submit"
    values: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    target: Mapping[str, Any] = attrs.field(factory=dict)

    def value(self, field: str) -> str:
        """Return the value of a field as text: of a choice its value; of several the first."""
        found = self.values.get(field)
        found = found[0] if isinstance(found, list) and found else found
        found = found.get("value", "") if isinstance(found, Mapping) else found
        return "" if found is None or isinstance(found, list) else str(found)
