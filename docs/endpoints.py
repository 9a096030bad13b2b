"""Print the page of the endpoints, generated from the table: `make reference`."""

import sys
from typing import Final

from cliq_async import ENDPOINTS, Endpoint

__all__ = ["METHODS", "page"]

METHODS: Final = {
    "create_bot": ("bots.create",),
    "list_bots": ("bots.list", "bots.iter"),
    "update_bot": ("bots.update",),
    "get_bot": ("bots.get",),
    "delete_bot": ("bots.delete",),
    "send_message": ("messages.send", "broadcast"),
    "send_incoming_webhook": ("messages.send_incoming",),
    "trigger_call": ("calls.trigger",),
    "create_handler": ("handlers.create",),
    "update_handler": ("handlers.update",),
    "get_handler": ("handlers.get",),
    "delete_handler": ("handlers.delete",),
    "associate_channel": ("bots.associate",),
    "list_subscribers": ("subscribers.list", "subscribers.iter"),
    "create_function": ("functions.create",),
    "list_functions": ("functions.list", "functions.iter"),
    "update_function": ("functions.update",),
    "get_function": ("functions.get",),
    "delete_function": ("functions.delete",),
    "create_function_handler": ("functions.create_handler",),
    "update_function_handler": ("functions.update_handler",),
    "get_function_handler": ("functions.get_handler",),
    "delete_function_handler": ("functions.delete_handler",),
}
"""The methods of a client that send requests to each endpoint."""

_TOP: Final = """\
# Endpoints

Thresholds count per user and endpoint: so many requests in a window, and one more locks the
endpoint. The names are those of `limits=`, of `quota_status()` and of errors. The paths stand
behind `/api/v3`. `make reference` makes this page from the table in `cliq_async/endpoints.py`.

| name | method | request | requests | window | lock | scopes |
|---|---|---|---|---|---|---|
"""


def page() -> str:
    """Return the page, as Markdown."""
    return _TOP + "".join(map(_row, ENDPOINTS.values()))


def _row(endpoint: Endpoint) -> str:
    limit = endpoint.limit
    cells = (
        f"`{endpoint.name}`",
        ", ".join(f"`{method}`" for method in METHODS[endpoint.name]),
        f"{endpoint.method} `{endpoint.path}`",
        f"{limit.threshold}",
        f"{limit.window_s:g} s",
        f"{limit.lock_s:g} s",
        ", ".join(endpoint.scopes),
    )
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    sys.stdout.write(page())
