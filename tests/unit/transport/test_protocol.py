"""Requests out of calls, and what an answer means."""

from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given, strategies as st
from multidict import CIMultiDict
from support.scripted import answer

from cliq_async.endpoints import ENDPOINTS
from cliq_async.errors import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    ServerError,
)
from cliq_async.transport.base import Response
from cliq_async.transport.protocol import ApiCall, ApiResponse, parse_response

SEND = ENDPOINTS["send_message"]

# Every code that the documents name, but for those that say there are too many requests.
CODES = {
    "bot_creation_limit_exceeded": BadRequestError,
    "bot_name_already_exists": ConflictError,
    "invalid_inputs": BadRequestError,
    "execution_url_required": BadRequestError,
    "execution_url_not_allowed": BadRequestError,
    "invalid_scope": BadRequestError,
    "bot_not_found": NotFoundError,
    "bot_permission_denied": PermissionDeniedError,
    "botmessage_sending_failed": BadRequestError,
    "botmessage_no_valid_users": BadRequestError,
    "bot_unauthorized_message_access": PermissionDeniedError,
    "bot_message_forbidden": PermissionDeniedError,
    "bot_alert_not_enabled": BadRequestError,
    "execution_handler_create_failed": BadRequestError,
    "execution_handler_data_required": BadRequestError,
    "execution_handler_data_invalid": BadRequestError,
    "execution_handler_update_failed": BadRequestError,
    "execution_handler_not_found": NotFoundError,
    "execution_handler_get_failed": BadRequestError,
    "execution_handler_delete_failed": BadRequestError,
    "default_handler_delete_not_allowed": BadRequestError,
    "bot_already_member": ConflictError,
    # seen on the live service
    "oauthtoken_invalid": AuthenticationError,
    "oauthtoken_scope_invalid": PermissionDeniedError,
    "extra_key_found": BadRequestError,
    "input_pattern_mismatch": BadRequestError,
    "request_url_invalid": NotFoundError,
}
STATUSES = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    405: ApiError,
    406: ApiError,
    409: ConflictError,
    418: ApiError,
    302: ApiError,
}


@pytest.mark.parametrize(("code", "cls"), CODES.items())
def test_code_decides_at_status_400(code, cls):
    got = parse_response(SEND, answer(400, {"code": code, "message": "text"}))
    assert got.outcome == "refused"
    assert got.error is not None
    assert type(got.error) is cls
    assert (got.error.status, got.error.code, got.error.message) == (400, code, "text")
    assert got.error.endpoint == "send_message"


@pytest.mark.parametrize(("status", "cls"), STATUSES.items())
@pytest.mark.parametrize(
    "body", [None, {"message": "x"}, {"code": "unheard_of"}, [], "x", b"<html>"]
)
def test_status_decides_without_a_code_that_is_known(status, cls, body):
    assert type(parse_response(SEND, answer(status, body)).error) is cls


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422])
def test_code_that_is_known_wins_over_the_status(status):
    assert (
        type(parse_response(SEND, answer(status, {"code": "bot_not_found"})).error) is NotFoundError
    )
    assert (
        type(parse_response(SEND, answer(status, {"code": "BOT_ALREADY_MEMBER"})).error)
        is ConflictError
    )


def test_401_stays_a_question_of_the_access_token():
    got = parse_response(SEND, answer(401, {"code": "unauthorized_request"}))
    assert type(got.error) is AuthenticationError


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 599])
@pytest.mark.parametrize("body", [None, {"code": "bot_not_found"}, {"message": "x"}, b"<html>"])
def test_408_and_everything_from_500_may_have_been_executed(status, body):
    assert parse_response(SEND, answer(status, body)).outcome == "unknown"


def test_500_is_cliqs_own_only_in_cliqs_own_form():
    for body in ({"message": "Cliq server encountered an error"}, {"code": "internal"}):
        assert type(parse_response(SEND, answer(500, body)).error) is ServerError
    for body in (None, {}, b"<html>", [], {"message": ""}):
        assert type(parse_response(SEND, answer(500, body)).error) is ApiError


