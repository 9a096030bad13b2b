"""What is done after an attempt: the whole table, without a clock or a network."""

import itertools
from datetime import UTC, datetime

import pytest
from support.scripted import THROTTLED, answer

from cliq_async.endpoints import ENDPOINTS
from cliq_async.errors import (
    ApiError,
    AuthenticationError,
    AuthError,
    BadRequestError,
    ForeignAnswerError,
    NotFoundError,
    OutcomeUnknownError,
    QuotaStoreError,
    QuotaWaitError,
    ServerError,
    ThrottledError,
    TransportError,
)
from cliq_async.transport.base import Response
from cliq_async.transport.protocol import parse_response
from cliq_async.transport.retry import ATTEMPTS, NoResponse, RetryState

ROWS = {"GET": "get_bot", "POST": "send_message", "PATCH": "update_bot", "DELETE": "delete_bot"}
METHODS = list(ROWS)
IDEMPOTENT = ["GET", "PATCH", "DELETE"]
LATER = datetime(2030, 1, 1, tzinfo=UTC)

UNSENT, LOST = (
    NoResponse(sent=False, reason="no connection"),
    NoResponse(sent=True, reason="no answer"),
)
GATEWAY = answer(502, b"<html>Bad Gateway</html>")
TIMED_OUT = answer(408, {"message": "timeout"})
OWN_FAILURE = answer(500, {"message": "Cliq server encountered an error"})
UNAUTHORIZED = answer(401, {"message": "invalid AuthToken"})
NOT_FOUND = answer(404, {"code": "bot_not_found", "message": "none"})
REFUSED = answer(400, {"code": "invalid_inputs", "message": "no"})


class Played:
    """The attempts of one call, fed with what came back."""

    def __init__(self, method):
        self.endpoint = ENDPOINTS[ROWS[method]]
        self.attempts = RetryState(self.endpoint)

    def __call__(self, *ends):
        last = None
        for end in ends:
            got = end if isinstance(end, NoResponse) else parse_response(self.endpoint, end)
            last = self.attempts.next_action(got)
        return last


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_success_is_returned_with_its_data(method, status):
    played = Played(method)
    assert played(answer(status, {"data": 1})) == "return"
    assert played.attempts.data == {"data": 1}


@pytest.mark.parametrize("method", METHODS)
def test_success_without_a_body_has_no_data(method):
    played = Played(method)
    assert played(answer(204)) == "return"
    assert played.attempts.data is None


@pytest.mark.parametrize("body", [b'{"data":', None])
def test_success_whose_body_cannot_be_read_has_happened_but_a_get_asks_again(body):
    for method in ("POST", "PATCH", "DELETE"):
        played = Played(method)
        assert played(Response(200, {}, body)) == "return"
        assert played.attempts.data is None
    got = Played("GET")
    assert got(Response(200, {}, body)) == "back off"
    assert got(Response(200, {}, body)) == "back off"
    assert got(Response(200, {}, body)) == "raise"
    error = got.attempts.error()
    assert type(error) is TransportError
    problem = "it was cut off" if body is None else "it is not JSON"
    assert (error.endpoint, error.reason) == ("get_bot", f"the answer could not be read: {problem}")


def test_answer_that_is_too_long_is_not_asked_for_again_and_says_what_to_do():
    answered = Response(200, {}, None, "it is longer than 9 bytes", too_long=True)
    for method in ("POST", "PATCH", "DELETE"):
        assert Played(method)(answered) == "return"
    got = Played("GET")
    assert got(answered) == "raise"
    error = got.attempts.error()
    assert type(error) is TransportError
    assert error.reason == (
        "the answer could not be read: it is longer than 9 bytes; raise max_response_bytes if it "
        "may be"
    )


@pytest.mark.parametrize("body", [b"\xff", b"<html>", b"[]", b'{"status": "ok"}'])
def test_answer_that_is_not_cliqs_leaves_open_if_a_write_has_happened(body):
    played = Played("POST")
    assert played(answer(200, body)) == "raise"
    assert type(played.attempts.error()) is ForeignAnswerError
    for method in ("PATCH", "DELETE"):
        played = Played(method)
        assert [played(answer(200, body)) for _ in range(3)] == ["back off", "back off", "raise"]
        assert type(played.attempts.error()) is ForeignAnswerError
    played = Played("GET")
    assert [played(answer(200, body)) for _ in range(3)] == ["back off", "back off", "raise"]
    error = played.attempts.error()
    assert type(error) is TransportError
    assert "not Cliq's: check base_url" in error.reason


@pytest.mark.parametrize("method", METHODS)
def test_throttles_wait_and_are_no_attempts(method):
    played = Played(method)
    for _ in range(50):
        assert played(THROTTLED) == "wait"
    assert played.attempts.count == 0
    error = played.attempts.not_sent(QuotaWaitError("e", LATER))
    assert type(error) is ThrottledError
    assert error.retry_at == LATER
    assert error.endpoint == ROWS[method]
    assert error.message == "Too many requests within a certain time frame."


def test_throttle_that_is_raised_keeps_status_and_code():
    played = Played("POST")
    played(answer(400, {"code": "request_limit_exceeded", "message": "no"}))
    error = played.attempts.not_sent(QuotaWaitError("e", LATER))
    assert isinstance(error, ThrottledError)
    assert (error.status, error.code, error.message) == (400, "request_limit_exceeded", "no")


