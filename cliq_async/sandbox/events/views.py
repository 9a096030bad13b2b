"""The sandbox as its page shows it: bots, people, chats, deliveries, quotas. All of it is JSON."""

import itertools
from collections.abc import Callable
from typing import Any, Final

import attrs

from cliq_async.sandbox.errors import ApiFault, bad_request
from cliq_async.sandbox.events.calls import Ringing
from cliq_async.sandbox.events.chats import Chat
from cliq_async.sandbox.events.directory import Directory
from cliq_async.sandbox.events.dispatcher import Dispatcher
from cliq_async.sandbox.events.event import Audience
from cliq_async.sandbox.rate_limits import Throttle
from cliq_async.sandbox.state.bots import Bot
from cliq_async.sandbox.state.state import State

__all__ = ["Cursor", "Views"]

SHOWN: Final = 100


@attrs.frozen
class Cursor:
    """A position in the chats and deliveries.

    Attributes:
        message: The number of the next message.
        entry: The number of the last entry of chats.
        delivery: The revision of the deliveries.
    """

    message: int
    entry: int
    delivery: int


class Views:
    """The views of a sandbox. Every method takes the lock of the state.

    Args:
        state: The data of the sandbox.
        dispatcher: The record of deliveries and chats.
        ringing: The calls that ring.
        throttle: The rate limits.
        now: Returns the sandbox's time in seconds.
        time_scale: The speed of the sandbox's time.
    """

    def __init__(
        self,
        state: State,
        *,
        dispatcher: Dispatcher,
        ringing: Ringing,
        throttle: Throttle,
        now: Callable[[], float],
        time_scale: float,
    ) -> None:
        self._state = state
        self._directory = Directory(state)
        self._dispatcher = dispatcher
        self._ringing = ringing
        self._throttle = throttle
        self._now = now
        self._time_scale = time_scale

    def cursor(self) -> Cursor:
        """Return the current position."""
        dispatcher = self._dispatcher
        return Cursor(
            self._state.messages.next_number, dispatcher.chats.count, dispatcher.deliveries.revision
        )

    def chat_of(self, *, bot: str | None, user: str | None, channel: str | None) -> Chat:
        """Return a chat: a channel, or a person's with a bot.

        Raises:
            ApiFault: The channel, the bot or the person does not exist.
        """
        with self._dispatcher.lock:
            if channel is not None:
                return Chat(self._directory.channel(channel).chat_id)
            if bot is None or user is None:
                raise bad_request("Either 'channel' or 'bot' and 'user' are needed.")
            found, person = self._directory.bot(bot), self._directory.person(user)
            return self._dispatcher.events.personal_chat(found, person)

    def bots(self) -> list[dict[str, Any]]:
        """Return the bots, at most the first hundred, with their menus and channels."""
        with self._dispatcher.lock:
            channels = self._state.channels.all()
            return [
                _bot(bot, [each.name for each in channels if bot.name in each.members])
                for bot in self._state.bots.all()[:SHOWN]
            ]

    def bots_revision(self) -> tuple[int, int]:
        """Return numbers that change whenever the bots or the channels do."""
        members = sum(len(each.members) for each in self._state.channels.all())
        return self._state.bots.records.revision, members

    def channels(self) -> list[dict[str, Any]]:
        """Return the channels with the bots in them."""
        with self._dispatcher.lock:
            return [
                {"unique_name": each.name, "chat_id": each.chat_id, "bots": sorted(each.members)}
                for each in self._state.channels.all()
            ]

    def people(
        self, *, bot: str | None = None, search: str = "", limit: int = SHOWN
    ) -> dict[str, Any]:
        """Return people whose name, email or ZUID has a text in it.

        Args:
            bot: The unique name of a bot, whose subscribers come first.
            search: The text, in any case.
            limit: The number of people to return.

        Returns:
            `people`, and `count`, the number of all people.

        Raises:
            ApiFault: The bot does not exist.
        """
        with self._dispatcher.lock:
            everyone = self._state.people.all()
            known = [] if bot is None else self._state.bots.by_name(bot).subscribers.all()
        subscribers = {each["user_id"] for each in known}
        rest = (each for each in everyone if each["user_id"] not in subscribers)
        text = search.casefold()
        found = (
            each
            for each in itertools.chain(known, rest)
            if not text or text in " ".join(map(str, each.values())).casefold()
        )
        return {
            "count": len(everyone),
            "people": [
                {
                    "id": each["user_id"],
                    "name": each["name"],
                    "email": each["email_id"],
                    "subscribes": each["user_id"] in subscribers,
                }
                for each in itertools.islice(found, limit)
            ],
        }

    def webhook_bots(self) -> tuple[str, ...]:
        """Return the unique names of the webhook bots."""
        with self._dispatcher.lock:
            bots = self._state.bots.all()
            return tuple(each.name for each in bots if each.record["execution_type"] == "webhook")

    def check_bot(self, bot: str) -> None:
        """Check that a bot exists.

        Raises:
            ApiFault: It does not.
        """
        with self._dispatcher.lock:
            self._state.bots.by_name(bot)

    def chat(self, chat: Chat) -> dict[str, Any]:
        """Return the last hundred items of a chat, and its open question and ringing call."""
        with self._dispatcher.lock:
            items = self._dispatcher.chats.last(chat, SHOWN)
        return {"chat_id": chat.id, "items": items} | self.chat_state(chat)

    def chat_state(self, chat: Chat) -> dict[str, Any]:
        """Return the open question and the ringing call of a chat; None without one."""
        if chat.person is None or chat.bot is None:
            return {"question": None, "call": None}
        audience = Audience(chat_id=chat.id, person=chat.person)
        with self._dispatcher.lock:
            context = self._dispatcher.open_context(audience)
        call = self._ringing.find(chat.bot, chat.person["user_id"])
        question = None if context is None else context.question
        return {
            "question": None
            if question is None
            else {"name": question.name, "text": question.text},
            "call": None if call is None else {"id": call.id, "text": call.text},
        }

    def chat_since(self, chat: Chat, cursor: Cursor) -> list[dict[str, Any]]:
        """Return the items of a chat after a position."""
        with self._dispatcher.lock:
            return self._dispatcher.chats.since(chat, cursor.message, cursor.entry)

    def items(self, ids: tuple[str, ...]) -> list[dict[str, Any]]:
        """Return items of chats by their ids."""
        with self._dispatcher.lock:
            return [item for each in ids if (item := self._dispatcher.chats.item(each))]

    def deliveries(self, limit: int = SHOWN) -> list[dict[str, Any]]:
        """Return the last deliveries in short, the newest last."""
        with self._dispatcher.lock:
            return [each.summarize() for each in self._dispatcher.deliveries.all()[-limit:]]

    def deliveries_since(self, cursor: Cursor) -> list[dict[str, Any]]:
        """Return the deliveries that were added or changed after a position, the last hundred."""
        with self._dispatcher.lock:
            changed = self._dispatcher.deliveries.changed_since(cursor.delivery)
            return [each.summarize() for each in changed[-SHOWN:]]

    def delivery(self, number: int) -> dict[str, Any]:
        """Return a delivery with all its details.

        Raises:
            ApiFault: It is no longer known.
        """
        with self._dispatcher.lock:
            found = self._dispatcher.deliveries.find(number)
        if found is None:
            raise ApiFault(404, f"There is no delivery {number}.")
        return found.describe()

    def quota(self, user: str | None = None) -> dict[str, Any]:
        """Return the time and `gauges`: the quota of each user and endpoint, at most a hundred.

        Times are in seconds of the sandbox since its start.
        """
        now = self._now()
        with self._dispatcher.lock:
            counters = list(self._throttle.endpoint_counters(user))[-SHOWN:]
            gauges = [
                {
                    "user": owner,
                    "endpoint": endpoint,
                    "threshold": self._throttle.limit(endpoint).threshold,
                    "window_s": self._throttle.limit(endpoint).window_s,
                    "used": round(counter.used(now), 1),
                    "requests": counter.arrivals,
                    "refused_while_locked": counter.refused_while_locked,
                    "locked_until_s": counter.locked_until_s(now),
                    "history": counter.history(now),
                }
                for owner, endpoint, counter in counters
            ]
        return {"now_s": round(now, 3), "time_scale": self._time_scale, "gauges": gauges}

    def counts(self) -> dict[str, int]:
        """Return the number of messages, calls and deliveries so far."""
        return {
            "messages": self._state.messages.count,
            "calls": self._state.calls.count,
            "deliveries": self._dispatcher.deliveries.count,
        }


def _bot(bot: Bot, channels: list[str]) -> dict[str, Any]:
    record = bot.record
    handlers = bot.handlers.all()
    return {
        "unique_name": bot.name,
        "name": record["name"],
        "id": record["id"],
        "description": record["description"],
        "scope": record["scope"],
        "execution_type": record["execution_type"],
        "execution_url": record.get("execution_url"),
        "subscriber_count": len(bot.subscribers),
        "channels": channels,
        "handlers": sorted({each.type for each in handlers}),
        "menu": [
            each.fields("name", "icon", "sub_actions")
            for each in handlers
            if each.type == "menu_handler"
        ],
    }
