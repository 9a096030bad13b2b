"""The sandbox's routes, authentication and lists."""

import time

import pytest
from support.sandboxes import BOTS, FIRST, SUBSCRIBERS, running

from cliq_async.sandbox import user_label

# Routes and access tokens.


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/api/v3", 404),
        ("GET", "/api/v3/nothing", 404),
        ("GET", "/api/v3/bots/supportbot/message/extra", 404),
        ("DELETE", "/api/v3/bots", 405),
        ("PUT", "/api/v3/bots/1", 405),
        ("POST", "/sandbox/report", 404),
        ("GET", "/oauth/v2/token", 404),
    ],
)
async def test_unknown_route_gets_an_error_in_cliqs_form(method, path, status):
    async with running() as caller:
        got, body = await caller.request(method, path)
        assert (got, list(body)) == (status, ["message"])
        assert (await caller.report())["requests"] == {}


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Bearer invalid", "Basic ann", "ann"]
)
async def test_missing_or_invalid_token_is_401_and_not_counted(authorization):
    async with running() as caller:
        status, body = await caller.request("GET", BOTS, headers={"Authorization": authorization})
        assert status == 401
        assert body == {"message": "Request was rejected because of invalid AuthToken."}
        assert (await caller.report())["requests"] == {}


async def test_both_schemes_of_a_token_are_the_same_user():
    async with running() as caller:
        for scheme in ("Bearer", "Zoho-oauthtoken"):
            status, _ = await caller.request(
                "GET", BOTS, headers={"Authorization": f"{scheme} ann"}
            )
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
    began = time.thread_time()
    async with running(subscribers=20_000) as caller:
        assert len((await caller.get(SUBSCRIBERS, limit=50))[1]["data"]) == 50
    assert time.thread_time() - began < 1.0


@pytest.mark.parametrize("dialect", ["seed", "live"])
async def test_unknown_keys_of_messages_and_calls_can_be_allowed(dialect):
    last, key = {"seed": ("message", "user_ids"), "live": ("messages", "userids")}[dialect]
    card = {"theme": "modern-inline", "title": "News", "colour": "red"}
    message = {"text": "hi", key: FIRST, "priority": "high", "card": card}
    call = {"text": "hi", "voice": "low"}
    paths = {f"/api/v3/bots/supportbot/{last}": message, "/api/v3/bots/supportbot/calls": call}
    for allow_unknown in (False, True):
        async with running(dialect=dialect, allow_unknown=allow_unknown) as caller:
            for path, body in paths.items():
                status, answer = await caller.request("POST", path, json=body)
                assert (status < 300) is allow_unknown, answer
            status, _ = await caller.request("POST", BOTS, json={"name": "n", "colour": "red"})
            assert status == 400
            if allow_unknown:
                assert caller.sandbox.messages[0]["body"]["priority"] == "high"
