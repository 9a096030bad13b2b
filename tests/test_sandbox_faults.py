import pytest

from cliq_async.endpoints import Limit
from cliq_async.sandbox.faults import KINDS, Fault, Faults, parse_fault, throttle_answer


def test_fault_is_read_with_and_without_endpoint():
    assert parse_fault("lost:0.25") == Fault("lost", 0.25)
    assert parse_fault("502:1@send_message") == Fault("502", 1.0, "send_message")
    assert parse_fault("500:x2") == Fault("500", 1.0, None, 2)
    assert parse_fault("html:0.5@access_token") == Fault("html", 0.5, "access_token")


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("gone:0.5", "KIND is one of lost, reset"),
        ("lost", "RATE from 0 to 1"),
        ("lost:often", "RATE from 0 to 1"),
        ("lost:nan", "RATE from 0 to 1"),
        ("lost:1.5", "RATE from 0 to 1"),
        ("lost:-0.1", "RATE from 0 to 1"),
        ("lost:x0", "or xNUMBER"),
        ("lost:x-1", "or xNUMBER"),
        ("lost:x", "or xNUMBER"),
        ("html:1", "KIND is one of lost, reset"),
        ("throttle-429:1@access_token", "KIND at access_token is one of lost, reset"),
        ("401:1@access_token", "KIND at access_token is one of lost, reset"),
        ("lost:0.5@", "ENDPOINT is one of create_bot"),
        ("lost:0.5@sendmessage", "ENDPOINT is one of create_bot"),
    ],
)
def test_wrong_fault_is_refused_with_what_is_allowed(text, allowed):
    with pytest.raises(ValueError, match=f"^faults: .*{allowed}"):
        parse_fault(text)


@pytest.mark.parametrize("kind", KINDS)
def test_rate_1_always_strikes_and_rate_0_never(kind):
    always, never = Faults([Fault(kind, 1.0)]), Faults([Fault(kind, 0.0)])
    early = kind == "refuse"
    assert always.refuses("list_bots") is early
    assert always.draw("list_bots") == (None if early else kind)
    assert not never.refuses("list_bots")
    assert never.draw("list_bots") is None


def test_fault_strikes_only_at_its_endpoint():
    faults = Faults([Fault("lost", 1.0, "send_message")])
    assert faults.draw("send_message") == "lost"
    assert faults.draw("list_bots") is None


def test_fault_strikes_as_often_as_it_says():
    faults = Faults([Fault("lost", 1.0, "list_bots", 2), Fault("refuse", 1.0, None, 1)])
    assert [faults.draw("list_bots") for _ in range(4)] == ["lost", "lost", None, None]
    assert [faults.refuses("list_bots"), faults.refuses("get_bot")] == [True, False]


def test_first_fault_that_strikes_wins():
    assert Faults([Fault("500", 1.0), Fault("lost", 1.0)]).draw("list_bots") == "500"


def test_same_seed_draws_the_same_faults_at_their_rate():
    def draws(seed):
        faults = Faults([Fault("lost", 0.3)], seed=seed)
        return [faults.draw("list_bots") for _ in range(1000)]

    assert draws(1) == draws(1) != draws(2)
    assert 250 < draws(1).count("lost") < 350


def test_coin_falls_on_both_sides():
    faults = Faults()
    assert {faults.coin() for _ in range(100)} == {True, False}


def test_throttles_answer_in_four_forms():
    limit = Limit(100, 120.0)
    plain = (429, {"message": "Too many requests within a certain time frame."})
    assert (
        throttle_answer(None, limit, 60.0) == throttle_answer("throttle-429", limit, 1.0) == plain
    )
    status, body = throttle_answer("throttle-400", limit, 60.0)
    assert (status, body["code"]) == (400, "request_limit_exceeded")
    status, body = throttle_answer("throttle-nested", limit, 1261.0)
    assert (status, body["error"]["status_code"]) == (400, 400)
    assert body["error"]["title"] == "URL_ROLLING_THROTTLES_LIMIT_EXCEEDED"
    assert body["error"]["details"]["message"] == (
        "Cannot execute more than 100 requests per API in 2 minutes. Try again after 22 minutes."
    )
    assert throttle_answer("throttle-200", limit, 1261.0) == (200, body)
