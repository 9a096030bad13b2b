"""A server that counts what arrives, and locks who sends too much; it shares no code with Cliq's.

It speaks just enough HTTP for messages: a request over the threshold of a sliding window begins a
lock, and everything during a lock is refused. It keeps the text of each message that it accepted.
"""

import asyncio
import contextlib
import json
import time
from collections import Counter, deque

DONE = b"HTTP/1.1 204 No Content\r\n\r\n"
_REFUSAL = b'{"message": "Too many requests within a certain time frame."}'
REFUSED = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: %d\r\n\r\n%s" % (
    len(_REFUSAL),
    _REFUSAL,
)


class CountingServer:
    """A server on a free port of the loopback interface, while the body runs."""

    def __init__(self, threshold, window_s, lock_s, *, delay_s=lambda: 0.0):
        self.threshold = threshold
        self.window_s = window_s
        self.lock_s = lock_s
        self.delay_s = delay_s
        self.accepted = Counter()
        self.arrived = 0
        self.lockouts = []
        self._recent = deque()
        self._locked_until = 0.0
        self._connections = set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader, writer):
        task = asyncio.current_task()
        self._connections.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    fields = dict(line.lower().split(b": ", 1) for line in head.splitlines()[1:-1])
                    body = await reader.readexactly(int(fields.get(b"content-length", b"0")))
                    answer = DONE if self._arrive(body) else REFUSED
                    await asyncio.sleep(self.delay_s())
                    writer.write(answer)
                    await writer.drain()
        finally:
            self._connections.discard(task)
            writer.transport.abort()

    def _arrive(self, body):
        now = time.monotonic()
        self.arrived += 1
        self._recent.append(now)
        while self._recent[0] <= now - self.window_s:
            self._recent.popleft()
        if now < self._locked_until:
            return False
        if len(self._recent) > self.threshold:
            self.lockouts.append(now)
            self._locked_until = now + self.lock_s
            return False
        self.accepted[json.loads(body)["text"]] += 1
        return True
