"""A user for Locust whose calls go through the client and its quota.

    export LOCUST_SKIP_MONKEY_PATCH=1
    cliq sandbox --time-scale 60 -- locust -f examples/locustfile.py --headless -u 20 -t 10

Locust runs its users as greenlets of gevent, and the client needs an event loop. It gets one in a
thread of its own. That has to be a real thread, so Locust must not patch the standard library.
"""

import asyncio
import sys
import threading
import time
from collections.abc import Coroutine
from functools import partial
from typing import Any

import gevent
import locust
from gevent.event import Event
from gevent.monkey import is_module_patched
from locust import User, constant, task

from cliq_async import CliqClient, CliqError, Hooks

if is_module_patched("threading"):
    sys.exit("error: Locust has patched threads: set LOCUST_SKIP_MONKEY_PATCH=1")

BOT = "supportbot"
TO = "55743307"
events: Any = locust.events  # without types


def report(kind: str, name: str, took_s: float, error: Exception | None = None) -> None:
    """Add to a row of Locust's statistics, from any thread."""
    row = {"request_type": kind, "name": name, "response_time": 1000 * took_s, "exception": error}
    fire = partial(events.request.fire, **row, response_length=0, context={})
    greenlets.run_callback_threadsafe(gevent.spawn, fire)


def run(call: Coroutine[Any, Any, Any]) -> Any:
    """Wait for a call while the other greenlets go on. If Locust stops the user, cancel it."""
    ended = Event()
    future = asyncio.run_coroutine_threadsafe(call, loop)
    future.add_done_callback(lambda _: greenlets.run_callback_threadsafe(ended.set))
    try:
        ended.wait()
    finally:
        future.cancel()  # does nothing to a call that has ended
    return future.result()


# The time of the requests, and of the waits for the quota, has rows of its own.
hooks = Hooks(
    on_request=lambda it: report(it.outcome, it.endpoint, it.took_s),
    on_wait=lambda it: report("WAIT", it.endpoint, it.waited_s),
)
client = CliqClient.from_env(hooks=hooks, max_wait_s=None)
greenlets = gevent.get_hub().loop
loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()


def start(**_: object) -> None:
    """Open the client with each test."""
    run(client.open())


def stop(**_: object) -> None:
    """Close the client when the users have stopped."""
    run(client.close())


events.test_start.add_listener(start)
events.test_stop.add_listener(stop)


class CliqUser(User):
    """A user who sends one message after the other."""

    wait_time = constant(0)

    @task
    def send(self) -> None:
        """Send a message, and report the whole call."""
        started = time.perf_counter()
        error = None
        try:
            run(client.messages.send(BOT, "A load test", user_ids=[TO]))
        except CliqError as raised:
            error = raised
        report("CALL", "send_message", time.perf_counter() - started, error)
