"""Whatever a webhook bot sends back: the sandbox records it, and stands."""

import asyncio
import json
import socket
import threading
from contextlib import closing, contextmanager, suppress

import msgspec
import pytest
from hypothesis import example, given, strategies as st
from support.effort import tries
from support.event_bots import PERMISSIONS

from cliq_async.sandbox import Delivery
from cliq_async.sandbox.errors import ApiFault
from cliq_async.sandbox.events.answers import read_answer, read_late_answer
from cliq_async.testing import sandbox_in_thread

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
NAMES = st.sampled_from(
    [
        *("text", "type", "card", "slides", "buttons", "suggestions", "context", "view", "list"),
        *("params", "name", "question", "id", "timeout", "status", "title", "inputs", "action"),
        *("theme", "data", "references", "label", "value", "options", "url", "bot", "styles"),
    ]
)
KINDS = st.sampled_from(["banner", "form", "message_edit", "preview_url", "form_error", "modern"])
JSON = st.recursive(
    SCALARS | KINDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=25,
)
HANDLERS = st.sampled_from([*PERMISSIONS, "button_handler", "form_dynamic_select_handler"])


@given(output=JSON, handler=HANDLERS)
@tries(100)
def test_any_output_is_taken_or_refused(output, handler):
    body = json.dumps({"output": output}).encode()
    for read in (read_answer, read_late_answer):
        with suppress(ApiFault):
            answer = read(body, handler)
            assert answer.kind == "none" or isinstance(answer.output, dict)
            msgspec.json.encode(answer.output)


@given(body=st.binary(max_size=200), handler=HANDLERS)
@tries(100)
def test_any_bytes_are_taken_or_refused(body, handler):
    for read in (read_answer, read_late_answer):
        with suppress(ApiFault):
            read(body, handler)


class RawBot:
    """A server that answers each request with the bytes of the test, and hangs up."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/cliq"
        self.answer = b""
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with closing(connection):
                connection.settimeout(5)
                data = b""
                while b"\r\n\r\n" not in data:
                    data += connection.recv(65536)
                head, _, rest = data.partition(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                while len(rest) < length:
                    rest += connection.recv(65536)
                connection.sendall(self.answer)

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join()


@contextmanager
def raw_bot():
    with closing(RawBot()) as bot, sandbox_in_thread(time_scale=100, event_wait_s=3000) as sandbox:
        state = sandbox._state
        form = {
            "name": "Hook",
            "description": "d",
            "execution_type": "webhook",
            "execution_url": bot.url,
        }
        created = state.create_bot("ann", form)
        state.create_handler(created, {"type": "message_handler", "permissions": []})
        yield sandbox, bot


@pytest.fixture(scope="module")
def hooked():
    with raw_bot() as both:
        yield both


OK = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s"


def response(body, headers=b""):
    return OK % (len(body), headers, body)


HEADERS = st.sampled_from(
    [
        b"",
        b"Content-Type: application/json\r\n",
        b"Content-Encoding: gzip\r\n",
        b"Content-Encoding: br\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Content-Type: text/html; charset=nope\r\n",
        b"Set-Cookie: a=b\r\n",
    ]
)
BODIES = st.binary(max_size=60) | JSON.map(lambda each: json.dumps({"output": each}).encode())


@given(answer=st.binary(max_size=80) | st.builds(response, BODIES, HEADERS))
@example(answer=b"")
@example(answer=b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
@example(answer=b"HTTP/1.1 204 No Content\r\n\r\n")
@example(answer=b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + b" " * 2_000_000)
@example(answer=response(b'{"output":{"text":"hi"}}'))
@tries(30)
def test_any_bytes_from_the_bot_are_recorded(hooked, answer):
    sandbox, bot = hooked
    bot.answer = answer
    before = len(sandbox.messages)
    delivery = asyncio.run(sandbox.say("hook", "hi"))
    assert isinstance(delivery, Delivery)
    assert delivery.done
    assert sandbox.deliveries[-1] == delivery
    shown = isinstance(delivery.answer, dict) and "type" not in delivery.answer
    assert len(sandbox.messages) == before + shown
    msgspec.json.encode(delivery.describe())
    if answer.endswith(b'{"output":{"text":"hi"}}'):
        assert delivery.answer == {"text": "hi"}
    # And it goes on.
    bot.answer = response(b'{"output":""}')
    after = asyncio.run(sandbox.say("hook", "hi"))
    assert (after.status, after.error) == (200, None)
