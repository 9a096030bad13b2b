"""`Sandbox.host_bot`: a bot that runs in the sandbox's own process."""

from typing import Any

import pytest

from cliq_async.sandbox import Sandbox

FORM = {"name": "Hello", "description": "Answers", "execution_url": "http://127.0.0.1:1/"}
MESSAGE = {"type": "message_handler", "permissions": ["message", "user"]}
PING = {"type": "menu_handler", "name": "Ping", "permissions": ["user"]}


def shown(sandbox, name):
    with sandbox._app.lock:
        bot = sandbox._bot(name)
        record: dict[str, Any] = {**bot.record}
        return record, {(each.type, each.name): each.id for each in bot.handlers.all()}


def test_a_new_bot_has_the_handlers_the_subscribers_of_the_first_and_belongs_to_all():
    sandbox = Sandbox(subscribers=3)
    assert sandbox.host_bot(FORM, [MESSAGE, PING]) == "hello"
    record, handlers = shown(sandbox, "hello")
    assert (record["execution_type"], record["execution_url"]) == ("webhook", "http://127.0.0.1:1/")
    assert record["subscriber_count"] == 4
    assert list(handlers) == [("message_handler", None), ("menu_handler", "Ping")]
    assert sandbox.webhook_bots == ("hello",)
    assert sandbox._bot("hello").owner is None


def test_a_bot_of_that_name_becomes_it_whatever_it_was():
    sandbox = Sandbox()
    form = FORM | {"name": "support bot"}
    assert sandbox.host_bot(form, [MESSAGE]) == "supportbot"
    record, handlers = shown(sandbox, "supportbot")
    assert record["execution_type"] == "webhook"
    assert list(handlers) == [("message_handler", None)]
    assert record["handlers"] == [{"type": "message_handler"}]


def test_handlers_that_stay_keep_their_ids():
    sandbox = Sandbox()
    sandbox.host_bot(FORM, [MESSAGE, PING])
    _, before = shown(sandbox, "hello")
    welcome = {"type": "welcome_handler", "permissions": []}
    sandbox.host_bot(FORM, [welcome, PING | {"icon": "wand/627282"}])
    record, after = shown(sandbox, "hello")
    assert list(after) == [("welcome_handler", None), ("menu_handler", "Ping")]
    assert after["menu_handler", "Ping"] == before["menu_handler", "Ping"]
    assert record["handlers"][1]["icon"] == "wand/627282"


def test_too_many_bots_are_an_error():
    with pytest.raises(ValueError, match="the limit is 1000"):
        Sandbox(bots=1000).host_bot(FORM, [])


def test_a_sandbox_without_bots_gets_one():
    state = Sandbox()._state
    for bot in state.bots.all():
        state.delete_bot(bot)
    assert state.host_bot(dict(FORM), []).record["subscriber_count"] == 1
