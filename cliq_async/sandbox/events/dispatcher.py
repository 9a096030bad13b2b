"""The dispatcher: builds, signs, sends and records events, and shows people the answers."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final

import msgspec

from cliq_async.sandbox.errors import ApiFault
from cliq_async.sandbox.events.answers import Answer
from cliq_async.sandbox.events.chats import ChatLog
from cliq_async.sandbox.events.contexts import Context, Contexts
from cliq_async.sandbox.events.deliveries import Delivery, DeliveryLog
from cliq_async.sandbox.events.event import Audience, Event, NoEventError
from cliq_async.sandbox.events.factory import EventFactory
from cliq_async.sandbox.events.payloads import envelope, has_response_url
from cliq_async.sandbox.events.sender import RESPONSES_PATH, Outcome, Sender
from cliq_async.sandbox.faults import Faults
from cliq_async.sandbox.state.bots import Bot
from cliq_async.sandbox.state.key_pair import KeyPair
from cliq_async.sandbox.state.messages import Place
from cliq_async.sandbox.state.state import State

__all__ = ["Dispatcher"]

ANSWERED_BY: Final = "webhook"
"""The user of messages that are answers to events."""

_STALE_MS: Final = 600_000

_LOGGER: Final = logging.getLogger("cliq_async.sandbox")


class Dispatcher:
    """The dispatcher of all events of a sandbox.

    Args:
        state: The data of the sandbox.
        lock: Guards the state; it becomes an attribute.
        faults: The faults to inject.
        sender: Sends the events.
        now: Returns the sandbox's time in seconds.
        wall_clock: Returns the seconds since 1970.

    Attributes:
        deliveries: The record of deliveries.
        chats: The record of what happens in chats besides messages.
        contexts: The running contexts.
        events: Makes the events.
    """

    def __init__(
        self,
        state: State,
        *,
        lock: threading.Lock,
        faults: Faults,
        sender: Sender,
        now: Callable[[], float],
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.deliveries: DeliveryLog[Event] = DeliveryLog()
        self.chats = ChatLog(state)
        self.contexts = Contexts()
        self.lock = lock
        self.events = EventFactory(state, self.chats)
        self._state = state
        self._faults = faults
        self._sender = sender
        self._now = now
        self._wall_clock = wall_clock
        self._tasks: set[asyncio.Task[Any]] = set()
        self._has_warned = False

    @property
    def keys(self) -> KeyPair:
        """The key pair that signs events."""
        return self._state.keys

    def now_ms(self) -> int:
        """Return the milliseconds since 1970."""
        return int(self._wall_clock() * 1000)

    def spawn(self, work: Coroutine[Any, Any, object]) -> None:
        """Run work in the background, until it ends or the sandbox stops."""
        task = asyncio.get_running_loop().create_task(self._run(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def prepare(self) -> None:
        """Make or load the key pair, without holding up the event loop."""
        if not self.keys.is_ready:
            await asyncio.to_thread(self.keys.prepare)

    async def stop(self) -> None:
        """Cancel everything that runs in the background."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def fire(self, event: Event) -> Delivery:
        """Send an event, show the answer, and return the delivery."""
        await self.prepare()
        fault = self._faults.draw_event(event.receiver.handler)
        responds = has_response_url(event.receiver.handler)
        token = self._sender.new_token() if responds else None
        records: list[Delivery] = []
        repeated: list[asyncio.Task[Delivery]] = []

        def prepare() -> tuple[bytes, str]:
            at = self.now_ms()
            response_url = f"{self.events.base_url}{RESPONSES_PATH}{token}" if token else None
            request = envelope(
                event.receiver,
                event.scene,
                event.params,
                timestamp_ms=at - _STALE_MS if fault == "event-stale" else at,
                response_url=response_url,
                sub_action=event.sub_action,
            )
            body = msgspec.json.encode(request)
            signature = self.keys.sign(body + b" " if fault == "event-badsig" else body)
            records.append(self._record(event, body, signature, at=at, fault=fault))
            if fault == "event-twice":
                again = self._repeat(event, records[0])
                repeated.append(asyncio.get_running_loop().create_task(again))
            return body, signature

        try:
            outcome = await self._sender.send(
                event.receiver.url, event.receiver.handler, prepare, token=token, fault=fault
            )
            delivery = self._finish(event, records[0], outcome)
            if repeated:
                await asyncio.wait(repeated)
            return delivery
        finally:
            for task in repeated:
                task.cancel()

    async def send_again(self, number: int, *, exact: bool = False) -> Delivery:
        """Send the event of a delivery again, and return the new delivery.

        Args:
            number: The delivery's id.
            exact: True for the same bytes and signature; else the event gets a new timestamp, a
                new `response_url` and a new signature.

        Raises:
            ApiFault: The delivery is no longer known.
        """
        delivery, event = self.deliveries.find(number), self.deliveries.event(number)
        if delivery is None or event is None:
            raise ApiFault(404, f"There is no delivery {number} that can be sent again.")
        return await (self._repeat(event, delivery) if exact else self.fire(event))

    async def fire_all(self, events: Iterable[Event]) -> list[Delivery]:
        """Send events at once and return the deliveries."""
        return await asyncio.gather(*map(self.fire, events))

    def take_response(self, token: str, body: bytes) -> None:
        """Take a late answer.

        Raises:
            ApiFault: No answer is expected, or it is not valid.
        """
        self._sender.take(token, body)

    def open_context(self, audience: Audience) -> Context | None:
        """Return the running context of a person in a chat."""
        return self.contexts.find(_context_key(audience), self._now())

    def end_context(self, audience: Audience) -> None:
        """End the running context of a person in a chat."""
        self.contexts.end(_context_key(audience))

    def ask(self, bot: Bot, audience: Audience, context: Context) -> str:
        """Show the open question of a context; return the id of the chat's item."""
        question = context.questions[0]
        body: dict[str, Any] = {"text": question.text, "context": context.id}
        if question.suggestions:
            body["suggestions"] = {"list": list(question.suggestions)}
        return self._add(bot, audience, "question", body)

    async def finish_context(self, bot: Bot, audience: Audience, context: Context) -> Delivery:
        """Fire the event of a context whose questions are all answered.

        Raises:
            NoEventError: The bot has no context handler.
        """
        with self.lock:
            event = self.events.context(bot, audience, context)
        return await self.fire(event)

    # The parts of `fire`.

    async def _run(self, work: Coroutine[Any, Any, object]) -> None:
        try:
            await work
        except NoEventError as error:
            _LOGGER.info("no event is sent: %s", error)
        except ValueError as error:
            if not self._has_warned:
                self._has_warned = True
                _LOGGER.warning("no event is sent: %s", error)

    async def _repeat(self, event: Event, first: Delivery) -> Delivery:
        records: list[Delivery] = []

        def prepare() -> tuple[bytes, str]:
            fault = "event-twice" if first.fault == "event-twice" else None
            at = self.now_ms()
            records.append(self._record(event, first.body, first.signature, at=at, fault=fault))
            return first.body, first.signature

        outcome = await self._sender.send(event.receiver.url, event.receiver.handler, prepare)
        return self._finish(event, records[0], outcome)

    def _record(
        self,
        event: Event,
        body: bytes,
        signature: str,
        *,
        at: int,
        fault: str | None,
    ) -> Delivery:
        def make(number: int) -> Delivery:
            return Delivery(
                id=number,
                bot=event.bot.name,
                handler=event.receiver.handler,
                user=event.scene.person["user_id"],
                url=event.receiver.url,
                at=at,
                body=body,
                signature=signature,
                fault=fault,
                done=False,
            )

        with self.lock:
            return self.deliveries.add(make, event)

    def _finish(self, event: Event, delivery: Delivery, outcome: Outcome) -> Delivery:
        answer, error = outcome.answer, outcome.error
        shown: tuple[str, ...] = ()
        with self.lock:
            if event.audience is not None and answer.kind != "none":
                try:
                    shown = self._show(event, event.audience, answer)
                except ApiFault as fault:
                    error = f"the answer was refused: {fault.message}"
            return self.deliveries.change(
                delivery,
                status=outcome.status,
                response=outcome.response,
                answer=None if answer.kind == "none" or error else answer.output,
                late=outcome.late,
                took_s=outcome.took_s,
                error=error,
                shown=shown,
                done=True,
            )

    def _show(self, event: Event, audience: Audience, answer: Answer) -> tuple[str, ...]:
        """Show an answer; return the ids of the chat's items that it became."""
        output = answer.output
        if answer.kind == "message":
            return self._show_message(event, audience, output)
        body = {name: value for name, value in output.items() if name != "type"}
        if answer.kind == "edit":
            if audience.message_id is None:
                raise ApiFault(400, "There is no message to edit.")
            self.chats.edit(audience.message_id, body)
            body = {"message_id": audience.message_id} | body
        return (self._add(event.bot, audience, answer.kind, body),)

    def _show_message(
        self, event: Event, audience: Audience, output: dict[str, Any]
    ) -> tuple[str, ...]:
        body = output
        if audience.recipients is not None:
            body = output | {"user_ids": ",".join(audience.recipients)}
        chat_id = audience.chat_id
        to = "broadcast" if chat_id is None and audience.recipients is None else "users"
        message = self._state.messages.add(
            body,
            bot=event.bot.name,
            user=ANSWERED_BY,
            to="channel" if audience.channel else to,  # type: ignore[arg-type]
            place=Place(chat_id=chat_id),
            channel=audience.channel,
        )
        shown = (f"m{message.number}",)
        if "context" not in output or chat_id is None or audience.person is None:
            return shown
        context = Context.start(output["context"], self._now())
        if context.question is None:  # the bot has given all answers itself
            self.spawn(self.finish_context(event.bot, audience, context))
            return shown
        self.contexts.start(_context_key(audience), context)
        return (*shown, self.ask(event.bot, audience, context))

    def _add(self, bot: Bot, audience: Audience, kind: str, body: dict[str, Any]) -> str:
        user = None if audience.person is None else audience.person["user_id"]
        chat_id = audience.chat_id or ""
        entry = self.chats.add(chat_id, kind, body, at=self.now_ms(), bot=bot.name, user=user)
        return entry.id


def _context_key(audience: Audience) -> tuple[str, str]:
    person = audience.person
    return audience.chat_id or "", "" if person is None else person["user_id"]
