"""Build URLs from calls, and read answers. No I/O."""

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any, Final, Literal, Self
from urllib.parse import urlencode

import attrs
import msgspec

from cliq_async.endpoints import BASE_PATH, ENDPOINTS, Endpoint
from cliq_async.errors import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    ServerError,
)
from cliq_async.transport.api_key import without
from cliq_async.transport.base import Response
from cliq_async.transport.throttling import (
    Throttle,
    detect_throttle,
    error_names,
    error_texts,
)

__all__ = ["ApiCall", "ApiResponse", "Outcome", "parse_response"]

_OK: Final = 200
_REDIRECT: Final = 300
_REQUEST_TIMEOUT: Final = 408
_SERVER_ERROR: Final = 500

_DETAIL_BYTES: Final = 16 * 2**10
"""As much of a refusal's body is kept in its exception: a job may keep thousands of them."""
_COOKIES: Final = frozenset(("set-cookie", "set-cookie2"))

_SUCCESS_KEYS: Final = frozenset(
    ("data", "user_ids", "id", "chat_id", "message_id", "message_details", "Response Code")
)
"""The keys with which Cliq answers on success; it answers some calls with an empty object."""
_GOOD_START: Final = re.compile(
    rb'\s*\{\s*"(url|type|data|user_ids|id|chat_id|message_id|message_details|Response Code)'
)

_BY_CODE: Final[dict[str, type[ApiError]]] = {
    "oauthtoken_invalid": AuthenticationError,
    "oauthtoken_scope_invalid": PermissionDeniedError,
    "request_url_invalid": NotFoundError,
}
_BY_STATUS: Final[dict[int, type[ApiError]]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    500: ServerError,
}


class ApiCall(msgspec.Struct, frozen=True):
    """One call of an endpoint.

    Attributes:
        endpoint: The row of the endpoint table.
        path: The path parameters by name, checked and quoted.
        query: The query parameters; those that are None are left out.
        data: The body as plain data; None for no body. The executor encodes it, once.
    """

    endpoint: Endpoint
    path: Mapping[str, str] = {}
    query: Mapping[str, str | int | None] = {}
    data: Mapping[str, Any] | None = None

    def url(self, base_url: str) -> str:
        """Return the whole URL; `base_url` is its scheme, host and network."""
        url = base_url + _filled(self.endpoint.path, **self.path)
        if not self.query:
            return url
        query = [each for each in self.query.items() if each[1] is not None]
        return f"{url}?{urlencode(query)}" if query else url


@lru_cache(maxsize=1024)
def _filled(template: str, /, **path: str) -> str:
    return BASE_PATH + template.format_map(path)


Outcome = Literal["done", "refused", "throttled", "foreign", "unknown"]
"""The meaning of an answer.

- done: It happened.
- refused: Cliq will not do it.
- throttled: Not executed; the endpoint is locked.
- foreign: Something between here and Cliq answered: it may have been executed.
- unknown: A gateway could not reach Cliq, or Cliq failed: it may have been executed.
"""


@attrs.frozen(repr=False)
class _Details:
    """The headers and the body of an answer, as an exception carries them.

    Attributes:
        headers: The headers by lower-case name, without cookies.
        body: The beginning of the body as text.
    """

    headers: Mapping[str, str] = {}
    body: str = ""

    @classmethod
    def of(cls, response: Response, secret: str) -> Self:
        """Return the details of an answer, without a secret that it may repeat."""
        headers: dict[str, str] = {}
        for name, value in response.headers.items():
            key = name.lower()
            if key not in _COOKIES:
                joined = f"{headers[key]}, {value}" if key in headers else value
                headers[key] = without(secret, joined)
        # A secret that the cut would divide has to go before it.
        start = (response.body or b"")[: _DETAIL_BYTES + len(secret)]
        text = without(secret, start.decode(errors="replace"))
        return cls(headers, text[:_DETAIL_BYTES])


@attrs.frozen
class ApiResponse:
    """An answer that was read.

    Attributes:
        outcome: Its meaning.
        status: The HTTP status.
        data: The decoded JSON, or None if the body was not JSON.
        complete: True if the whole body arrived, and was JSON or empty.
        problem: The reason why it is not complete, in words.
        too_long: True if the body was longer than the client allows.
        error: The exception for it if it is refused or unknown.
        throttle: The lock that a throttled answer reports.
    """

    outcome: Outcome
    status: int
    data: object = attrs.field(default=None, repr=False)
    complete: bool = True
    problem: str = ""
    too_long: bool = False
    error: ApiError | None = None
    throttle: Throttle | None = None


