"""The events of one sandbox: what sends them, what causes them, and what shows them."""

import threading
import time
from collections.abc import Callable
from typing import Final

from cliq_async.sandbox.events.acts import UserActs
from cliq_async.sandbox.events.api_calls import ApiCalls
from cliq_async.sandbox.events.calls import Ringing
from cliq_async.sandbox.events.dispatcher import Dispatcher
from cliq_async.sandbox.events.feed import Feed
from cliq_async.sandbox.events.post import HttpPost, is_loopback_url
from cliq_async.sandbox.events.sender import Sender
from cliq_async.sandbox.events.views import Views
from cliq_async.sandbox.faults import Faults
from cliq_async.sandbox.rate_limits import Throttle
from cliq_async.sandbox.settings import Settings
from cliq_async.sandbox.state.state import State

__all__ = ["EventService"]

_ANY: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - addresses that a bot cannot call


class EventService:
    """The events of a sandbox.

    Args:
        settings: The options of the sandbox.
        state: The data of the sandbox.
        lock: Guards the state.
        faults: The faults to inject.
        throttle: The rate limits, for the views.
        now: Returns the sandbox's time in seconds.

    Attributes:
        dispatcher: Sends the events.
        acts: The acts of people.
        api_calls: The events that calls of the API cause.
        views: What a page shows.
        feed: The streams of pages.
    """

    def __init__(
        self,
        settings: Settings,
        state: State,
        *,
        lock: threading.Lock,
        faults: Faults,
        throttle: Throttle,
        now: Callable[[], float],
    ) -> None:
        scale = settings.time_scale
        self._settings = settings
        self._post = HttpPost()
        self._sender = Sender(
            self._post,
            wait_s=settings.event_wait_s,
            time_scale=scale,
            is_allowed=None if settings.allow_remote else is_loopback_url,
        )
        self.dispatcher = Dispatcher(
            state, lock=lock, faults=faults, sender=self._sender, now=now, wall_clock=time.time
        )
        ringing = Ringing(self.dispatcher, time_scale=scale)
        self.acts = UserActs(state, self.dispatcher, ringing)
        self.api_calls = ApiCalls(state, self.dispatcher, ringing)
        self.views = Views(
            state,
            dispatcher=self.dispatcher,
            ringing=ringing,
            throttle=throttle,
            now=now,
            time_scale=scale,
        )
        self.feed = Feed(self.views)

    def start(self, url: str) -> None:
        """Set the sandbox's URL, which bots get in events."""
        hosts = [host for host in self._settings.hosts if host not in _ANY]
        if self._settings.host in _ANY:
            name = hosts[0] if hosts else "127.0.0.1"
            url = f"http://{f'[{name}]' if ':' in name else name}:{url.rpartition(':')[2]}"
        self.dispatcher.events.base_url = url

    async def stop(self) -> None:
        """End streams and events, and close the connections to bots."""
        self.feed.stop()
        self._sender.stop()
        await self.dispatcher.stop()
        await self._post.close()
