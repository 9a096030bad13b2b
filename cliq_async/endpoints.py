"""The endpoint table: the only place that defines paths and thresholds.

Source: the sections Bots and Functions of the Zoho Cliq REST API v3 documentation. Each threshold
applies per user and endpoint; one request beyond it locks the endpoint for its lock period.
"""

from math import inf
from typing import Final, Literal

import attrs

from cliq_async.errors import ValidationError

__all__ = ["BASE_PATH", "ENDPOINTS", "Endpoint", "Limit", "Method"]

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

BASE_PATH: Final = "/api/v3"


@attrs.frozen
class Limit:
    """The documented rate limit of one user at one endpoint.

    Attributes:
        threshold: Requests allowed per window, at least 1.
        window_s: Length of the window, in seconds.
        lock_s: Duration of the lock after one request too many, in seconds.

    Raises:
        ValidationError: A number is out of its range.
    """

    threshold: int
    window_s: float = 60.0
    lock_s: float = 300.0

    def __attrs_post_init__(self) -> None:
        if type(self.threshold) is not int or self.threshold < 1:
            raise ValidationError("Limit.threshold", "an int, at least 1", self.threshold)
        for name, least in (("window_s", "more than 0"), ("lock_s", "at least 0")):
            seconds = getattr(self, name)
            fits = isinstance(seconds, int | float) and 0 <= seconds < inf
            if not fits or (name == "window_s" and seconds == 0):
                raise ValidationError(f"Limit.{name}", f"seconds, {least}", seconds)


@attrs.frozen
class Endpoint:
    """One operation of the API.

    Attributes:
        name: Its name in `limits=`, in `quota_status()` and in errors.
        method: The HTTP method.
        path: The path after `/api/v3`, with parameters in braces.
        limit: The documented threshold, window and lock period.
        scopes: The documented OAuth scopes.
    """

    name: str
    method: Method
    path: str
    limit: Limit
    scopes: tuple[str, ...]


_BOT: Final = "/bots/{bot_id}"
_BY_NAME: Final = "/bots/{bot_unique_name}"
_HANDLER: Final = "/bots/{bot_id}/handlers/{handler_type}"
_FUNCTION: Final = "/functions/{function_id}"
_FUNCTION_HANDLER: Final = "/functions/{function_id}/handlers/{handler_type}"

_LIMIT_10: Final = Limit(10, 60.0, 300.0)
_LIMIT_30: Final = Limit(30, 60.0, 300.0)
_LIMIT_SEND: Final = Limit(50, 60.0, 600.0)
_LIMIT_CALL: Final = Limit(10, 300.0, 1800.0)  # the only window other than a minute

_CREATE: Final = ("ZohoCliq.Bots.CREATE",)
_READ: Final = ("ZohoCliq.Bots.READ",)
_UPDATE: Final = ("ZohoCliq.Bots.UPDATE",)
_DELETE: Final = ("ZohoCliq.Bots.DELETE",)
_WEBHOOKS: Final = ("ZohoCliq.Webhooks.CREATE",)
_INCOMING: Final = ("ZohoCliq.Webhooks.CREATE", "ZohoCliq.BotMessages.CREATE")
_CHANNELS: Final = ("ZohoCliq.Channels.UPDATE",)
_CREATE_FUNCTION: Final = ("ZohoCliq.Functions.CREATE",)
_READ_FUNCTION: Final = ("ZohoCliq.Functions.READ",)
_UPDATE_FUNCTION: Final = ("ZohoCliq.Functions.UPDATE",)
_DELETE_FUNCTION: Final = ("ZohoCliq.Functions.DELETE",)

ENDPOINTS: Final[dict[str, Endpoint]] = {
    endpoint.name: endpoint
    for endpoint in (
        Endpoint("create_bot", "POST", "/bots", _LIMIT_10, _CREATE),
        Endpoint("list_bots", "GET", "/bots", _LIMIT_30, _READ),
        Endpoint("update_bot", "PATCH", _BOT, _LIMIT_10, _UPDATE),
        Endpoint("get_bot", "GET", _BOT, _LIMIT_30, _READ),
        Endpoint("delete_bot", "DELETE", _BOT, _LIMIT_10, _DELETE),
        Endpoint("send_message", "POST", _BY_NAME + "/message", _LIMIT_SEND, _WEBHOOKS),
        Endpoint("send_incoming_webhook", "POST", _BY_NAME + "/incoming", _LIMIT_SEND, _INCOMING),
        Endpoint("trigger_call", "POST", _BY_NAME + "/calls", _LIMIT_CALL, _WEBHOOKS),
        Endpoint("create_handler", "POST", _BOT + "/handlers", _LIMIT_10, _UPDATE),
        Endpoint("update_handler", "PATCH", _HANDLER, _LIMIT_10, _UPDATE),
        Endpoint("get_handler", "GET", _HANDLER, _LIMIT_10, _READ),
        Endpoint("delete_handler", "DELETE", _HANDLER, _LIMIT_10, _UPDATE),
        Endpoint("associate_channel", "POST", _BY_NAME + "/associate", Limit(5), _CHANNELS),
        Endpoint(
            "list_subscribers",
            "GET",
            "/bots/{bot_id_or_unique_name}/subscribers",
            Limit(100, 60.0, 300.0),
            _READ,
        ),
        Endpoint("create_function", "POST", "/functions", _LIMIT_10, _CREATE_FUNCTION),
        Endpoint("list_functions", "GET", "/functions", _LIMIT_30, _READ_FUNCTION),
        Endpoint("update_function", "PATCH", _FUNCTION, _LIMIT_10, _UPDATE_FUNCTION),
        Endpoint("get_function", "GET", _FUNCTION, _LIMIT_30, _READ_FUNCTION),
        Endpoint("delete_function", "DELETE", _FUNCTION, _LIMIT_10, _DELETE_FUNCTION),
        Endpoint(
            "create_function_handler",
            "POST",
            _FUNCTION + "/handlers",
            _LIMIT_10,
            _UPDATE_FUNCTION,
        ),
        Endpoint(
            "update_function_handler", "PATCH", _FUNCTION_HANDLER, _LIMIT_10, _UPDATE_FUNCTION
        ),
        Endpoint("get_function_handler", "GET", _FUNCTION_HANDLER, _LIMIT_10, _READ_FUNCTION),
        Endpoint(
            "delete_function_handler", "DELETE", _FUNCTION_HANDLER, _LIMIT_10, _UPDATE_FUNCTION
        ),
    )
}
