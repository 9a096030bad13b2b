"""The endpoint table, compared with the API's documentation as transcribed by hand."""

import pytest

from cliq_async.endpoints import BASE_PATH, ENDPOINTS, Limit
from cliq_async.errors import ValidationError

MINUTE = 60.0
BOTS, WEBHOOKS = "ZohoCliq.Bots.", "ZohoCliq.Webhooks.CREATE"
FUNCTIONS = "ZohoCliq.Functions."

# The Bots API, in the order of the documents' sections: "Threshold limit: N requests per M min per
# user", "Lock period: L minutes", "OAuth Scope", and the method and URL of the sample request.
BOTS_API = [
    ("create_bot", "POST", "/bots", 10, 1, 5, [BOTS + "CREATE"]),
    ("list_bots", "GET", "/bots", 30, 1, 5, [BOTS + "READ"]),
    ("update_bot", "PATCH", "/bots/*", 10, 1, 5, [BOTS + "UPDATE"]),
    ("get_bot", "GET", "/bots/*", 30, 1, 5, [BOTS + "READ"]),
    ("delete_bot", "DELETE", "/bots/*", 10, 1, 5, [BOTS + "DELETE"]),
    ("send_message", "POST", "/bots/*/message", 50, 1, 10, [WEBHOOKS]),
    (
        "send_incoming_webhook",
        "POST",
        "/bots/*/incoming",
        50,
        1,
        10,
        [WEBHOOKS, "ZohoCliq.BotMessages.CREATE"],
    ),
    ("trigger_call", "POST", "/bots/*/calls", 10, 5, 30, [WEBHOOKS]),
    ("create_handler", "POST", "/bots/*/handlers", 10, 1, 5, [BOTS + "UPDATE"]),
    ("update_handler", "PATCH", "/bots/*/handlers/*", 10, 1, 5, [BOTS + "UPDATE"]),
    ("get_handler", "GET", "/bots/*/handlers/*", 10, 1, 5, [BOTS + "READ"]),
    ("delete_handler", "DELETE", "/bots/*/handlers/*", 10, 1, 5, [BOTS + "UPDATE"]),
    ("associate_channel", "POST", "/bots/*/associate", 5, 1, 5, ["ZohoCliq.Channels.UPDATE"]),
    ("list_subscribers", "GET", "/bots/*/subscribers", 100, 1, 5, [BOTS + "READ"]),
]

# The Functions API: the same of each operation's description in its OpenAPI document.
HANDLERS, HANDLER = "/functions/*/handlers", "/functions/*/handlers/*"
FUNCTIONS_API = [
    ("create_function", "POST", "/functions", 10, 1, 5, [FUNCTIONS + "CREATE"]),
    ("list_functions", "GET", "/functions", 30, 1, 5, [FUNCTIONS + "READ"]),
    ("update_function", "PATCH", "/functions/*", 10, 1, 5, [FUNCTIONS + "UPDATE"]),
    ("get_function", "GET", "/functions/*", 30, 1, 5, [FUNCTIONS + "READ"]),
    ("delete_function", "DELETE", "/functions/*", 10, 1, 5, [FUNCTIONS + "DELETE"]),
    ("create_function_handler", "POST", HANDLERS, 10, 1, 5, [FUNCTIONS + "UPDATE"]),
    ("update_function_handler", "PATCH", HANDLER, 10, 1, 5, [FUNCTIONS + "UPDATE"]),
    ("get_function_handler", "GET", HANDLER, 10, 1, 5, [FUNCTIONS + "READ"]),
    ("delete_function_handler", "DELETE", HANDLER, 10, 1, 5, [FUNCTIONS + "UPDATE"]),
]
DOCUMENTED = BOTS_API + FUNCTIONS_API


@pytest.mark.parametrize("row", DOCUMENTED, ids=[row[0] for row in DOCUMENTED])
def test_row_matches_the_documentation(row):
    name, method, path, threshold, window_min, lock_min, scopes = row
    endpoint = ENDPOINTS[name]
    parts = ["*" if part.startswith("{") else part for part in endpoint.path.split("/")]
    assert (endpoint.name, endpoint.method, "/".join(parts)) == (name, method, path)
    assert endpoint.limit == Limit(threshold, window_min * MINUTE, lock_min * MINUTE)
    assert list(endpoint.scopes) == scopes


def test_table_has_the_documented_operations_and_no_others():
    assert list(ENDPOINTS) == [row[0] for row in DOCUMENTED]
    assert (len(BOTS_API), len(FUNCTIONS_API)) == (14, 9)
    assert BASE_PATH == "/api/v3"


def test_rows_are_different_operations():
    assert len({(row.method, row.path) for row in ENDPOINTS.values()}) == len(ENDPOINTS)


@pytest.mark.parametrize(
    ("numbers", "field"),
    [
        ((0,), "threshold"),
        ((2.5,), "threshold"),
        ((True,), "threshold"),
        ((1, 0.0), "window_s"),
        ((1, float("inf")), "window_s"),
        ((1, float("nan")), "window_s"),
        ((1, "60"), "window_s"),
        ((1, 60.0, -1.0), "lock_s"),
        ((1, 60.0, float("inf")), "lock_s"),
    ],
)
def test_limit_out_of_range_is_refused_by_field(numbers, field):
    with pytest.raises(ValidationError, match=f"Limit.{field}"):
        Limit(*numbers)


def test_limit_without_a_lock_is_valid():
    assert Limit(1, 1, 0) == Limit(1, 1.0, 0.0)
