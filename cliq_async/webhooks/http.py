"""The HTTP side that all adapters share: answers, refusals and the methods allowed."""

from typing import Final

import attrs
import msgspec

__all__ = [
    "BODY_INCOMPLETE",
    "BODY_TOO_LARGE",
    "BUSY",
    "EMPTY",
    "EVENT_INVALID",
    "JSON_INVALID",
    "METHOD_NOT_ALLOWED",
    "PROBED",
    "SIGNATURE_INVALID",
    "TIMESTAMP_INVALID",
    "HttpAnswer",
]


@attrs.frozen
class HttpAnswer:
    """The HTTP response to an event.

    Attributes:
        status: The HTTP status.
        body: JSON, or nothing.
    """

    status: int
    body: bytes = b""

    @property
    def headers(self) -> dict[str, str]:
        """The headers to send along."""
        headers = {"content-type": "application/json", "content-length": str(len(self.body))}
        if self.status == METHOD_NOT_ALLOWED.status:
            headers["allow"] = "GET, HEAD, POST"
        return headers


def _refusal(status: int, code: str, message: str) -> HttpAnswer:
    return HttpAnswer(status, msgspec.json.encode({"code": code, "message": message}))


PROBED: Final = HttpAnswer(200)
"""To GET and HEAD, by which Zoho's servers and health checks look whether a server is there."""
EMPTY: Final = HttpAnswer(200, b'{"output":""}')
"""To an event that gets no answer."""
BODY_INCOMPLETE: Final = _refusal(400, "body_incomplete", "the body did not come as a whole")
JSON_INVALID: Final = _refusal(400, "json_invalid", "the body is not JSON")
EVENT_INVALID: Final = _refusal(400, "event_invalid", "the body is not an event of a bot")
SIGNATURE_INVALID: Final = _refusal(
    401, "signature_invalid", "the signature is missing, or not that of this body"
)
TIMESTAMP_INVALID: Final = _refusal(
    401, "timestamp_invalid", "the event is too old, from the future, or has no timestamp"
)
METHOD_NOT_ALLOWED: Final = _refusal(405, "method_not_allowed", "events come by POST")
BODY_TOO_LARGE: Final = _refusal(413, "body_too_large", "the body is longer than allowed")
BUSY: Final = _refusal(503, "busy", "the bot is handling too many events, or shuts down")
