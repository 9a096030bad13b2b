"""Whatever bytes reach a route of the sandbox: a refusal, never a server error, never silence."""

import json
import socket
from contextlib import closing

import pytest
from hypothesis import example, given, strategies as st
from support.effort import tries

from cliq_async.endpoints import BASE_PATH, ENDPOINTS, Limit
from cliq_async.testing import sandbox_in_thread

BOT_ID = "53719000001878011"
FUNCTION_ID = "53719000001879011"
NEEDED = {"delete_bot", "delete_function", "delete_function_handler"}


def path_of(endpoint):
    """Return the path of an endpoint for a bot or a function that exists."""
    of_function = "{function_id}" in endpoint.path
    known = {
        "bot_id": BOT_ID,
        "function_id": FUNCTION_ID,
        "handler_type": "button_handler" if of_function else "welcome_handler",
    }
    parts = endpoint.path.split("/")
    return BASE_PATH + "/".join(
        known.get(part[1:-1], "supportbot") if part.startswith("{") else part for part in parts
    )


API = {
    name: (endpoint.method, path_of(endpoint))
    for name, endpoint in ENDPOINTS.items()
    if name not in NEEDED
}
OTHERS = {
    "token": ("POST", "/oauth/v2/token"),
    "revoke": ("POST", "/oauth/v2/token/revoke"),
    "report": ("GET", "/sandbox/report"),
    "nothing": ("GET", "/nothing"),
}
ROUTES = API | OTHERS
WITH_BODY = [name for name, (method, _) in API.items() if method in {"POST", "PATCH"}]

DEEP = 100_000
HOSTILE = {
    "deep object": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "deep array": b'{"text":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "open arrays": b"[" * DEEP,
    "huge number": b'{"text":"a","n":%s}' % (b"9" * 100),
    "endless number": b'{"text":"a","n":%s}' % (b"9" * 10_000),
    "huge fraction": b'{"text":"a","n":1e999}',
    "NaN": b'{"text":NaN}',
    "Infinity": b'{"text":"a","n":-Infinity}',
    "equal keys": b'{"text":"a","text":"b"}',
    "equal keys inside": b'{"text":"a","card":{"title":"a","title":"b"}}',
    "lone surrogate": b'{"text":"\\ud800"}',
    "lone surrogate as a key": b'{"\\udfff":"a"}',
    "invalid UTF-8": b'{"text":"\xff\xfe"}',
    "surrogate in UTF-8": b'{"text":"\xed\xa0\x80"}',
    "UTF-16": '{"text":"a"}'.encode("utf-16"),
    "NUL": b"\0",
    "number": b"1",
    "null": b"null",
    "text": b'"a"',
    "cut off": b'{"text":"a',
    "two values": b'{"text":"a"}{"text":"b"}',
}


@pytest.fixture(scope="module")
def url():
    limits = dict.fromkeys(ENDPOINTS, Limit(10**9, 60.0, 300.0))
    with sandbox_in_thread(limits=limits) as sandbox:
        function = b'{"name":"f","description":"d","function_type":"button"}'
        assert ask(sandbox.url, request("create_function", function)) == 200
        assert ask(sandbox.url, request("get_function_handler")) == 200
        yield sandbox.url


def ask(url, data, *, whole=True):
    """Send bytes on a connection of their own; return the answer's status, or None for none.

    If they need not be a whole request, they are followed by the end of the stream.
    """
    host, _, port = url.removeprefix("http://").partition(":")
    with closing(socket.create_connection((host, int(port)), timeout=10)) as sock:
        answer = b""
        try:
            sock.sendall(data)
            if not whole:
                sock.shutdown(socket.SHUT_WR)
            while part := sock.recv(65536):
                answer += part
        except ConnectionError:  # refused before all was read
            pass
    return int(answer.split()[1]) if answer.startswith(b"HTTP/1.") else None


def request(route, body=b"", *, query=b"", **headers):
    method, path = ROUTES[route]
    lines = {"Host": b"localhost", "Authorization": b"Bearer ann"}
    lines |= {"Content-Type": b"application/json"} if body else {}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = b"".join(b"%s: %s\r\n" % (name.encode(), value) for name, value in lines.items())
    target = path.encode() + query
    length = b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
    return method.encode() + b" " + target + b" HTTP/1.1\r\n" + head + length + body


def is_healthy(url):
    return ask(url, request("list_bots")) == 200


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("route", WITH_BODY)
def test_hostile_bodies_are_400(url, route, body):
    assert ask(url, request(route, body)) == 400


@pytest.mark.parametrize("route", ROUTES)
def test_hostile_bodies_break_no_route(url, route):
    for body in HOSTILE.values():
        status = ask(url, request(route, body))
        assert status is not None
        assert status < 500
    assert is_healthy(url)


HEADER_BYTES = st.binary(max_size=40).map(lambda raw: raw.translate(None, b"\r\n\0"))
MEDIA = st.sampled_from(
    [b"application/json", b"text/plain", b"application/x-www-form-urlencoded", b"multipart/x"]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["users", "poll", "supportbot", BOT_ID, "message_handler", "button_handler"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = [
    *("text", "card", "slides", "buttons", "references", "user_ids", "broadcast", "reply_to"),
    *("thread_chat_id", "name", "description", "scope", "team_ids", "type", "script"),
    *("function_type", "execution_url", "execution_type"),
    *("permissions", "sub_actions", "channel_unique_name", "retry", "actions"),
]
OBJECTS = st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), VALUES, max_size=4)
BODIES = st.binary(max_size=200) | OBJECTS.map(lambda value: json.dumps(value).encode())
NAMES = st.sampled_from(
    [
        *(b"limit", b"next_token", b"sync_token", b"search", b"scope", b"fields", b"user_ids"),
        *(b"handler_id", b"user", b"recipients", b"grant_type", b"refresh_token", b"token"),
    ]
)
QUERIES = st.lists(st.tuples(NAMES, HEADER_BYTES), max_size=3).map(
    lambda pairs: b"".join(b"&%s=%s" % (k, v.translate(None, b" \t")) for k, v in pairs)
)


@tries(100)
@given(
    st.sampled_from(sorted(ROUTES)),
    BODIES,
    QUERIES,
    st.fixed_dictionaries(
        {},
        optional={
            "Authorization": HEADER_BYTES.map(b"Bearer ".__add__) | HEADER_BYTES,
            "Content-Type": MEDIA | HEADER_BYTES,
            "Content-Encoding": st.sampled_from([b"gzip", b"br", b"deflate", b"x"]),
            "Expect": st.sampled_from([b"100-continue", b"x"]),
            "Host": HEADER_BYTES,
            "Origin": HEADER_BYTES,
        },
    ),
)
@example("list_bots", b"", b"", {"Authorization": b"Bearer \xff\xfe"})
@example("token", b"", b"&refresh_token=%ED%A0%80", {})
def test_random_requests_are_answered(url, route, body, query, headers):
    status = ask(url, request(route, body, query=query and b"?" + query, **headers))
    assert status is not None
    assert status < 500
    assert is_healthy(url)


@tries(30)
@given(st.binary(max_size=300), st.sampled_from(["", *sorted(ROUTES)]))
def test_random_bytes_are_refused(url, data, route):
    start = " ".join(ROUTES[route]).encode() + b" HTTP/1.1\r\n" if route else b""
    status = ask(url, start + data, whole=False)
    assert status is None or status < 500
    assert is_healthy(url)
