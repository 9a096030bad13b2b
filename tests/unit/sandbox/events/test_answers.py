"""The answers of bots: which are taken, and which refused."""

import json

import pytest

from cliq_async.sandbox.errors import ApiFault
from cliq_async.sandbox.events.answers import read_answer, read_late_answer

BUTTON = {"label": "Yes", "action": {"type": "invoke.function", "data": {"name": "f"}}}
FORM = {
    "type": "form",
    "title": "Leave",
    "name": "leave",
    "inputs": [{"type": "text", "name": "a", "label": "A"}],
    "action": {"type": "invoke.function", "name": "f"},
}


def read(output, handler="message_handler"):
    return read_answer(json.dumps({"output": output}).encode(), handler)


@pytest.mark.parametrize(
    ("output", "kind", "handler"),
    [
        ("", "none", "message_handler"),
        ({"text": "x"}, "message", "message_handler"),
        ({"card": {"title": "t", "theme": "modern-inline"}}, "message", "welcome_handler"),
        ({"text": "x", "buttons": [BUTTON]}, "message", "menu_handler"),
        ({"text": "x", "bot": {"name": "B"}, "view": "popup"}, "message", "message_handler"),
        ({"text": "x", "suggestions": {"list": [{"text": "a", "icon": "b/1"}]}}, "message", "c"),
        ({"type": "banner", "text": "x"}, "banner", "menu_handler"),
        (FORM, "form", "message_handler"),
        (FORM | {"hint": "h", "mode": "kiosk", "version": 1}, "form", "message_handler"),
        ({"type": "message_edit", "text": "x"}, "edit", "button_handler"),
        ({"type": "message_edit", "text": "x", "buttons": [BUTTON]}, "edit", "button_handler"),
        ({"type": "preview_url", "url": "https://e.com"}, "preview", "message_handler"),
        ({"type": "form_error", "text": "x"}, "form_error", "form_submit_handler"),
        ({"options": []}, "options", "form_dynamic_select_handler"),
        ({"text": 5}, "none", "call_handler"),
    ],
)
def test_a_documented_answer_is_taken(output, kind, handler):
    answer = read(output, handler)
    assert answer.kind == kind
    assert kind == "none" or answer.output == output


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (None, "neither an object"),
        ([], "neither an object"),
        ("hi", "neither an object"),
        (False, "neither an object"),
        (0, "neither an object"),
        ({}, "One of 'text', 'card' and 'slides'"),
        ({"text": ""}, "'text' has 0 characters"),
        ({"text": "x" * 5001}, "the limit is 5000"),
        ({"text": "x", "buttons": [BUTTON] * 6}, "'buttons' has 6 entries"),
        ({"text": "x", "user_ids": "1"}, "'user_ids' is an extra key"),
        ({"text": "x", "broadcast": True}, "'broadcast' is an extra key"),
        ({"text": "x", "more": 1}, "'more' is an extra key"),
        ({"text": "x", "view": "full"}, "'view' is not one of"),
        ({"text": "x", "suggestions": {"list": []}}, "'suggestions.list' has 0 entries"),
        ({"text": "x", "context": {"id": "c", "params": []}}, "'context.params' has 0 entries"),
        ({"text": "x", "context": {"id": "c"}}, "'context.params' is missing"),
        ({"context": {"id": "c", "params": [{"name": "a", "question": "A?"}]}}, "One of 'text'"),
        ({"type": "banner"}, "'text' is missing"),
        ({"type": "banner", "text": "x", "status": "warning"}, "'status' is not one of"),
        ({"type": "form", "title": "t"}, "'name' is missing"),
        ({"type": "message_edit", "text": "x"}, "cannot answer with 'message_edit'"),
        ({"type": "form_error"}, "cannot answer with 'form_error'"),
        ({"type": "file"}, "'type' is not one of banner"),
        ({"type": ["banner"]}, "'type' is not one of banner"),
        ({"type": None, "text": "x"}, "'type' is an extra key"),
    ],
)
def test_another_answer_is_refused_with_its_reason(output, words):
    with pytest.raises(ApiFault) as caught:
        read(output)
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not valid JSON"),
        (b"<html>", "not valid JSON"),
        (b"[]", "not a JSON object"),
        (b'"{}"', "not a JSON object"),
        (b"{}", "no 'output'"),
        (b'{"output": {"text": "a"}, "output": {"text": "b"}}', "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"output":{"text":"\\ud800"}}', "not valid JSON"),
    ],
)
def test_a_body_that_is_no_answer_is_refused(body, words):
    for handler in ("message_handler", "button_handler"):
        with pytest.raises(ApiFault) as caught:
            read_answer(body, handler)
        assert words in caught.value.message


def test_a_string_is_taken_by_the_response_url_alone():
    text = json.dumps(json.dumps({"output": {"text": "x"}})).encode()
    assert read_late_answer(text, "message_handler").output == {"text": "x"}
    with pytest.raises(ApiFault, match="not a JSON object"):
        read_answer(text, "message_handler")
    for wrong in (b'"hi"', b'"\\"{}\\""', b"5"):
        with pytest.raises(ApiFault):
            read_late_answer(wrong, "message_handler")
