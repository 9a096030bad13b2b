"""Any bytes and any JSON give an answer and never an exception; any flipped bit gives 401."""

import asyncio
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st
from support.effort import tries
from support.webhook_bots import CLIQ, Reports
from support.webhook_samples import SAMPLES, key, public, sign

from cliq_async.webhooks import WebhookBot
from cliq_async.webhooks.decoding import API_NAMES
from cliq_async.webhooks.signature import Verifier

PUBLIC_KEY = public(key())
HANDLERS = sorted({*API_NAMES, *API_NAMES.values(), "message_handler", "welcome_handler"})
WORDS = """
    access answers arguments attachments body chat context_id data form handler handler_name headers
    id links location members mentions message message_details name newuser params replied_message
    response_url sender sub_action target text timestamp type user values
"""
KEYS = st.sampled_from(WORDS.split())
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10)
    | st.sampled_from(HANDLERS)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=20,
)


def a_bot(key=None, **options):
    """A bot with a handler for every event that looks at every field of it."""
    bot = WebhookBot(key, max_age_s=None, **options)

    async def look(event) -> Any:
        return f"{event!r}"[:100] if type(event).__name__ != "CallEvent" else None

    for decorate in (bot.message, bot.mention, bot.welcome, bot.participation, bot.incoming):
        decorate(look)
    bot.call(look)
    bot.menu("Say Hi")(look)
    bot.context("personal_details")(look)
    bot.button("Sample")(look)
    for action in ("submit", "change", "select", "view"):
        bot.form("Sample", action=action)(look)
    return bot


async def status_of(bot, body, signature=None):
    answer = await bot.receive(body, signature)
    assert isinstance(msgspec.json.decode(answer.body), dict)
    return answer.status


def received(body, **options):
    reports = Reports()
    status = asyncio.run(status_of(a_bot(hooks=reports.hooks, **options), body))
    assert (reports.failed, reports.lost) == ([], [])
    return status


@tries(50)
@given(st.binary(max_size=500))
def test_any_bytes_get_an_answer(body):
    assert received(body) in (200, 400)


@tries(50)
@given(JSON)
def test_any_json_gets_an_answer(payload):
    assert received(msgspec.json.encode(payload)) in (200, 400)


@st.composite
def mangled(draw):
    """An event of Zoho's, of which some fields, at any depth, are something else or not there."""
    payload = msgspec.json.decode(
        msgspec.json.encode(SAMPLES[draw(st.sampled_from(sorted(SAMPLES)))])
    )
    for _ in range(draw(st.integers(1, 4))):
        place = payload
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            deeper = isinstance(place[key], dict | list) and place[key] and draw(st.booleans())
            if not deeper:
                if isinstance(place, dict) and draw(st.booleans()):
                    del place[key]
                else:
                    place[key] = draw(JSON)
                break
            place = place[key]
    return payload


@given(mangled())
@tries(100)
def test_mangled_event_gets_an_answer(payload):
    assert received(msgspec.json.encode(payload)) in (200, 400)


@tries(50)
@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_any_flipped_bit_of_the_body_is_refused(name, data):
    body = bytearray(msgspec.json.encode(SAMPLES[name]))
    signature = sign(bytes(body))
    bit = data.draw(st.integers(0, 8 * len(body) - 1))
    body[bit // 8] ^= 1 << bit % 8
    bot = a_bot(PUBLIC_KEY)
    assert asyncio.run(status_of(bot, bytes(body), signature)) == 401


def test_every_flipped_bit_of_a_signature_is_refused():
    body = b'{"text": "Hi"}'
    signature, verifier = sign(body), Verifier(PUBLIC_KEY)
    assert verifier.verify(body, signature)
    for bit in range(8 * len(signature)):
        flipped = bytearray(signature.encode())
        flipped[bit // 8] ^= 1 << bit % 8
        assert not verifier.verify(body, flipped.decode("latin-1")), bit


@tries(50)
@given(st.text(max_size=400))
def test_any_text_is_not_a_signature(text):
    assert not Verifier(PUBLIC_KEY).verify(b"{}", text)


@pytest.mark.parametrize("handler", sorted({*API_NAMES.values(), "message_handler"}))
@given(data=st.data())
@tries(10)
def test_events_of_fake_cliq_are_read(handler, data):
    params = data.draw(st.dictionaries(KEYS, SCALARS, max_size=3))
    for name in ("type", "name", "handler", "user"):  # arguments of `event`
        params.pop(name, None)
    event = CLIQ.event(handler, **params)
    assert received(event.body) == 200
    assert event.payload["timestamp"] <= time.time() * 1000 + 60_000
