"""An event of a webhook bot: CPU of the server's process, beside the same work by hand and peers.

Each receiver is a process of its own with a real server. All of them get events of one size, one
at a time over one connection, in turn; those of Cliq are the same signed bodies for all.
"""

import asyncio
import hmac
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

import aiohttp
import attrs
from installed import left_out
from measuring import Row, cpu_in_turn, per_item_us, ratio
from receivers import RECEIVERS, Receiver
from webhook_peers import SECRET

from cliq_async.testing import FakeCliq
from cliq_async.webhooks import MessageEvent, WebhookBot
from cliq_async.webhooks.signature import Verifier

_BODY_BYTES = 1_600
_GREETING = b"Hi Ann"
_RECEIVE_BAR = 3.5
_QUICK_ROOM = 2.0
_HELD = {
    name for each in RECEIVERS.values() if each.bar is not None for name in (each.name, each.over)
}

Event = tuple[bytes, dict[str, str]]
"""The body of a request and its headers, of which the last shows who sent it."""


# --- events ---------------------------------------------------------------------------------


def _padding(event: bytes) -> str:
    return "x" * max(_BODY_BYTES - len(event), 0)


def _cliq(cliq: FakeCliq, number: int) -> list[Event]:
    user = {"first_name": "Ann"}
    text = "hi" + _padding(cliq.say("hi", user=user).body)
    signed = [cliq.say(text, user=user) for _ in range(number)]
    json_type = {"Content-Type": "application/json"}
    return [(body, json_type | {"X-Cliq-Signature": signature}) for body, signature in signed]


def _slack(_cliq: FakeCliq, number: int) -> list[Event]:
    fields = {
        "token": "x" * 24,
        "team_id": "T0001",
        "team_domain": "example",
        "channel_id": "C2147483705",
        "channel_name": "test",
        "user_id": "U2147483697",
        "user_name": "Ann",
        "command": "/greet",
        "response_url": "https://hooks.slack.com/commands/1234/5678",
        "trigger_id": "13345224609.738474920.8088930838d88f008e0",
        "api_app_id": "A123456",
    }
    body = urlencode(fields | {"text": _padding(urlencode(fields).encode())}).encode()
    at = str(int(time.time()))
    signature = hmac.new(SECRET.encode(), f"v0:{at}:".encode() + body, "sha256").hexdigest()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": at,
        "X-Slack-Signature": f"v0={signature}",
    }
    return [(body, headers)] * number


def _telegram(_cliq: FakeCliq, number: int) -> list[Event]:
    ann = {"id": 1111, "first_name": "Ann", "last_name": "Lee", "username": "ann"}
    message = {
        "message_id": 1365,
        "from": ann | {"is_bot": False, "language_code": "en"},
        "chat": ann | {"type": "private"},
        "date": int(time.time()),
        "text": "hi",
    }
    update = {"update_id": 10000, "message": message}
    message["text"] += _padding(json.dumps(update).encode())
    headers = {"Content-Type": "application/json", "X-Telegram-Bot-Api-Secret-Token": SECRET}
    return [(json.dumps(update).encode(), headers)] * number


_EVENTS: dict[str, Callable[[FakeCliq, int], list[Event]]] = {
    "cliq": _cliq,
    "slack": _slack,
    "telegram": _telegram,
}


# --- servers --------------------------------------------------------------------------------


