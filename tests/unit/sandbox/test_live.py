"""The live dialect's requests, answers and errors, without a client of the package."""

import pytest
from support.sandboxes import BOTS, FIRST, SECOND, OfflineSandbox, running

BOT = "b-53719000001878011"
SCRIPT = "return Map();"
NOTHING = {"Response Code": "204 No response"}
BUTTON = {"label": "Go", "action": {"type": "open.url", "data": {"web": "https://example.com"}}}


@pytest.fixture
def live():
    return OfflineSandbox(dialect="live")


def send(live, **message):
    body = {"text": "hi", "userids": FIRST} | message
    return live.request("send_message", "supportbot", body=body)


def refused(live, **message):
    body = {"text": "hi", "userids": FIRST} | message
    return live.refusal("send_message", "supportbot", body=body)


# Requests and answers.


def test_send_without_sync_is_answered_with_the_words_for_nothing(live):
    assert send(live) == (200, NOTHING)


def test_send_with_sync_has_the_encoded_ids_of_each_recipient(live):
    _, answer = send(live, userids=f"{FIRST},{SECOND}", sync_message=True)
    details = answer["message_details"]
    assert set(details) == {FIRST, SECOND}
    assert set(details[FIRST]) == {"chat_id", "message_id"}
    number, _, rest = details[FIRST]["message_id"].partition("%20")
    assert number.isdigit()
    assert rest.isdigit()


def test_send_to_a_channel_with_sync_names_one_chat(live):
    query = {"CHANNEL_UNIQUE_NAME": "announcements"}
    body = {"text": "hi", "sync_message": True}
    _, answer = live.request("send_message", "supportbot", body=body, query=query)
    assert answer["chat_id"] == live.state.channels.chat_ids()[0]


@pytest.mark.parametrize("field", ["reply_to", "thread_message_id"])
def test_message_ids_are_found_in_the_form_that_came(live, field):
    _, answer = send(live, sync_message=True)
    came = answer["message_details"][FIRST]["message_id"]
    assert send(live, **{field: came})[0] == 200
    assert refused(live, **{field: came.replace("%20", " ")}) == (400, "botmessage_sending_failed")


def test_deletions_are_answered_with_the_words_for_nothing(live):
    body = {"type": "message_handler", "script": SCRIPT}
    live.request("create_handler", BOT, body=body)
    assert live.request("delete_handler", BOT, "message_handler") == (200, NOTHING)
    assert live.request("delete_bot", BOT) == (200, NOTHING)


def test_new_handler_is_answered_with_its_type_and_id(live):
    body = {"type": "message_handler", "script": SCRIPT}
    status, answer = live.request("create_handler", BOT, body=body)
    assert (status, answer["url"]) == (200, f"{BOTS}/{BOT}/handlers")
    assert set(answer["data"]) == {"type", "id"}
    _, read = live.request("get_handler", BOT, "message_handler")
    assert (read["data"]["handler_id"], read["data"]["script"]) == (answer["data"]["id"], SCRIPT)


def test_new_menu_action_is_answered_with_what_is_shown(live):
    body = {"type": "menu_handler", "script": SCRIPT, "name": "Help"}
    _, answer = live.request("create_handler", BOT, body=body)
    assert answer["data"]["display_props"] == {"name": "Help", "position": 1}


# Errors.


def test_bot_needs_a_scope(live):
    body = {"name": "News", "description": "Tells news"}
    assert live.refusal("create_bot", body=body) == (400, "param_missing")
    _, answer = live.request("create_bot", body=body | {"scope": "organization"})
    assert answer["data"]["id"].startswith("b-")


MISSING = {
    "name": ("create_bot", (), {"description": "d", "scope": "organization"}),
    "teams": ("create_bot", (), {"name": "n", "description": "d", "scope": "team"}),
    "handler's type": ("create_handler", (BOT,), {"script": SCRIPT}),
    "call's text": ("trigger_call", ("supportbot",), {"loop": 1}),
    "channel": ("associate_channel", ("supportbot",), {}),
}


@pytest.mark.parametrize(("name", "parameters", "body"), MISSING.values(), ids=MISSING)
def test_field_that_is_missing_is_named(live, name, parameters, body):
    assert live.refusal(name, *parameters, body=body) == (400, "param_missing")


MISSING_IN_MESSAGES = {
    "theme": {"card": {"title": "News"}},
    "title": {"card": {"theme": "modern-inline"}},
    "options": {"card": {"theme": "poll", "title": "Lunch?"}},
    "label": {"buttons": [{"action": BUTTON["action"]}]},
    "action's type": {"buttons": [{"label": "Go", "action": {"data": {}}}]},
    "slide's type": {"slides": [{"data": "x"}]},
}


@pytest.mark.parametrize("message", MISSING_IN_MESSAGES.values(), ids=MISSING_IN_MESSAGES)
def test_field_that_a_message_lacks_is_named(live, message):
    assert refused(live, **message) == (400, "param_missing")


ACTION = {"type": "invoke.bot", "data": {"bot_name": "b", "message": "hi"}}
OUTSIDE = {
    "action": {"buttons": [{"label": "Go", "action": ACTION}]},
    "theme": {"card": {"theme": "baroque", "title": "News"}},
    "background": {"styles": {"background": "pink"}},
    "slide": {"slides": [{"type": "film", "data": "x"}]},
    "chart": {
        "slides": [
            {
                "type": "percentage_chart",
                "data": [{"label": "a", "value": 1}],
                "styles": {"preview": "bar"},
            }
        ]
    },
}


@pytest.mark.parametrize("message", OUTSIDE.values(), ids=OUTSIDE)
def test_value_outside_an_enumeration_does_not_match(live, message):
    assert refused(live, **message) == (400, "input_pattern_mismatch")


