"""Waiting for what happens elsewhere, in real time."""

import asyncio


async def soon(event):
    async with asyncio.timeout(5):
        await event.wait()


async def until(holds, timeout_s=5.0, *, every_s=0.0):
    """Wait for something; of another process, ask only every few hundredths of a second."""
    async with asyncio.timeout(timeout_s):
        while not holds():  # noqa: ASYNC110 - it happens in a server without an event for it
            await asyncio.sleep(every_s)
