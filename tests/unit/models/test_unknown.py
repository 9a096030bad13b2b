"""Fields of responses that the models do not know are kept in `extra`."""

from typing import Any

import pytest
from hypothesis import given, strategies as st
from support.effort import tries
from support.methods import METHODS, ONE_BOT, ask
from support.scripted import answer, moved

from cliq_async.models import Bot, Handler, Page, SentMessage, SubAction, Subscriber
from cliq_async.models.deserialization import structure, structure_page

LATER: dict[str, Any] = {"later": [1, {"a": None}], "extra": 1, "nothing": None}


@pytest.mark.parametrize("name", ["create_bot", "update_bot", "get_bot", "get_handler"])
@moved
async def test_one_record_keeps_them(name):
    got: Any
    got, _ = await ask(METHODS[name][0], answer(200, {"url": "/", "data": ONE_BOT | LATER}))
    extra = LATER | ({} if isinstance(got, Bot) else {"unique_name": "ops"})
    if isinstance(got, Handler):  # null means missing in handlers
        extra = {key: value for key, value in extra.items() if value is not None}
    assert got.extra == extra


@pytest.mark.parametrize("name", ["send_message", "send_incoming_webhook", "trigger_call"])
@moved
async def test_receipts_keep_them(name):
    body = {"user_ids": ["1"], "id": "i", "chat_id": "c", "url": "/", "type": "t"} | LATER
    got: Any
    got, _ = await ask(METHODS[name][0], answer(200, body))
    foreign = {"user_ids", "id", "chat_id"} - {field for field in dir(got) if field[0] != "_"}
    assert got.extra == LATER | {key: body[key] for key in foreign}


@moved
async def test_documented_fields_around_an_answer_are_known():
    got: Any
    got, _ = await ask(METHODS["send_message"][0], answer(200, {"Response Code": "204"}))
    assert got == SentMessage()


@moved
async def test_details_of_a_live_answer_stay_as_they_came():
    details = {"55743307": {"chat_id": "CT_1", "message_id": "1%202", "status": ["sent"]}}
    got: Any
    got, _ = await ask(METHODS["send_message"][0], answer(200, {"message_details": details}))
    assert got.extra == {"message_details": details}
    assert got.by_user == {"55743307": SentMessage(chat_id="CT_1", message_id="1%202")}


def test_page_and_its_items_keep_them():
    rows = [ONE_BOT, ONE_BOT | LATER, ONE_BOT]
    page = structure_page({"url": "/", "type": "bot", "data": rows, "total": 3}, Bot)
    assert page.extra == {"total": 3}
    assert [bot.extra for bot in page.data] == [{}, LATER, {}]
    people = structure_page({"data": [{"user_id": "1", "zone": "CET"}]}, Subscriber)
    assert people == Page(data=(Subscriber(user_id="1", extra={"zone": "CET"}),))


def test_odd_item_of_a_page_keeps_them_as_well():
    rows = [ONE_BOT | {"id": 7, "later": 1}, ONE_BOT | {"later": 2}]  # an id that is a number
    page = structure_page({"data": rows, "total": None}, Bot)
    assert [(bot.id, bot.extra) for bot in page.data] == [("7", {"later": 1}), ("1", {"later": 2})]
    assert page.extra == {"total": None}


def test_field_with_unknown_fields_inside_is_kept_as_it_came():
    plain = {"type": "menu_handler", "sub_actions": [{"name": "A", "icon": ""}]}
    deep = {"type": "menu_handler", "sub_actions": [{"name": "A", "id": 7}]}
    creator = {"name": "James", "id": "6", "email": "james@example.com"}
    known = ONE_BOT | {"handlers": [plain], "creator": {"name": "James", "id": "6"}}
    assert structure(known, Bot).extra == {}
    bot = structure(ONE_BOT | {"handlers": [plain, deep], "creator": creator}, Bot)
    assert bot.extra == {"handlers": [plain, deep], "creator": creator}
    assert bot.handlers[1].sub_actions == (SubAction("A"),)
    params = [{"param_name": "user", "param_type": "MAP", "required": True}]
    assert structure({"params": params}, Handler).extra == {"params": params}


def test_ids_of_a_handler_are_known_in_every_documented_form():
    assert structure({"handler_id": "7"}, Handler) == Handler(id="7")
    assert structure({"id": "7", "handler_id": "7"}, Handler) == Handler(id="7")
    both = structure({"id": "7", "handler_id": "8"}, Handler)
    assert (both.id, both.extra) == ("7", {"handler_id": "8"})
    shown = structure({"display_props": {"name": "A", "color": "red"}}, Handler)
    assert (shown.name, shown.extra) == ("A", {"color": "red"})


@tries(30)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["user_id", "name", "email_id", "zone", "extra", "x"]),
            st.none() | st.text(max_size=2) | st.integers(0, 9),
        ),
        max_size=5,
    )
)
def test_nothing_of_a_subscriber_is_lost(rows):
    rows = [row | {"user_id": row.get("user_id") or "1"} for row in rows]
    page = structure_page({"data": rows}, Subscriber)
    for row, person in zip(rows, page.data, strict=True):
        unknown = {key: row[key] for key in row if key in {"zone", "extra", "x"}}
        assert person.extra == unknown
        assert person.user_id == str(row["user_id"])
