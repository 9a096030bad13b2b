"""The package's test helpers."""

import asyncio
import doctest
import http.client
import os
import subprocess
import sys
import threading
import time

import pytest

from cliq_async import CliqClient, MemoryStore, OutcomeUnknownError, RefreshToken, testing
from cliq_async.testing import (
    FakeTransport,
    NoAnswerError,
    run_in_virtual_time,
    sandbox_in_thread,
)
from cliq_async.transport.base import Response


def a_client(transport, **options):
    return CliqClient("token", transport=transport, quota=MemoryStore(), **options)


def test_examples_run():
    failed, tried = doctest.testmod(testing)
    assert tried
    assert not failed


# FakeTransport.


async def test_request_is_seen_as_the_api_names_it():
    cliq = FakeTransport()
    async with a_client(cliq) as client:
        await client.messages.send("ops€", "Hi", channel="news")
        await client.handlers.delete("b-1", "menu_handler", handler_id="7")
    send, delete = cliq.requests
    assert (send.endpoint, send.path, send.json) == (
        "send_message",
        {"bot_unique_name": "ops€"},
        {"text": "Hi"},
    )
    assert send.query == dict.fromkeys(("channel_unique_name", "CHANNEL_UNIQUE_NAME"), "news")
    assert (delete.endpoint, delete.method, delete.json) == ("delete_handler", "DELETE", None)
    assert delete.path == {"bot_id": "b-1", "handler_type": "menu_handler"}
    assert delete.query == {"handler_id": "7"}
    assert send.headers["Authorization"] == "Bearer token"
    assert "token" not in repr(send)


async def test_request_to_another_url_has_no_endpoint_and_a_form_no_json():
    issued = {"access_token": "new", "expires_in": 3600}
    cliq = FakeTransport(lambda request: issued if request.endpoint is None else None)
    auth = RefreshToken("id", "secret", "refresh")
    async with CliqClient(auth, transport=cliq, quota=MemoryStore()) as client:
        await client.bots.delete("1")
    assert [(seen.endpoint, seen.json) for seen in cliq.requests] == [
        (None, None),
        ("delete_bot", None),
    ]


@pytest.mark.parametrize(
    ("reply", "message_id"),
    [
        (None, None),
        (204, None),
        ({"message_id": "7"}, "7"),
        ((200, {"message_id": "7"}), "7"),
        ({}, None),
        (Response(200, {}, b'{"message_id": "7"}'), "7"),
    ],
)
async def test_reply_is_written_in_the_shortest_form_that_says_it(reply, message_id):
    async def later(_request):
        return reply

    for answer in (lambda _: reply, later):
        async with a_client(FakeTransport(answer)) as client:
            sent = await client.messages.send("ops", "Hi", user_ids=[1])
        assert sent.message_id == message_id


async def test_lists_are_empty_by_default():
    async with a_client(FakeTransport()) as client:
        assert [bot async for bot in client.bots.iter()] == []
        assert (await client.subscribers.list("ops")).data == ()


async def test_lost_answer_is_a_lost_answer():
    def lose(_request):
        raise NoAnswerError("nobody there")

    cliq = FakeTransport(lose)
    async with a_client(cliq) as client:
        with pytest.raises(OutcomeUnknownError, match="nobody there"):
            await client.messages.send("ops", "Hi", user_ids=[1])
    assert len(cliq.requests) == 1


def test_hour_of_sending_passes_at_once_and_keeps_the_threshold():
    times = []

    async def main():
        clock = asyncio.get_running_loop().time
        cliq = FakeTransport(lambda _: times.append(clock()))
        async with CliqClient("token", transport=cliq, clock=clock, max_wait_s=None) as client:
            await asyncio.gather(
                *(client.messages.send("b", "x", user_ids=[1]) for _ in range(500))
            )

    run_in_virtual_time(main())
    assert len(times) == 500
    assert all(later - sooner >= 60 for sooner, later in zip(times, times[50:], strict=False))


class Permitted:
    sent = False

    def claim(self):
        return False


async def test_refused_permit_sends_nothing():
    cliq = FakeTransport()
    with pytest.raises(NoAnswerError):
        await cliq.send(testing.Request("GET", "http://h/api/v3/bots", {}), Permitted())
    assert cliq.requests == []


# The sandbox beside the test.


@pytest.mark.cliq_sandbox(subscribers=3)
async def test_fixture_points_the_environment_at_a_sandbox_of_its_own(cliq_sandbox):
    async with CliqClient.from_env() as client:
        ids = [user.user_id async for user in client.subscribers.iter("supportbot")]
        report = await client.broadcast("supportbot", "Hello", ids)
    assert (len(ids), report.delivered) == (3, 3)
    assert cliq_sandbox.report()["delivered"]["max_per_recipient"] == 1


def test_command_line_uses_the_fixture_too(cliq_sandbox):
    command = [sys.executable, "-m", "cliq_async.cli", "send", "supportbot", "Hi", "--broadcast"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert cliq_sandbox.report()["delivered"]["total"] == 100


@pytest.fixture
def settings_of_a_shell(monkeypatch):
    monkeypatch.setenv("CLIQ_REFRESH_TOKEN", "from the shell")


def test_settings_of_the_shell_do_not_reach_the_test(settings_of_a_shell, cliq_sandbox):
    assert "CLIQ_REFRESH_TOKEN" not in os.environ
    assert os.environ["CLIQ_TIME_SCALE"] == "60.0"


def test_sandbox_in_a_thread_ends_with_its_block():
    threads = []

    def clock():
        threads.append(threading.current_thread())
        return time.monotonic()

    with sandbox_in_thread(clock=clock) as sandbox:
        assert sandbox.url.startswith("http://127.0.0.1:")
        connection = http.client.HTTPConnection(sandbox.url.removeprefix("http://"))
        connection.request("GET", "/api/v3/bots", headers={"Authorization": "Bearer token"})
        assert connection.getresponse().status == 200
        connection.close()
        thread = threads[-1]
        assert (thread.name, thread.is_alive()) == ("cliq-sandbox", True)
    with pytest.raises(RuntimeError, match="not running"):
        _ = sandbox.url
    assert not thread.is_alive()


def test_error_of_the_test_is_the_one_that_is_raised():
    with pytest.raises(ZeroDivisionError), sandbox_in_thread():
        raise ZeroDivisionError


def test_sandbox_that_cannot_start_says_why():
    with sandbox_in_thread() as sandbox:
        port = int(sandbox.url.rpartition(":")[2])
        with pytest.raises(OSError, match="address already in use"), sandbox_in_thread(port=port):
            pytest.fail("two on one port")
    with pytest.raises(ValueError, match="algorithm"), sandbox_in_thread(algorithm="none"):
        pytest.fail("no such algorithm")