@attrs.define
class _Server:
    """A receiver that runs: its CPU and its latency for an event, by rounds."""

    receiver: Receiver
    url: str
    process: asyncio.subprocess.Process
    cpu_s: list[float] = attrs.Factory(list)
    latency_s: list[float] = attrs.Factory(list)

    async def used_s(self) -> float:
        """Return the seconds of CPU that the process has used."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"\n")
        return float(await self.process.stdout.readline())

    async def take(self, session: aiohttp.ClientSession, events: list[Event]) -> None:
        """Send it events, and note what they took.

        Raises:
            RuntimeError: One was not answered by a greeting, or one of somebody else was.
        """
        body, headers = events[0]
        await self._refuse(session, body, headers)
        before, latencies = await self.used_s(), []
        for body, headers in events:
            started = time.perf_counter()
            async with session.post(self.url, data=body, headers=headers) as answer:
                content = await answer.read()
            latencies.append(time.perf_counter() - started)
            if answer.status != 200 or _GREETING not in content:
                raise RuntimeError(f"{self.receiver.name}: {answer.status} {content!r}")
        self.cpu_s.append((await self.used_s() - before) / len(events))
        self.latency_s.append(median(latencies))

    async def _refuse(
        self, session: aiohttp.ClientSession, body: bytes, headers: dict[str, str]
    ) -> None:
        *_, signature = headers
        forged = headers | {signature: "AAAA"}
        async with session.post(self.url, data=body, headers=forged) as answer:
            if self.receiver.checks and answer.status not in (401, 403):
                raise RuntimeError(f"{self.receiver.name}: {answer.status} to a wrong signature")


@asynccontextmanager
async def _serving(receiver: Receiver, key: str) -> AsyncIterator[_Server]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(Path(__file__).with_name("webhook_server.py")), receiver.name),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"CLIQ_PUBLIC_KEY": key},
    )
    try:
        assert process.stdout is not None
        yield _Server(receiver, (await process.stdout.readline()).decode().strip(), process)
    finally:
        process.kill()
        await process.wait()


async def events(rounds: int, number: int, *, quick: bool = False) -> list[Row]:
    """Send each receiver events, in turn; compare the CPU of their processes.

    The quick run leaves out those on which no bar depends, and doubles the bars.
    """
    cliq = FakeCliq()
    wanted = [each for each in RECEIVERS.values() if not quick or each.name in _HELD]
    there = [each for each in wanted if each.installed]
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        servers = await asyncio.gather(
            *(stack.enter_async_context(_serving(each, cliq.public_key)) for each in there)
        )
        for turn in range(rounds + 1):  # once to warm up
            made = {whose: make(cliq, number) for whose, make in _EVENTS.items()}
            for server in servers:
                await server.take(session, made[server.receiver.events])
                if not turn:
                    server.cpu_s.clear()
                    server.latency_s.clear()
    found = {server.receiver.name: server for server in servers}
    room = _QUICK_ROOM if quick else 1.0
    rows = [_row(server, found.get(server.receiver.over), room) for server in servers]
    return rows + [left_out(each.name) for each in wanted if each not in there]


def _row(server: _Server, over: _Server | None, room: float) -> Row:
    receiver = server.receiver
    us, ms = per_item_us(server.cpu_s, 1), median(server.latency_s) * 1e3
    numbers = {"us": us, "latency_ms": ms}
    value = f"{us:.0f} µs, {ms:.1f} ms"
    if over is None:
        return Row(receiver.name, value, numbers=numbers)
    times = ratio(server.cpu_s, over.cpu_s)
    if receiver.bar is None:
        return Row(receiver.name, value, times, numbers=numbers | {"ratio": times})
    bar = receiver.bar * room
    hold, held = f"≤ {bar:g} x by hand", times <= bar
    return Row(receiver.name, value, times, hold, held, numbers=numbers | {"ratio": times})


# --- without a server -----------------------------------------------------------------------


async def receive_alone(rounds: int, number: int, *, quick: bool = False) -> list[Row]:
    """Compare `bot.receive` with the check of the same signatures, which it includes."""
    cliq = FakeCliq()
    verifier = Verifier(cliq.public_key)
    signed = [(body, headers["X-Cliq-Signature"]) for body, headers in _cliq(cliq, number)]

    async def verify() -> None:
        for body, signature in signed:
            assert verifier.verify(body, signature)

    async def greet(event: MessageEvent) -> str:
        return f"Hi {event.user.first_name}"

    bots = [WebhookBot(cliq.public_key) for _ in range(rounds + 1)]  # as one takes an event once
    for bot in bots:
        bot.message(greet)

    async def receive() -> None:
        bot = bots.pop()
        for body, signature in signed:
            assert _GREETING in (await bot.receive(body, signature)).body

    seconds = await cpu_in_turn({"verify": verify, "receive": receive}, rounds)
    times = ratio(seconds["receive"], seconds["verify"])
    bar = _RECEIVE_BAR * (_QUICK_ROOM if quick else 1.0)
    us, verify_us = (per_item_us(seconds[name], number) for name in ("receive", "verify"))
    return [
        Row("verify alone", f"{verify_us:.0f} µs", numbers={"us": verify_us}),
        Row(
            "receive alone",
            f"{us:.0f} µs",
            times,
            f"≤ {bar:g} x verify",
            times <= bar,
            numbers={"us": us, "ratio": times},
        ),
    ]
