"""Messages sent by bots, and their threads."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Final

import attrs

from cliq_async.sandbox.errors import bad_request
from cliq_async.sandbox.validation import Target

__all__ = ["FIRST_NUMBER", "Message", "Messages", "Place", "Thread"]

FIRST_NUMBER: Final = 1777342127479
_MAX_DIGITS: Final = 20
_SPACE: Final = "%20"
_FAILED: Final = "botmessage_sending_failed"


@attrs.define(eq=False)
class Thread:
    """A thread that starts at a message.

    Attributes:
        root: The number of that message.
        title: The thread's title, if it has one.
    """

    root: int
    title: str | None = None

    @property
    def chat_id(self) -> str:
        """The id of the thread's chat."""
        return f"CT_{self.root}_64396901-T1"


@attrs.define(eq=False, kw_only=True)
class Message:
    """A message, to any number of recipients.

    Attributes:
        number: The message's number; numbers ascend without gaps.
        bot: The unique name of the bot that sent it.
        user: The label of the user who sent it through the bot.
        to: The kind of its recipients.
        channel: The channel's unique name, if it was sent to one.
        chat_id: The chat it was posted in.
        thread: The thread it was posted in or that starts at it.
        body: The message as it was sent.
    """

    number: int
    bot: str
    user: str
    to: Target
    channel: str | None
    chat_id: str
    thread: Thread | None
    body: dict[str, Any]

    @property
    def message_id(self) -> str:
        """The message's id: two numbers with a space between, URL-encoded as Cliq prints it."""
        return f"{self.number}{_SPACE}{self.number // 60}"

    def ids(self) -> dict[str, str]:
        """Return the message's ids as the API returns them."""
        return {"chat_id": self.chat_id, "message_id": self.message_id}

    def describe(self) -> dict[str, Any]:
        """Return the message as `Sandbox.messages` lists it."""
        details = self.ids() | {"bot": self.bot, "user": self.user, "to": self.to}
        if self.channel is not None:
            details["channel"] = self.channel
        if self.thread is not None and self.thread.title is not None:
            details["thread_title"] = self.thread.title
        return details | {"body": self.body}


@attrs.frozen
class Place:
    """The place that a message's own fields refer to; all None if they refer to none.

    Attributes:
        chat_id: A chat without a thread.
        thread: An existing thread.
        root: A message to start a thread at.
    """

    chat_id: str | None = None
    thread: Thread | None = None
    root: Message | None = None


_NO_PLACE: Final = Place()
_REFERENCES: Final = frozenset({"reply_to", "thread_message_id", "thread_chat_id"})


class Messages:
    """The most recent messages.

    Args:
        chats: The ids of the chats that exist without a message.
        messages: The initial messages.
        next_number: The number of the next message.
        capacity: The number of messages to keep.

    Raises:
        ValueError: The initial messages' numbers have gaps or do not end before `next_number`.
    """

    def __init__(
        self,
        chats: Iterable[str] = (),
        messages: Iterable[Message] = (),
        *,
        next_number: int = FIRST_NUMBER,
        capacity: int = 100_000,
    ) -> None:
        self._chats = frozenset(chats)
        self._messages = deque(messages, maxlen=capacity)
        self._next = next_number
        first = next_number - len(self._messages)
        if any(each.number != first + index for index, each in enumerate(self._messages)):
            raise ValueError("messages are missing")

    @property
    def next_number(self) -> int:
        """The number of the next message."""
        return self._next

    @property
    def count(self) -> int:
        """The number of messages ever sent."""
        return self._next - FIRST_NUMBER

    def all(self) -> list[Message]:
        """Return the messages that are kept, the newest last."""
        return list(self._messages)

    def newest_first(self) -> Iterator[Message]:
        """Yield the messages that are kept, the newest first."""
        return reversed(self._messages)

    def resolve_place(self, body: dict[str, Any]) -> Place:
        """Return the place that a valid message's own fields refer to.

        Raises:
            ApiFault: A field refers to an unknown message or chat.
        """
        if _REFERENCES.isdisjoint(body):
            return _NO_PLACE
        reply_to, root_id = body.get("reply_to"), body.get("thread_message_id")
        chat_id = body.get("thread_chat_id")
        if reply_to is not None:
            self._find_message("reply_to", reply_to)
        place = _NO_PLACE
        if root_id is not None:
            root = self._find_message("thread_message_id", root_id)
            place = Place(root=root) if root.thread is None else Place(thread=root.thread)
        return place if chat_id is None else self._find_chat("thread_chat_id", chat_id)

    def add(
        self,
        body: dict[str, Any],
        *,
        bot: str,
        user: str,
        to: Target,
        place: Place,
        channel: str | None = None,
        chat_id: str | None = None,
    ) -> Message:
        """Store a message.

        Args:
            body: The message as it was sent.
            bot: The unique name of the bot that sent it.
            user: The label of the user who sent it through the bot.
            to: The kind of its recipients.
            place: The place that its own fields refer to.
            channel: The channel's unique name, if it was sent to one.
            chat_id: The channel's chat.
        """
        number, thread = self._next, place.thread
        if place.root is not None:
            thread = place.root.thread = Thread(place.root.number)
        elif place is _NO_PLACE and body.get("message_topic"):
            thread = Thread(number, body["message_topic"])
        if thread is not None:
            thread.title = thread.title or body.get("thread_title")
            chat_id = thread.chat_id
        else:
            chat_id = place.chat_id or chat_id or f"CT_{number}_64396901-B1"
        message = Message(
            number=number,
            bot=bot,
            user=user,
            to=to,
            channel=channel,
            chat_id=chat_id,
            thread=thread,
            body=body,
        )
        self._messages.append(message)
        self._next += 1
        return message

    def _find_message(self, field: str, message_id: str) -> Message:
        message = self.by_number(message_id.partition(_SPACE)[0])
        if message is None or message.message_id != message_id:
            raise bad_request(f"'{field}' does not refer to a known message.", _FAILED)
        return message

    def _find_chat(self, field: str, chat_id: str) -> Place:
        if chat_id in self._chats:
            return Place(chat_id=chat_id)
        message = self.by_number(chat_id.removeprefix("CT_").partition("_")[0])
        if message is not None:
            if message.thread is not None and message.thread.chat_id == chat_id:
                return Place(thread=message.thread)
            if message.chat_id == chat_id:
                return Place(chat_id=chat_id)
        raise bad_request(f"'{field}' does not refer to a known chat.", _FAILED)

    def by_number(self, digits: str) -> Message | None:
        """Return the message with this number; None if it is not kept."""
        if not digits.isdecimal() or len(digits) > _MAX_DIGITS:
            return None
        index = int(digits) - (self._next - len(self._messages))
        return self._messages[index] if 0 <= index < len(self._messages) else None
