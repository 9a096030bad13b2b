"""The accounts server: token requests and their injected faults."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from aiohttp import web

from cliq_async.sandbox.faults import ACCOUNTS, Faults
from cliq_async.sandbox.oauth import Tokens, denied
from cliq_async.sandbox.responses import DropConnection, NoResponse, bad_gateway, json_response

__all__ = ["Accounts"]

_PAGE: Final = "<!DOCTYPE html><html><body>Something went wrong. Sign in again.</body></html>"

# Faults that replace the response; no token is issued.
_REPLACEMENTS: Final[dict[str, tuple[int, dict[str, Any]]]] = {
    "invalid-client": (200, {"error": "invalid_client"}),
    "invalid-code": (200, {"error": "invalid_code"}),
    "denied-200": denied(200),
    "denied-400": denied(400),
    "denied-localized": (
        200,
        {
            "error": "Zugriff verweigert",
            "error_description": "Sie haben zu viele Anfragen gestellt.",
            "status": "failure",
        },
    ),
    "no-token": (200, {"api_domain": "https://www.zohoapis.com", "token_type": "Bearer"}),
    "408": (408, {"error": "request_timeout"}),
    "429": (429, {"error": "too_many_requests"}),
    "500": (500, {"error": "server_error"}),
}

# Faults that break the response after the token was issued.
_BROKEN_RESPONSES: Final[dict[str, Callable[[], web.StreamResponse]]] = {
    "lost": NoResponse,
    "reset": DropConnection,
    "502": bad_gateway,
}


class Accounts:
    """The handler of token requests.

    Args:
        tokens: The issuer of access tokens.
        faults: The faults to inject.
    """

    def __init__(self, tokens: Tokens, faults: Faults) -> None:
        self._tokens = tokens
        self._faults = faults

    def refuses_connection(self) -> bool:
        """Return whether to drop this request's connection before handling it."""
        return self._faults.refuses_connection(ACCOUNTS)

    def answer(self, form: Mapping[str, str], now: float) -> web.StreamResponse:
        """Respond to a token request."""
        self._tokens.requests += 1
        fault = self._faults.draw(ACCOUNTS)
        if fault in _REPLACEMENTS:
            return json_response(*_REPLACEMENTS[fault])
        if fault == "html":
            return web.Response(text=_PAGE, content_type="text/html")
        if fault == "502" and self._faults.flip_coin():
            return bad_gateway()
        status, body = self._tokens.answer(form, now)
        if fault in _BROKEN_RESPONSES:
            return _BROKEN_RESPONSES[fault]()
        if fault == "milliseconds" and "expires_in" in body:
            body |= {"expires_in_sec": body["expires_in"], "expires_in": body["expires_in"] * 1000}
        return json_response(status, body)