@pytest.mark.parametrize(
    ("body", "data", "whole"),
    [
        (b"", None, True),
        (None, None, False),
        (b"{}", {}, True),
        (b'{"Response Code": "204 No response"}', {"Response Code": "204 No response"}, True),
        (b'{"data": 5}', {"data": 5}, True),
        (b'{"id": "7", "error": null}', {"id": "7", "error": None}, True),
        (b'{"data', None, False),
        (b' { "url":"/api/v3/bots","type":"bot","da', None, False),
        (b'{"user_ids":["\xff', None, False),
    ],
)
def test_success_is_empty_or_has_a_key_of_a_success_or_was_cut_off_after_one(body, data, whole):
    got = parse_response(SEND, Response(200, {}, body))
    assert (got.outcome, got.data, got.complete) == ("done", data, whole)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
@pytest.mark.parametrize(
    "body",
    [
        b"<html>Log in</html>",
        b"OK",
        b"true",
        b"null",
        b"[]",
        b'"x"',
        b"5",
        b" ",
        b"{",
        b'"\xff"',
        b'"\\ud800"',
        b"[" * 100_000,
        b"{}{}",
        b"\xef\xbb\xbf{}",
        b'{"status": "ok"}',
        b'{"message": "Please log in"}',
        b'{"error": null}',
        b'{"login_url": "http://portal"',
    ],
)
def test_2xx_that_is_not_cliqs_is_no_success(status, body):
    assert parse_response(SEND, Response(status, {}, body)).outcome == "foreign"


def test_page_that_was_cut_off_is_no_success():
    page = Response(200, {"Content-Type": "Text/HTML; charset=utf-8"}, None)
    assert parse_response(SEND, page).outcome == "foreign"


@pytest.mark.parametrize(
    ("body", "cls", "code", "message"),
    [
        ({"code": "oauthtoken_invalid"}, AuthenticationError, "oauthtoken_invalid", ""),
        ({"code": "bot_not_found", "data": {}}, NotFoundError, "bot_not_found", ""),
        ({"error": "the bot sleeps"}, ApiError, None, "the bot sleeps"),
        ({"error": "invalid_bot"}, ApiError, "invalid_bot", "invalid_bot"),
        ({"error": {"title": "NO"}}, ApiError, "NO", "NO"),
        ({"error": {"title": "NO", "details": "text"}}, ApiError, "NO", "text"),
        ({"error": {"title": "NO", "details": {"message": ""}}}, ApiError, "NO", "NO"),
        ({"error": {"message": "text"}}, ApiError, None, "text"),
        ({"code": "", "error": {"code": "", "title": "NO"}, "message": ""}, ApiError, "NO", "NO"),
        ({"error": ["x"]}, ApiError, None, ""),
        (
            {"error": {"title": "NO", "details": {"message": "text"}}},
            ApiError,
            "NO",
            "text",
        ),
        ({"error": {"code": "c", "message": "m"}, "message": "top"}, ApiError, "c", "top"),
    ],
)
@pytest.mark.parametrize("status", [200, 418])
def test_body_that_names_an_error_is_that_error_whatever_the_status(
    status, body, cls, code, message
):
    got = parse_response(SEND, answer(status, body))
    assert got.outcome == "refused"
    assert got.error is not None
    assert (type(got.error), got.error.status) == (cls, status)
    assert (got.error.code, got.error.message) == (code, message)


# Each refusal that was seen on the live service, but for those that say too many requests.
SEEN = [
    ({"message": "text"}, None, "text"),
    ({"code": "extra_key_found", "message": "text"}, "extra_key_found", "text"),
    ({"code": "oauthtoken_scope_invalid"}, "oauthtoken_scope_invalid", ""),
    (
        {"error": {"status_code": 400, "title": "INVALID_TICKET", "details": {"message": "text"}}},
        "INVALID_TICKET",
        "text",
    ),
    (
        {"error": {"status_code": "400", "title": "INVALID_TICKET", "details": {}}},
        "INVALID_TICKET",
        "INVALID_TICKET",
    ),
    ({"error": "The bot is asleep."}, None, "The bot is asleep."),
    ({"error": "invalid_client"}, "invalid_client", "invalid_client"),
    ({"error": "Access Denied", "status": "failure"}, None, "Access Denied"),
]


@pytest.mark.parametrize(("body", "code", "message"), SEEN)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 418, 500])
def test_refusal_keeps_its_code_and_its_words_whatever_the_status(status, body, code, message):
    error = parse_response(SEND, answer(status, body)).error
    assert error is not None
    assert (error.status, error.code, error.message) == (status, code, message)
    assert (message.rstrip(".") or "refused") in str(error)