def parse_response(endpoint: Endpoint, response: Response, secret: str = "") -> ApiResponse:
    """Read an answer. Never fails, whatever the body is.

    Args:
        endpoint: The endpoint that was called.
        response: Its answer.
        secret: The access token or key of the request, which errors never show, even if the answer
            repeats it.
    """
    status = response.status
    if response.body == b"" and _OK <= status < _REDIRECT:
        return _empty(status)
    data, problem = _decode(response)
    complete, too_long = not problem, response.too_long
    throttled = detect_throttle(status, response.headers, data)
    if throttled is not None:
        details = _Details.of(response, secret)
        throttled = attrs.evolve(
            throttled,
            code=throttled.code and without(secret, throttled.code),
            message=without(secret, throttled.message),
            headers=details.headers,
            body=details.body,
        )
        return ApiResponse("throttled", status, data, complete, throttle=throttled)
    outcome: Outcome = "refused"
    if _OK <= status < _REDIRECT and not _is_error(data):
        succeeded = _is_success(endpoint, data) if complete else _begins_well(response)
        outcome = "done" if succeeded else "foreign"
        return ApiResponse(outcome, status, data, complete, problem, too_long)
    if status == _REQUEST_TIMEOUT or status >= _SERVER_ERROR:
        outcome = "unknown"
    error = _error(endpoint, response, data, problem, secret)
    return ApiResponse(outcome, status, data, complete, problem, too_long, error)


@cache
def _empty(status: int) -> ApiResponse:
    return ApiResponse("done", status)


def _decode(response: Response) -> tuple[object, str]:
    """Return the decoded JSON, or None and the reason."""
    body = response.body
    if body is None:
        return None, response.problem or "it was cut off"
    if not body:
        return None, ""
    try:
        return msgspec.json.decode(body), ""
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, "it is not JSON"


def _is_success(endpoint: Endpoint, data: object) -> bool:
    """Return whether the body of a 2xx is one with which Cliq answers on success.

    For an endpoint that is not in the table, any JSON object or array is.
    """
    if isinstance(data, dict) and (not data or not _SUCCESS_KEYS.isdisjoint(data)):
        return True
    return isinstance(data, dict | list) and endpoint.name not in ENDPOINTS


def _begins_well(response: Response) -> bool:
    """Return whether the body of a 2xx was lost, or cut off after a good start."""
    if response.body is None:
        return "html" not in response.headers.get("Content-Type", "").lower()
    return _GOOD_START.match(response.body) is not None


def _is_error(data: object) -> bool:
    """Return whether a body names an error, whatever the status."""
    return isinstance(data, dict) and bool(data.get("error") or isinstance(data.get("code"), str))


def _error(
    endpoint: Endpoint, response: Response, data: object, problem: str, secret: str
) -> ApiError:
    status, details = response.status, _Details.of(response, secret)
    code, message = _code_and_message(data)
    code, message = code and without(secret, code), without(secret, message)
    cls = _class_of(status, code)
    if cls is ServerError and not (code or message):
        cls = ApiError  # a gateway's page, not Cliq's own failure
    if problem and not response.body and not message:
        message = f"the answer could not be read: {problem}"
    return cls(status, code, message, endpoint.name, headers=details.headers, body=details.body)


def _code_and_message(data: object) -> tuple[str | None, str]:
    """Return the code and the text of an error in any form: an object, its `error`, or a word."""
    answer = data if isinstance(data, Mapping) else {}
    codes, texts = error_names(answer), error_texts(answer)
    return (codes[0] if codes else None), (texts[0] if texts else "")


def _class_of(status: int, code: str | None) -> type[ApiError]:
    by_status = _BY_STATUS.get(status, ApiError)
    if code is None or status >= _SERVER_ERROR:
        return by_status
    code = code.lower()
    if code in _BY_CODE:
        return _BY_CODE[code]
    if code.endswith("_not_found"):
        return NotFoundError
    if "_already_" in code:
        return ConflictError
    if by_status is not AuthenticationError and (
        code.endswith("_denied") or "forbidden" in code or "unauthorized" in code
    ):
        return PermissionDeniedError
    return by_status
