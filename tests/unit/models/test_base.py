"""Models give back the API's JSON."""

import json

import attrs
import pytest

from cliq_async import models
from cliq_async.models import (
    Bot,
    BotHandler,
    Button,
    Call,
    Handler,
    Message,
    NewBot,
    OpenUrl,
    Page,
    SentMessage,
    Subscriber,
    User,
)
from cliq_async.models.base import Model
from cliq_async.models.deserialization import structure, structure_page
from cliq_async.models.parsing.message import message_from

BOT = {
    "id": "b-7",
    "unique_name": "ops",
    "name": "Ops",
    "team_ids": [1, 2],
    "handlers": [{"type": "menu_handler", "id": "8", "sub_actions": [{"name": "Urgent"}]}],
    "creator": {"id": "9", "name": "Ann"},
    "default": False,
    "subscriber_count": 3,
    "later": [1, {"a": None}],
}
ANSWERS = [
    (Bot, BOT),
    (Handler, {"type": "menu_handler", "id": "8", "params": [{"name": "user"}], "later": 1}),
    (Subscriber, {"user_id": "55743307", "name": "Ann", "zone": "x"}),
    (SentMessage, {"message_id": "1", "by_user": {"9": {"chat_id": "2"}}, "later": 2}),
    (Page[Bot], {"data": [BOT, BOT | {"later": 2}], "next_token": "n", "total": 2}),
]


def public_models():
    return [getattr(models, name) for name in models.__all__]


@pytest.mark.parametrize("cls", [cls for cls in public_models() if attrs.has(cls)])
def test_every_model_can_be_turned_into_a_dict_and_has_no_further_memory(cls):
    assert issubclass(cls, Model)
    assert not hasattr(cls, "__dict__") or "__dict__" not in cls.__dict__
    assert callable(cls.to_dict)


@pytest.mark.parametrize(("cls", "data"), ANSWERS, ids=lambda each: getattr(each, "__name__", ""))
def test_dict_of_a_response_is_the_json_that_it_was_made_from(cls, data):
    model = structure_page(data, Bot) if cls is Page[Bot] else structure(data, cls)
    assert model.to_dict() == data
    assert json.loads(json.dumps(model.to_dict())) == data


def test_dict_of_a_request_is_what_would_be_sent():
    button = Button("Open", action=OpenUrl("https://example.com"))
    message = Message("Hi [x]($1)", references={1: button}, extra={"later": 1})
    assert message.to_dict() == {
        "text": "Hi [x]($1)",
        "references": {"1": {"type": "button", "object": button.to_dict()}},
        "later": 1,
    }
    assert message_from(message.to_dict(), allow_unknown=True) == message
    assert Call("Down", retry=2).to_dict() == {"text": "Down", "retry": 2}
    assert NewBot("Ops", description="x").to_dict() == {
        "name": "Ops",
        "description": "x",
        "scope": "organization",
    }
    assert OpenUrl("https://example.com").to_dict()["type"] == "open.url"


def test_dict_of_an_empty_model_is_empty():
    assert (User().to_dict(), BotHandler().to_dict(), SentMessage().to_dict()) == ({}, {}, {})


def test_changing_the_dict_leaves_the_model_as_it_is():
    bot = structure(BOT, Bot)
    plain = bot.to_dict()
    plain["team_ids"].append(3)
    plain["name"] = "x"
    assert (bot.team_ids, bot.name) == ((1, 2), "Ops")