@pytest.mark.parametrize(
    ("answered", "message"),
    [
        (Response(400, {}, None, "it is too long"), "the answer could not be read: it is too long"),
        (Response(400, {}, None), "the answer could not be read: it was cut off"),
        (Response(400, {}, b"<html>"), ""),
    ],
)
def test_refusal_whose_body_was_lost_says_why(answered, message):
    error = parse_response(SEND, answered).error
    assert type(error) is BadRequestError
    assert error.message == message


KEYS = st.sampled_from(["code", "error", "title", "details", "message", "status_code", "data"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | KEYS, inner),
    max_leaves=20,
)
HEADERS = st.none() | st.text() | st.from_regex(r"\w{3}, \d+ \w{3} \d+ \d+:\d+:\d+ [+-]\d+")


@given(status=st.integers(100, 999), body=st.none() | st.binary(), header=HEADERS)
def test_any_status_with_any_bytes_is_an_answer(status, body, header):
    headers = {} if header is None else {"Retry-After": header}
    got = parse_response(SEND, Response(status, headers, body))
    assert isinstance(got, ApiResponse)
    assert got.status == status
    assert (got.outcome in {"done", "foreign"}) <= (200 <= status < 300 and got.throttle is None)
    assert (got.error is None) == (got.outcome in {"done", "foreign", "throttled"})


@given(status=st.integers(100, 999), body=JSON)
def test_any_status_with_any_json_is_an_answer(status, body):
    got = parse_response(SEND, Response(status, {}, msgspec.json.encode(body)))
    assert isinstance(got, ApiResponse)
    assert got.error is None or str(got.error)


# Requests.


def test_url_has_the_path_parameters_and_the_query_without_what_is_none():
    path = {"bot_id_or_unique_name": "b-1"}
    query = {"limit": 50, "next_token": "NTB8MTc1==&/ä", "sync_token": None}
    url = ApiCall(ENDPOINTS["list_subscribers"], path, query).url("https://cliq.zoho.eu")
    assert url == (
        "https://cliq.zoho.eu/api/v3/bots/b-1/subscribers"
        "?limit=50&next_token=NTB8MTc1%3D%3D%26%2F%C3%A4"
    )


def test_url_without_a_query_ends_with_the_path():
    assert ApiCall(ENDPOINTS["list_bots"]).url("http://h:1") == "http://h:1/api/v3/bots"


def test_braces_in_a_path_parameter_are_not_taken_for_one():
    url = ApiCall(SEND, {"bot_unique_name": "{bot_id}"}).url("http://h")
    assert url == "http://h/api/v3/bots/{bot_id}/message"


TOKEN = "1000.canary/of+a=token"


def test_refusal_carries_the_headers_and_the_body_that_came():
    headers = CIMultiDict([("X-Request-Id", "a1"), ("Via", "a"), ("via", "b"), ("Set-Cookie", "s")])
    body = b'{"code": "invalid_inputs", "message": "no"}'
    error = parse_response(ENDPOINTS["get_bot"], Response(400, headers, body)).error
    assert error is not None
    assert error.headers == {"x-request-id": "a1", "via": "a, b"}
    assert (error.body, error.request_id) == (body.decode(), "a1")


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (None, ""),
        (b"", ""),
        (b"\xff<html>", "\ufffd<html>"),
        (b"a" * 20_000, "a" * 16_384),
    ],
    ids=["lost", "empty", "not UTF-8", "long"],
)
def test_body_of_a_refusal_is_text_and_bounded(body, found):
    error = parse_response(ENDPOINTS["get_bot"], Response(400, {}, body)).error
    assert error is not None
    assert error.body == found


@pytest.mark.parametrize("form", [TOKEN, quote(TOKEN, safe="")], ids=["plain", "quoted"])
@pytest.mark.parametrize("status", [200, 400, 401, 429, 500, 502])
def test_secret_that_an_answer_repeats_is_in_no_error(status, form):
    texts = {"code": f"c_{form}", "message": f"sent {form} with {form}"}
    padding = "a" * 16_370  # the bound is in the midst of the secret
    for body in (msgspec.json.encode({"error": texts, **texts}), (padding + form).encode()):
        answered = Response(status, {"X-Echo": f"Bearer {form}"}, body)
        read = parse_response(ENDPOINTS["get_bot"], answered, TOKEN)
        shown = [read, read.error and vars(read.error), read.throttle]
        shown += [read.throttle and (read.throttle.headers, read.throttle.body)]
        assert "canary" not in repr(shown) + str(read.error)
