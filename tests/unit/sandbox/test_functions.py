"""The functions of the sandbox's users, and the handlers of the functions."""

import attrs
import pytest
from support.sandboxes import OfflineSandbox, running

from cliq_async.sandbox.state.functions import Functions

FORM = {"name": "approve", "description": "Approves an expense", "function_type": "button"}
HOOK = {"execution_type": "webhook", "execution_url": "https://example.com/hook"}
NOT_FOUND = (404, "function_not_found")
NO_HANDLER = (404, "execution_handler_not_found")
DEFAULTS = {
    "button": "button_handler",
    "form": "form_submit_handler",
    "widget_button": "widget_button_handler",
}
FORMS = (
    "form_submit_handler",
    "form_change_handler",
    "form_dynamic_select_handler",
    "form_view_handler",
)


def create(sandbox, name="approve", *, user="ann", **fields):
    """Create a function and return its record."""
    body = FORM | {"name": name} | fields
    status, answer = sandbox.request("create_function", body=body, user=user)
    assert (status, answer["url"], answer["type"]) == (200, "/api/v3/functions", "function")
    return answer["data"]


def types(sandbox, function_id):
    record = sandbox.request("get_function", function_id)[1]["data"]
    return [each["type"] for each in record["handlers"]]


# Functions.


def test_new_function_is_shown_like_the_sample():
    record = create(OfflineSandbox(), **HOOK)
    assert record.pop("id").isdigit()
    assert record == {
        "name": "approve",
        "function_type": "button",
        "handlers": [{"type": "button_handler"}],
        "creator": {"name": "James", "id": "65113112"},
        "execution_type": "webhook",
        "execution_url": "https://example.com/hook",
        "status": "enabled",
        "type": "custom",
        "description": "Approves an expense",
        "scope": "personal",
    }
    plain = create(OfflineSandbox())
    assert plain["execution_type"] == "deluge"
    assert "execution_url" not in plain


@pytest.mark.parametrize("kind", DEFAULTS)
def test_new_function_has_the_empty_handler_of_its_type(kind):
    sandbox = OfflineSandbox()
    record = create(sandbox, function_type=kind)
    assert record["handlers"] == [{"type": DEFAULTS[kind]}]
    place = (record["id"], DEFAULTS[kind])
    data = sandbox.request("get_function_handler", *place)[1]["data"]
    assert (data["return_type"], "script" in data) == ("MAP", False)
    denied = (400, "default_handler_delete_not_allowed")
    assert sandbox.refusal("delete_function_handler", *place) == denied


def test_function_is_changed_read_and_deleted():
    sandbox = OfflineSandbox()
    function_id = create(sandbox, **HOOK)["id"]
    changes = {"name": "Refuse", "description": "d", "execution_url": "https://example.com/new"}
    status, answer = sandbox.request("update_function", function_id, body=changes)
    assert (status, answer["url"]) == (200, f"/api/v3/functions/{function_id}")
    assert answer["data"].items() >= changes.items()
    assert sandbox.request("get_function", function_id) == (200, answer)
    assert sandbox.request("delete_function", function_id) == (204, None)
    assert sandbox.refusal("get_function", function_id) == NOT_FOUND


def test_name_is_unique_for_a_user_without_regard_to_case():
    sandbox = OfflineSandbox()
    create(sandbox)
    other = create(sandbox, "refuse")["id"]
    taken = (400, "function_name_already_exists")
    assert sandbox.refusal("create_function", body=FORM | {"name": "APPROVE"}) == taken
    assert sandbox.refusal("update_function", other, body={"name": "Approve"}) == taken
    assert sandbox.request("update_function", other, body={"name": "REFUSE"})[0] == 200
    create(sandbox, user="bob")


def test_number_of_functions_is_limited_over_all_users():
    sandbox = OfflineSandbox()
    sandbox.state = attrs.evolve(sandbox.state, functions=Functions(limit=2))
    function_id = create(sandbox, user="ann")["id"]
    create(sandbox, user="bob")
    too_many = (400, "function_creation_limit_exceeded")
    assert sandbox.refusal("create_function", body=FORM, user="eve") == too_many
    sandbox.request("delete_function", function_id, user="ann")
    create(sandbox, user="eve")


