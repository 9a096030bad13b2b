"""Voice calls: they ring, are answered, declined or missed, and ring again."""

import asyncio
from typing import Any, Final

import attrs

from cliq_async.sandbox.errors import ApiFault
from cliq_async.sandbox.events.deliveries import Delivery
from cliq_async.sandbox.events.dispatcher import Dispatcher
from cliq_async.sandbox.events.event import NoEventError
from cliq_async.sandbox.state.bots import Bot
from cliq_async.sandbox.state.people import Person

__all__ = ["Call", "Ringing"]

RING_S: Final = 30.0
RETRY_S: Final = 10.0
_READ_S: Final = 2.0
_READ_CHARACTER_S: Final = 0.06


@attrs.define(eq=False)
class Call:
    """A call that rings.

    Attributes:
        id: The call's id.
        bot: The bot's unique name.
        zuid: The ZUID of the person who is called.
        text: The text that is read out.
        decision: `answered` or `declined`, once the person decides.
    """

    id: str
    bot: str
    zuid: str
    text: str
    decision: "asyncio.Future[str]"


class Ringing:
    """The calls of webhook bots with a call handler.

    Args:
        dispatcher: Sends the events.
        time_scale: The speed of the sandbox's time.
    """

    def __init__(self, dispatcher: Dispatcher, *, time_scale: float = 1.0) -> None:
        self._dispatcher = dispatcher
        self._scale = time_scale
        self._calls: dict[tuple[str, str, str], Call] = {}

    def find(self, bot: str, zuid: str | None) -> Call | None:
        """Return the first call of a bot that rings, at a person or at any."""
        for call in self._calls.values():
            if call.bot == bot and zuid in {None, call.zuid} and not call.decision.done():
                return call
        return None

    def pick_up(self, bot: str, zuid: str | None, *, decline: bool = False) -> str:
        """Answer or decline a call that rings, and return the call's id.

        Raises:
            ApiFault: No call rings.
        """
        call = self.find(bot, zuid)
        if call is None:
            raise ApiFault(404, f"No call of {bot} rings.")
        call.decision.set_result("declined" if decline else "answered")
        return call.id

    async def run(self, bot: Bot, person: Person, call_id: str, body: dict[str, Any]) -> None:
        """Call a person, again after a missed call if the body says so."""
        await self._dispatcher.prepare()
        for attempt in range(body.get("retry", 0) + 1):
            if attempt:
                await asyncio.sleep(RETRY_S / self._scale)
            decision = await self._ring(bot, person, call_id, body["text"])
            await self._fire(bot, person, decision, call_id)
            if decision == "answered":
                seconds = _READ_S + _READ_CHARACTER_S * len(body["text"]) * body.get("loop", 1)
                await asyncio.sleep(seconds / self._scale)
                await self._fire(bot, person, "ended", call_id)
            if decision != "missed":
                return

    async def _ring(self, bot: Bot, person: Person, call_id: str, text: str) -> str:
        zuid = person["user_id"]
        decision = asyncio.get_running_loop().create_future()
        key = (bot.name, zuid, call_id)
        self._calls[key] = Call(call_id, bot.name, zuid, text, decision)
        try:
            told, _ = await asyncio.gather(
                self._decide(decision), self._fire(bot, person, "ringing", call_id)
            )
        finally:
            del self._calls[key]
        return told

    async def _decide(self, decision: "asyncio.Future[str]") -> str:
        try:
            async with asyncio.timeout(RING_S / self._scale):
                return await asyncio.shield(decision)
        except TimeoutError:
            if not decision.done():
                decision.set_result("missed")
            return decision.result()

    async def _fire(
        self, bot: Bot, person: Person, operation: str, call_id: str
    ) -> Delivery | None:
        dispatcher = self._dispatcher
        at = dispatcher.now_ms()
        try:
            with dispatcher.lock:
                event = dispatcher.events.call(bot, person, operation, call_id=call_id, at=at)
                chat = dispatcher.events.personal_chat(bot, person)
                body = {"operation": operation, "call_id": call_id}
                dispatcher.chats.add(
                    chat.id, "call", body, at=at, bot=bot.name, user=person["user_id"]
                )
        except NoEventError:
            return None
        return await dispatcher.fire(event)
