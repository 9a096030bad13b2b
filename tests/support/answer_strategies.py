"""Hypothesis strategies for responses of a server, and the outcome of a call that gets them."""

import asyncio
from typing import Any

import msgspec
from hypothesis import strategies as st
from support.methods import Method
from support.scripted import Scripted

from cliq_async.client import CliqClient
from cliq_async.errors import CliqError
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.testing import run_in_virtual_time
from cliq_async.transport.base import Response

NAMES = "code error title details message status_code data id unique_name name handlers creator"
NAMES += " next_token sync_token deleted user_id user_ids chat_id message_id message_details type"
NAMES += " function_id function_type execution_url"
NAMES += " script permissions params sub_actions display_props position team_ids default"
WORDS = (
    "bot_not_found bot_already_member x_denied forbidden_x request_limit_exceeded 7 extra_key_found"
)
WORDS += " URL_ROLLING_THROTTLES_LIMIT_EXCEEDED oauthtoken_invalid too_many_requests b-1"
TEXTS = (
    st.text(max_size=3)
    | st.sampled_from(WORDS.split())
    | st.from_regex(r"(try )?again (after|in) \d{1,9} (second|minute|hour)s?", fullmatch=True)
)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES.split()) | st.text(max_size=2), inner, max_size=5)
    ),
    max_leaves=12,
)
ODD_BODIES = [
    None,
    b"",
    b"null",
    b"<html><h1>502 Bad Gateway</h1></html>",
    b"\xff\xfe{}",
    b'{"data":',
    b'{"data":{"id":"1"},"data":[]}',
    b'{"data":{"id":NaN,"name":Infinity}}',
    b'{"data":{"id":%s,"unique_name":1e400,"name":-0}}' % (b"9" * 5000),
    b'{"data":' + b"[" * 5000 + b"]" * 5000 + b"}",
    b'{"data":[{"handlers":' + b'{"a":' * 500 + b"1" + b"}" * 500 + b"}]}",
    b'{"code":"\\ud800","message":"\\ud800\\udc00"}',
    b'{"message_details":{"1":{"message_id":"%FF%","chat_id":7},"2":[]}}',
    b'{"error":{"title":"URL_FIXED_THROTTLES_LIMIT_EXCEEDED","details":{"message":[]}}}',
]
RAW = JSON.map(msgspec.json.encode)
BODIES = (
    RAW
    | st.sampled_from(ODD_BODIES)
    | st.binary(max_size=20)
    | st.builds(lambda raw, share: raw[: int(len(raw) * share)], RAW, st.floats(0, 1))
    | st.builds(lambda raw: b'{"data":' + raw + b"}", RAW)
)
DATES = st.sampled_from(["Sun, 06 Nov 2094 08:49:37 GMT", "06 Nov 9999", "1,2,3", "+1:2:3"])
HEADERS = st.dictionaries(
    st.sampled_from(["Retry-After", "Content-Type", "Location"]),
    st.text(max_size=8)
    | st.integers(-1, 10**9).map(str)
    | DATES
    | st.sampled_from(["\udc80", "²"]),
    max_size=2,
)
KNOWN = [200, 204, 301, 400, 401, 403, 404, 405, 408, 409, 429, 500, 502, 503]
STATUSES = st.sampled_from(KNOWN) | st.integers(100, 999)
ANSWERS = st.builds(Response, STATUSES, HEADERS, BODIES)


def outcome(calling: Method, steps: list[Any], **options: Any) -> tuple[Any, Scripted]:
    """Return the result or error of a call whose last response repeats; fail if it never ends."""
    transport = Scripted(steps)

    async def main():
        store = MemoryStore(clock=asyncio.get_running_loop().time)
        auth = options.pop("auth", "t")
        async with CliqClient(auth, transport=transport, quota=store, **options) as client:
            try:
                return await calling(client)
            except CliqError as error:
                return error

    return run_in_virtual_time(main()), transport