def test_user_sees_only_functions_of_their_own():
    sandbox = OfflineSandbox()
    function_id = create(sandbox)["id"]
    for name, parameters, body in (
        ("get_function", (), b""),
        ("update_function", (), {"name": "x"}),
        ("delete_function", (), b""),
        ("create_function_handler", (), {"type": "button_handler", "script": "s"}),
        ("update_function_handler", ("button_handler",), {"script": "s"}),
        ("get_function_handler", ("button_handler",), b""),
        ("delete_function_handler", ("button_handler",), b""),
    ):
        refused = sandbox.refusal(name, function_id, *parameters, body=body, user="bob")
        assert refused == NOT_FOUND
    assert sandbox.request("list_functions", user="bob")[1]["data"] == []
    assert len(sandbox.request("list_functions")[1]["data"]) == 1


def test_listing_has_pages_and_tells_what_changed():
    sandbox = OfflineSandbox()
    ids = [create(sandbox, f"f{number}")["id"] for number in range(5)]
    _, first = sandbox.request("list_functions", query={"limit": "3"})
    assert (first["url"], first["type"]) == ("/api/v3/functions", "function")
    _, second = sandbox.request("list_functions", query={"next_token": first["next_token"]})
    assert [each["id"] for each in first["data"] + second["data"]] == ids
    assert "next_token" not in second
    sandbox.request("delete_function", ids[0])
    handler = {"type": "button_handler", "script": "s"}
    sandbox.request("create_function_handler", ids[1], body=handler)
    query = {"sync_token": second["sync_token"]}
    _, synced = sandbox.request("list_functions", query=query)
    assert ([each["id"] for each in synced["data"]], synced["deleted"]) == ([ids[1]], [ids[0]])
    assert sandbox.refusal("list_functions", query=query, user="bob") == (400, "invalid_inputs")
    assert sandbox.refusal("list_functions", query={"limit": "51"}) == (400, "invalid_inputs")


# Handlers.


def test_handler_is_created_changed_read_and_deleted():
    sandbox = OfflineSandbox()
    function_id = create(sandbox)["id"]
    place = (function_id, "button_handler")
    form = {"type": "button_handler", "script": "return Map();"}
    status, answer = sandbox.request("create_function_handler", function_id, body=form)
    assert (status, answer["url"], answer["type"]) == (200, "/api/v3/functions", "function")
    assert answer["data"]["handlers"] == [{"type": "button_handler"}]
    url = f"/api/v3/functions/{function_id}/handlers/button_handler"
    status, answer = sandbox.request("update_function_handler", *place, body={"script": "t"})
    assert (status, answer) == (
        200,
        {
            "url": url,
            "type": "execution_handler",
            "data": {"name": "button_handler", "script": "t", "function_id": function_id},
        },
    )
    status, answer = sandbox.request("get_function_handler", *place)
    assert (status, answer["url"], answer["type"]) == (200, url, "button_handler")
    params = answer["data"].pop("params")
    assert answer["data"] == {"script": "t", "return_type": "MAP"}
    assert {"param_name": "event", "param_type": "STRING"} in params
    assert {"param_name": "arguments", "param_type": "MAP"} in params
    deleted = sandbox.request("delete_function_handler", *place)
    assert deleted == (200, {"Response Code": "204 No response"})
    assert sandbox.refusal("get_function_handler", *place) == NO_HANDLER
    assert types(sandbox, function_id) == []
    assert sandbox.request("create_function_handler", function_id, body=form)[0] == 200


def test_webhook_functions_handler_has_permissions_which_may_be_none():
    sandbox = OfflineSandbox()
    function_id = create(sandbox, **HOOK)["id"]
    place = (function_id, "button_handler")
    form = {"type": "button_handler", "permissions": []}
    assert sandbox.request("create_function_handler", function_id, body=form)[0] == 200
    assert sandbox.request("get_function_handler", *place)[1]["data"]["permissions"] == []
    body = {"permissions": ["message", "user"]}
    _, answer = sandbox.request("update_function_handler", *place, body=body)
    assert answer["data"]["permissions"] == ["message", "user"]