@pytest.mark.parametrize("method", METHODS)
def test_what_was_never_sent_is_tried_three_times(method):
    played = Played(method)
    assert [played(UNSENT) for _ in range(ATTEMPTS)] == ["back off", "back off", "raise"]
    assert type(played.attempts.error()) is TransportError
    assert not played.attempts.may_have_executed


@pytest.mark.parametrize("end", [LOST, GATEWAY, TIMED_OUT, OWN_FAILURE])
def test_a_post_that_may_have_happened_is_never_sent_again(end):
    played = Played("POST")
    assert played(end) == "raise"
    wanted = ServerError if end is OWN_FAILURE else OutcomeUnknownError
    error = played.attempts.error()
    assert type(error) is wanted
    assert error.endpoint == "send_message"


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (LOST, "no answer"),
        (GATEWAY, "HTTP 502, not from Cliq itself"),
        (TIMED_OUT, "HTTP 408, not from Cliq itself"),
    ],
)
def test_error_says_why_there_is_no_answer(end, reason):
    played = Played("POST")
    played(end)
    error = played.attempts.error()
    assert isinstance(error, OutcomeUnknownError)
    assert error.reason == reason


@pytest.mark.parametrize("method", IDEMPOTENT)
@pytest.mark.parametrize("end", [LOST, GATEWAY, TIMED_OUT, OWN_FAILURE])
def test_others_are_sent_again_three_times_in_all(method, end):
    played = Played(method)
    assert [played(end) for _ in range(ATTEMPTS)] == ["back off", "back off", "raise"]
    unsure = TransportError if method == "GET" else OutcomeUnknownError
    assert type(played.attempts.error()) is (ServerError if end is OWN_FAILURE else unsure)


@pytest.mark.parametrize("method", METHODS)
def test_401_renews_once_and_is_no_attempt(method):
    played = Played(method)
    assert played(UNAUTHORIZED) == "renew"
    assert played.attempts.count == 0
    assert played(UNAUTHORIZED) == "raise"
    assert type(played.attempts.error()) is AuthenticationError


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("status", [300, 302, 400, 403, 404, 405, 406, 409, 418, 422])
def test_other_statuses_are_raised_at_once(method, status):
    played = Played(method)
    assert played(answer(status, {"code": "x", "message": "y"})) == "raise"
    error = played.attempts.error()
    assert isinstance(error, ApiError)
    assert (error.status, error.code, error.message) == (status, "x", "y")


@pytest.mark.parametrize("gone", [NOT_FOUND, answer(400, {"code": "bot_not_found"}), answer(404)])
def test_delete_answered_not_found_after_a_lost_attempt_has_succeeded(gone):
    played = Played("DELETE")
    assert played(LOST, gone) == "gone"
    assert played.attempts.data is None


@pytest.mark.parametrize("before", [(), (UNSENT,), (THROTTLED,), (UNAUTHORIZED,)])
def test_delete_answered_not_found_otherwise_is_an_error(before):
    played = Played("DELETE")
    assert played(*before, NOT_FOUND) == "raise"
    assert type(played.attempts.error()) is NotFoundError


@pytest.mark.parametrize("method", ["GET", "PATCH", "POST"])
def test_only_a_delete_is_content_with_not_found(method):
    played = Played(method)
    before = () if method == "POST" else (LOST,)
    assert played(*before, NOT_FOUND) == "raise"


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
@pytest.mark.parametrize(
    "error", [QuotaWaitError("e", LATER), AuthError("none"), QuotaStoreError("broken")]
)
@pytest.mark.parametrize("between", [(), (THROTTLED,), (UNAUTHORIZED,), (UNSENT,)])
def test_write_that_may_have_happened_does_not_end_as_never_sent(method, error, between):
    played = Played(method)
    played(LOST, *between)
    ended = played.attempts.not_sent(error)
    assert type(ended) is OutcomeUnknownError
    assert str(error) in ended.reason
    assert ended.endpoint == ROWS[method]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("error", [AuthError("none"), QuotaStoreError("broken")])
def test_what_kept_the_next_attempt_from_being_sent_is_said(method, error):
    for before in [(), (THROTTLED,), (UNSENT,)]:
        played = Played(method)
        if before:
            played(*before)
        assert played.attempts.not_sent(error) is error


def test_unsent_after_a_throttle_is_a_wait_and_no_throttle():
    played = Played("POST")
    played(THROTTLED, UNSENT)
    error = QuotaWaitError("e", LATER)
    assert played.attempts.not_sent(error) is error


@pytest.mark.parametrize("method", METHODS)
def test_every_call_ends_and_a_post_is_at_most_once_unanswered(method):
    kinds = [UNSENT, LOST, GATEWAY, OWN_FAILURE, UNAUTHORIZED, NOT_FOUND, REFUSED, answer(204)]
    for ends in itertools.product(kinds, repeat=4):
        played, unanswered = Played(method), 0
        for end in ends:
            unanswered += end in (LOST, GATEWAY, OWN_FAILURE)
            if played(end) in {"return", "gone", "raise"}:
                break
        else:
            pytest.fail(f"four ends and no end: {ends}")
        assert method != "POST" or unanswered <= 1
        assert played.attempts.count <= ATTEMPTS


def test_refusal_keeps_what_was_said():
    played = Played("POST")
    assert played(REFUSED) == "raise"
    error = played.attempts.error()
    assert type(error) is BadRequestError
    assert error.endpoint == "send_message"
