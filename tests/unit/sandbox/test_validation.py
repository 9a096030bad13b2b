import msgspec
import pytest

from cliq_async.sandbox.errors import ApiFault
from cliq_async.sandbox.validation import Delivery, page_limit, read_message, read_recipients

OPEN_URL = {"type": "open.url", "data": {"web": "https://example.com"}}
BUTTON = {"label": "Go", "action": OPEN_URL}
CONFIRM = {"title": "Sure?", "input": "Why", "button_label": "Yes"}


def read(message, query=None):
    body = {"text": "hi", "user_ids": "1"} | message
    return read_message(msgspec.json.encode(body), query or {})


def button(**fields):
    return {"buttons": [BUTTON | fields]}


def action(kind, **data):
    return button(action={"type": kind, "data": data})


def slide(**fields):
    return {"slides": [fields]}


def table(width=None):
    data = {"headers": ["a", "b"], "rows": [{"a": "1", "b": 2}]}
    if width is not None:
        data["styles"] = {"width": width}
    return slide(type="table", data=data)


GOOD = {
    "longest text": {"text": "é" * 5000},
    "card without a theme": {"card": {"title": "t" * 200}},
    "modern card": {
        "card": {
            "theme": "modern-inline",
            "thumbnail": "https://example.com/a.png",
            "sections": [{"title": "s", "fields": [{"title": "a", "value": "b"}]}],
        }
    },
    "poll": {"card": {"theme": "poll", "options": [{"text": "x" * 100}] * 10}},
    "prompt": {"card": {"theme": "prompt"}, "buttons": [BUTTON]},
    "most slides": {"slides": [{"type": "text", "data": "x" * 500}] * 20},
    "table": table(),
    "table with widths": table([40, 60]),
    "list": slide(type="list", title="Points", data=["a", "b"]),
    "label": slide(type="label", data=[{"label": "a", "value": "b"}]),
    "images": slide(type="images", data=["https://example.com/a.png"]),
    "most buttons": {"buttons": [BUTTON | {"label": "x" * 20}] * 5},
    "button in full": button(hint="h" * 100, type="-", key="k" * 100),
    "arguments": button(arguments={"key": "value", "number": 1, "nested": {"list": [None]}}),
    "input that is a must": button(action=OPEN_URL | {"confirm": CONFIRM | {"mandatory": True}}),
    "input that is a must, as text": button(
        action=OPEN_URL | {"confirm": CONFIRM | {"mandatory": "false"}}
    ),
    "confirmation": button(action=OPEN_URL | {"confirm": CONFIRM | {"emotion": "negative"}}),
    "telephone": action("open.url", web="tel:+49123"),
    "app link": action("open.url", android="app://x"),
    "function": action("invoke.function", name="f", owner="a@example.com"),
    "call": action("system.api", api="audiocall/123"),
    "location": action("system.api", api="locationpermission"),
    "preview": action("preview.url", url="https://example.com"),
    "copy": action("copy", text="x" * 200),
    "sender": {"bot": {"name": "N", "image": "https://example.com/a.png"}},
    "styles": {"styles": {"background": "grey", "markdown": True}},
    "instant button": {
        "text": "[Go]($1)",
        "references": {"1": {"type": "button", "object": BUTTON}},
    },
    "thread": {
        "reply_to": "r" * 100,
        "message_topic": "t" * 255,
        "thread_chat_id": "c" * 100,
        "thread_message_id": "m",
        "thread_title": "t" * 100,
        "post_in_parent": True,
        "notify_edit": True,
        "mark_as_read": False,
    },
    "most recipients": {"user_ids": ",".join(map(str, range(100)))},
}

BAD = {
    "empty text": {"text": ""},
    "long text": {"text": "x" * 5001},
    "text of a wrong type": {"text": 5},
    "unknown theme": {"card": {"theme": "baroque"}},
    "card of a wrong type": {"card": "modern-inline"},
    "long card title": {"card": {"title": "t" * 201}},
    "plain thumbnail": {"card": {"thumbnail": "http://example.com/a.png"}},
    "poll with one option": {"card": {"theme": "poll", "options": [{"text": "x"}]}},
    "poll without options": {"card": {"theme": "poll"}},
    "prompt without button": {"card": {"theme": "prompt"}},
    "buttons inside the card": {"card": {"buttons": [BUTTON]}},
    "too many slides": {"slides": [{"type": "text", "data": "x"}] * 21},
    "too much in slides": {"slides": [{"type": "text", "data": "x" * 501}] * 20},
    "slides of a wrong type": {"slides": {}},
    "unknown slide": slide(type="film", data="x"),
    "slide without data": slide(type="list"),
    "list of numbers": slide(type="list", data=[1]),
    "table without rows": slide(type="table", data={"headers": []}),
    "table with nested values": slide(type="table", data={"headers": ["a"], "rows": [{"a": []}]}),
    "table whose row is no object": slide(type="table", data={"headers": ["a"], "rows": ["a"]}),
    "widths not adding up": table([40, 40]),
    "widths of wrong types": table(["40", 60]),
    "widths of too few columns": table([100]),
    "plain image": slide(type="images", data=["http://example.com/a.png"]),
    "label without value": slide(type="label", data=[{"label": "a"}]),
    "too many buttons": {"buttons": [BUTTON] * 6},
    "empty label": button(label=""),
    "long label": button(label="x" * 21),
    "long hint": button(hint="x" * 101),
    "unknown colour": button(type="*"),
    "arguments as a list": button(arguments=["value"]),
    "must of another text": button(action=OPEN_URL | {"confirm": CONFIRM | {"mandatory": "yes"}}),
    "must as a number": button(action=OPEN_URL | {"confirm": CONFIRM | {"mandatory": 1}}),
    "button without action": {"buttons": [{"label": "Go"}]},
    "unknown action": action("dance"),
    "action of a wrong type": button(action="open.url"),
    "no url": action("open.url"),
    "unknown scheme": action("open.url", web="ftp://example.com"),
    "long url": action("open.url", web="https://" + "x" * 249),
    "call to nobody": action("system.api", api="audiocall/"),
    "unknown system action": action("system.api", api="dance/1"),
    "long copy": action("copy", text="x" * 201),
    "confirmation without input": button(
        action=OPEN_URL | {"confirm": {"title": "Sure?", "button_label": "Yes"}}
    ),
    "unknown emotion": button(action=OPEN_URL | {"confirm": CONFIRM | {"emotion": "sad"}}),
    "unknown background": {"styles": {"background": "pink"}},
    "styles as a list": {"styles": []},
    "markdown of a wrong type": {"styles": {"markdown": "yes"}},
    "reference of a wrong type": {"references": {"1": {"type": "card", "object": BUTTON}}},
    "references as a list": {"references": []},
    "plain avatar": {"bot": {"image": "http://example.com"}},
    "long reply_to": {"reply_to": "x" * 101},
    "long topic": {"message_topic": "x" * 256},
    "too many recipients": {"user_ids": ",".join(map(str, range(101)))},
    "recipients as a list": {"user_ids": ["1"]},
    "broadcast of a wrong type": {"broadcast": "true"},
    "unknown field": {"userids": "1"},
}


