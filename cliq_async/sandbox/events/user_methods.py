"""The acts of people as methods of `Sandbox`."""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from cliq_async.sandbox.errors import ApiFault
from cliq_async.sandbox.events.deliveries import Delivery
from cliq_async.sandbox.events.service import EventService

__all__ = ["UserMethods"]

T = TypeVar("T")


class UserMethods:
    """The methods by which a test acts as a person.

    Each fires the event it causes, if the bot is a webhook bot with a handler for it, and returns
    the delivery when the answer is there or can no longer come. Without `user`, a ZUID or email,
    the bot's first subscriber acts.

    All of them raise a `ValueError` if a bot, person, channel or button does not exist, and a
    `RuntimeError` if the sandbox is not running.
    """

    _events: EventService
    _loop: asyncio.AbstractEventLoop | None

    @property
    def public_key(self) -> str:
        """The key to verify events with: base64 of an RSA key, made on first use."""
        return self._events.dispatcher.keys.public_key

    @property
    def webhook_bots(self) -> tuple[str, ...]:
        """The unique names of the webhook bots."""
        return self._events.views.webhook_bots()

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """The last 1,000 events that were sent, the newest last."""
        with self._events.dispatcher.lock:
            return self._events.dispatcher.deliveries.all()

    async def say(self, bot: str, text: str, *, user: str | None = None) -> Delivery:
        """Write to a bot; while its context asks questions, the text is an answer.

        Example:
            >>> from cliq_async.sandbox import Sandbox
            >>> async def main() -> str | None:
            ...     async with Sandbox() as sandbox:
            ...         delivery = await sandbox.say("supportbot", "hi", user="55743307")
            ...     return delivery.skipped
            >>> asyncio.run(main())
            'supportbot is not a webhook bot'
        """
        return await self._act(self._events.acts.say(bot, text, user=user))

    async def choose(
        self, bot: str, action: str, *, sub_action: str | None = None, user: str | None = None
    ) -> Delivery:
        """Choose an action of a bot's menu."""
        return await self._act(
            self._events.acts.choose(bot, action, sub_action=sub_action, user=user)
        )

    async def press(
        self, bot: str, label: str, *, user: str | None = None, message_id: str | None = None
    ) -> Delivery:
        """Press a button or a suggestion, of the last message that has it or of a given one."""
        return await self._act(
            self._events.acts.press(bot, label, user=user, message_id=message_id)
        )

    async def submit(
        self, bot: str, form: str, values: Mapping[str, Any], *, user: str | None = None
    ) -> Delivery:
        """Submit the last form of a name that a bot has shown."""
        return await self._act(self._events.acts.submit(bot, form, values, user=user))

    async def subscribe_user(self, bot: str, *, user: str) -> Delivery:
        """Subscribe to a bot, which welcomes the person; `subscribe` sends no event."""
        return await self._act(self._events.acts.subscribe(bot, user=user))

    async def unsubscribe_user(self, bot: str, *, user: str | None = None) -> Delivery:
        """Unsubscribe from a bot; the welcome of a person who comes back is another one."""
        return await self._act(self._events.acts.unsubscribe(bot, user=user))

    async def mention(
        self, bot: str, text: str, *, channel: str, user: str | None = None
    ) -> Delivery:
        """Mention a bot in a channel."""
        return await self._act(self._events.acts.mention(bot, text, channel=channel, user=user))

    async def write(
        self, channel: str, text: str, *, user: str | None = None
    ) -> tuple[Delivery, ...]:
        """Write in a channel; return the deliveries to the bots that listen there."""
        return await self._act(self._events.acts.write(channel, text, user=user))

    async def add_to_channel(self, bot: str, channel: str, *, user: str | None = None) -> Delivery:
        """Add a bot to a channel."""
        return await self._act(self._events.acts.add(bot, channel, user=user))

    async def remove_from_channel(
        self, bot: str, channel: str, *, user: str | None = None
    ) -> Delivery:
        """Remove a bot from a channel."""
        return await self._act(self._events.acts.remove(bot, channel, user=user))

    async def pick_up(self, bot: str, *, user: str | None = None, decline: bool = False) -> str:
        """Answer or decline a call that rings, and return the call's id."""
        return await self._act(self._events.acts.pick_up(bot, user=user, decline=decline))

    async def send_again(self, delivery: Delivery, *, exact: bool = False) -> Delivery:
        """Send an event again: with a new timestamp and signature, or exactly as it was."""
        return await self._act(self._events.dispatcher.send_again(delivery.id, exact=exact))

    async def _act(self, work: Coroutine[Any, Any, T]) -> T:
        """Run an act in the sandbox's event loop, which may be another thread's."""
        loop = self._loop
        if loop is None:
            work.close()
            raise RuntimeError("the sandbox is not running: use `async with Sandbox() as sandbox`")
        try:
            if loop is asyncio.get_running_loop():
                return await work
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))
        except ApiFault as fault:
            raise ValueError(fault.message) from None
