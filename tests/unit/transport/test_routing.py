"""Requests by name or by path: each under the quota of the endpoint that it reaches."""

from typing import Any

import attrs
import pytest
from hypothesis import given, strategies as st

from cliq_async.endpoints import ENDPOINTS, Endpoint, Limit
from cliq_async.errors import ValidationError
from cliq_async.transport.routing import route_call

OWN = Endpoint("list_members", "GET", "/channels/{channel_id}/members", Limit(7), ())
URL = "https://h"
LIVE_PATH = "/bots/one/messages"


def route(endpoint, path=None, **given):
    options: dict[str, Any] = dict.fromkeys(("params", "query", "json", "limit"))
    return route_call(endpoint, path, **(options | given))


def params_of(row):
    names = [part[1:-1] for part in row.path.split("/") if part.startswith("{")]
    return {name: f"of_{name}" for name in names}


@pytest.mark.parametrize("name", ENDPOINTS)
def test_name_and_path_and_row_are_the_same_call(name):
    row = ENDPOINTS[name]
    params = params_of(row)
    by_name = route(name, params=params)
    assert by_name.url(URL) == URL + "/api/v3" + row.path.format(**params)
    assert route(row, params=params) == by_name
    assert route(attrs.evolve(row), params=params) == by_name
    for path in (by_name.url(""), row.path.format(**params)):
        assert route(row.method, path) == by_name
        assert route(row.method.lower(), path) == by_name


@given(st.sampled_from(sorted(ENDPOINTS)), st.randoms())
def test_another_spelling_of_a_path_has_the_same_quota(name, random):
    row = ENDPOINTS[name]
    path = row.path.format(**params_of(row))

    def spelled(char):
        forms = [char, f"%{ord(char):02x}", f"%{ord(char):02X}", char.upper()]
        return char if char == "/" else random.choice(forms)

    path = "".join(map(spelled, path))
    assert route(row.method, path).endpoint is row
    with pytest.raises(ValidationError, match=f"limit: None: {name} has one"):
        route(row.method, path, limit=Limit(1_000))


def test_path_of_the_live_service_counts_as_sending():
    call = route("POST", LIVE_PATH, json={"text": "a"})
    assert call.endpoint is ENDPOINTS["send_message"]
    assert call.path == {"bot_unique_name": "one"}


def test_path_that_no_row_has_needs_a_limit():
    for given_limit in (None, 30, OWN):
        with pytest.raises(ValidationError, match="limit: a Limit for GET /channels/O42, which"):
            route("GET", "/channels/O42", limit=given_limit)
    call = route("GET", "/channels/O42", limit=Limit(7))
    assert call.url(URL) == f"{URL}/api/v3/channels/O42"
    assert (call.endpoint.name, call.endpoint.limit) == ("GET /channels", Limit(7))


@pytest.mark.parametrize("path", ["/channels", "/Channels/P1", "/channels/P1/members"])
def test_paths_that_begin_alike_share_a_quota(path):
    assert route("GET", path, limit=Limit(7)).endpoint.name == "GET /channels"
    assert route("PUT", path, limit=Limit(7)).endpoint.name == "PUT /channels"


def test_an_endpoint_of_your_own_has_its_own_quota():
    call = route(OWN, params={"channel_id": "O 4".replace(" ", "@")}, query={"limit": 5})
    assert call.endpoint is OWN
    assert call.url(URL) == f"{URL}/api/v3/channels/O%404/members?limit=5"


@pytest.mark.parametrize(
    ("path", "params", "name"),
    [
        ("/bots/{any}", {"any": "b-1"}, "get_bot"),
        ("/{any}/b-1", {"any": "bots"}, "get_bot"),
        ("/{any}", {"any": "bots"}, "list_bots"),
    ],
)
def test_an_endpoint_of_your_own_does_not_go_around_the_table(path, params, name):
    own = Endpoint("own", "GET", path, Limit(1_000), ())
    assert route(own, params=params).endpoint is ENDPOINTS[name]


@pytest.mark.parametrize(
    ("endpoint", "path", "given", "field"),
    [
        ("get_bots", None, {}, "endpoint"),
        ("GET", None, {}, "path"),
        (None, "/bots", {}, "endpoint"),
        ("HEAD", "/bots", {}, "endpoint"),
        ("GET", "bots", {}, "path"),
        ("GET", "/bots/", {}, "path"),
        ("GET", "//h/bots", {}, "path"),
        ("GET", "/bots/../x", {}, "path"),
        ("GET", "/bots/%2e%2e/x", {}, "path"),
        ("GET", "/bots/a%2Fb", {}, "path"),
        ("GET", "/bots/a%252Fb", {}, "path"),
        ("GET", "/bots?limit=1", {}, "path"),
        ("GET", "/bots/a\r\nb", {}, "path"),
        ("GET", 5, {}, "path"),
        ("GET", "/bots/1", {"params": {"bot_id": "1"}}, "params"),
        ("get_bot", None, {}, "params"),
        ("get_bot", None, {"params": {"bot_id": "1", "more": "2"}}, "params"),
        ("get_bot", None, {"params": {"bot_id": "../x"}}, "bot_id"),
        ("list_bots", None, {"params": {"bot_id": "1"}}, "params"),
        ("list_bots", "/bots", {}, "path"),
        ("list_bots", None, {"limit": Limit(5)}, "limit"),
        ("list_bots", None, {"query": {"limit": [1]}}, "query"),
        ("create_bot", None, {"json": ["a"]}, "json"),
        ("create_bot", None, {"json": {"a": object()}}, "json"),
        (attrs.evolve(OWN, name="get_bot"), None, {"params": {"channel_id": "1"}}, "Endpoint.name"),
        (attrs.evolve(OWN, name=""), None, {"params": {"channel_id": "1"}}, "Endpoint.name"),
        (attrs.evolve(OWN, path="channels"), None, {}, "Endpoint.path"),
        (attrs.evolve(OWN, path="/a/../bots"), None, {}, "Endpoint.path"),
        (attrs.evolve(OWN, path="/%62ots"), None, {}, "Endpoint.path"),
        (attrs.evolve(OWN, path="/a{b"), None, {}, "Endpoint.path"),
        (attrs.evolve(OWN, method="HEAD"), None, {"params": {"channel_id": "1"}}, "endpoint"),
        (attrs.evolve(OWN, method="get"), None, {"params": {"channel_id": "1"}}, "Endpoint.method"),
    ],
)
def test_what_is_not_one_request_is_refused(endpoint, path, given, field):
    with pytest.raises(ValidationError) as refused:
        route(endpoint, path, **given)
    assert refused.value.field == field


def test_query_is_written_as_the_api_writes_it():
    call = route("list_bots", query={"a": True, "b": None, "c": "x y", "d": 5})
    assert call.url("") == "/api/v3/bots?a=true&c=x+y&d=5"
