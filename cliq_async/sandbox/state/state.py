"""What the sandbox remembers, as one whole."""

from collections.abc import Iterable
from typing import Any, Self

import attrs

from cliq_async.sandbox.errors import bad_request
from cliq_async.sandbox.state.bots import Bot, Bots, first_bot, new_record, subscribers_of
from cliq_async.sandbox.state.calls import Calls
from cliq_async.sandbox.state.channels import Channels, first_channels
from cliq_async.sandbox.state.counters import DeliveryCounter
from cliq_async.sandbox.state.handlers import Handler, Handlers
from cliq_async.sandbox.state.ids import Ids
from cliq_async.sandbox.state.messages import Message, Messages
from cliq_async.sandbox.state.people import JAMES, People, first_people
from cliq_async.sandbox.validation import Delivery

__all__ = ["State"]


@attrs.frozen(kw_only=True, eq=False)
class State:
    """Everything behind the routes.

    Attributes:
        people: Everybody who can be reached.
        bots: All bots.
        channels: All channels.
        messages: What was sent to people and channels.
        calls: What people were called for.
        ids: The ids of bots and handlers that are yet to be made.
        delivered: How many messages each person got.
        called: How often each person was called.
    """

    people: People
    bots: Bots
    channels: Channels
    messages: Messages
    calls: Calls
    ids: Ids
    delivered: DeliveryCounter = attrs.field(factory=DeliveryCounter)
    called: DeliveryCounter = attrs.field(factory=DeliveryCounter)

    @classmethod
    def first(cls, *, bots: int, subscribers: int, seed: int = 0, most_bots: int = 1000) -> Self:
        """What there is at the beginning.

        Args:
            bots: How many bots there are.
            subscribers: How many subscribers each of them has; the same people for all.
            seed: Decides the ids of calls.
            most_bots: How many bots there may be for another one to be made.
        """
        people = first_people(subscribers)
        all_bots = Bots((first_bot(number, people) for number in range(bots)), most=most_bots)
        channels = Channels(first_channels(bot.name for bot in all_bots.all()))
        return cls(
            people=People([JAMES, *people]),
            bots=all_bots,
            channels=channels,
            messages=Messages(channels.chats()),
            calls=Calls(seed=seed),
            ids=Ids.behind(bot.record["id"] for bot in all_bots.all()),
        )

    def create_bot(self, user: str, form: dict[str, Any]) -> Bot:
        """Make a bot from a valid form; it belongs to the user.

        Raises:
            Refused: There may not be another one, or none of this name.
        """
        self.bots.check_room(form["name"])
        bot_id = self.ids.give()
        bot = Bot(
            new_record(bot_id, self.bots.unique_name(form["name"]), form),
            user,
            subscribers_of(bot_id, [JAMES]),
            Handlers(),
        )
        self.bots.add(bot)
        return bot

    def delete_bot(self, bot: Bot) -> None:
        """Take a bot away, out of all channels, too."""
        self.bots.remove(bot)
        self.channels.leave(bot.name)

    def create_handler(self, bot: Bot, form: dict[str, Any]) -> Handler:
        """Make a handler from a valid form.

        Raises:
            Refused: The bot has as many of the type as it may have.
        """
        bot.handlers.check_room(form["type"])
        handler = Handler(id=self.ids.give(), **form)
        bot.handlers.add(handler)
        self.bots.changed(bot)
        return handler

    def change_handler(self, bot: Bot, handler: Handler, fields: dict[str, Any]) -> None:
        """Set valid fields of a handler."""
        for name, value in fields.items():
            setattr(handler, name, value)
        self.bots.changed(bot)

    def delete_handler(self, bot: Bot, handler: Handler) -> None:
        """Take a handler away.

        Raises:
            Refused: It came with the bot.
        """
        bot.handlers.remove(handler)
        self.bots.changed(bot)

    def reachable(self, bot: Bot, recipients: Iterable[str]) -> list[str]:
        """The ZUIDs of those recipients who subscribe to the bot, each of them once.

        Raises:
            Refused: None of them does.
        """
        found = bot.subscribers.among(self.people.zuids(recipients))
        if not found:
            raise bad_request(
                "No valid users found for the bot message.", "botmessage_no_valid_users"
            )
        return found

    def send(self, user: str, bot: Bot, order: Delivery) -> Message:
        """Send a message.

        Raises:
            Refused: It reaches nobody, not that channel, or names what is not known.
        """
        place = self.messages.place(order.message)
        chat_id = None
        # A channel's members are not known, so its messages are not counted by recipient.
        zuids: Iterable[str] = ()
        if order.to == "broadcast":
            zuids = bot.subscribers.keys()
        elif order.to == "users":
            zuids = self.reachable(bot, order.user_ids)
        else:
            chat_id = self.channels.chat_of(bot.name, order.channel)
        self.delivered.add(user, zuids)
        return self.messages.add(
            order.message,
            bot=bot.name,
            user=user,
            to=order.to,
            place=place,
            channel=order.channel if chat_id else None,
            chat_id=chat_id,
        )

    def call(self, user: str, bot: Bot, body: dict[str, Any]) -> tuple[str, list[str]]:
        """Call those whom a valid body names, else all subscribers.

        Returns:
            The call's id, and who is called.

        Raises:
            Refused: None of those named subscribes to the bot.
        """
        named = body.get("user_ids")
        zuids = list(bot.subscribers.keys()) if named is None else self.reachable(bot, named)
        self.called.add(user, zuids)
        return self.calls.add(body, bot=bot.name, user=user), zuids

    def subscribe(self, bot: Bot, zuids: Iterable[str]) -> None:
        """Make people subscribers; whoever is unknown becomes a person."""
        new = [zuid for zuid in dict.fromkeys(zuids) if zuid not in bot.subscribers]
        for zuid in new:
            bot.subscribers.put(zuid, self.people.person(zuid))
        if new:
            self.bots.changed(bot)

    def unsubscribe(self, bot: Bot, zuids: Iterable[str]) -> None:
        """Take subscriptions away; whoever has none is left alone."""
        gone = bot.subscribers.among(dict.fromkeys(zuids))
        for zuid in gone:
            bot.subscribers.remove(zuid)
        if gone:
            self.bots.changed(bot)
