"""A server that answers from memory, started and asked: what a client's CPU is measured with."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import attrs


@attrs.frozen
class Answer:
    """What is answered to a request.

    Attributes:
        body: Becomes JSON; None for no body.
        headers: Those besides type and length.
    """

    body: object = None
    headers: dict[str, str] = attrs.field(factory=dict)

    def plain(self) -> dict[str, object]:
        """Return it as server.py reads it."""
        body = "" if self.body is None else json.dumps(self.body, separators=(",", ":"))
        status = "200 OK" if body else "204 No Content"
        return {"status": status, "headers": self.headers, "body": body}


@asynccontextmanager
async def answering_server(answers: dict[str, Answer]) -> AsyncIterator[str]:
    """Start a server, and yield its URL; it answers requests by `"POST /path"`."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(Path(__file__).with_name("server.py"))),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    plain = {route: answer.plain() for route, answer in answers.items()}
    process.stdin.write(json.dumps(plain).encode() + b"\n")
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.stdin.close()
        process.terminate()
        await process.wait()


async def answered(url: str) -> dict[str, int]:
    """How often each request was answered so far."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}/answered") as answer:
        return await answer.json()


async def concurrently(one, total: int, at_once: int) -> None:
    """`total` times, `at_once` of them under way."""
    left = iter(range(total))

    async def worker() -> None:
        for _ in left:
            await one()

    await asyncio.gather(*(worker() for _ in range(at_once)))
