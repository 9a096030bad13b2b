"""The function that runs a sandbox as a program, until a signal ends it."""

import asyncio
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext, suppress

from cliq_async.sandbox.server import Sandbox

__all__ = ["serve"]


async def serve(
    sandbox: Sandbox,
    *,
    ready: Callable[[str], object] | None = None,
    companion: AbstractAsyncContextManager[object] | None = None,
) -> None:
    """Run a sandbox until SIGINT, SIGTERM or the task's cancellation.

    Args:
        sandbox: The sandbox, not yet entered.
        ready: Called with the sandbox's URL when it listens.
        companion: Entered before `ready` is called, and left before the sandbox stops.

    Raises:
        OSError: The address is in use or does not belong to this machine.
    """
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    async with sandbox, companion or nullcontext():
        # In event loops without signal support, SIGINT arrives as a KeyboardInterrupt.
        with suppress(NotImplementedError):
            for each in signals:
                loop.add_signal_handler(each, ended.set)
        try:
            if ready is not None:
                ready(sandbox.url)
            await ended.wait()
        finally:
            with suppress(NotImplementedError):
                for each in signals:
                    loop.remove_signal_handler(each)
