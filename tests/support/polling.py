"""Waiting for what happens elsewhere in the loop, in real time and without a sleep."""

import asyncio


async def soon(event):
    async with asyncio.timeout(5):
        await event.wait()


async def until(holds):
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - it happens in a server without an event for it
            await asyncio.sleep(0)
