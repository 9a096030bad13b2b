"""Templates of messages and calls: what a row makes of one, and what is none."""

import sqlite3
from typing import Any

import pytest

from cliq_async.bulk.template import CallTemplate, MessageTemplate
from cliq_async.errors import ValidationError

WHOLE = {
    "text": "Dear {{ name }}",
    "card": {"theme": "modern-inline", "title": "{{ title }}"},
    "buttons": [
        {"label": "Open", "action": {"type": "open.url", "data": {"web": "{{ url }}"}}},
    ],
    "sync_message": True,
}


def test_every_text_of_a_message_is_a_template():
    row = {"user_id": 7, "name": "Ann", "title": "News", "url": "https://example.com/{{x}}"}
    to, message = MessageTemplate(WHOLE)(row)
    assert to == 7
    assert message.text == "Dear Ann"
    assert message.card is not None
    assert message.card.title == "News"
    action: Any = message.buttons[0].action
    assert action.web == "https://example.com/{{x}}", "what a row says is no template"


def test_columns_go_by_any_name_and_may_have_a_default():
    template = MessageTemplate("{{ row['First name'] }} {{ team | default('nobody') }}", to="ID")
    row = {"ID": "1", "First name": "Ann", "team": None}
    assert template(row)[1].text == "Ann nobody"


def test_rows_of_databases_and_columns_of_any_name():
    conn = sqlite3.connect(":memory:")
    conn.row_factory = sqlite3.Row
    row = conn.execute("SELECT 7 AS user_id, 'Ann' AS name, 12 AS row").fetchone()
    conn.close()
    assert MessageTemplate("{{ name }} {{ row['name'] }}")(row)[1].text == "Ann Ann"
    with pytest.raises(ValidationError, match="the row's columns are user_id, name, row"):
        MessageTemplate("{{ missing }}")(row)
    assert MessageTemplate("hi")({"user_id": None})[0] == ""


def test_a_call_is_made_of_a_row():
    template = CallTemplate({"text": "{{ what }} is down", "retry": 2}, to="id")
    call = template({"id": "1", "what": "Mail"})[1]
    assert (call.text, call.retry, call.user_ids) == ("Mail is down", 2, None)


def nested(depth):
    plain: dict[str, Any] = {"text": "{{ a }}"}
    for _ in range(depth):
        plain = {"card": plain}
    return plain


@pytest.mark.parametrize(
    ("plain", "said"),
    [
        ("Hello {{ name", "template: not a Jinja template: line 1"),
        ("{% for %}", "template: not a Jinja template: line 1"),
        ("{{ name | nofilter }}", "nofilter"),
        ("{{ name | random }}", "random"),
        ("{% for a in b %}" * 25 + "{% endfor %}" * 25, "a Jinja template"),
        ("{{ " + "(" * 3000 + ")" * 3000 + " }}", "a Jinja template"),
        ([1], "a str, or a mapping in the form of the API"),
        (nested(2000), "less deeply nested"),
    ],
)
def test_what_is_no_template_is_refused_at_once(plain, said):
    with pytest.raises(ValidationError, match=said):
        MessageTemplate(plain)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ name.__class__.__mro__ }}", "SecurityError|undefined"),
        ("{{ 1 // 0 }}", "ZeroDivisionError"),
        ("{{ 10 ** 5000 }}", "ValueError"),
        ("{{ name + 1 }}", "TypeError"),
        ("{% for i in range(9) %}{% endfor %}", "'range' is undefined"),
        ("{{ name.upper }}", "the value is a function"),
        ("{{ more.x }}", "the value is None"),
        ("{{ lipsum }}", "is undefined"),
        ("{{ '' }}", "text: at least one"),
    ],
)
def test_what_cannot_be_filled_in_is_a_validation_error(template, said):
    with pytest.raises(ValidationError, match=said):
        MessageTemplate(template)({"user_id": "1", "name": "Ann", "more": {"x": None}})


def test_a_message_of_another_form_is_named():
    with pytest.raises(ValidationError, match="buttn: no such field; did you mean buttons"):
        MessageTemplate({"text": "a", "buttn": "b"})({"user_id": "1"})
    with pytest.raises(ValidationError, match="user_ids: recipients are given separately"):
        CallTemplate({"text": "a", "user_ids": ["1"]})({"user_id": "1"})


def test_without_jinja_the_error_says_what_to_install(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "jinja2", None)
    monkeypatch.delitem(sys.modules, "cliq_async.bulk.template_environment", raising=False)
    with pytest.raises(ValidationError, match=r"pip install 'cliq-async\[template\]'"):
        MessageTemplate("{{ a }}")