@pytest.mark.parametrize(
    ("name", "parameters", "body"),
    [
        ("create_bot", (), {"name": "n", "description": "d", "scope": "world"}),
        ("update_bot", (BOT,), {"calls": "enable"}),
        ("create_handler", (BOT,), {"type": "tea_handler", "script": SCRIPT}),
    ],
)
def test_value_of_a_bot_or_handler_outside_an_enumeration_does_not_match(
    live, name, parameters, body
):
    assert live.refusal(name, *parameters, body=body) == (400, "input_pattern_mismatch")


def test_unknown_permission_does_not_match_and_that_of_another_handler_is_invalid(live):
    hook = {"name": "Hook", "description": "d", "scope": "personal", "execution_type": "webhook"}
    body = hook | {"execution_url": "https://example.com/hook"}
    bot = live.request("create_bot", body=body)[1]["data"]["id"]

    def code(permission):
        body = {"type": "welcome_handler", "permissions": [permission]}
        return live.refusal("create_handler", bot, body=body)[1]

    assert code("tea") == "input_pattern_mismatch"
    assert code("chat") == "execution_handler_data_invalid"


@pytest.mark.parametrize(
    "message",
    [
        {"user_ids": FIRST},
        {"colour": "red"},
        {"card": {"theme": "modern-inline", "title": "News", "buttons": [BUTTON]}},
    ],
)
def test_key_that_is_not_known_is_extra(live, message):
    assert refused(live, **message) == (400, "extra_key_found")


def test_second_handler_of_a_type_exists_already_and_menus_have_a_limit(live):
    body = {"type": "message_handler", "script": SCRIPT}
    live.request("create_handler", BOT, body=body)
    again = live.refusal("create_handler", BOT, body=body)
    assert again == (400, "execution_handler_already_exists")
    menu = {"type": "menu_handler", "script": SCRIPT, "name": "Help"}
    for _ in range(5):
        live.request("create_handler", BOT, body=menu)
    sixth = live.refusal("create_handler", BOT, body=menu)
    assert sixth == (400, "execution_handler_create_failed")


@pytest.mark.parametrize("name", ["get_handler", "update_handler", "delete_handler"])
def test_missing_handler_is_a_bad_request(live, name):
    refusal = live.refusal(name, BOT, "call_handler", body={"script": SCRIPT})
    assert refusal == (400, "execution_handler_not_found")


def test_script_must_compile(live):
    body = {"type": "message_handler", "script": "return Map(;"}
    failed = (400, "execution_handler_update_failed")
    assert live.refusal("create_handler", BOT, body=body) == failed
    assert live.refusal("update_handler", BOT, "welcome_handler", body=body) == failed


@pytest.mark.parametrize("reference", ["supportbot", BOT.removeprefix("b-"), "x"])
def test_bot_is_found_by_its_id_with_the_prefix_alone(live, reference):
    assert live.refusal("get_bot", reference) == (404, "request_url_invalid")
    assert live.refusal("get_bot", "b-1") == (404, "bot_not_found")


async def test_unknown_paths_and_methods_have_codes():
    async with running(dialect="live") as caller:
        status, body = await caller.request("POST", "/api/v3/bots/supportbot/message", json={})
        assert (status, body["code"]) == (400, "request_url_invalid")
        status, body = await caller.request("PUT", BOTS)
        assert (status, body["code"]) == (405, "request_method_invalid")
    async with running() as caller:
        for method, path in (("POST", "/api/v3/nothing"), ("PUT", BOTS)):
            _, body = await caller.request(method, path)
            assert "code" not in body


async def test_documented_dialect_keeps_the_documented_codes():
    seed = OfflineSandbox()
    bot = BOT.removeprefix("b-")
    assert seed.create_bot("No Scope")["scope"] == "organization"
    seed.request("send_message", "supportbot", body={"card": {"title": "t"}, "user_ids": FIRST})
    body = {"type": "message_handler", "script": "return Map(;"}
    seed.request("create_handler", bot, body=body)
    again = seed.refusal("create_handler", bot, body=body)
    assert again == (400, "execution_handler_create_failed")
    missing = seed.refusal("get_handler", bot, "call_handler")
    assert missing == (404, "execution_handler_not_found")
    assert seed.refusal("trigger_call", "supportbot", body={}) == (400, "invalid_inputs")
    unknown = {"text": "hi", "broadcast": True, "styles": {"background": "pink"}}
    assert seed.refusal("send_message", "supportbot", body=unknown) == (400, "invalid_inputs")


# Scopes.


@pytest.mark.parametrize(("dialect", "status"), [("seed", 403), ("live", 401)])
async def test_token_needs_the_scope_of_the_endpoint(dialect, status):
    async with running(dialect=dialect, scopes="ZohoCliq.Bots.READ") as caller:
        assert (await caller.get(BOTS))[0] == 200
        refused, body = await caller.request("POST", BOTS, json={})
        assert (refused, body["code"]) == (status, "oauthtoken_scope_invalid")
        assert "ZohoCliq.Bots.CREATE" in body["message"]
        report = caller.sandbox.report()
        assert report["requests"] == {"list_bots": 1, "create_bot": 1}
        assert report["unauthorized"] == (status == 401)


async def test_one_of_the_scopes_of_an_endpoint_suffices():
    path = "/api/v3/bots/supportbot/incoming"
    async with running(scopes=["ZohoCliq.Webhooks.CREATE"]) as caller:
        assert (await caller.request("POST", path, json={}))[0] == 200
    async with running(scopes={"ZohoCliq.BotMessages.CREATE"}) as caller:
        assert (await caller.request("POST", path, json={}))[0] == 200
        assert (await caller.send(user_ids=FIRST))[0] == 403
