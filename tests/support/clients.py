"""Clients on the running loop's time, over a transport that the test provides."""

import asyncio
from typing import Any

from support.scripted import DONE, SECRET, Scripted

from cliq_async.client import CliqClient
from cliq_async.quota.stores.memory import MemoryStore


def a_client(transport, **options: Any):
    options.setdefault("quota", MemoryStore(clock=asyncio.get_running_loop().time))
    return CliqClient(SECRET, transport=transport, **options)


def a_scripted_client(steps=(DONE,), *, delay_s=0.0, **options: Any):
    """Build a client. Returns it with the transport that plays the steps."""
    transport = Scripted(list(steps), delay_s)
    return a_client(transport, **options), transport
