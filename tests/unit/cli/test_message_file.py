import json

import attrs
import pytest
from support.cli import SECRET, invoke

from cliq_async.cli.inputs.message_file import FIELDS_HELP
from cliq_async.errors import ValidationError
from cliq_async.models.message import Message
from cliq_async.models.parsing.message import message_from
from cliq_async.models.serialization import unstructure

TABLE_STYLES = {"width": [100], "sticky": {"rows": 1, "columns": 0}}
COPY = {"label": "Copy", "action": {"type": "copy", "data": {"text": "x"}}}
WHOLE = {
    "text": "Look at [db-1]($1)",
    "card": {"theme": "modern-inline", "title": "Load", "thumbnail": "https://example.com/i.png"}
    | {"sections": [{"title": "CPU", "fields": [{"title": "db-1", "value": "93 %"}]}]},
    "slides": [
        {"type": "table", "title": "Hosts"}
        | {"data": {"headers": ["Host"], "rows": [{"Host": "db-1"}], "styles": TABLE_STYLES}},
        {"type": "list", "data": ["one", "two"], "styles": {"type": "decimal"}},
        {"type": "label", "data": [{"Host": "db-1"}, {"Load": ""}]},
        {"type": "percentage_chart", "data": [{"label": "Up", "value": 40}]}
        | {"styles": {"preview": "pie"}, "buttons": [COPY]},
        {"type": "graph", "data": [{"category": "db-1", "values": [{"label": "", "value": 0.5}]}]}
        | {"styles": {"preview": "trend", "x_axis": "Day", "y_axis": "Load"}},
        {"type": "images", "data": ["https://example.com/i.png"]},
        {"type": "label", "data": [{"label": "Host", "value": "db-1"}]},
        {"type": "text", "title": "Note", "data": "Nothing to do"},
    ],
    "buttons": [
        {"label": "Open", "hint": "A page", "type": "+", "key": "k"}
        | {"action": {"type": "open.url", "data": {"web": "https://e.com", "iOS": "app://x"}}},
        {
            "label": "Run",
            "action": {
                "type": "invoke.function",
                "data": {"name": "restart", "owner": "ann@example.com"},
                "confirm": {"title": "Sure?", "input": "Why?", "button_label": "Yes"}
                | {"mandatory": False, "emotion": "negative"},
            },
        },
        {"label": "Call", "action": {"type": "system.api", "data": {"api": "audiocall/1"}}},
        {"label": "See", "action": {"type": "preview.url", "data": {"url": "https://e.com"}}},
        COPY | {"arguments": {"host": "", "load": None, "at": [1, {"x": {}}]}},
    ],
    "bot": {"name": "Watch", "image": "https://example.com/i.png"},
    "styles": {"background": "red", "markdown": True},
    "references": {
        "1": {
            "type": "button",
            "object": {"label": "Open", "action": {"type": "copy", "data": {"text": "x"}}},
        }
    },
    "reply_to": "1",
    "message_topic": "Load",
    "thread_chat_id": "CT_1",
    "thread_message_id": "2",
    "thread_title": "Load",
    "post_in_parent": True,
    "notify_edit": False,
    "mark_as_read": True,
    "sync_message": True,
}


def test_every_field_of_a_message_makes_the_way_there_and_back():
    assert set(WHOLE) == {field.name for field in attrs.fields(Message)} - {"extra"}
    assert unstructure(message_from(WHOLE)) == WHOLE
    assert all(field in FIELDS_HELP for field in WHOLE)


@pytest.mark.parametrize(
    "card",
    [
        {"theme": "poll", "title": "Lunch?", "options": [{"text": "Pizza"}, {"text": "Salad"}]},
        {"theme": "prompt", "title": "Deploy?"},
    ],
)
def test_other_cards(card):
    message = {"card": card, "buttons": WHOLE["buttons"][:1]}
    assert unstructure(message_from(message)) == message


