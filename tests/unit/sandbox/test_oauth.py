import re

import pytest
from support.sandboxes import BOTS, running
from support.stores import Clock

from cliq_async.sandbox import user_label
from cliq_async.sandbox.oauth import Tokens

TOKEN = "/oauth/v2/token"
CLIENT = {"client_id": "1000.A", "client_secret": "secret"}
REFRESH = CLIENT | {"grant_type": "refresh_token", "refresh_token": "1000.r"}
CODE = CLIENT | {"grant_type": "authorization_code", "code": "1000.c"}
OWN = CLIENT | {"grant_type": "client_credentials"}


def refresh(tokens, now, token="1000.r"):
    return tokens.answer(REFRESH | {"refresh_token": token}, now)


def alive(tokens, token, now):
    return tokens.user_of(token) is not None and not tokens.has_ended(token, now)


# Grants.


def test_refresh_token_gives_an_access_token_of_its_user():
    tokens = Tokens()
    status, answer = refresh(tokens, 0.0)
    token = answer.pop("access_token")
    assert status == 200
    assert re.fullmatch(r"1000\.[0-9a-f]{32}\.[0-9a-f]{32}", token)
    assert answer == {
        "expires_in": 3600,
        "api_domain": "https://www.zohoapis.com",
        "token_type": "Bearer",
    }
    assert tokens.user_of(token) == user_label("1000.r")


def test_answer_names_the_scopes_if_they_are_limited():
    tokens = Tokens(scopes={"ZohoCliq.Bots.READ", "ZohoCliq.Bots.CREATE"})
    assert refresh(tokens, 0.0)[1]["scope"] == "ZohoCliq.Bots.CREATE ZohoCliq.Bots.READ"


def test_code_gives_a_refresh_token_once():
    tokens = Tokens()
    _, answer = tokens.answer(CODE, 0.0)
    refresh_token = answer["refresh_token"]
    assert re.fullmatch(r"1000\.[0-9a-f]{32}\.[0-9a-f]{32}", refresh_token)
    assert tokens.user_of(answer["access_token"]) == user_label(refresh_token)
    _, refreshed = refresh(tokens, 0.0, refresh_token)
    assert tokens.user_of(refreshed["access_token"]) == user_label(refresh_token)
    assert tokens.answer(CODE, 0.0) == (200, {"error": "invalid_code"})
    assert "refresh_token" in tokens.answer(CODE | {"code": "1000.d"}, 0.0)[1]


def test_client_is_a_user_itself():
    tokens = Tokens()
    for _ in range(20):
        status, answer = tokens.answer(OWN, 0.0)
        assert status == 200
        assert tokens.user_of(answer["access_token"]) == user_label("1000.A")
        assert "refresh_token" not in answer


@pytest.mark.parametrize("form", [REFRESH, CODE, OWN])
@pytest.mark.parametrize("name", ["client_id", "client_secret"])
@pytest.mark.parametrize("value", [None, "", "invalid"])
def test_missing_or_invalid_client_gets_no_token(form, name, value):
    changed = {key: each for key, each in form.items() if key != name}
    if value is not None:
        changed[name] = value
    assert Tokens().answer(changed, 0.0) == (200, {"error": "invalid_client"})


@pytest.mark.parametrize(("form", "name"), [(REFRESH, "refresh_token"), (CODE, "code")])
@pytest.mark.parametrize("value", [None, "", "invalid"])
def test_missing_or_invalid_code_gets_no_token(form, name, value):
    changed = {key: each for key, each in form.items() if key != name}
    if value is not None:
        changed[name] = value
    assert Tokens().answer(changed, 0.0) == (200, {"error": "invalid_code"})


@pytest.mark.parametrize("grant", [{}, {"grant_type": "password"}, {"grant_type": ""}])
def test_unknown_grant_gets_no_token(grant):
    assert Tokens().answer(CLIENT | grant, 0.0) == (200, {"error": "unsupported_grant_type"})


