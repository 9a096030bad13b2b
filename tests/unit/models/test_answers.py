"""Responses, documented and odd ones, as models."""

from typing import Any

import attrs
import pytest

from cliq_async.models import Bot, BotHandler, Page, SentMessage, SubAction, Subscriber, User
from cliq_async.models.deserialization import DecodeError, structure, structure_page
from cliq_async.models.serialization import unstructure

BOT: dict[str, Any] = {
    "unique_name": "supportbot",
    "name": "Support Bot",
    "id": "53719000001878011",
    "description": "Handles support workflows",
    "scope": "organization",
    "channel_participation": ["listen_message", "send_message", "auto_follow_thread"],
    "handlers": [
        {
            "type": "menu_handler",
            "id": "53719000001878017",
            "name": "Action",
            "icon": "wand/627282",
            "position": 1,
            "sub_actions": [{"name": "Sub Action", "icon": "wand/627282"}],
        }
    ],
    "creator": {"name": "James", "id": "65113112"},
    "execution_type": "deluge",
    "status": "enabled",
    "type": "custom",
    "default": False,
    "subscriber_count": 1,
    "calls": "disabled",
}
SMALL: dict[str, Any] = {"id": "1", "unique_name": "a", "name": "A"}


def test_documented_bot_is_read_whole():
    bot = structure(BOT, Bot)
    assert bot == Bot(
        id="53719000001878011",
        unique_name="supportbot",
        name="Support Bot",
        description="Handles support workflows",
        scope="organization",
        channel_participation=("listen_message", "send_message", "auto_follow_thread"),
        handlers=(
            BotHandler(
                type="menu_handler",
                id="53719000001878017",
                name="Action",
                icon="wand/627282",
                position=1,
                sub_actions=(SubAction(name="Sub Action", icon="wand/627282"),),
            ),
        ),
        creator=User(id="65113112", name="James"),
        execution_type="deluge",
        status="enabled",
        type="custom",
        default=False,
        subscriber_count=1,
        calls="disabled",
    )
    assert unstructure(bot) == BOT


def test_webhook_bot_of_a_team_is_read_whole():
    more = {"team_ids": [98765432], "execution_url": "https://a.example", "status_messages": ["Hi"]}
    bot = structure(SMALL | more, Bot)
    assert (bot.team_ids, bot.execution_url, bot.status_messages) == (
        (98765432,),
        "https://a.example",
        ("Hi",),
    )


def test_bot_needs_id_unique_name_and_name_alone():
    assert structure(SMALL, Bot) == Bot(id="1", unique_name="a", name="A")
    for field in SMALL:
        with pytest.raises(DecodeError, match=rf"required field missing @ \$\.{field}"):
            structure({key: value for key, value in SMALL.items() if key != field}, Bot)


def test_null_is_the_same_as_missing():
    nulls = dict.fromkeys((f.name for f in attrs.fields(Bot) if f.name != "extra"), None)
    assert structure(nulls | SMALL, Bot) == structure(SMALL, Bot)
    with pytest.raises(DecodeError):
        structure(SMALL | {"name": None}, Bot)
    assert structure({"type": None, "position": None}, BotHandler) == BotHandler()


def test_unknown_fields_and_values_do_no_harm():
    odd = {"scope": "galaxy", "handlers": [{"type": "dream_handler", "x": 1}], "new": [{"a": None}]}
    bot = structure(SMALL | odd, Bot)
    assert (bot.scope, bot.handlers[0].type) == ("galaxy", "dream_handler")


def test_number_becomes_text_where_text_belongs():
    bot = structure(
        {"id": 53719000001878011, "unique_name": 1.5, "name": 7.0, "creator": {"id": 65113112}}, Bot
    )
    assert (bot.id, bot.unique_name, bot.name) == ("53719000001878011", "1.5", "7")
    assert bot.creator == User(id="65113112")


