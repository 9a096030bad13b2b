"""Whatever bytes a server writes before it goes away are an answer, or none."""

import asyncio
import gzip

from hypothesis import given, strategies as st
from support.effort import tries
from support.tcp_servers import OnePermit, Server, a_transport, request

from cliq_async.endpoints import ENDPOINTS
from cliq_async.transport.base import NoAnswerError, Response
from cliq_async.transport.protocol import parse_response

LINES = [b"HTTP/1.1 200 OK", b"HTTP/1.1 204 No", b"HTTP/1.1 100 Continue", b"HTTP/1.0 500 \xff"]
LINES += [b"HTTP/9.9 200 OK", b"HTTP/1.1 999999 x", b"HELLO", b"", b"HTTP/1.1 -1 x"]
FIELDS = [b"Content-Length: 5", b"Content-Length: 99", b"Content-Length: -1", b"Content-Length: x"]
FIELDS += [b"Transfer-Encoding: chunked", b"Content-Encoding: gzip", b"Content-Encoding: br"]
FIELDS += [
    b"Connection: close",
    b"X: " + b"x" * 20_000,
    b": x",
    b"Retry-After: \xff\x00",
    b"Location: /",
]
FIELDS += [b"Content-Encoding: deflate", b"Set-Cookie: a=b", b"Content-Type: text/\xff; charset=no"]
CONTENTS = [
    b"",
    b"{}",
    b"hello",
    b"5\r\nhello\r\n0\r\n\r\n",
    b"zz\r\nhello",
    b"5\r\nhel",
    b"0\r\n\r\n",
]
CONTENTS += [gzip.compress(b"{}" * 100), gzip.compress(b"{}")[:-9], b"{}HTTP/1.1 200 OK\r\n\r\n"]
WIRES = st.builds(
    lambda line, fields, content, cut: (b"\r\n".join([line, *fields, b"", content]))[:cut],
    st.sampled_from(LINES),
    st.lists(st.sampled_from(FIELDS), max_size=3),
    st.sampled_from(CONTENTS),
    st.none() | st.integers(0, 60),
)


@tries(2)
@given(st.lists(WIRES, min_size=10, max_size=10))
def test_any_bytes_of_a_server_that_then_goes_away_are_an_answer_or_none(wires):
    wire = b""

    async def play(exchange):
        await exchange.request()
        await exchange.answer(wire)

    async def main():
        nonlocal wire
        async with Server(play) as server, a_transport() as transport:
            for wire in wires:
                sending = transport.send(request(server.url, timeout_s=30), OnePermit())
                try:
                    got = await asyncio.wait_for(sending, 20)
                except NoAnswerError:
                    continue
                assert isinstance(got, Response), wire
                assert 100 <= got.status <= 999, wire
                parse_response(ENDPOINTS["get_bot"], got)

    asyncio.run(main())