# How many, and how long.


def test_refresh_token_gives_ten_tokens_in_ten_minutes():
    tokens = Tokens()
    for second in range(10):
        assert refresh(tokens, float(second))[0] == 200
    status, answer = refresh(tokens, 599.9)
    assert status == 400
    assert (answer["error"], answer["status"]) == ("Access Denied", "failure")
    assert answer["error_description"]
    assert refresh(tokens, 599.9, "1000.other")[0] == 200
    assert refresh(tokens, 600.0)[0] == 200
    assert refresh(tokens, 600.9)[0] == 400
    assert tokens.count() == 12


def test_sixteenth_live_token_kills_the_oldest():
    tokens = Tokens()
    issued = [refresh(tokens, 100.0 * number)[1]["access_token"] for number in range(15)]
    assert all(alive(tokens, token, 1450.0) for token in issued)
    refresh(tokens, 1500.0)
    assert [alive(tokens, token, 1500.0) for token in issued] == [False] + [True] * 14


def test_expired_tokens_do_not_count_as_live():
    tokens = Tokens()
    issued = [refresh(tokens, 400.0 * number)[1]["access_token"] for number in range(20)]
    now = 400.0 * 19
    assert [alive(tokens, token, now) for token in issued] == [False] * 11 + [True] * 9


def test_token_expires_after_an_hour_and_stays_refused():
    tokens = Tokens()
    token = refresh(tokens, 5.0)[1]["access_token"]
    assert alive(tokens, token, 3604.9)
    assert tokens.has_ended(token, 3605.0)
    assert not alive(tokens, token, 10**9)
    assert tokens.user_of("any other") is None
    assert not tokens.has_ended("any other", 10**9)


def test_life_of_tokens_can_be_shorter():
    tokens = Tokens(life_s=30)
    _, answer = refresh(tokens, 5.0)
    assert answer["expires_in"] == 30
    assert alive(tokens, answer["access_token"], 34.9)
    assert not alive(tokens, answer["access_token"], 35.0)


def test_revoked_tokens_are_over_and_others_are_not():
    tokens = Tokens()
    old = [refresh(tokens, 1.0, each)[1]["access_token"] for each in ("a", "a", "b")]
    assert tokens.revoke(2.0, user_label("a")) == 2
    new = refresh(tokens, 2.0, "a")[1]["access_token"]
    assert [alive(tokens, each, 2.0) for each in (*old, new)] == [False, False, True, True]
    assert tokens.revoke(3.0) == 2
    assert not any(alive(tokens, each, 3.0) for each in (*old, new))


def test_tokens_are_counted_by_user_and_the_same_for_the_same_seed():
    tokens = Tokens()
    refresh(tokens, 0.0)
    refresh(tokens, 0.0, "1000.other")
    assert (tokens.count(), tokens.count(user_label("1000.r")), tokens.count("x")) == (2, 1, 0)
    assert refresh(Tokens(), 0.0) == refresh(Tokens(), 0.0) != refresh(Tokens(seed=1), 0.0)


# Over HTTP.


@pytest.mark.parametrize("place", ["data", "params"])
async def test_token_is_had_by_form_or_query_and_is_a_user(place):
    async with running() as caller:
        status, answer = await caller.request("POST", TOKEN, token="", **{place: REFRESH})
        assert status == 200
        form = {"name": "Pipeline Bot", "description": "d"}
        _, made = await caller.request("POST", BOTS, token=answer["access_token"], json=form)
        _, again = await caller.request("POST", TOKEN, **{place: REFRESH})
        path = f"{BOTS}/{made['data']['id']}"
        assert (await caller.request("DELETE", path, token=again["access_token"]))[0] == 204
        report = await caller.report(user=user_label("1000.r"))
        assert report["requests"] == {"create_bot": 1, "delete_bot": 1}
        assert report["tokens_issued"] == 2
        assert (await caller.report())["tokens_issued"] == 2


