"""Telling that Cliq locked an endpoint, in every form that was seen, and only then."""

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given, strategies as st
from support.scripted import answer

from cliq_async.endpoints import ENDPOINTS
from cliq_async.transport.protocol import parse_response
from cliq_async.transport.throttling import detect_throttle

PLAIN = {"message": "Too many requests within a certain time frame."}
BY_CODE = {
    "code": "request_limit_exceeded",
    "message": "You have exceeded the URL throttle limits.",
}
TITLE = "URL_ROLLING_THROTTLES_LIMIT_EXCEEDED"
FIXED = "URL_FIXED_THROTTLES_LIMIT_EXCEEDED"
AGAIN = "Cannot execute more than 100 requests per API in 2 minutes. Try again after 22 minutes."


def nested(status_code: int | str = 400, title=TITLE, text=AGAIN):
    return {
        "error": {"status_code": status_code, "title": title, "details": {"message": text}},
    }


FORMS = [
    (429, PLAIN, None, None),
    (429, None, None, None),
    (429, b"<html>Too Many Requests</html>", None, None),
    (429, [], None, None),
    (400, BY_CODE, "request_limit_exceeded", None),
    (400, nested(), TITLE, 1320.0),
    (400, nested("400"), TITLE, 1320.0),
    (200, nested(200), TITLE, 1320.0),
    (200, BY_CODE, "request_limit_exceeded", None),
    (503, nested(503), TITLE, 1320.0),
    (
        400,
        nested(title="URL_FIXED_THROTTLES_LIMIT_EXCEEDED"),
        "URL_FIXED_THROTTLES_LIMIT_EXCEEDED",
        1320.0,
    ),
    (400, {"code": TITLE}, TITLE, None),
    (400, {"error": {"title": TITLE}}, TITLE, None),
    (400, {"error": {"title": TITLE, "details": "text"}}, TITLE, None),
    (400, {"error": {"title": TITLE, "details": None}}, TITLE, None),
    (403, {"code": "REQUEST_LIMIT_EXCEEDED"}, "REQUEST_LIMIT_EXCEEDED", None),
    (400, {"error": TITLE}, TITLE, None),
    (400, {"error": {"code": TITLE}}, TITLE, None),
    (400, {"code": "invalid_inputs", "error": {"title": TITLE}}, TITLE, None),
]


@pytest.mark.parametrize(("status", "body", "code", "wait_s"), FORMS)
def test_every_form_of_a_refusal_is_recognized(status, body, code, wait_s):
    got = parse_response(ENDPOINTS["send_message"], answer(status, body))
    assert got.outcome == "throttled"
    assert got.throttle is not None
    assert (got.throttle.code, got.throttle.wait_s) == (code, wait_s)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"message": "request_limit_exceeded"}),
        (400, {"message": AGAIN, "code": "invalid_inputs"}),
        (400, PLAIN),
        (200, {"data": {"name": "URL_ROLLING_THROTTLES_LIMIT_EXCEEDED"}}),
        (200, {"data": [{"code": "request_limit_exceeded"}]}),
        (200, {"data": {"error": {"title": TITLE}}}),
        (200, {"message": TITLE}),
        (200, {"title": TITLE}),
        (400, {"error": f"{TITLE} for a while"}),
        (400, {"error": {"details": {"title": TITLE}}}),
        (400, {"error": [{"title": TITLE}]}),
        (400, {"code": "bot_creation_limit_exceeded"}),
        (400, {"code": "the_request_limit_exceeded"}),
        (400, {"code": "URL_THROTTLES"}),
        (400, {"code": f"not {TITLE}"}),
        (400, {"code": {"code": "request_limit_exceeded"}}),
        (400, {"code": 429}),
        (400, {"error": {"status_code": 429}}),
        (503, None),
        (400, TITLE),
    ],
)
def test_words_in_other_places_are_no_refusal(status, body):
    assert parse_response(ENDPOINTS["send_message"], answer(status, body)).outcome != "throttled"


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [
        ("120", 120.0),
        (" 120 ", 120.0),
        (" " * 30 + "5", 5.0),
        ("1", 1.0),
        ("0" * 20 + "5", 5.0),
        ("0", None),
        ("-5", None),
        ("", None),
        ("soon", None),
        ("1.5", 2.0),
        ("+30", 30.0),
        ("0.2", 1.0),
        ("30, 120.5, 60", 121.0),
        ("60, soon, -5, nan, inf, 1e9, 1_000", 60.0),
        ("30,Fri, 31 Dec 9999 23:59:59 GMT", 86_400.0),
        ("Monday, 31-Dec-68 23:59:59 GMT , 30", 86_400.0),
        ("inf", None),
        ("99999999999999999999999", 86_400.0),
        ("9" * 5000, 86_400.0),
        ("Mon, 01 Jan 2001 00:00:00 GMT", None),
        ("Mon, 01 Jan 2029 00:00:00 +99999999999999999999", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 86_400.0),
        ("Fri, 99 Foo 99999999999 99:99:99", None),
    ],
)
def test_retry_after_is_read_if_it_can_be_and_never_believed_beyond_a_day(header, wait_s):
    got = detect_throttle(429, {"Retry-After": header}, PLAIN)
    assert got is not None
    assert got.wait_s == wait_s


def test_retry_after_as_a_date_is_from_now():
    at = datetime.now(UTC) + timedelta(seconds=300)
    elsewhere = at.astimezone(timezone(timedelta(hours=5)))
    for text in (
        format_datetime(at, usegmt=True),
        format_datetime(at.replace(tzinfo=None)),
        format_datetime(elsewhere),
    ):
        got = detect_throttle(429, {"Retry-After": text}, None)
        assert got is not None
        assert got.wait_s == pytest.approx(300, abs=2)


@pytest.mark.parametrize(
    ("text", "wait_s"),
    [
        ("Try again after 22 minutes.", 1320.0),
        ("try AGAIN in 1 minute", 60.0),
        ("Try again after 30 seconds", 30.0),
        ("again after 2 hours", 7200.0),
        ("again after 999999 hours", 86_400.0),
        ("again after 0 minutes", None),
        ("again after a while", None),
        ("100 requests per API in 2 minutes", None),
        ("again after 9999999999 minutes", 86_400.0),
        ("again in 1.5 mins", 90.0),
        ("again after 2 hrs.", 7200.0),
        ("again after 12.2 secs", 13.0),
    ],
)
def test_wait_is_read_from_the_text_of_a_refusal(text, wait_s):
    for body in ({"message": text}, nested(text=text), {"error": {"message": text}}):
        got = detect_throttle(429, {}, body)
        assert got is not None
        assert (got.wait_s, got.message) == (wait_s, text)


def test_refusal_without_a_text_has_an_empty_one():
    got = detect_throttle(429, {}, None)
    assert got is not None
    assert got.message == ""


def test_longest_of_what_is_said_counts():
    got = detect_throttle(400, {"Retry-After": "3600"}, nested())
    assert got is not None
    assert got.wait_s == 3600.0
    got = detect_throttle(400, {"Retry-After": "60"}, nested())
    assert got is not None
    assert got.wait_s == 1320.0


@given(st.text(), st.text())
def test_no_header_and_no_text_makes_it_fail(header, text):
    got = detect_throttle(429, {"Retry-After": header}, nested(text=text))
    assert got is not None
    assert got.wait_s is None or 0 < got.wait_s <= 86_400.0
