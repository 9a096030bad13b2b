"""Events: Zoho's samples, both spellings of every field, and odd values that cost themselves."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from support.webhook_samples import (
    AT_MS,
    BUTTON,
    CALL,
    CHAT,
    CONTEXT,
    FORM,
    FORM_CHANGE,
    FORM_VALUES,
    FORM_VIEW,
    INCOMING,
    MENTION,
    MENU,
    MESSAGE,
    PARTICIPATION,
    SAMPLES,
    URL,
    USER,
    VALUES,
    WELCOME,
    WIDGET_BUTTON,
    event,
)

from cliq_async.webhooks import (
    Attachment,
    ButtonEvent,
    CallEvent,
    ContextEvent,
    EventChat,
    EventUser,
    FormEvent,
    IncomingEvent,
    Location,
    MentionEvent,
    MenuEvent,
    MessageEvent,
    ParticipationEvent,
    RepliedMessage,
    WelcomeEvent,
)
from cliq_async.webhooks.decoding import Envelope, decode_event


def decode(payload) -> Any:
    return decode_event(Envelope.of(payload), msgspec.json.encode(payload), None)


def with_params(payload, **params):
    return payload | {"params": payload["params"] | params}


def without(payload, *names):
    kept = {name: value for name, value in payload["params"].items() if name not in names}
    return payload | {"params": kept}


@pytest.mark.parametrize(
    ("sample", "cls", "handler", "name"),
    [
        (MESSAGE, MessageEvent, "message_handler", ""),
        (MENTION, MentionEvent, "mention_handler", ""),
        (MENU, MenuEvent, "menu_handler", "Say Hi"),
        (CONTEXT, ContextEvent, "context_handler", "personal_details"),
        (CALL, CallEvent, "call_handler", ""),
        (INCOMING, IncomingEvent, "incoming_webhook_handler", ""),
        (PARTICIPATION, ParticipationEvent, "participation_handler", ""),
        (WELCOME, WelcomeEvent, "welcome_handler", ""),
        (BUTTON, ButtonEvent, "button_handler", "Sample"),
        (WIDGET_BUTTON, ButtonEvent, "widget_button_handler", "Sample"),
        (FORM, FormEvent, "form_submit_handler", "Sample"),
        (FORM_CHANGE, FormEvent, "form_change_handler", "Sample"),
        (FORM_VALUES, FormEvent, "form_dynamic_select_handler", "Sample"),
        (FORM_VIEW, FormEvent, "form_view_handler", "Sample"),
    ],
)
def test_sample_of_zoho_is_read(sample, cls, handler, name):
    envelope = Envelope.of(sample)
    assert (envelope.handler, envelope.name) == (handler, name)
    assert envelope.response_url == (URL if "response_url" in sample else "")
    found = decode(sample)
    assert type(found) is cls
    assert found.type == handler
    assert found.bot == sample.get("unique_name", "Sample")
    assert found.at == datetime.fromtimestamp(AT_MS / 1000, UTC)
    assert (found.params, found.payload) == (sample["params"], sample)
    assert found.user.zoho_user_id == "7001"
    if "user" in sample["params"]:
        assert found.user == EventUser(**USER)
    assert found.chat.id == ("CD_1256_1741337" if "chat" in sample["params"] else found.chat.id)


def test_all_samples_are_tried():
    assert len(SAMPLES) == 14


def test_message_has_its_parts():
    found = decode(
        with_params(
            MESSAGE,
            attachments=[
                {"name": "a.png", "id": "1", "url": "https://x", "contenttype": "image/png"},
                "b.txt",
                7,
            ],
            links=["https://example.com", 5],
            message_details={
                "message": {
                    "replied_message": {
                        "sender": {"id": "1", "name": "Bo"},
                        "time": 149,
                        "text": "?",
                    }
                }
            },
        )
    )
    assert isinstance(found, MessageEvent)
    assert found.text == "Hi"
    assert found.attachments == (
        Attachment(name="a.png", id="1", url="https://x", contenttype="image/png"),
        Attachment(name="b.txt"),
    )
    assert found.links == ("https://example.com",)
    assert found.mentions[0].first_name == "Scott"
    assert found.location == Location(status="granted", latitude=12.8, longitude=80.05, accuracy=30)
    assert (found.replied_to.sender.name, found.replied_to.text) == ("Bo", "?")
    assert found.replied_to.sent_at == datetime.fromtimestamp(0.149, UTC)
    assert found.chat.members[0].id == "4242"


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"message": "Hi"}, "Hi"),
        ({"message": {"text": "Hi"}}, "Hi"),
        ({"message": 5}, "5"),
        ({"message": None, "raw_message": "Hi"}, "Hi"),
        ({"raw_message": "Hi"}, "Hi"),
        ({"message_details": {"message": {"text": "Hi"}}}, "Hi"),
        ({"message_details": [{"message": {"text": "a"}}, {"message": {"text": "Hi"}}]}, "Hi"),
        ({"message_details": []}, ""),
        ({"message": ["Hi"]}, ""),
        ({}, ""),
    ],
)
def test_text_is_found_wherever_it_stands(params, text):
    bare = without(MESSAGE, "message", "raw_message", "message_details")
    for handler in ("message_handler", "mention_handler"):
        found = decode(with_params(bare, **params) | {"handler": {"type": handler}})
        assert found.text == text


def test_message_id_is_that_of_the_message_or_of_the_access():
    found = decode(with_params(MENTION, message={"text": "Hi", "id": 9}))
    assert found.message_id == "9"
    access = MESSAGE["params"]["access"] | {"message_id": "8"}
    assert decode(with_params(MESSAGE, access=access)).message_id == "8"
    assert decode(MESSAGE).message_id == ""


@pytest.mark.parametrize(
    ("payload", "sub_action"),
    [
        (MENU, "Loudly"),
        (with_params(MENU, sub_action="x") | {"sub_action": ""}, "x"),
        (with_params(MENU, sub_action={"name": "x"}) | {"sub_action": None}, "x"),
        (MENU | {"sub_action": {"name": "y"}}, "y"),
        (MENU | {"handler": "menu_handler", "handler_name": "Say Hi"}, "Loudly"),
        (MENU | {"handler": "action_handler", "handler_name": "Say Hi"}, "Loudly"),
        (MENU | {"handler": {"type": "menu_handler"}, "handler_name": "Say Hi"}, "Loudly"),
    ],
)
def test_menu_action_is_found_wherever_it_stands(payload, sub_action):
    found = decode(payload)
    assert isinstance(found, MenuEvent)
    assert (found.action, found.sub_action) == ("Say Hi", sub_action)


@pytest.mark.parametrize(
    ("wire", "handler"),
    [
        ("alert_handler", "call_handler"),
        ("call_handler", "call_handler"),
        ("incomingwebhook_handler", "incoming_webhook_handler"),
        ("incoming_webhook_handler", "incoming_webhook_handler"),
        ("form_handler", "form_submit_handler"),
        ("form_submit_handler", "form_submit_handler"),
        ("form_values_handler", "form_dynamic_select_handler"),
        ("form_dynamic_select_handler", "form_dynamic_select_handler"),
        ("applet_button_handler", "widget_button_handler"),
        ("widget_button_handler", "widget_button_handler"),
        ("new_handler", "new_handler"),
        ("", ""),
        (None, ""),
        ({}, ""),
    ],
)
def test_handler_has_the_name_of_the_api(wire, handler):
    assert Envelope.of({"handler": {"type": wire}}).handler == handler
    assert Envelope.of({"handler": wire}).handler == handler


def test_handlers_of_other_components_are_not_those_of_a_bot():
    preview = Envelope.of(event({"type": "menu_handler", "name": "x"}, kind="link_preview"))
    assert (preview.handler, preview.name) == ("link_preview menu_handler", "")


def test_answers_are_texts():
    answers = {"a": {"text": "x"}, "b": "y", "c": 5, "d": None, "e": {"value": "z"}}
    found = decode(with_params(CONTEXT, answers=answers))
    assert isinstance(found, ContextEvent)
    assert found.context == "personal_details"
    assert found.answers == {"a": "x", "b": "y", "c": "5", "d": "", "e": "z"}


def test_incoming_request_is_read_in_both_spellings():
    found = decode(INCOMING)
    assert isinstance(found, IncomingEvent)
    assert (found.headers, found.query) == ({"x-source": "mail"}, {"token": "1"})
    assert (found.http_method, found.body[:10]) == ("POST", '{"summary"')
    with pytest.raises(ValueError, match="JSON"):  # as Zoho's own sample
        found.json()
    other = decode(with_params(without(INCOMING, "params"), param={"n": 5}, body={"a": [1]}))
    assert (other.query, other.body, other.json()) == ({"n": "5"}, '{"a":[1]}', {"a": [1]})


def test_call_participation_and_welcome_have_their_fields():
    call, taking_part, welcome = decode(CALL), decode(PARTICIPATION), decode(WELCOME)
    assert (call.operation, call.call_id) == ("ringing", "783719c0-54d1")
    assert (taking_part.operation, taking_part.text) == ("message_sent", "Hi")
    assert taking_part.data["time"] == AT_MS
    assert decode(with_params(PARTICIPATION, data={"message": "Yo"})).text == "Yo"
    assert welcome.new_user is True
    assert decode(with_params(WELCOME, newuser=False)).new_user is False
    assert decode(with_params(WELCOME, newuser="false")).new_user is False


def test_button_and_form_have_their_fields():
    button, widget = decode(BUTTON), decode(WIDGET_BUTTON)
    assert isinstance(button, ButtonEvent)
    assert isinstance(widget, ButtonEvent)
    assert (button.function, button.key, button.label) == ("Sample", "approve-7", "Approve")
    assert (button.arguments, button.message) == ({"key": "approve-7"}, "Press")
    assert widget.label == "click"
    assert decode(with_params(BUTTON, arguments="", target={"key": 7})).key == "7"
    form, change, select, view = map(decode, (FORM, FORM_CHANGE, FORM_VALUES, FORM_VIEW))
    assert isinstance(form, FormEvent)
    assert (form.function, form.form, form.action) == ("Sample", "ID", "submit")
    assert form.values == VALUES
    assert [form.value(each) for each in ("email", "os", "list", "none")] == [
        "ann@example.com",
        "android",
        "",
        "",
    ]
    assert [each.action for each in (change, select, view)] == ["change", "select", "view"]
    assert (change.target["name"], select.target["query"]) == ("os", "pix")
    several = with_params(FORM, form={"values": {"a": [{"value": 1}, {"value": 2}], "b": []}})
    assert (decode(several).value("a"), decode(several).value("b")) == ("1", "")


def test_odd_field_costs_itself_alone():
    user = USER | {"id": 4242, "admin": "yes", "email": None, "language": ["en"]}
    chat = CHAT | {"owner": 7, "members": [{"id": 1}, "x"], "title": 5}
    found = decode(with_params(MESSAGE, user=user, chat=chat, location="here", mentions={}))
    assert (found.user.id, found.user.first_name, found.user.country) == ("4242", "Ann", "us")
    assert (found.user.admin, found.user.email, found.user.language) == (None, "", "")
    assert (found.chat.owner, found.chat.title, found.chat.type) == ("7", "5", "channel")
    assert (found.location, found.mentions) == (Location(), ())
    assert found.params["user"] == user


@pytest.mark.parametrize("odd", [None, 5, "x", [], [1], True])
def test_nothing_has_to_be_there(odd):
    for sample in SAMPLES.values():
        bare = decode({"handler": sample["handler"], "params": odd})
        assert (bare.user, bare.chat, bare.params) == (EventUser(), EventChat(), {})
        decode({"handler": sample["handler"]} | dict.fromkeys(("name", "timestamp"), odd))
        decode(with_params(sample, **dict.fromkeys(sample["params"], odd)))
    assert decode({"handler": "message_handler"}).replied_to == RepliedMessage()


def test_user_without_permission_is_known_by_id():
    found = decode(without(MESSAGE, "user", "chat"))
    assert found.user == EventUser(id="7001", zoho_user_id="7001")
    assert found.chat == EventChat(id="CT_2243_B2")
    ids = {"user_id": 7001, "zoho_user_id": 7002}
    assert decode(with_params(without(MESSAGE, "user"), access=ids)).user == EventUser(
        id="7001", zoho_user_id="7002"
    )


@pytest.mark.parametrize(
    ("timestamp", "at"),
    [
        (1000, 1.0),
        ("1000", 1.0),
        (1000.5, 1.0005),
        (None, None),
        (True, None),
        ("soon", None),
        ([], None),
        (10**400, None),
        (1e300, None),
        ("nan", None),
    ],
)
def test_timestamp_is_milliseconds(timestamp, at):
    found = Envelope.of({"timestamp": timestamp}).timestamp
    assert found == (None if at is None else datetime.fromtimestamp(at, UTC))
