"""A server that answers from memory, as fast as Python can: for calls.py."""

import asyncio

import msgspec

_BOT = {
    "unique_name": "supportbot",
    "name": "Support Bot",
    "description": "Handles support workflows",
    "scope": "organization",
    "channel_participation": ["listen_message", "send_message", "auto_follow_thread"],
    "handlers": [
        {
            "type": "menu_handler",
            "id": "53719000001878017",
            "name": "Action",
            "icon": "wand/627282",
            "position": 1,
            "sub_actions": [{"name": "Sub Action", "icon": "wand/627282"}],
        }
    ],
    "creator": {"name": "James", "id": "65113112"},
    "execution_type": "deluge",
    "status": "enabled",
    "type": "custom",
    "default": False,
    "subscriber_count": 1,
    "calls": "disabled",
}
_BOTS = [_BOT | {"id": str(53719000001878011 + number)} for number in range(50)]
_PAGE = msgspec.json.encode({"url": "/api/v3/bots", "type": "bot", "data": _BOTS})
_LIST = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
    len(_PAGE),
    _PAGE,
)
_SENT = b"HTTP/1.1 204 No Content\r\n\r\n"


class _Answering(asyncio.Protocol):
    """One request at a time; a body always comes together with its headers here, or right after."""

    def __init__(self) -> None:
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
        if head.startswith(b"GET"):
            self.buffer = b""
            self.transport.write(_LIST)
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(rest) >= length:
            self.buffer = b""
            self.transport.write(_SENT)


async def main() -> None:
    """Serve on a free port, whose URL is the first line printed."""
    server = await asyncio.get_running_loop().create_server(_Answering, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
