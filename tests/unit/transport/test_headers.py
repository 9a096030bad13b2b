"""Headers of the user's own: on each request to Cliq, and unable to change another one."""

import pytest
from support.clients import a_scripted_client
from support.scripted import SECRET, moved

from cliq_async import __version__
from cliq_async.client import CliqClient
from cliq_async.errors import ValidationError

OWN = {"X-Gateway-Key": "canary", "Accept-Language": "de"}


@moved
async def test_headers_and_user_agent_are_on_each_request():
    client, transport = a_scripted_client(user_agent="shop/2.1 (x)", headers=OWN)
    async with client:
        await client.bots.list()
        await client.messages.send("bot", "a", user_ids="1")
    for request in transport.requests:
        headers = dict(request.headers)
        assert headers.pop("Authorization") == f"Bearer {SECRET}"
        headers.pop("Content-Type", None)
        assert headers == OWN | {"User-Agent": f"cliq-async/{__version__} shop/2.1 (x)"}
    assert "canary" not in repr((client._settings, client._session, client))


@moved
async def test_user_agent_is_the_packages_alone_by_default():
    client, transport = a_scripted_client()
    async with client:
        await client.bots.list()
    assert transport.requests[0].headers["User-Agent"] == f"cliq-async/{__version__}"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-A": "canary\r\nX-B: c"},
        {"X-A": "canary\nX-B: c"},
        {"X-A": "canary\x00"},
        {"X-A": "canary\u010a"},
        {"X-A": "canary "},
        {"X-A": ""},
        {"X-A": 5},
        {"X-A": "canary" * 1_000},
        {"X-A\r\nX-B": "canary"},
        {"X A": "canary"},
        {"X-A:": "canary"},
        {"": "canary"},
        {5: "canary"},
        {"authorization": "canary"},
        {"Content-Length": "canary"},
        {"User-Agent": "canary"},
        {"Transfer-Encoding": "canary"},
        {"X-A": "canary", "x-a": "canary"},
        [("X-A", "canary")],
        "canary",
    ],
    ids=repr,
)
def test_headers_that_could_change_the_request_are_refused_without_their_values(headers):
    with pytest.raises(ValidationError) as refused:
        CliqClient(SECRET, quota="memory://", headers=headers)
    assert refused.value.field == "headers"
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("suffix", ["a\r\nX: b", "a\nb", "a\tb", "ü", " a", None, 5])
def test_user_agent_is_one_line(suffix):
    with pytest.raises(ValidationError, match="user_agent: printable ASCII"):
        CliqClient(SECRET, quota="memory://", user_agent=suffix)
