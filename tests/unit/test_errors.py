"""The exceptions: their hierarchy, their attributes, and pickling."""

import copy
import pickle
from datetime import UTC, datetime

import pytest

from cliq_async import errors

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
REFUSAL = (400, "invalid_inputs", "malformed", "create_bot")
OF_THE_API = [
    errors.ApiError,
    errors.AuthenticationError,
    errors.BadRequestError,
    errors.ConflictError,
    errors.NotFoundError,
    errors.PermissionDeniedError,
    errors.ServerError,
]
SAMPLES = [
    *(cls(*REFUSAL) for cls in OF_THE_API),
    errors.ApiError(404, None, "", "get_bot"),
    errors.ThrottledError(429, None, "too many", "send_message", AT),
    errors.ApiError(*REFUSAL, headers={"x-request-id": "1"}, body="b"),
    errors.ThrottledError(429, None, "m", "get_bot", AT, headers={"x-request-id": "1"}, body="b"),
    errors.QuotaWaitError("send_message", AT),
    errors.AuthError("https://accounts.zoho.eu gave no access token"),
    errors.OutcomeUnknownError("send_message", "no answer"),
    errors.ForeignAnswerError("send_message", "HTTP 200 with a page"),
    errors.TransportError("get_bot", "no connection"),
    errors.QuotaStoreError("the disk is full"),
    errors.JournalError("the journal is another job's"),
    errors.SyncError("the disk is full"),
    errors.ValidationError("user_ids", "1 to 100 ids", 101),
]


def test_every_exception_is_exported_and_has_a_sample():
    names = {type(sample).__name__ for sample in SAMPLES} | {"CliqError"}
    assert names == set(errors.__all__)
    for name in errors.__all__:
        assert issubclass(getattr(errors, name), errors.CliqError)


def test_only_refusals_of_the_api_are_api_errors():
    children = {
        name for name in errors.__all__ if issubclass(getattr(errors, name), errors.ApiError)
    }
    assert children == {cls.__name__ for cls in OF_THE_API} | {"ThrottledError"}
    for cls in OF_THE_API[1:]:
        assert cls.__bases__ == (errors.ApiError,)


def test_only_a_validation_error_is_a_value_error():
    values = {name for name in errors.__all__ if issubclass(getattr(errors, name), ValueError)}
    assert values == {"ValidationError"}


@pytest.mark.parametrize("error", SAMPLES, ids=lambda error: type(error).__name__)
def test_error_survives_pickling_and_copying(error):
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(again) is type(error)
        assert (str(again), vars(again)) == (str(error), vars(error))
        assert repr(again) == repr(error)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (errors.ApiError(*REFUSAL), "create_bot: malformed (HTTP 400, invalid_inputs)"),
        (errors.ApiError(404, None, "", "get_bot"), "get_bot: refused (HTTP 404, no code)"),
        (
            errors.QuotaWaitError("get_bot", AT),
            "get_bot: the quota is spent; retry at 2026-01-02 03:04:05 UTC",
        ),
        (errors.ValidationError("limit", "1 to 50", 51), "limit: 1 to 50, got 51"),
        (errors.TransportError("get_bot", "no connection"), "get_bot: no connection"),
        (
            errors.OutcomeUnknownError("get_bot", "lost"),
            "get_bot: it may or may not have happened (lost)",
        ),
    ],
)
def test_message_names_the_place_and_the_reason(error, text):
    assert str(error) == text


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({"x-request-id": "a1"}, "a1"),
        ({"x-request-id": "a1", "x-zoho-request-id": "b2"}, "b2"),
        ({"x-request-id": "a1", "x-zoho-request-id": ""}, "a1"),
        ({"date": "today"}, None),
        ({}, None),
    ],
)
def test_request_id_is_read_from_the_headers(headers, found):
    assert errors.ApiError(*REFUSAL, headers=headers).request_id == found


def test_message_shows_neither_headers_nor_body():
    error = errors.ApiError(*REFUSAL, headers={"x": "of-a-header"}, body="of-a-body")
    assert str(error) == str(errors.ApiError(*REFUSAL))
    assert "of-a" not in repr(error)
