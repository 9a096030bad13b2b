"""How long an access token is used: it is renewed before its end, and is good until then."""

import asyncio

import attrs
import msgspec
import pytest
from support.scripted import answer, moved
from support.token_providers import CREDENTIALS, UNREADY, an_authority, numbered, value

from cliq_async.errors import AuthError


@pytest.mark.parametrize(
    ("expires_in", "good_for_s"),
    [
        (3600, 3540),
        ("3600", 3540),
        (3_600_000, 3540),  # some answers count in milliseconds
        (600, 540),
        ("600", 540),
        (100, 75),
        (10, 7.5),
        (0, 3540),
        (-5, 3540),
        (None, 3540),
        ("soon", 3540),
        ([], 3540),
        (10**18, 3540),
        ("inf", 3540),
        ("nan", 3540),
    ],
)
@moved
async def test_token_is_renewed_before_it_expires_however_odd_its_life(expires_in, good_for_s):
    def step(_request):
        number = len(transport.requests)
        body = {"access_token": f"token-{number}"}
        if expires_in is not None:
            body["expires_in"] = expires_in
        return answer(200, msgspec.json.encode(body))

    source, transport = an_authority([step], delay_s=0.0)
    assert await value(source) == "token-1"
    await asyncio.sleep(good_for_s - 0.1)
    assert await value(source) == "token-1"
    await asyncio.sleep(0.2)
    assert await value(source) == "token-2"


@moved
async def test_life_in_seconds_goes_before_one_in_milliseconds():
    source, _ = an_authority([numbered(expires_in=3_600_000, expires_in_sec=1800)], delay_s=0.0)
    await source.token()
    await asyncio.sleep(1739)
    assert await value(source) == "token-1"
    await asyncio.sleep(2)
    assert await value(source) == "token-2"


@moved
async def test_token_of_a_sandbox_lives_for_its_seconds():
    own = attrs.evolve(CREDENTIALS, accounts_url="http://127.0.0.1:8080")
    source, _ = an_authority([numbered()], auth=own, time_scale=60)
    assert await value(source) == "token-1"
    await asyncio.sleep(57.9)  # the refresh took one
    assert await value(source) == "token-1"
    await asyncio.sleep(0.2)
    assert await value(source) == "token-2"


@moved
async def test_zohos_own_accounts_server_has_no_time_scale():
    source, transport = an_authority([numbered()], time_scale=60)
    await source.token()
    await asyncio.sleep(3000)
    assert await value(source) == "token-1"
    for _ in range(12):
        source.invalidate(await source.token())
    assert len(transport.requests) == 1 + 10


@moved
async def test_thousand_calls_after_the_end_share_one_renewal():
    source, transport = an_authority([numbered()])
    await source.token()
    await asyncio.sleep(3600)
    got = await asyncio.gather(*(value(source) for _ in range(1000)))
    assert set(got) == {"token-2"}
    assert len(transport.requests) == 2


@moved
async def test_while_the_old_token_is_good_only_who_starts_the_renewal_waits_for_it():
    source, transport = an_authority([numbered()])
    await source.token()
    await asyncio.sleep(3545)
    got = await asyncio.gather(*(value(source) for _ in range(1000)))
    assert got == ["token-2"] + ["token-1"] * 999
    assert len(transport.requests) == 2


@pytest.mark.parametrize("step", [UNREADY, answer(200, {"error": "invalid_code"})])
@moved
async def test_old_token_is_used_to_its_end_if_it_cannot_be_renewed(step, caplog):
    source, transport = an_authority([numbered(), step], delay_s=0.0)
    await source.token()
    await asyncio.sleep(3541)
    for _ in range(100):
        assert await value(source) == "token-1"
        await asyncio.sleep(0.25)
    assert "could not be refreshed yet" in caplog.text
    assert len(transport.requests) < 11
    loop = asyncio.get_running_loop()
    await asyncio.sleep(3590.0 - loop.time())
    assert await value(source) == "token-1"
    await asyncio.sleep(3595.1 - loop.time())  # a request has to arrive before 3600
    with pytest.raises(AuthError):
        await source.token(loop.time())
