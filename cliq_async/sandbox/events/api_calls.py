"""The events that calls of the API cause: incoming webhooks, voice calls, association."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from cliq_async.sandbox.endpoints import Call, Reply
from cliq_async.sandbox.events.calls import Ringing
from cliq_async.sandbox.events.dispatcher import Dispatcher
from cliq_async.sandbox.events.event import NoEventError
from cliq_async.sandbox.state.people import JAMES
from cliq_async.sandbox.state.state import State
from cliq_async.sandbox.validation import read_channel

__all__ = ["ApiCalls"]

_SECRET: Final = frozenset({"authorization", "cookie"})


class ApiCalls:
    """The source of the events that follow from successful calls of the API.

    Args:
        state: The data of the sandbox.
        dispatcher: Sends the events.
        ringing: The calls that ring.
    """

    def __init__(self, state: State, dispatcher: Dispatcher, ringing: Ringing) -> None:
        self._state = state
        self._dispatcher = dispatcher
        self._ringing = ringing
        self._sources: dict[str, Callable[[Call, Reply, Mapping[str, str]], None]] = {
            "send_incoming_webhook": self._incoming,
            "trigger_call": self._call,
            "associate_channel": self._associate,
        }

    def after(self, endpoint: str, call: Call, reply: Reply, headers: Mapping[str, str]) -> None:
        """Start the events that follow from a call, whose caller holds the lock of the state.

        Args:
            endpoint: The endpoint's name.
            call: The call, which succeeded.
            reply: The reply to it.
            headers: The headers of the request.
        """
        source = self._sources.get(endpoint)
        if source is None:
            return
        try:
            source(call, reply, headers)
        except NoEventError:
            return

    def _incoming(self, call: Call, reply: Reply, headers: Mapping[str, str]) -> None:
        bot = self._state.bots.by_name(call.parameters[0])
        event = self._dispatcher.events.incoming(
            bot,
            headers={k: v for k, v in headers.items() if k.lower() not in _SECRET},
            query=call.query,
            body=call.body.decode(errors="replace"),
            recipients=_zuids(reply) or None,
        )
        self._dispatcher.spawn(self._dispatcher.fire(event))

    def _call(self, call: Call, reply: Reply, _: Mapping[str, str]) -> None:
        bot = self._state.bots.by_name(call.parameters[0])
        self._dispatcher.events.receiver(bot, "call_handler")
        record = self._state.calls.last()
        for zuid in _zuids(reply):
            person = self._state.people.get(zuid)
            self._dispatcher.spawn(self._ringing.run(bot, person, record["id"], record["body"]))

    def _associate(self, call: Call, _reply: Reply, _: Mapping[str, str]) -> None:
        bot = self._state.bots.by_name(call.parameters[0])
        (channel,) = (
            each
            for each in self._state.channels.all()
            if bot.name in each.members and each.name == read_channel(call.body)
        )
        event = self._dispatcher.events.participation(
            bot, JAMES, channel, "added", text="", at=self._dispatcher.now_ms()
        )
        self._dispatcher.spawn(self._dispatcher.fire(event))


def _zuids(reply: Reply) -> list[str]:
    body: dict[str, Any] = reply[1] or {}
    return list(body.get("user_ids", ()))
