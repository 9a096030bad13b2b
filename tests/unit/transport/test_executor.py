"""One call in virtual time: attempts, and what each does to its token."""

import asyncio
import logging

import pytest
from support.scripted import (
    BY_METHOD,
    DONE,
    GATEWAY,
    METHODS,
    PERIOD_S,
    SECRET,
    STRAGGLER_S,
    THROTTLED,
    a_rig,
    all_tokens,
    answer,
    moved,
    now,
)
from support.token_providers import CREDENTIALS

from cliq_async.endpoints import ENDPOINTS
from cliq_async.errors import CliqError, OutcomeUnknownError, ServerError, TransportError
from cliq_async.transport.base import Response


@pytest.mark.parametrize("name", ENDPOINTS)
@moved
async def test_every_endpoint_is_called_by_its_method_and_path_under_its_own_quota(name):
    rig = a_rig([DONE])
    assert await rig.call(name) == {"data": []}
    (sent,) = rig.transport.requests
    assert sent.method == ENDPOINTS[name].method
    start, _, _ = ENDPOINTS[name].path.partition("{")
    assert sent.url.startswith(f"https://cliq.zoho.com/api/v3{start}")
    assert "{" not in sent.url
    assert sent.headers["Authorization"] == f"Bearer {SECRET}"
    assert await rig.free(name) == all_tokens(name) - 1
    for other in ENDPOINTS.keys() - {name}:
        assert await rig.free(other) == all_tokens(other)


@pytest.mark.parametrize("method", METHODS)
@moved
async def test_three_attempts_that_never_left_cost_no_token(method):
    name = BY_METHOD[method]
    rig = a_rig(["unsent"])
    with pytest.raises(TransportError, match="no connection"):
        await rig.call(name)
    assert rig.transport.requests == []
    assert 0 < now() < 3
    assert await rig.free(name) == all_tokens(name)


@pytest.mark.parametrize(
    ("end", "error"), [("lost", None), (GATEWAY, None), (answer(500, {"code": "x"}), ServerError)]
)
@pytest.mark.parametrize("method", METHODS)
@moved
async def test_unanswered_requests_cost_a_token_each_until_no_straggler_can_arrive(
    method, end, error
):
    name, attempts = BY_METHOD[method], 1 if method == "POST" else 3
    rig = a_rig([end])
    with pytest.raises(error or (TransportError if method == "GET" else OutcomeUnknownError)):
        await rig.call(name)
    assert len(rig.transport.requests) == attempts
    last_at = rig.transport.times[-1]
    await asyncio.sleep(last_at + PERIOD_S + STRAGGLER_S - 0.001 - now())
    assert await rig.free(name) == all_tokens(name) - 1
    assert await rig.free_after(name, 0.002) == all_tokens(name)


@pytest.mark.parametrize("method", METHODS)
@moved
async def test_answered_request_gives_its_token_back_a_window_and_the_margin_later(method):
    name = BY_METHOD[method]
    rig = a_rig([DONE], delay_s=2.0)
    await rig.call(name)
    assert await rig.free_after(name, PERIOD_S - 0.001) == all_tokens(name) - 1
    assert await rig.free_after(name, 0.002) == all_tokens(name)


@moved
async def test_delete_that_found_nothing_after_a_lost_attempt_has_succeeded():
    rig = a_rig(["lost", answer(404, {"code": "bot_not_found"})])
    assert await rig.call("delete_bot") is None
    assert len(rig.transport.requests) == 2


@moved
async def test_second_attempt_comes_after_a_pause_of_at_most_half_a_second_and_the_third_of_one():
    starts = []
    for _ in range(20):
        rig = a_rig(["lost"])
        with pytest.raises(TransportError):
            await rig.call("get_bot")
        first, second, third = rig.transport.times
        assert 0 <= second - first <= 0.5
        assert 0 <= third - second <= 1.0
        starts.append(second - first)
    assert max(starts) - min(starts) > 0.05  # with jitter


@moved
async def test_pause_that_ends_after_the_deadline_is_not_slept_through():
    for _ in range(20):
        rig = a_rig(["lost"])
        began = now()
        with pytest.raises(TransportError):
            await rig.call("get_bot", max_wait_s=0.01)
        assert now() - began <= 0.01


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
@pytest.mark.parametrize("body", [None, b'{"data'])
@moved
async def test_write_answered_2xx_without_a_readable_body_has_happened(method, body):
    rig = a_rig([Response(200, {}, body)])
    assert await rig.call(BY_METHOD[method]) is None
    assert len(rig.transport.requests) == 1


@pytest.mark.parametrize("body", [None, b'{"data'])
@moved
async def test_read_whose_body_is_lost_is_asked_again(body):
    rig = a_rig([Response(200, {}, body), DONE])
    assert await rig.call("get_bot") == {"data": []}
    assert len(rig.transport.requests) == 2


@pytest.mark.parametrize("method", METHODS)
@moved
async def test_fault_of_a_transport_is_a_lost_answer_and_leaks_no_token(method):
    name = BY_METHOD[method]
    rig = a_rig([KeyError("a secret")])
    expected = TransportError if method == "GET" else OutcomeUnknownError
    with pytest.raises(expected, match="the transport failed: KeyError") as caught:
        await rig.call(name)
    assert isinstance(caught.value.__cause__, KeyError)
    assert "secret" not in str(caught.value)
    requests = len(rig.transport.requests)
    assert requests == (1 if method == "POST" else 3)
    assert await rig.free(name) == all_tokens(name) - requests
    assert await rig.free_after(name, PERIOD_S + STRAGGLER_S + 1) == all_tokens(name)


@moved
async def test_no_token_of_any_kind_is_in_a_log_line_an_exception_or_a_repr(caplog):
    caplog.set_level(logging.DEBUG)
    secrets = [SECRET, CREDENTIALS.client_secret, CREDENTIALS.refresh_token]
    said = []
    for steps in (["lost"], ["unsent"], [THROTTLED], [GATEWAY], [answer(401)], [answer(400)]):
        for auth in (None, CREDENTIALS):
            for name in BY_METHOD.values():
                rig = a_rig(steps, auth=auth)
                rig.transport.steps[0:0] = (
                    [answer(200, {"access_token": SECRET})]
                    if auth and steps != [answer(401)]
                    else []
                )
                with pytest.raises(CliqError) as caught:
                    await rig.call(name)
                said += [repr(caught.value), str(caught.value), repr(vars(caught.value))]
                said += [repr(rig.executor), repr(rig.executor.provider), repr(CREDENTIALS)]
    said += [record.getMessage() for record in caplog.records]
    for secret in secrets:
        assert not [text for text in said if secret in text]
