"""The faults of events."""

import pytest
from support.event_bots import hooked, is_signed

from cliq_async.sandbox.faults import Faults, parse_fault


async def test_a_bad_signature_is_one_of_other_bytes():
    async with hooked(faults="event-badsig:x1") as (sandbox, bot, _):
        delivery = await sandbox.say("hook", "hi")
        assert (delivery.fault, delivery.status) == ("event-badsig", 401)
        assert delivery.error == "the status is 401, not 200"
        ((body, signature),) = bot.requests
        assert not is_signed(sandbox.public_key, body, signature)
        assert (await sandbox.say("hook", "hi")).status == 200


async def test_a_stale_event_is_ten_minutes_old_and_well_signed():
    async with hooked(faults="event-stale:1") as (sandbox, bot, _):
        delivery = await sandbox.say("hook", "hi")
        assert bot.events[0]["timestamp"] == delivery.at - 600_000


async def test_an_event_that_comes_twice_has_the_same_bytes():
    async with hooked(faults="event-twice:1@message_handler") as (sandbox, bot, _):
        await sandbox.say("hook", "hi")
        assert len(bot.requests) == len(sandbox.deliveries) == len(sandbox.messages) == 2
        assert bot.requests[0] == bot.requests[1]
        await sandbox.choose("hook", "Raise")
        assert len(bot.requests) == 3


async def test_a_slow_event_arrives_whole():
    async with hooked(faults="event-slow:1", time_scale=20) as (sandbox, bot, _):
        delivery = await sandbox.say("hook", "hi")
        assert bot.requests == [(delivery.body, delivery.signature)]
        assert delivery.answer == {"text": "re: hi"}
        assert delivery.took_s
        assert delivery.took_s >= 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("event-twice:1@send_message", "there is no handler 'send_message'; did you"),
        ("lost:1@message_handler", "there is no endpoint 'message_handler'; did you"),
        ("event-twice:2", "RATE from 0 to 1"),
        ("event-lost:1", "there is no kind 'event-lost'; did you mean event-slow"),
        ("event-twice:1@access_token", "there is no kind .* at access_token; choose one of"),
    ],
)
def test_a_fault_that_is_not_one_is_named(text, words):
    with pytest.raises(ValueError, match=words):
        parse_fault(text)


def test_faults_of_events_strike_no_endpoint_and_the_other_way_round():
    faults = Faults([parse_fault("event-twice:1"), parse_fault("lost:1")])
    assert faults.draw("send_message") == "lost"
    assert faults.draw_event("message_handler") == "event-twice"
    assert faults.draw_event("button_handler") == "event-twice"
    assert Faults([parse_fault("lost:1")]).draw_event("message_handler") is None
    assert Faults([parse_fault("event-twice:1")]).draw("send_message") is None
