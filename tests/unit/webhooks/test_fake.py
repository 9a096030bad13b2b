"""FakeCliq: signed events of every type, given to a bot without a server."""

import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from support.scripted import moved, now
from support.webhook_bots import a_bot, takes
from support.webhook_samples import SAMPLES, key, public

import cliq_async.testing
from cliq_async import ValidationError
from cliq_async.models.function import FUNCTION_PERMISSIONS
from cliq_async.testing import FakeCliq
from cliq_async.webhooks import MessageEvent, WebhookBot
from cliq_async.webhooks.decoding import Envelope
from cliq_async.webhooks.signature import Verifier

HANDLERS = sorted({Envelope.of(sample).handler: name for name, sample in SAMPLES.items()}.items())


async def test_bot_answers_whatever_its_key_is():
    bot = a_bot(public_key=public(key()))
    assert await FakeCliq().say("ö").to(bot) == {"output": {"text": "ö"}}
    status = (await bot.receive(*FakeCliq().say("ö"))).status
    assert status == 401


def test_event_is_a_body_and_its_signature():
    cliq = FakeCliq()
    event = cliq.say("hi")
    body, signature = event
    assert (body, signature) == (event.body, event.signature)
    assert Verifier(cliq.public_key).verify(body, signature)
    assert event.payload == msgspec.json.decode(body)
    assert FakeCliq().public_key == cliq.public_key


@pytest.mark.parametrize(("handler", "sample"), HANDLERS)
def test_event_has_the_fields_of_the_sample_of_zoho(handler, sample):
    real = SAMPLES[sample]
    fake = FakeCliq().event(handler, name=Envelope.of(real).name).payload
    assert fake.keys() == real.keys()
    assert fake["handler"].keys() == real["handler"].keys()
    assert fake["handler"]["type"] == real["handler"]["type"]
    missing = real["params"].keys() - fake["params"].keys()
    assert missing - {"user", "mentions"} == set()
    for name in fake["params"].keys() & real["params"].keys():
        assert type(fake["params"][name]) is type(real["params"][name]) or name == "message"
    assert Envelope.of(fake).handler == handler


def test_no_two_events_are_alike():
    cliq = FakeCliq()
    bodies = {cliq.event(handler).body for handler, _ in HANDLERS for _ in range(20)}
    assert len(bodies) == 20 * len(HANDLERS)


def test_params_are_those_that_the_permissions_bring():
    always = {"access", "environment", "options", "selections", "arguments"}
    brought: dict[Any, set[str]] = {
        "attachments": {"attachments"},
        "chat": {"chat"},
        "location": {"location"},
        "message": {"message", "raw_message", "message_details", "mentions", "links"},
        "user": {"user"},
    }
    for permission, names in brought.items():
        for event in (
            FakeCliq(permissions=[permission]).say("hi"),
            FakeCliq().say("hi", permissions=[permission]),
        ):
            assert event.payload["params"].keys() == always | names
    every = FakeCliq().say("hi").payload["params"].keys()
    assert every == always.union(*brought.values())
    assert FakeCliq(permissions=[]).subscribe().payload["params"].keys() == {
        "access",
        "environment",
        "newuser",
    }
    assert FakeCliq().event("form_view_handler").payload["params"].keys() == {
        "access",
        "environment",
        "params",
        "user",
    }
    assert set(FUNCTION_PERMISSIONS) <= {handler for handler, _ in HANDLERS}


def test_user_time_and_params_may_be_others():
    cliq = FakeCliq(bot="ops", user={"first_name": "Bo"})
    at = datetime(2026, 5, 4, 12, tzinfo=UTC)
    payload = cliq.say("hi", user="7", at=at, links=["https://x"], raw_message=None).payload
    params = payload["params"]
    assert (params["user"]["first_name"], params["user"]["id"]) == ("Bo", "7")
    assert (params["access"]["user_id"], params["access"]["zoho_user_id"]) == ("7", "7")
    assert params["links"] == ["https://x"]
    assert "raw_message" not in params
    assert payload["timestamp"] == at.timestamp() * 1000
    assert payload["unique_name"] == "ops"
    assert FakeCliq(user="8").say("hi").payload["params"]["user"]["zoho_user_id"] == "8"
    with pytest.raises(ValidationError, match="handler"):
        cliq.event("dream_handler")


async def test_exception_of_a_handler_is_raised():
    async def fail(_event: MessageEvent) -> None:
        raise ZeroDivisionError("a bug")

    bot, event = a_bot(fail), FakeCliq().say("hi")
    with pytest.raises(ZeroDivisionError, match="a bug"):
        await event.to(bot)


@moved
async def test_late_answers_are_kept():
    cliq, bot = FakeCliq(), a_bot(takes(20.0, "at last"))
    async with bot:
        assert await cliq.say("hi").to(bot) == {"output": ""}
        assert (cliq.late_answers, now()) == ([], 16.0)
    assert cliq.late_answers == [{"output": {"text": "at last"}}]


async def test_fixture_is_one(fake_cliq):
    assert isinstance(fake_cliq, FakeCliq)
    bot = WebhookBot(fake_cliq.public_key)
    bot.incoming(takes(0.0, "ok"))
    assert await fake_cliq.incoming({"a": 1}).to(bot) == {"output": {"text": "ok"}}


def test_testing_loads_webhooks_when_they_are_used():
    code = (
        "import sys, cliq_async.testing as testing, cliq_async.pytest_plugin, cliq_async\n"
        "assert not {'cliq_async.webhooks', 'cryptography'} & set(sys.modules)\n"
        "print(testing.FakeCliq)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "cliq_async.webhooks" in run.stdout
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = getattr(cliq_async.testing, "Nothing")  # noqa: B009
