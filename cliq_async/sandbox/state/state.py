"""The sandbox's data as a whole, and the operations on it."""

from collections.abc import Iterable
from typing import Any, Self

import attrs

from cliq_async.sandbox.errors import bad_request
from cliq_async.sandbox.state.bots import Bot, Bots, initial_bot, make_subscribers, new_record
from cliq_async.sandbox.state.calls import Calls
from cliq_async.sandbox.state.channels import Channels, initial_channels
from cliq_async.sandbox.state.counters import DeliveryCounter
from cliq_async.sandbox.state.functions import Function, Functions
from cliq_async.sandbox.state.handlers import Handler, Handlers
from cliq_async.sandbox.state.ids import Ids
from cliq_async.sandbox.state.key_pair import KeyPair
from cliq_async.sandbox.state.messages import Message, Messages
from cliq_async.sandbox.state.people import JAMES, People, initial_people
from cliq_async.sandbox.validation import Delivery

__all__ = ["State"]


@attrs.frozen(kw_only=True, eq=False)
class State:
    """The data that the endpoints read and change.

    Attributes:
        keys: The key pair that signs events.
        people: All people.
        bots: All bots.
        channels: All channels.
        messages: The most recent messages.
        calls: The most recent calls.
        ids: The ids of new bots, handlers and functions.
        functions: All functions.
        delivered: The number of messages for each person.
        called: The number of calls for each person.
    """

    keys: KeyPair = attrs.field(factory=KeyPair)
    people: People
    bots: Bots
    channels: Channels
    messages: Messages
    calls: Calls
    ids: Ids
    functions: Functions = attrs.field(factory=Functions)
    delivered: DeliveryCounter = attrs.field(factory=DeliveryCounter)
    called: DeliveryCounter = attrs.field(factory=DeliveryCounter)

    @classmethod
    def initial(cls, *, bots: int, subscribers: int, seed: int = 0, bot_limit: int = 1000) -> Self:
        """Create the initial state.

        Args:
            bots: The number of bots.
            subscribers: The number of subscribers of each bot; all bots have the same ones.
            seed: The seed of the call ids.
            bot_limit: The number of bots from which no more can be created.
        """
        people = initial_people(subscribers)
        all_bots = Bots((initial_bot(number, people) for number in range(bots)), limit=bot_limit)
        channels = Channels(initial_channels(bot.name for bot in all_bots.all()))
        return cls(
            people=People([JAMES, *people]),
            bots=all_bots,
            channels=channels,
            messages=Messages(channels.chat_ids()),
            calls=Calls(seed=seed),
            ids=Ids.starting_after(bot.record["id"] for bot in all_bots.all()),
        )

    def create_bot(self, user: str, form: dict[str, Any]) -> Bot:
        """Create a bot from a valid form; it belongs to the user.

        Raises:
            ApiFault: The bot limit is reached, or the name is taken.
        """
        self.bots.check_can_add(form["name"])
        bot_id = self.ids.allocate()
        bot = Bot(
            new_record(bot_id, self.bots.unique_name(form["name"]), form),
            user,
            make_subscribers(bot_id, [JAMES]),
            Handlers(),
        )
        self.bots.add(bot)
        return bot

    def host_bot(self, form: dict[str, Any], handlers: Iterable[dict[str, Any]]) -> Bot:
        """Make a bot a webhook bot with exactly these handlers, from valid forms.

        A bot of another name is new: it belongs to all users, and has the subscribers of the first
        bot.

        Raises:
            ApiFault: The bot limit is reached.
        """
        name = form["name"].casefold()
        bots = self.bots.all()
        bot = next((each for each in bots if each.record["name"].casefold() == name), None)
        if bot is None:
            bot = self.create_bot("", form)
            bot.owner = None
            if bots:
                self.subscribe(bot, bots[0].subscribers.keys())
        self.bots.change(bot, form | {"execution_type": "webhook"})
        ids = {(each.type, each.name): each.id for each in bot.handlers.all()}
        bot.handlers = Handlers(
            Handler(id=ids.get((each["type"], each.get("name"))) or self.ids.allocate(), **each)
            for each in handlers
        )
        self.bots.record_change(bot)
        return bot

    def delete_bot(self, bot: Bot) -> None:
        """Delete a bot and remove it from all channels."""
        self.bots.remove(bot)
        self.channels.remove_bot(bot.name)

    def create_handler(self, bot: Bot, form: dict[str, Any]) -> Handler:
        """Create a handler from a valid form.

        Raises:
            ApiFault: The bot's limit for the type is reached.
        """
        bot.handlers.check_can_add(form["type"])
        handler = Handler(id=self.ids.allocate(), **form)
        bot.handlers.add(handler)
        self.bots.record_change(bot)
        return handler

    def change_handler(self, bot: Bot, handler: Handler, fields: dict[str, Any]) -> None:
        """Set valid fields of a handler."""
        for name, value in fields.items():
            setattr(handler, name, value)
        self.bots.record_change(bot)

    def delete_handler(self, bot: Bot, handler: Handler) -> None:
        """Delete a handler.

        Raises:
            ApiFault: The handler was created with the bot.
        """
        bot.handlers.remove(handler)
        self.bots.record_change(bot)

    def create_function(self, user: str, form: dict[str, Any]) -> Function:
        """Create a function of a user from a valid form.

        Raises:
            ApiFault: The function limit is reached, or the name is taken.
        """
        self.functions.check_can_add(user, form["name"])
        function = Function.create(self.ids.allocate(), form)
        self.functions.of(user).put(function)
        return function

    def resolve_subscribers(self, bot: Bot, recipients: Iterable[str]) -> list[str]:
        """Return the ZUIDs of the recipients who subscribe to the bot, without duplicates.

        Raises:
            ApiFault: None of the recipients subscribes to the bot.
        """
        found = bot.subscribers.existing(self.people.resolve_zuids(recipients))
        if not found:
            raise bad_request(
                "No valid users found for the bot message.", "botmessage_no_valid_users"
            )
        return found

    def send(self, user: str, bot: Bot, delivery: Delivery) -> Message:
        """Send a message.

        Raises:
            ApiFault: No recipient can be reached, or the message refers to an unknown message or
                chat.
        """
        place = self.messages.resolve_place(delivery.message)
        chat_id = None
        # Channel members are unknown, so messages to channels are not counted by recipient.
        zuids: Iterable[str] = ()
        if delivery.to == "broadcast":
            zuids = bot.subscribers.keys()
        elif delivery.to == "users":
            zuids = self.resolve_subscribers(bot, delivery.user_ids)
        else:
            chat_id = self.channels.chat_id_for(bot.name, delivery.channel)
        self.delivered.add(user, zuids)
        return self.messages.add(
            delivery.message,
            bot=bot.name,
            user=user,
            to=delivery.to,
            place=place,
            channel=delivery.channel if chat_id else None,
            chat_id=chat_id,
        )

    def call(self, user: str, bot: Bot, body: dict[str, Any]) -> tuple[str, list[str]]:
        """Call the recipients that a valid body names, or else all subscribers.

        Returns:
            The call's id and the ZUIDs of the people called.

        Raises:
            ApiFault: None of the recipients subscribes to the bot.
        """
        user_ids = body.get("user_ids")
        zuids = (
            list(bot.subscribers.keys())
            if user_ids is None
            else self.resolve_subscribers(bot, user_ids)
        )
        self.called.add(user, zuids)
        return self.calls.add(body, bot=bot.name, user=user), zuids

    def subscribe(self, bot: Bot, zuids: Iterable[str]) -> None:
        """Subscribe people to a bot; an unknown ZUID becomes a new person."""
        new = [zuid for zuid in dict.fromkeys(zuids) if zuid not in bot.subscribers]
        for zuid in new:
            bot.subscribers.put(zuid, self.people.get_or_create(zuid))
        if new:
            self.bots.record_change(bot)

    def unsubscribe(self, bot: Bot, zuids: Iterable[str]) -> None:
        """Unsubscribe people from a bot; ZUIDs that do not subscribe to it are ignored."""
        removed = bot.subscribers.existing(dict.fromkeys(zuids))
        for zuid in removed:
            bot.subscribers.remove(zuid)
        if removed:
            self.bots.record_change(bot)
