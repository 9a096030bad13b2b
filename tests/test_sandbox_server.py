import asyncio
import io
import os
import signal
import time
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from cliq_async.endpoints import Limit
from cliq_async.sandbox import Sandbox, serve, user_label

SEND = "/api/v3/bots/supportbot/message"
BOTS = "/api/v3/bots"
SUBSCRIBERS = "/api/v3/bots/supportbot/subscribers"
THROTTLED = {"message": "Too many requests within a certain time frame."}
FIRST, SECOND = "55743307", "55743310"


class Clock:
    """A clock that tests move."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Caller:
    """Asks one sandbox, as the user `ann` unless told otherwise."""

    def __init__(self, sandbox, session):
        self.sandbox = sandbox
        self.session = session

    async def ask(self, method, path, *, token: Any = "ann", **options):
        headers = {"Authorization": f"Bearer {token}"} | options.pop("headers", {})
        url = self.sandbox.url + path
        async with self.session.request(method, url, headers=headers, **options) as answer:
            text = await answer.text()
            is_json = answer.content_type == "application/json"
            return answer.status, (await answer.json() if is_json else text)

    async def get(self, path, **query):
        return await self.ask("GET", path, params=query)

    async def send(self, *, token="ann", query=None, **message):
        body = {"text": "hi"} | message
        return await self.ask("POST", SEND, token=token, json=body, params=query or {})

    async def report(self, **query):
        status, body = await self.ask("GET", "/sandbox/report", token="", params=query)
        assert status == 200
        return body


@asynccontextmanager
async def running(**options):
    async with Sandbox(**options) as sandbox, aiohttp.ClientSession() as session:
        yield Caller(sandbox, session)


async def until(holds):
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - it happens inside the server, which sets no event
            await asyncio.sleep(0)


# Routes and access tokens.


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/api/v3", 404),
        ("GET", "/api/v3/nothing", 404),
        ("GET", "/api/v3/bots/supportbot/message/extra", 404),
        ("DELETE", "/api/v3/bots", 405),
        ("PUT", "/api/v3/bots/1", 405),
        ("POST", "/sandbox/report", 404),
        ("GET", "/oauth/v2/token", 404),
    ],
)
async def test_what_is_not_served_is_answered_in_cliqs_form(method, path, status):
    async with running() as caller:
        got, body = await caller.ask(method, path)
        assert (got, list(body)) == (status, ["message"])
        assert (await caller.report())["requests"] == {}


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Bearer invalid", "Basic ann", "ann"]
)
async def test_missing_or_invalid_token_is_401_and_not_counted(authorization):
    async with running() as caller:
        status, body = await caller.ask("GET", BOTS, headers={"Authorization": authorization})
        assert status == 401
        assert body == {"message": "Request was rejected because of invalid AuthToken."}
        assert (await caller.report())["requests"] == {}


async def test_both_schemes_of_a_token_are_the_same_user():
    async with running() as caller:
        for scheme in ("Bearer", "Zoho-oauthtoken"):
            status, _ = await caller.ask("GET", BOTS, headers={"Authorization": f"{scheme} ann"})
            assert status == 200
        assert caller.sandbox.report(user=user_label("ann"))["requests"] == {"list_bots": 2}


def test_user_label_does_not_hold_the_token():
    assert user_label("ann").startswith("user-")
    assert len(user_label("ann")) == len("user-") + 8
    assert "ann" not in user_label("ann")
    assert user_label("ann") != user_label("bob")


# Lists.


async def test_bots_are_listed_like_the_sample():
    async with running(bots=3) as caller:
        status, body = await caller.get(BOTS)
        assert status == 200
        assert (body["url"], body["type"]) == ("/api/v3/bots", "bot")
        assert set(body) == {"url", "type", "sync_token", "data"}
        bot = body["data"][0]
        assert bot["unique_name"] == "supportbot"
        assert bot["id"].isdigit()
        assert bot["subscriber_count"] == 100
        assert [each.get("team_ids") for each in body["data"]] == [None, [12345678], None]


async def test_bots_are_paged_searched_and_filtered():
    async with running(bots=45) as caller:
        _, first = await caller.get(BOTS)
        _, second = await caller.get(BOTS, next_token=first["next_token"], limit=50)
        assert (len(first["data"]), len(second["data"])) == (20, 25)
        assert "next_token" not in second
        _, found = await caller.get(BOTS, search="bot 4")
        assert [bot["name"] for bot in found["data"]] == [
            f"Helper Bot {number}" for number in (4, 40, 41, 42, 43, 44, 45)
        ]
        _, teams = await caller.get(BOTS, scope="team", limit=50)
        assert {bot["scope"] for bot in teams["data"]} == {"team"}
        _, synced = await caller.get(BOTS, sync_token=second["sync_token"])
        assert (synced["data"], synced["deleted"]) == ([], [])


@pytest.mark.parametrize("query", [{"limit": "51"}, {"limit": "x"}, {"next_token": "x"}])
async def test_wrong_queries_are_400(query):
    async with running() as caller:
        status, body = await caller.get(BOTS, **query)
        assert (status, sorted(body)) == (400, ["code", "message"])


async def test_all_subscribers_are_listed_once():
    async with running(subscribers=120) as caller:
        seen, token = [], {}
        while True:
            status, body = await caller.get(SUBSCRIBERS, limit=50, **token)
            assert status == 200
            seen += body["data"]
            if "next_token" not in body:
                break
            token = {"next_token": body["next_token"]}
        assert len({row["user_id"] for row in seen}) == len(seen) == 120
        assert set(seen[0]) == {"user_id", "name", "email_id"}
        assert (body["url"], body["type"]) == (SUBSCRIBERS, "bot_subscriber")
        _, synced = await caller.get(SUBSCRIBERS, sync_token=body["sync_token"])
        assert synced["data"] == []
        assert "deleted" not in synced


async def test_subscribers_are_found_by_id_and_an_unknown_bot_is_404():
    async with running() as caller:
        _, bots = await caller.get(BOTS)
        bot_id = bots["data"][0]["id"]
        for reference in (bot_id, f"b-{bot_id}", f"b%2D{bot_id}"):
            status, body = await caller.get(f"{BOTS}/{reference}/subscribers")
            assert (status, len(body["data"])) == (200, 20)
        status, body = await caller.get(f"{BOTS}/nobody/subscribers")
        assert (status, body["code"]) == (404, "bot_not_found")


async def test_twenty_thousand_subscribers_start_at_once():
    began = time.process_time()
    async with running(subscribers=20_000) as caller:
        assert len((await caller.get(SUBSCRIBERS, limit=50))[1]["data"]) == 50
    assert time.process_time() - began < 1.0


# Messages.


async def test_message_is_delivered_and_counted_by_recipient():
    async with running(subscribers=3) as caller:
        assert await caller.send(user_ids=f"{FIRST},{SECOND},1") == (204, "")
        assert await caller.send(query={"user_ids": FIRST}) == (204, "")
        report = await caller.report(recipients=1)
        assert report["recipients"] == {FIRST: 2, SECOND: 1}
        assert report["delivered"] == {"recipients": 2, "total": 3, "max_per_recipient": 2}
        assert report["requests"] == {"send_message": 2}


async def test_report_tells_users_apart():
    async with running() as caller:
        await caller.send(user_ids=FIRST)
        await caller.send(user_ids=SECOND, token="bob")
        report = await caller.report(user=user_label("bob"), recipients=1)
        assert report["recipients"] == {SECOND: 1}
        assert report["requests"] == {"send_message": 1}
        nobody = await caller.report(user="user-00000000")
        assert nobody == {
            "requests": {},
            "delivered": {"recipients": 0, "total": 0, "max_per_recipient": 0},
            "called": {"recipients": 0, "total": 0, "max_per_recipient": 0},
            "lockouts": [],
            "refused_while_locked": 0,
            "token_requests": 0,
            "tokens_issued": 0,
            "unauthorised": 0,
        }


async def test_broadcast_reaches_every_subscriber_and_a_channel_is_not_counted():
    async with running(subscribers=30) as caller:
        assert await caller.send(broadcast=True) == (204, "")
        assert await caller.send(query={"channel_unique_name": "announcements"}) == (204, "")
        assert caller.sandbox.report()["delivered"] == {
            "recipients": 30,
            "total": 30,
            "max_per_recipient": 1,
        }


async def test_sync_message_is_answered_with_ids_of_its_own():
    async with running() as caller:
        answers = [await caller.send(user_ids=FIRST, sync_message=True) for _ in range(2)]
        assert {status for status, _ in answers} == {200}
        assert all(set(body) == {"chat_id", "message_id"} for _, body in answers)
        assert answers[0] != answers[1]


async def test_message_without_valid_recipients_is_refused():
    async with running() as caller:
        status, body = await caller.send(user_ids="1,nobody@example.com")
        assert (status, body["code"]) == (400, "botmessage_no_valid_users")
        assert caller.sandbox.report()["delivered"]["total"] == 0


async def test_message_needs_a_bot_a_body_and_valid_fields():
    async with running() as caller:
        status, body = await caller.ask("POST", f"{BOTS}/nobody/message", json={"text": "hi"})
        assert (status, body["code"]) == (404, "bot_not_found")
        for size in (0, 1, 2**20 + 1, 2**21 + 1):
            status, body = await caller.ask("POST", SEND, data=io.BytesIO(b"{" * size))
            assert (status, body["code"]) == (400, "invalid_inputs")
        status, body = await caller.send(user_ids=FIRST, text="x" * 5001)
        assert status == 400
        assert "5000" in body["message"]


async def test_client_that_waits_for_100_continue_is_told_to_go_on():
    async with running() as caller:
        status, _ = await caller.ask(
            "POST", SEND, json={"text": "hi", "user_ids": FIRST}, expect100=True
        )
        assert status == 204


# What Python sees and does.


async def test_messages_are_seen_from_python():
    async with running() as caller:
        await caller.send(user_ids=FIRST)
        _, ids = await caller.send(broadcast=True, sync_message=True)
        first, second = caller.sandbox.messages
        assert first["body"] == {"text": "hi", "user_ids": FIRST}
        assert (second["message_id"], second["chat_id"]) == (ids["message_id"], ids["chat_id"])
        assert (second["bot"], second["user"]) == ("supportbot", user_label("ann"))
        assert (first["to"], second["to"]) == ("users", "broadcast")


async def test_subscribers_come_and_go_from_python():
    async with running(subscribers=1) as caller:
        _, page = await caller.get(SUBSCRIBERS)
        caller.sandbox.subscribe("supportbot", "7", 8)
        caller.sandbox.unsubscribe("supportbot", 8, FIRST)
        _, synced = await caller.get(SUBSCRIBERS, sync_token=page["sync_token"])
        assert [person["user_id"] for person in synced["data"]] == ["7"]
        assert (await caller.get(BOTS))[1]["data"][0]["subscriber_count"] == 1


@pytest.mark.parametrize(
    ("name", "zuid", "words"),
    [
        ("nobody", "1", "no bot has the unique name 'nobody'"),
        ("supportbot", "x", "a ZUID has at most 20 digits; got 'x'"),
        ("supportbot", "", "got ''"),
        ("supportbot", "1" * 21, "got '1"),
        ("supportbot", True, "got 'True'"),
    ],
)
def test_subscription_that_cannot_be_is_a_value_error(name, zuid, words):
    sandbox = Sandbox()
    for change in (sandbox.subscribe, sandbox.unsubscribe):
        with pytest.raises(ValueError, match=words):
            change(name, zuid)


# Thresholds and locks.


async def test_one_request_too_many_locks_until_the_lock_is_over():
    clock = Clock()
    async with running(limits={"send_message": Limit(2, 60, 600)}, clock=clock) as caller:
        clock.now += 5
        answers = [await caller.send(user_ids=FIRST) for _ in range(3)]
        assert answers == [(204, ""), (204, ""), (429, THROTTLED)]
        clock.now += 599
        assert await caller.send(user_ids=FIRST) == (429, THROTTLED)
        assert (await caller.send(user_ids=FIRST, token="bob"))[0] == 204
        assert (await caller.get(BOTS))[0] == 200
        report = await caller.report()
        assert report["lockouts"] == [
            {
                "user": user_label("ann"),
                "endpoint": "send_message",
                "at": 5.0,
                "until": 605.0,
                "injected": False,
            }
        ]
        assert report["refused_while_locked"] == 1
        assert report["requests"] == {"send_message": 5, "list_bots": 1}
        assert report["delivered"]["total"] == 3
        clock.now += 1
        assert (await caller.send(user_ids=FIRST))[0] == 204


async def test_time_scale_makes_windows_and_locks_shorter_and_reports_its_own_time():
    clock = Clock()
    options = {"time_scale": 60, "limits": {"list_bots": Limit(1, 60, 300)}, "clock": clock}
    async with running(**options) as caller:
        for pause, status in ((0.5, 200), (0.9, 429), (4.9, 429), (0.1, 429), (0.9, 429)):
            clock.now += pause
            assert (await caller.get(BOTS))[0] == status
        clock.now += 6.1
        assert (await caller.get(BOTS))[0] == 200
        first = caller.sandbox.report()["lockouts"][0]
        assert first["at"] == pytest.approx(84.0)
        assert first["until"] == pytest.approx(384.0)


async def test_refused_bodies_count_and_penalise_prolongs_locks():
    clock = Clock()
    limits = {"send_message": Limit(1, 60, 600)}
    async with running(limits=limits, clock=clock, penalise=True) as caller:
        assert (await caller.send())[0] == 400
        assert (await caller.send(user_ids=FIRST))[0] == 429
        clock.now += 100
        assert (await caller.send(user_ids=FIRST))[0] == 429
        assert caller.sandbox.report()["lockouts"][0]["until"] == 700.0


# Faults.


@pytest.mark.parametrize(
    ("kind", "error", "done"), [("reset", True, 1), ("refuse", True, 0), ("500", False, 0)]
)
async def test_faults_do_the_work_or_not(kind, error, done):
    async with running(faults=[f"{kind}:1@send_message"]) as caller:
        if error:
            with pytest.raises(aiohttp.ClientConnectionError):
                await caller.send(user_ids=FIRST)
        else:
            status, body = await caller.send(user_ids=FIRST)
            assert (status, list(body)) == (500, ["message"])
        report = await caller.report()
        assert report["delivered"]["total"] == done
        assert report["requests"] == ({} if kind == "refuse" else {"send_message": 1})
        assert (await caller.get(BOTS))[0] == 200


async def test_gateway_fails_with_a_page_before_or_after_the_work():
    async with running(faults=["502:1"], seed=3) as caller:
        for _ in range(20):
            status, text = await caller.send(user_ids=FIRST)
            assert status == 502
            assert "<html>" in text
        assert 0 < caller.sandbox.report()["delivered"]["total"] < 20


async def test_fault_spoils_refusals_of_the_body_too():
    async with running(faults=["reset:1"]) as caller:
        with pytest.raises(aiohttp.ClientConnectionError):
            await caller.send()


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("throttle-429", 429),
        ("throttle-400", 400),
        ("throttle-nested", 400),
        ("throttle-200", 200),
    ],
)
async def test_injected_lock_is_real_and_keeps_its_form(kind, status):
    clock = Clock()
    async with running(faults=[f"{kind}:1@send_message"], clock=clock, time_scale=60) as caller:
        first = await caller.send(user_ids=FIRST)
        clock.now += 4.5
        second = await caller.send(user_ids=FIRST)
        assert first[0] == second[0] == status
        if kind in {"throttle-nested", "throttle-200"}:
            texts = [body["error"]["details"]["message"] for _, body in (first, second)]
            assert "Try again after 10 minutes." in texts[0]
            assert "Try again after 6 minutes." in texts[1]
        else:
            assert first == second
        report = await caller.report()
        (lockout,) = report["lockouts"]
        assert lockout["injected"] is True
        assert (lockout["at"], lockout["until"]) == (0.0, 600.0)
        assert report["refused_while_locked"] == 1
        assert report["delivered"]["total"] == 0


async def lose_one(sandbox):
    """Send what will not be answered; return its connection."""
    host, port = sandbox.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    body = b'{"text": "hi", "user_ids": "%s"}' % FIRST.encode()
    writer.write(
        b"POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ann\r\nContent-Length: %d\r\n\r\n%s"
        % (SEND.encode(), len(body), body)
    )
    await until(lambda: sandbox.report()["delivered"]["total"])
    return reader, writer


async def test_lost_answer_leaves_the_connection_open_until_the_sandbox_stops():
    others = asyncio.all_tasks()
    async with Sandbox(faults=["lost:1@send_message"]) as sandbox:
        reader, writer = await lose_one(sandbox)
        waiting = asyncio.create_task(reader.read())
        async with aiohttp.ClientSession() as session:
            assert (await Caller(sandbox, session).get(BOTS))[0] == 200
        assert not waiting.done()
        began = time.perf_counter()
    assert time.perf_counter() - began < 2.0
    assert await waiting == b""
    writer.close()
    await writer.wait_closed()
    assert asyncio.all_tasks() == others


async def test_client_that_gives_up_a_lost_answer_leaves_nothing_behind():
    others = asyncio.all_tasks()
    async with Sandbox(faults=["lost:1@send_message"]) as sandbox:
        _, writer = await lose_one(sandbox)
        writer.close()
        await writer.wait_closed()
    assert asyncio.all_tasks() == others


async def test_client_that_leaves_before_its_answer_breaks_nothing(caplog):
    others = asyncio.all_tasks()
    async with Sandbox(faults=["reset:1@send_message"], latency_s=0.002) as sandbox:
        _, writer = await lose_one(sandbox)
        writer.transport.abort()
        await until(lambda: asyncio.all_tasks() == others)
    assert not [record for record in caplog.records if record.name.startswith("aiohttp")]


# Latency, start and stop.


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


async def test_stopping_ends_latency_and_answers_what_is_under_way():
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
            b"POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ann\r\n"
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
    assert not [record for record in caplog.records if record.name.startswith("aiohttp")]


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
        ({"penalise": 1}, "penalise: True or False"),
        ({"state": ""}, "state: a path"),
        ({"state": 5}, "state: a path"),
        ({"host": ""}, "host: a host's name or address"),
        ({"port": 65536}, "port: a whole number from 0 .* to 65535"),
        ({"limits": {"send": Limit(1)}}, "limits: a Limit for each of create_bot"),
        ({"limits": {"list_bots": 5}}, "limits: a Limit for each of create_bot"),
    ],
)
def test_wrong_option_is_named_with_what_is_allowed(options, words):
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