async def test_token_expires_in_the_sandboxs_time():
    clock = Clock()
    async with running(clock=clock, time_scale=60) as caller:
        _, answer = await caller.request("POST", TOKEN, data=REFRESH)
        token = answer["access_token"]
        clock.now += 59.9
        assert (await caller.request("GET", BOTS, token=token))[0] == 200
        clock.now += 0.1
        status, body = await caller.request("GET", BOTS, token=token)
        assert (status, body["code"]) == (401, "oauthtoken_invalid")
        report = await caller.report()
        assert report["requests"] == {"list_bots": 1}
        assert (report["unauthorized"], report["token_requests"]) == (1, 1)


async def test_wrong_forms_are_answered_with_an_error():
    async with running() as caller:
        unsupported = (200, {"error": "unsupported_grant_type"})
        assert await caller.request("POST", TOKEN) == unsupported
        assert await caller.request("POST", TOKEN, data=b"\xff=%ff&;&&") == unsupported


async def test_external_network_is_served_as_the_account_itself():
    async with running() as caller:
        for network in ("", "/network/acme", "/network/7007"):
            assert (await caller.request("GET", network + BOTS))[0] == 200
        assert (await caller.request("GET", "/network/acme"))[0] == 404
        assert (await caller.request("GET", "/network/a/b" + BOTS))[0] == 404
        assert (await caller.report())["requests"] == {"list_bots": 3}


async def test_faults_of_the_accounts_server_strike_there_alone_and_as_often_as_they_say():
    faults = ["denied-localized:x1@access_token", "no-token:x1@access_token"]
    async with running(faults=faults) as caller:
        _, first = await caller.request("POST", TOKEN, data=REFRESH)
        assert first["error"] == "Zugriff verweigert"
        _, second = await caller.request("POST", TOKEN, data=REFRESH)
        assert "access_token" not in second
        assert (await caller.request("GET", BOTS))[0] == 200
        _, third = await caller.request("POST", TOKEN, data=REFRESH)
        assert "access_token" in third
        report = await caller.report()
        assert (report["token_requests"], report["tokens_issued"]) == (3, 1)


async def test_fault_that_names_no_endpoint_spares_the_accounts_server():
    async with running(faults=["500:1"]) as caller:
        assert (await caller.request("POST", TOKEN, data=REFRESH))[0] == 200
        assert (await caller.request("GET", BOTS))[0] == 500


async def test_tokens_are_revoked_from_python():
    async with running(faults=["401:x1@list_bots"]) as caller:
        _, made = await caller.request("POST", TOKEN, data=REFRESH)
        token = made["access_token"]
        status, body = await caller.request("GET", BOTS, token=token)
        assert (status, body["code"]) == (401, "oauthtoken_invalid")
        assert (await caller.request("GET", BOTS, token=token))[0] == 200
        assert caller.sandbox.revoke_tokens(user=user_label("another")) == 0
        assert caller.sandbox.revoke_tokens(user=user_label("1000.r")) == 1
        assert (await caller.request("GET", BOTS, token=token))[0] == 401
        assert (await caller.report())["unauthorized"] == 2


def test_revoked_refresh_token_issues_no_more_and_ends_its_access_tokens():
    tokens = Tokens()
    mine, other = (refresh(tokens, 0.0, token)[1] for token in ("1000.r", "1000.s"))
    assert tokens.revoke_refresh_token("1000.r", 1.0) == (200, {"status": "success"})
    assert not alive(tokens, mine["access_token"], 1.0)
    assert alive(tokens, other["access_token"], 1.0)
    assert refresh(tokens, 2.0) == (200, {"error": "invalid_code"})
    for token in ("1000.r", "invalid", ""):
        assert tokens.revoke_refresh_token(token, 2.0) == (400, {"error": "invalid_code"})