def test_what_means_nothing_is_left_out_and_numbers_become_text():
    table = {"headers": ["Load"], "rows": [{"Load": 93}], "title": ""}
    given = {"text": "hi", "styles": None, "buttons": [], "reply_to": None}
    slide = {"type": "table", "data": table | {"title": None}}
    message = message_from(given | {"slides": [slide]})
    assert unstructure(message) == {
        "text": "hi",
        "slides": [{"type": "table", "data": {"headers": ["Load"], "rows": [{"Load": "93"}]}}],
    }


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([], "message: a JSON object, got []"),
        (
            {"text": "hi", "user_ids": "1"},
            "user_ids: recipients are given separately, not in the message",
        ),
        (
            {"text": "hi", "button": []},
            "button: no such field; did you mean buttons? allow_unknown=True sends it as it is",
        ),
        ({"text": "hi", "x": 1}, "x: no such field; choose one of text, "),
        (
            {"text": "hi", "styles": {"background": "red", "font": "x"}},
            "styles.font: no such field; allow_unknown=True sends it as it is",
        ),
        (
            {"text": "hi", "bot": {"name": "x", "imag": "y"}},
            "bot.imag: no such field; did you mean image? allow_unknown",
        ),
        (
            {"text": "hi", "bot": {"name": "x", "sync": 1}},
            "bot.sync: no such field; choose one of name, image; allow_unknown",
        ),
        ({"slides": [{"type": "list", "data": ["a"], "titel": 1}]}, "slides[0].titel: no such"),
        (
            {"slides": [{"type": "film", "data": "x"}]},
            "slides[0].type: one of table, list, ",
        ),
        ({"slides": [{"type": "list"}]}, "slides[0].data: this field is missing"),
        ({"slides": ["text"]}, "slides[0]: not in the form of the API, got 'text'"),
        ({"slides": 7}, "slides: not in the form of the API, got 7"),
        ({"card": {"theme": "old"}}, "card.theme: one of modern-inline, poll, prompt ("),
        (
            {"text": "hi", "buttons": [{"label": "x", "action": {"type": "dance"}}]},
            "buttons[0].action.type: one of open.url, invoke.function, system.api, preview.url, ",
        ),
        ({"text": "hi", "buttons": [{"label": "x"}]}, "buttons[0].action: this field is missing"),
        (
            {"text": "hi", "buttons": [{"action": WHOLE["buttons"][4]["action"]}]},
            "buttons[0].label: this field is missing",
        ),
        (
            {"text": "hi", "buttons": [{"label": "x", "action": {"type": "copy", "data": {}}}]},
            "buttons[0].action.data.text: this field is missing",
        ),
        (
            {"text": "hi", "references": {"1": {"type": "x", "object": WHOLE["buttons"][4]}}},
            "references.1.type: no such field",
        ),
        ({"text": "hi", "card": "x"}, "card: not in the form of the API, got 'x'"),
    ],
)
def test_what_is_no_message_is_named(data, said):
    with pytest.raises(ValidationError) as caught:
        message_from(data)
    assert str(caught.value).startswith(said)


TABLE = {"type": "table", "data": {"headers": ["a"], "rows": [{"a": "1"}]}}
LONG = {"label": "x" * 21, "action": {"type": "copy", "data": {"text": "a"}}}


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({}, "text"),
        ({"text": "x" * 5001}, "text"),
        ({"text": "hi", "buttons": [LONG]}, "buttons[0].label"),
        ({"text": "hi", "references": {"1": {"object": LONG}}}, "references.1.object.label"),
        ({"text": "hi", "slides": [TABLE | {"buttons": [LONG]}]}, "slides[0].buttons[0].label"),
        ({"text": "hi", "slides": [TABLE, TABLE | {"title": 7}]}, "slides[1].title"),
        (
            {"slides": [{"type": "table", "data": {"headers": ["a"], "rows": [{"b": "1"}]}}]},
            "slides[0].data.rows[0]",
        ),
        ({"slides": [{"type": "images", "data": ["https://a.b", "x"]}]}, "slides[0].data[1]"),
        (
            {"card": {"theme": "poll", "title": "x", "options": [{"text": "a"}, {"text": 1}]}},
            "card.options[1]",
        ),
        (
            {
                "text": "a",
                "buttons": [{"label": "x", "action": {"type": "copy", "data": {"text": 1}}}],
            },
            "buttons[0].action.data.text",
        ),
    ],
)
def test_a_broken_limit_names_its_place_in_the_data(data, field):
    with pytest.raises(ValidationError) as caught:
        message_from(data)
    assert caught.value.field == field
    with pytest.raises(ValidationError) as caught:
        message_from(data, allow_unknown=True)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "not JSON"),
        (b"{\n  \xff}", "message.json line 2: not UTF-8: byte 0xFF"),
        (b'{\n  "text"}', "message.json line 2: not JSON: expecting ':' delimiter at column 9"),
        (b"PK\x03\x04word/", "this is a ZIP archive"),
        (b"[" * 100_000, "not JSON"),
        (b'{"text": "hi", "card": {\n"titel": "x"}}', "line 2: card.titel: no such field; did you"),
        (b'{"text": ""}', "text: at least one of text, card and slides"),
    ],
)
def test_a_bad_file_is_wrong_usage(tmp_path, content, said):
    path = tmp_path / "message.json"
    path.write_bytes(content)
    result = invoke("send", "b", "--message", str(path), "--to", "1", "--token", SECRET)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_file_that_cannot_be_read_is_wrong_usage(tmp_path, monkeypatch):
    path = tmp_path / "message.json"
    path.write_text(json.dumps(WHOLE))

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    result = invoke("send", "b", "--message", str(path), "--to", "1", "--token", SECRET)
    assert result.exit_code == 2
    assert result.stderr == f"error: {path}: Permission denied\n"


@pytest.mark.parametrize("value", [None, [], {}, "", "x"])
def test_a_field_that_no_message_has_is_named_even_if_it_is_empty(value):
    with pytest.raises(ValueError, match="buttn: no such field; did you mean buttons"):
        message_from({"text": "a", "buttn": value})
