"""A server that answers from memory, as fast as Python can, in a process of its own.

The first line of its input says what it answers, as JSON: `{"POST /path": answer}` with the
answers of answering.py. Everything else is answered 404, and `GET /answered` with how often each
was asked for. The first line of its output is its URL.
"""

import asyncio
import json
import sys

_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
_ANSWERED = "GET /answered"


def _bytes(status: str, headers: dict[str, str], body: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers.items())]
    content = body.encode()
    if content:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content


class _Answering(asyncio.Protocol):
    """One request at a time; a body has a length, and may come after its headers."""

    def __init__(self, answers: dict[str, bytes], asked: dict[str, int]) -> None:
        self.answers = answers
        self.asked = asked
        self.transport: asyncio.Transport
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, end, rest = self.buffer.partition(b"\r\n\r\n")
        if not end:
            return
        _, found, length = head.lower().partition(b"content-length:")
        if found and len(rest) < int(length.partition(b"\r\n")[0]):
            return
        self.buffer = b""
        route = head[: head.index(b" HTTP/")].partition(b"?")[0].decode()
        if route == _ANSWERED:
            self.transport.write(_bytes("200 OK", {}, json.dumps(self.asked)))
        elif route in self.answers:
            self.asked[route] += 1
            self.transport.write(self.answers[route])
        else:
            self.transport.write(_NOT_FOUND)


async def main() -> None:
    """Serve on a free port."""
    answers = {route: _bytes(**each) for route, each in json.loads(sys.stdin.readline()).items()}
    asked = dict.fromkeys(answers, 0)
    server = await asyncio.get_running_loop().create_server(
        lambda: _Answering(answers, asked), "127.0.0.1", 0
    )
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
