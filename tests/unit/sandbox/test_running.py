"""A running sandbox: start, stop, options and latency."""

import asyncio
import os
import signal
import time

import aiohttp
import pytest
from support.polling import until
from support.sandboxes import FIRST, SEND, Caller, running

from cliq_async.endpoints import Limit
from cliq_async.sandbox import Sandbox, serve


async def test_latency_stands_before_the_count_and_after_the_work():
    async with running(latency_s=0.04, jitter_s=0.001) as caller:
        asking = asyncio.create_task(caller.send(user_ids=FIRST))
        began = time.perf_counter()
        await until(lambda: caller.sandbox.report()["requests"])
        assert time.perf_counter() - began >= 0.02
        assert caller.sandbox.report()["delivered"]["total"] == 1
        assert not asking.done()
        assert await asking == (204, "")
        assert time.perf_counter() - began >= 0.04


async def test_stop_ends_latency_and_answers_pending_requests():
    async with aiohttp.ClientSession() as session:
        async with Sandbox(latency_s=1000) as sandbox:
            asking = asyncio.create_task(Caller(sandbox, session).send(user_ids=FIRST))
            await until(lambda: sandbox._latency._naps)
            began = time.perf_counter()
        assert time.perf_counter() - began < 2.0
        assert await asking == (204, "")


@pytest.mark.parametrize("leave", [True, False])
async def test_body_that_never_comes_does_not_hold_up_the_end(leave, caplog):
    others = asyncio.all_tasks()
    async with Sandbox() as sandbox:
        host, port = sandbox.url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            b"POST %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ann\r\n"
            b"Content-Length: 99\r\n\r\n{" % SEND.encode()
        )
        await until(lambda: sandbox.report()["requests"])
        if leave:
            writer.close()
            await writer.wait_closed()
            await until(lambda: asyncio.all_tasks() == others)
        began = time.perf_counter()
    assert time.perf_counter() - began < 2.0
    writer.close()
    await writer.wait_closed()
    assert asyncio.all_tasks() == others
    assert not [
        record for record in caplog.records if "aiohttp" in record.name or "sandbox" in record.name
    ]


def test_url_is_known_only_while_it_runs():
    with pytest.raises(RuntimeError, match="not running"):
        _ = Sandbox().url


async def test_port_in_use_is_an_os_error():
    others = asyncio.all_tasks()
    async with Sandbox() as first:
        port = int(first.url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"):
            await Sandbox(port=port).__aenter__()
    assert asyncio.all_tasks() == others


async def test_ipv6_address_stands_in_brackets():
    sandbox = Sandbox(host="::1")
    try:
        await sandbox.__aenter__()
    except OSError:
        pytest.skip("the machine has no IPv6")
    assert sandbox.url.startswith("http://[::1]:")
    await sandbox.__aexit__(None, None, None)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"algorithm": "leaky"}, "algorithm: one of rolling, fixed, bucket, counter"),
        ({"time_scale": 0}, "time_scale: a number above 0"),
        ({"time_scale": float("inf")}, "time_scale: a number above 0"),
        ({"bots": 0}, "bots: a whole number from 1"),
        ({"bots": True}, "bots: a whole number from 1"),
        ({"subscribers": -1}, "subscribers: a whole number from 0"),
        ({"subscribers": 1.5}, "subscribers: a whole number from 0"),
        ({"latency_s": -1}, "latency_s: seconds, 0 or more"),
        ({"jitter_s": "1"}, "jitter_s: seconds, 0 or more"),
        ({"faults": "lost:2"}, "faults: KIND:RATE"),
        ({"seed": "x"}, "seed: a whole number"),
        ({"penalize": 1}, "penalize: True or False"),
        ({"allow_unknown": 1}, "allow_unknown: True or False"),
        ({"scopes": ""}, "scopes: names of OAuth scopes"),
        ({"scopes": []}, "scopes: names of OAuth scopes"),
        ({"scopes": "ZohoCliq"}, "scopes: names of OAuth scopes"),
        ({"scopes": [5]}, "scopes: names of OAuth scopes"),
        ({"state": ""}, "state: a path"),
        ({"state": 5}, "state: a path"),
        ({"host": ""}, "host: a host's name or address"),
        ({"port": 65536}, "port: a whole number from 0 .* to 65535"),
        ({"limits": {"send": Limit(1)}}, "limits: a Limit for each of create_bot"),
        ({"limits": {"list_bots": 5}}, "limits: a Limit for each of create_bot"),
    ],
)
def test_invalid_option_is_named_with_its_range(options, words):
    with pytest.raises(ValueError, match=f"^{words}"):
        Sandbox(**options)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_serve_runs_until_a_signal(number):
    urls = []
    serving = asyncio.create_task(serve(Sandbox(), ready=urls.append))
    await until(lambda: urls)
    assert urls[0].startswith("http://127.0.0.1:")
    os.kill(os.getpid(), number)
    await serving


async def test_serve_runs_until_it_is_cancelled():
    sandbox = Sandbox()
    serving = asyncio.create_task(serve(sandbox))
    await until(lambda: sandbox._url)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert not sandbox._url


async def test_serve_without_signals_in_the_loop_still_runs(monkeypatch):
    def refuse(*args):
        raise NotImplementedError

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "add_signal_handler", refuse)
    monkeypatch.setattr(loop, "remove_signal_handler", refuse)
    ready = asyncio.Event()
    serving = asyncio.create_task(serve(Sandbox(), ready=lambda url: ready.set()))
    await ready.wait()
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
