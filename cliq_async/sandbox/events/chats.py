"""Chats as people see them: a bot's messages, and everything else that happens between them.

The messages of bots are in `state.messages`. This record has what people write and press, and what
a bot shows besides messages: questions, banners, forms, edits, previews, calls.
"""

from collections import deque
from itertools import islice
from typing import Any, Final

import attrs

from cliq_async.sandbox.state.messages import Message
from cliq_async.sandbox.state.people import Person
from cliq_async.sandbox.state.state import State

__all__ = ["Chat", "ChatLog", "Entry", "personal_chat_id"]

LAST: Final = 100
_CAPACITY: Final = 20_000


def personal_chat_id(bot_id: str, zuid: str) -> str:
    """Return the id of a person's chat with a bot."""
    return f"CT_{zuid}_{bot_id}-B1"


@attrs.frozen(kw_only=True)
class Entry:
    """Something in a chat besides a bot's message.

    Attributes:
        number: Its number, in the order of entries.
        before: The number of the message that it stands before.
        chat_id: The chat.
        kind: `text`, `press`, `question`, `banner`, `form`, `edit`, `preview`, `call`, `note`.
        at: The time, in milliseconds since 1970.
        bot: The bot's unique name; None in a channel without one.
        user: The ZUID of the person who wrote it, or to whom it is shown.
        body: What it shows.
    """

    number: int
    before: int
    chat_id: str
    kind: str
    at: int
    bot: str | None
    user: str | None
    body: dict[str, Any]

    @property
    def id(self) -> str:
        """The item's id in a chat."""
        return f"e{self.number}"

    def describe(self) -> dict[str, Any]:
        """Return the entry as an item of a chat."""
        by_person = self.kind in {"text", "press"}
        return {
            "id": self.id,
            "kind": self.kind,
            "from": "person" if by_person else "bot",
            "bot": self.bot,
            "user": self.user,
            "at": self.at,
            "body": self.body,
        }


@attrs.frozen
class Chat:
    """A chat: a person's with a bot, or a channel.

    Attributes:
        id: The chat's id.
        bot: The bot's unique name; None for a channel.
        person: The person; None for a channel.
        subscribed: True if the person subscribes to the bot, and so sees its broadcasts.
    """

    id: str
    bot: str | None = None
    person: Person | None = None
    subscribed: bool = False

    def shows(self, message: Message) -> bool:
        """Return whether the chat shows a message."""
        if message.chat_id == self.id:
            return True
        if self.person is None or message.bot != self.bot:
            return False
        if message.to == "broadcast":
            return self.subscribed
        recipients = message.body.get("user_ids") if message.to == "users" else None
        if not isinstance(recipients, str):
            return False
        zuid, email = self.person["user_id"], self.person["email_id"]
        # Most messages are for others: look at the text before it is split.
        if zuid not in recipients and email not in recipients.lower():
            return False
        return not {zuid, email}.isdisjoint(each.strip().lower() for each in recipients.split(","))


class ChatLog:
    """The entries of all chats, the most recent 20,000, and the edits of messages.

    Args:
        state: The state of the sandbox, which has the messages.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._entries: deque[Entry] = deque(maxlen=_CAPACITY)
        self._count = 0
        self._edits: dict[str, dict[str, Any]] = {}

    @property
    def count(self) -> int:
        """The number of entries ever made."""
        return self._count

    def add(
        self,
        chat_id: str,
        kind: str,
        body: dict[str, Any],
        *,
        at: int,
        bot: str | None = None,
        user: str | None = None,
    ) -> Entry:
        """Add an entry; see `Entry`."""
        self._count += 1
        entry = Entry(
            number=self._count,
            before=self._state.messages.next_number,
            chat_id=chat_id,
            kind=kind,
            at=at,
            bot=bot,
            user=user,
            body=body,
        )
        self._entries.append(entry)
        return entry

    def edit(self, message_id: str, body: dict[str, Any]) -> None:
        """Replace the content of a message, as people see it."""
        self._edits.pop(message_id, None)
        while len(self._edits) >= _CAPACITY:
            del self._edits[next(iter(self._edits))]
        self._edits[message_id] = body

    def item(self, item_id: str) -> dict[str, Any] | None:
        """Return the item with an id; None if it is not kept."""
        if item_id.startswith("m"):
            message = self._state.messages.by_number(item_id[1:])
            return None if message is None else self._describe(message)
        index = int(item_id[1:]) - self._count + len(self._entries) - 1
        return self._entries[index].describe() if 0 <= index < len(self._entries) else None

    def last(
        self, chat: Chat, limit: int = LAST, *, scan: int | None = None
    ) -> list[dict[str, Any]]:
        """Return the last items of a chat, the newest last.

        Args:
            chat: The chat.
            limit: The number of items to return.
            scan: The number of messages and of entries of all chats to look at; None for all.
        """
        newest = self._newest_first(chat, limit, scan)
        return list(reversed([self._describe(each) for each in newest]))

    def since(self, chat: Chat, message_number: int, entry_number: int) -> list[dict[str, Any]]:
        """Return the items from a message's number on and after an entry's number, in order.

        Args:
            chat: The chat.
            message_number: The number of the first message.
            entry_number: The number of the last entry that is not returned.
        """
        items: list[Message | Entry] = []
        for message in self._state.messages.newest_first():
            if message.number < message_number:
                break
            if chat.shows(message):
                items.append(message)
        for entry in reversed(self._entries):
            if entry.number <= entry_number:
                break
            if entry.chat_id == chat.id:
                items.append(entry)
        return [self._describe(each) for each in sorted(items, key=_position)]

    def _newest_first(self, chat: Chat, limit: int, scan: int | None) -> list[Message | Entry]:
        messages = filter(chat.shows, islice(self._state.messages.newest_first(), scan))
        entries = (e for e in islice(reversed(self._entries), scan) if e.chat_id == chat.id)
        both: list[Message | Entry] = [*islice(messages, limit), *islice(entries, limit)]
        merged = sorted(both, key=_position, reverse=True)
        return merged[:limit]

    def _describe(self, item: Message | Entry) -> dict[str, Any]:
        if isinstance(item, Entry):
            return item.describe()
        edited = self._edits.get(item.message_id)
        body = item.body if edited is None else edited
        return {
            "id": f"m{item.number}",
            "kind": "message",
            "from": "bot",
            "bot": item.bot,
            "message_id": item.message_id,
            "to": item.to,
            "edited": edited is not None,
            "body": {name: value for name, value in body.items() if name != "user_ids"},
        }


def _position(item: Message | Entry) -> tuple[int, int, int]:
    if isinstance(item, Entry):
        return item.before, 0, item.number
    return item.number, 1, 0
