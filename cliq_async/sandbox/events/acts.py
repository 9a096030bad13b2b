"""The acts of people: write, choose, press, submit, subscribe, mention, add a bot to a channel."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import attrs

from cliq_async.sandbox.errors import ApiFault, bad_request
from cliq_async.sandbox.events.calls import Ringing
from cliq_async.sandbox.events.deliveries import Delivery
from cliq_async.sandbox.events.directory import Directory
from cliq_async.sandbox.events.dispatcher import Dispatcher
from cliq_async.sandbox.events.event import Audience, Event, NoEventError
from cliq_async.sandbox.events.functions import FunctionHandler, find_function
from cliq_async.sandbox.state.bots import Bot
from cliq_async.sandbox.state.channels import Channel
from cliq_async.sandbox.state.people import Person
from cliq_async.sandbox.state.state import State

__all__ = ["UserActs"]

_MAX_TEXT: Final = 5000
_SEARCHED: Final = 100


@attrs.frozen
class _Button:
    """A button or suggestion of an item of a chat."""

    item: Mapping[str, Any]
    button: Mapping[str, Any]


class UserActs:
    """The acts of people. Each fires the event it causes and returns the delivery.

    All of them raise `ApiFault` if a bot, person, channel or button does not exist. Without a
    `user`, the bot's first subscriber acts.

    Args:
        state: The data of the sandbox.
        dispatcher: Sends the events.
        ringing: The calls that ring.
    """

    def __init__(self, state: State, dispatcher: Dispatcher, ringing: Ringing) -> None:
        self._state = state
        self._dispatcher = dispatcher
        self._ringing = ringing
        self._events = dispatcher.events
        self._directory = Directory(state)
        self._former: set[tuple[str, str]] = set()

    async def say(self, bot: str, text: str, *, user: str | None = None) -> Delivery:
        """Write to a bot, or answer the open question of its context."""
        return await self._say("text", bot, text, user)

    async def answer(self, bot: str, text: str, *, user: str | None = None) -> Delivery:
        """Answer the open question of a bot's context."""
        with self._dispatcher.lock:
            found, person = self._directory.subscriber(bot, user)
            if self._dispatcher.open_context(self._audience(found, person)) is None:
                raise bad_request(f"{bot} asks {person['user_id']} no question.")
        return await self._say("text", bot, text, user)

    async def choose(
        self, bot: str, action: str, *, sub_action: str | None = None, user: str | None = None
    ) -> Delivery:
        """Choose an action of a bot's menu."""
        with self._dispatcher.lock:
            found, person = self._directory.subscriber(bot, user)
            context = self._dispatcher.open_context(self._audience(found, person))
        if context is not None:
            reason = f"the context {context.id!r} is running, so its handler alone gets events"
            return _skipped(found, "menu_handler", person, reason)
        return await self._fire(
            "menu_handler",
            found,
            person,
            lambda: self._events.menu(found, person, action, sub_action=sub_action),
        )

    async def press(
        self, bot: str, label: str, *, user: str | None = None, message_id: str | None = None
    ) -> Delivery:
        """Press a button or suggestion of a bot's last message that has it, or of a given one."""
        with self._dispatcher.lock:
            found, person = self._directory.subscriber(bot, user)
            pressed = self._find_button(found, person, label, message_id)
        if "action" not in pressed.button:
            return await self._say("press", bot, pressed.button["text"], user)
        action = pressed.button["action"]
        if action["type"] != "invoke.function":
            reason = f"the button's action is {action['type']}, which sends no event"
            return _skipped(found, "button_handler", person, reason)
        now = self._dispatcher.now_ms()

        def make() -> Event:
            self._add(found, person, "press", {"text": pressed.button["label"]})
            return self._events.button(
                found,
                person,
                self._function(action["data"]["name"], "button_handler"),
                button=pressed.button,
                message_id=pressed.item["message_id"],
                text=pressed.item["body"].get("text", ""),
                at=now,
            )

        return await self._fire("button_handler", found, person, make)

    async def submit(
        self, bot: str, form: str, values: Mapping[str, Any], *, user: str | None = None
    ) -> Delivery:
        """Submit the last form of a name that a bot has shown."""
        with self._dispatcher.lock:
            found, person = self._directory.subscriber(bot, user)
            chat = self._events.personal_chat(found, person)
            items = self._dispatcher.chats.last(chat, _SEARCHED)
            shown = [e["body"] for e in items if e["kind"] == "form" and e["body"]["name"] == form]
            if not shown:
                raise ApiFault(404, f"{bot} has shown no form {form!r}.")

        def make() -> Event:
            function = self._function(shown[-1]["action"]["name"], "form_submit_handler")
            return self._events.form(found, person, function, form=shown[-1], values=values)

        return await self._fire("form_submit_handler", found, person, make)

    async def subscribe(self, bot: str, *, user: str) -> Delivery:
        """Subscribe to a bot; an unknown ZUID becomes a new person."""
        with self._dispatcher.lock:
            found = self._directory.bot(bot)
            zuid = self._directory.zuid(user)
            is_new = zuid not in found.subscribers
            self._state.subscribe(found, [zuid])
            person = self._state.people.get(zuid)
            is_former = (found.record["id"], zuid) in self._former
        if not is_new:
            return _skipped(found, "welcome_handler", person, f"{zuid} subscribes to {bot} already")
        return await self._fire(
            "welcome_handler",
            found,
            person,
            lambda: self._events.welcome(found, person, is_new=not is_former),
        )

    async def unsubscribe(self, bot: str, *, user: str | None = None) -> Delivery:
        """Unsubscribe from a bot, which sends no event."""
        with self._dispatcher.lock:
            found, person = self._directory.subscriber(bot, user)
            self._state.unsubscribe(found, [person["user_id"]])
            self._former.add((found.record["id"], person["user_id"]))
        return _skipped(
            found, "welcome_handler", person, "Cliq sends no event when people unsubscribe"
        )

    async def mention(
        self, bot: str, text: str, *, channel: str, user: str | None = None
    ) -> Delivery:
        """Mention a bot in a channel."""
        _check_text(text)
        with self._dispatcher.lock:
            found, person = self._directory.bot(bot), self._directory.person(user)
            place = self._directory.channel(channel)
        at = self._dispatcher.now_ms()

        def make() -> Event:
            message_id = self._write(place, person, text)
            return self._events.mention(found, person, place, text, at=at, message_id=message_id)

        return await self._fire("mention_handler", found, person, make)

    async def write(
        self, channel: str, text: str, *, user: str | None = None
    ) -> tuple[Delivery, ...]:
        """Write in a channel; return the deliveries to the bots that listen there."""
        _check_text(text)
        at = self._dispatcher.now_ms()
        with self._dispatcher.lock:
            person, place = self._directory.person(user), self._directory.channel(channel)
            self._write(place, person, text)
            bots = [each for each in self._state.bots.all() if each.name in place.members]
            events: list[Event] = []
            for bot in bots:
                try:
                    events.append(
                        self._events.participation(
                            bot, person, place, "message_sent", text=text, at=at
                        )
                    )
                except NoEventError:
                    continue
        return tuple(await self._dispatcher.fire_all(events))

    async def add(self, bot: str, channel: str, *, user: str | None = None) -> Delivery:
        """Add a bot to a channel."""
        with self._dispatcher.lock:
            found, person = self._directory.bot(bot), self._directory.person(user)
            self._directory.channel(channel)
            self._state.channels.associate(found.name, channel)
        return await self._participate(found, person, channel, "added")

    async def remove(self, bot: str, channel: str, *, user: str | None = None) -> Delivery:
        """Remove a bot from a channel."""
        with self._dispatcher.lock:
            found, person = self._directory.bot(bot), self._directory.person(user)
            place = self._directory.channel(channel)
            if found.name not in place.members:
                raise bad_request(f"{bot} is not in {channel}.")
            place.members.discard(found.name)
        return await self._participate(found, person, channel, "removed")

    async def pick_up(self, bot: str, *, user: str | None = None, decline: bool = False) -> str:
        """Answer or decline a bot's call that rings, and return the call's id."""
        with self._dispatcher.lock:
            found = self._directory.bot(bot)
            zuid = self._directory.zuid(user) if user is not None else None
        return self._ringing.pick_up(found.name, zuid, decline=decline)

    # The parts of the acts. Their callers hold the lock, except where it says otherwise.

    async def _say(self, kind: str, bot: str, text: str, user: str | None) -> Delivery:
        """Write to a bot. The caller does not hold the lock."""
        _check_text(text)
        at, dispatcher = self._dispatcher.now_ms(), self._dispatcher
        with dispatcher.lock:
            found, person = self._directory.subscriber(bot, user)
            audience = self._audience(found, person)
            item = self._add(found, person, kind, {"text": text})
            context = dispatcher.open_context(audience)
            if context is not None:
                context.answer(text)
                if context.question is not None:
                    shown = dispatcher.ask(found, audience, context)
                    reason = f"the context {context.id!r} asks for {context.question.name!r}"
                    delivery = _skipped(found, "context_handler", person, reason)
                    return attrs.evolve(delivery, shown=(shown,))
                dispatcher.end_context(audience)
        if context is not None:
            return await self._fire(
                "context_handler",
                found,
                person,
                lambda: self._events.context(found, audience, context),
            )
        message_id = f"{at}_{item}"
        return await self._fire(
            "message_handler",
            found,
            person,
            lambda: self._events.message(found, person, text, at=at, message_id=message_id),
        )

    async def _fire(
        self, handler: str, bot: Bot, person: Person, make: Callable[[], Event]
    ) -> Delivery:
        """Make an event and fire it. The caller does not hold the lock."""
        try:
            with self._dispatcher.lock:
                event = make()
        except NoEventError as error:
            return _skipped(bot, handler, person, str(error))
        return await self._dispatcher.fire(event)

    async def _participate(
        self, bot: Bot, person: Person, channel: str, operation: str
    ) -> Delivery:
        """Fire an event of participation. The caller does not hold the lock."""
        at, place = self._dispatcher.now_ms(), self._directory.channel(channel)
        return await self._fire(
            "participation_handler",
            bot,
            person,
            lambda: self._events.participation(bot, person, place, operation, text="", at=at),
        )

    def _add(self, bot: Bot, person: Person, kind: str, body: dict[str, Any]) -> str:
        chat = self._events.personal_chat(bot, person)
        at, zuid = self._dispatcher.now_ms(), person["user_id"]
        entry = self._dispatcher.chats.add(chat.id, kind, body, at=at, bot=bot.name, user=zuid)
        return entry.id

    def _write(self, channel: Channel, person: Person, text: str) -> str:
        at, zuid = self._dispatcher.now_ms(), person["user_id"]
        chats = self._dispatcher.chats
        entry = chats.add(channel.chat_id, "text", {"text": text}, at=at, user=zuid)
        return f"{at}_{entry.id}"

    def _audience(self, bot: Bot, person: Person) -> Audience:
        return Audience(chat_id=self._events.personal_chat(bot, person).id, person=person)

    def _find_button(self, bot: Bot, person: Person, label: str, message_id: str | None) -> _Button:
        chat = self._events.personal_chat(bot, person)
        for item in reversed(self._dispatcher.chats.last(chat, _SEARCHED)):
            if message_id is not None and message_id not in {item["id"], item.get("message_id")}:
                continue
            for button in _buttons(item):
                if label in {button.get("label"), button.get("text")}:
                    return _Button(item, button)
        raise ApiFault(404, f"The chat with {bot.name} has no button or suggestion {label!r}.")

    def _function(self, name: str, handler_type: str) -> FunctionHandler:
        function = find_function(self._state, name, handler_type)
        if function is None:
            raise NoEventError(f"no webhook function {name!r} has a {handler_type}")
        return function


def _skipped(bot: Bot, handler: str, person: Person, reason: str) -> Delivery:
    return Delivery(bot=bot.name, handler=handler, user=person["user_id"], skipped=reason)


def _check_text(text: str) -> None:
    if not 1 <= len(text) <= _MAX_TEXT:
        raise bad_request(f"A message has 1 to {_MAX_TEXT} characters, and not {len(text)}.")


def _buttons(item: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the buttons and suggestions of an item of a chat."""
    body = item["body"]
    if item["from"] != "bot":
        return
    yield from body.get("suggestions", {}).get("list", ())
    if item["kind"] == "message":
        yield from body.get("buttons", ())
        for slide in body.get("slides", ()):
            yield from slide.get("buttons", ())
        yield from (each["object"] for each in body.get("references", {}).values())