def test_text_becomes_a_number_where_a_number_belongs():
    bot = structure(SMALL | {"subscriber_count": "12", "team_ids": ["5", 6.0]}, Bot)
    assert (bot.subscriber_count, bot.team_ids) == (12, (5, 6))


@pytest.mark.parametrize(
    "odd",
    [
        {"id": True},
        {"id": 10**5000},
        {"id": float("nan")},
        {"id": float("inf")},
        {"id": []},
        {"default": "yes"},
        {"default": 1},
        {"subscriber_count": 1.5},
        {"subscriber_count": "many"},
        {"subscriber_count": True},
        {"subscriber_count": float("inf")},
        {"subscriber_count": {}},
        {"handlers": {"type": "x"}},
        {"handlers": [None]},
        {"status_messages": "Hi"},
        {"status_messages": [{}]},
        {"creator": "James"},
    ],
)
def test_senseless_data_is_a_decode_error_with_its_path(odd):
    with pytest.raises(DecodeError, match=rf"^Bot: .*\$\.{next(iter(odd))}"):
        structure(SMALL | odd, Bot)


def test_decode_error_quotes_nothing_of_the_answer():
    with pytest.raises(DecodeError) as raised:
        structure(SMALL | {"subscriber_count": "secret"}, Bot)
    assert "secret" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_decode_error_of_a_bad_page_is_short():
    with pytest.raises(DecodeError) as raised:
        structure_page({"data": [{}] * 1000}, Bot)
    assert str(raised.value).endswith(", …")
    assert len(str(raised.value)) < 300


def test_subscriber_needs_an_id_alone():
    full: dict[str, Any] = {"user_id": "19183988", "name": "Scott", "email_id": "scott@example.com"}
    assert structure(full, Subscriber) == Subscriber(**full)
    assert structure({"user_id": 5, "name": None}, Subscriber) == Subscriber(user_id="5")
    with pytest.raises(DecodeError):
        structure({"name": "Scott"}, Subscriber)


def test_sent_message_may_be_empty():
    assert structure({}, SentMessage) == SentMessage()
    assert structure({"chat_id": "c", "message_id": 5}, SentMessage) == SentMessage(
        chat_id="c", message_id="5"
    )


def test_page_has_items_and_tokens():
    answer = {
        "url": "/api/v3/bots",
        "type": "bot",
        "next_token": "next==",
        "sync_token": "sync==",
        "deleted": ["7"],
        "data": [BOT, SMALL],
    }
    assert structure_page(answer, Bot) == Page(
        data=(structure(BOT, Bot), structure(SMALL, Bot)),
        next_token="next==",
        sync_token="sync==",
        deleted=("7",),
    )


def test_one_odd_bot_does_not_spoil_its_page():
    answer = {"data": [BOT, SMALL | {"id": 5}, BOT], "deleted": [7], "next_token": 8}
    bots = structure_page(answer, Bot)
    assert [bot.id for bot in bots.data] == [BOT["id"], "5", BOT["id"]]
    assert (bots.next_token, bots.deleted) == ("8", ("7",))


def test_last_page_has_no_tokens():
    assert structure_page({"data": [], "next_token": None, "deleted": None}, Subscriber) == Page(
        data=()
    )


@pytest.mark.parametrize(
    "answer", [{}, {"data": None}, {"data": {}}, {"data": "x"}, {"data": [1]}, [], None, "x"]
)
def test_page_without_a_list_of_items_is_a_decode_error(answer):
    with pytest.raises(DecodeError, match=r"^Page: "):
        structure_page(answer, Bot)


def test_page_of_anything_keeps_its_items():
    anything: Any = structure({"data": [1, {"a": None}]}, Page)
    assert anything.data == (1, {"a": None})
    assert structure({"data": [None], "next_token": 5}, Page).next_token == "5"


def test_answers_are_frozen_and_slotted():
    bot: Any = structure(BOT, Bot)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        bot.name = "x"
    assert not hasattr(bot, "__dict__")
    assert hash(bot) == hash(structure(BOT, Bot))