@pytest.mark.parametrize("message", GOOD.values(), ids=GOOD)
def test_documented_body_is_accepted(message):
    read(message)


@pytest.mark.parametrize("message", BAD.values(), ids=BAD)
def test_undocumented_body_is_refused(message):
    with pytest.raises(ApiFault) as caught:
        read(message)
    assert caught.value.status == 400
    assert caught.value.message
    assert caught.value.code


def test_refusal_names_the_path_and_an_extra_key_has_a_code_of_its_own():
    with pytest.raises(ApiFault, match=r"'buttons\[0\]\.label' has 21 characters") as caught:
        read(button(label="x" * 21))
    assert caught.value.code == "invalid_inputs"
    with pytest.raises(ApiFault, match="'userids' is an extra key") as caught:
        read({"userids": "1"})
    assert caught.value.code == "extra_key_found"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"text"', b'{"text": "\xff"}', b"[" * 100_000], ids=range(6)
)
def test_body_that_is_not_a_json_object_is_refused(body):
    with pytest.raises(ApiFault):
        read_message(body, {"user_ids": "1"})


@pytest.mark.parametrize("content", [{"text": "x"}, {"card": {"title": "x"}}, table()])
def test_text_or_card_or_slides_suffice(content):
    read_message(msgspec.json.encode(content), {"user_ids": "1"})


@pytest.mark.parametrize("content", [{}, {"buttons": [BUTTON]}, {"slides": []}, {"card": {}}])
def test_without_text_card_and_slides_it_is_refused(content):
    with pytest.raises(ApiFault, match="needed"):
        read_message(msgspec.json.encode(content), {"user_ids": "1"})


def test_some_kind_of_recipient_is_needed():
    for query in ({}, {"channel_unique_name": ""}, {"Channel_Unique_Name": "news"}):
        with pytest.raises(ApiFault, match="'user_ids', 'channel_unique_name' and 'broadcast'"):
            read_message(b'{"text": "hi", "broadcast": false}', query)


def test_recipients_come_from_body_or_query_and_the_body_wins():
    assert read_message(b'{"text": "hi"}', {"user_ids": "1, 2"}).user_ids == ("1", "2")
    assert read({"user_ids": "3"}, {"user_ids": "1"}).user_ids == ("3",)


@pytest.mark.parametrize(
    "query",
    [
        {"channel_unique_name": "news"},
        {"CHANNEL_UNIQUE_NAME": "news"},
        {"channel_unique_name": "news", "CHANNEL_UNIQUE_NAME": "news"},
        {"channel_unique_name": "", "CHANNEL_UNIQUE_NAME": "news"},
    ],
)
def test_channel_is_taken_under_both_names_of_the_parameter(query):
    order = read_message(b'{"text": "hi"}', query)
    assert (order.to, order.channel, order.user_ids) == ("channel", "news", ())


def test_users_go_before_a_channel_and_everybody_before_both():
    channel = {"channel_unique_name": "news"}
    assert read({}, channel).to == "users"
    assert read({"broadcast": True}, channel).to == "broadcast"
    assert read({"broadcast": False}, channel).to == "users"


def test_order_holds_the_message_as_it_came_and_whether_it_is_answered():
    body = b'{"text": "hi", "broadcast": true, "sync_message": true}'
    assert read_message(body, {}) == Delivery(
        message={"text": "hi", "broadcast": True, "sync_message": True},
        to="broadcast",
        user_ids=(),
        channel="",
        sync=True,
    )
    assert not read({}).sync


def test_recipients_are_at_most_100_and_parted_by_commas():
    assert read_recipients(None) is None
    assert read_recipients("") == ("",)
    assert read_recipients("1, a@example.com") == ("1", "a@example.com")
    with pytest.raises(ApiFault, match="101 entries"):
        read_recipients("," * 100)


def test_page_limit_is_20_by_default_and_50_at_most():
    assert page_limit({}) == 20
    assert page_limit({"limit": "50"}) == 50
    for text in ("0", "51", "-1", "ten", "", "1_0", "9" * 5000):
        with pytest.raises(ApiFault, match="from 1 to 50"):
            page_limit({"limit": text})