def test_empty_handler_becomes_a_usual_one_when_it_is_changed():
    sandbox = OfflineSandbox()
    function_id = create(sandbox)["id"]
    place = (function_id, "button_handler")
    assert sandbox.request("update_function_handler", *place, body={"script": "s"})[0] == 200
    form = {"type": "button_handler", "script": "t"}
    refused = sandbox.refusal("create_function_handler", function_id, body=form)
    assert refused == (400, "execution_handler_create_failed")
    assert sandbox.request("delete_function_handler", *place)[0] == 200


def test_form_has_four_handlers_and_one_of_each():
    sandbox = OfflineSandbox()
    function_id = create(sandbox, function_type="form")["id"]
    for handler_type in FORMS:
        form = {"type": handler_type, "script": "s"}
        assert sandbox.request("create_function_handler", function_id, body=form)[0] == 200
    assert types(sandbox, function_id) == list(FORMS)
    for handler_type in FORMS:
        form = {"type": handler_type, "script": "s"}
        refused = sandbox.refusal("create_function_handler", function_id, body=form)
        assert refused == (400, "execution_handler_create_failed")


@pytest.mark.parametrize("kind", DEFAULTS)
def test_function_has_handlers_of_its_type_alone(kind):
    sandbox = OfflineSandbox()
    function_id = create(sandbox, function_type=kind)["id"]
    own = set(FORMS) if kind == "form" else {DEFAULTS[kind]}
    for handler_type in {*FORMS, *DEFAULTS.values()} - own:
        form = {"type": handler_type, "script": "s"}
        refused = sandbox.refusal("create_function_handler", function_id, body=form)
        assert refused == (400, "invalid_inputs")
        place = (function_id, handler_type)
        assert sandbox.refusal("get_function_handler", *place) == NO_HANDLER
        assert sandbox.refusal("update_function_handler", *place, body={}) == NO_HANDLER
        assert sandbox.refusal("delete_function_handler", *place) == NO_HANDLER


def test_live_service_uses_its_codes_for_functions_too():
    sandbox = OfflineSandbox(dialect="live")
    function_id = create(sandbox)["id"]
    form = {"type": "button_handler", "script": "s"}
    refused = sandbox.refusal("create_function_handler", function_id, body=form | {"script": "{"})
    assert refused == (400, "execution_handler_update_failed")
    assert sandbox.request("create_function_handler", function_id, body=form)[0] == 200
    refused = sandbox.refusal("create_function_handler", function_id, body=form)
    assert refused == (400, "execution_handler_already_exists")
    place = (function_id, "form_view_handler")
    assert sandbox.refusal("get_function_handler", *place) == (400, "execution_handler_not_found")
    for body, code in (
        ({"name": "f", "description": "d"}, "param_missing"),
        (FORM | {"function_type": "menu"}, "input_pattern_mismatch"),
    ):
        assert sandbox.refusal("create_function", body=body) == (400, code)
    for body, code in (
        ({"script": "s"}, "param_missing"),
        ({"type": "form_handler", "script": "s"}, "input_pattern_mismatch"),
    ):
        refused = sandbox.refusal("create_function_handler", function_id, body=body)
        assert refused == (400, code)
    nothing = (200, {"Response Code": "204 No response"})
    assert sandbox.request("delete_function", function_id) == nothing


# Over HTTP.


async def test_functions_are_counted_and_locked_over_http():
    async with running() as caller:
        path = "/api/v3/functions"
        status, made = await caller.request("POST", path, json=FORM)
        assert status == 200
        path += f"/{made['data']['id']}"
        assert await caller.get(path) == (200, made | {"url": path})
        assert (await caller.request("PATCH", path, json={"name": "x"}))[0] == 200
        handlers = f"{path}/handlers"
        body = {"type": "button_handler", "script": "s"}
        assert (await caller.request("POST", handlers, json=body))[0] == 200
        assert (await caller.request("PUT", handlers))[0] == 405
        for number in range(11):
            status, _ = await caller.get(f"{handlers}/button_handler")
            assert status == (200 if number < 10 else 429)
        assert (await caller.request("DELETE", path))[0] == 204
        report = await caller.report()
    assert report["requests"]["get_function_handler"] == 11
    assert [each["endpoint"] for each in report["lockouts"]] == ["get_function_handler"]
