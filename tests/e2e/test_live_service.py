"""Each difference that was seen, by docs/live-service.md, shown by the client and the sandbox."""

import re
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from support.docs import ROOT
from support.sandboxes import FIRST, SECOND, running

from cliq_async import (
    ApiError,
    BadRequestError,
    BotChanges,
    BulletList,
    Button,
    CliqClient,
    Confirm,
    Graph,
    Hooks,
    InvokeFunction,
    Labels,
    MemoryStore,
    Message,
    NewBot,
    NewHandler,
    NotFoundError,
    OutcomeUnknownError,
    PercentageChart,
    PermissionDeniedError,
    Table,
)
from cliq_async.testing import FakeTransport

BOT = "b-53719000001878011"
SCRIPT = "return Map();"
PAGE = (ROOT / "docs/live-service.md").read_text()
DIALECTS = pytest.mark.parametrize("dialect", ["seed", "live"])

shown: dict[str, Any] = {}


def shows(*rows):
    """Say which rows of the page a test shows."""

    def note(test):
        shown.update(dict.fromkeys(rows, test))
        return test

    return note


@asynccontextmanager
async def live(dialect="live", **options):
    """A sandbox, a client of the package and one without it, and the requests of the former."""
    sent: list[str] = []
    hooks = Hooks(on_request=lambda event: sent.append(event.endpoint))
    async with (
        running(dialect=dialect, **options) as caller,
        CliqClient("ann", base_url=caller.sandbox.url, quota=MemoryStore(), hooks=hooks) as client,
    ):
        yield SimpleNamespace(client=client, caller=caller, sandbox=caller.sandbox, sent=sent)


async def post(scene, **message):
    """Send a message without the client; returns the status and the code."""
    body = {"text": "hi", "userids": FIRST} | message
    path = "/api/v3/bots/supportbot/messages"
    status, answer = await scene.caller.request("POST", path, json=body)
    return status, answer.get("code")


def test_each_row_of_the_page_is_shown_and_no_other():
    tables = re.findall(r"^\| what \| documented \| seen \|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    rows = [
        line.split(" | ")[0].removeprefix("| ") for table in tables for line in table.split("\n")
    ]
    assert [row for row in rows if row and not row.startswith("|-")] == list(shown)


# Requests and answers.


@shows("where messages go", "a message's recipients", "the id of a bot")
async def test_client_finds_out_path_recipients_and_id():
    async with live() as scene:
        await scene.client.messages.send("supportbot", "hi", user_ids=[FIRST])
        assert scene.sent == ["send_message"] * 3
        await scene.client.messages.send("supportbot", "hi", user_ids=[FIRST])
        assert scene.sent == ["send_message"] * 4
        bot = await scene.client.bots.get(BOT.removeprefix("b-"))
        assert bot.id == BOT
        assert scene.sent[4:] == ["get_bot"] * 2
        assert scene.sandbox.report()["delivered"]["max_per_recipient"] == 2


@shows("the answer with `sync_message`", "the id of a message")
async def test_synced_message_names_each_recipient_and_its_id_can_be_sent_back():
    async with live() as scene:
        send = scene.client.messages.send
        sent = await send("supportbot", Message("hi", sync_message=True), user_ids=[FIRST, SECOND])
        assert set(sent.by_user) == {FIRST, SECOND}
        came = sent.message_id or ""
        assert [each["message_id"] for each in scene.sandbox.messages] == [came]
        assert re.fullmatch(r"[0-9]+%20[0-9]+", came)
        await send("supportbot", Message("re", reply_to=came), user_ids=[FIRST])
        await send("supportbot", Message("re", thread_message_id=came), user_ids=[FIRST])
        assert len(scene.sandbox.messages) == 3


@shows("nothing to answer")
async def test_nothing_is_answered_in_words():
    async with live() as scene:
        sent = await scene.client.messages.send("supportbot", "hi", user_ids=[FIRST])
        assert sent.message_id is None
        await scene.client.bots.associate("supportbot", "general")
        await scene.client.bots.delete(BOT)
        status, answer = await scene.caller.request("DELETE", f"/api/v3/bots/{BOT}")
        assert (status, answer["code"]) == (404, "bot_not_found")


@shows("the answer to a new handler")
async def test_new_handler_has_type_and_id():
    async with live() as scene:
        new = NewHandler("message_handler", script=SCRIPT)
        handler = await scene.client.handlers.create(BOT, new)
        assert (handler.type, bool(handler.id)) == ("message_handler", True)
        read = await scene.client.handlers.get(BOT, "message_handler")
        assert (read.id, read.script) == (handler.id, SCRIPT)


@shows("the scope of a new bot")
async def test_new_bot_needs_a_scope():
    async with live() as scene:
        bot = await scene.client.bots.create(NewBot("News", description="Tells news"))
        assert bot.scope == "organization"
        body = {"name": "Other", "description": "Tells more"}
        status, answer = await scene.caller.request("POST", "/api/v3/bots", json=body)
        assert (status, answer["code"]) == (400, "param_missing")


@shows("theme and title of a card")
async def test_card_needs_theme_and_title():
    async with live() as scene:
        assert await post(scene, card={"theme": "prompt"}) == (400, "param_missing")
        assert await post(scene, card={"title": "News"}) == (400, "param_missing")
        card = {"theme": "modern-inline", "title": "News"}
        assert await post(scene, card=card) == (200, None)


@shows("teams of a bot")
async def test_teams_go_with_the_scope():
    async with live() as scene:
        bot = await scene.client.bots.create(
            NewBot("News", description="News", scope="team", team_ids=[1])
        )
        assert bot.team_ids == (1,)
        changed = await scene.client.bots.update(bot.id, BotChanges(scope="organization"))
        assert not changed.team_ids


@shows("the channel of a message")
@DIALECTS
async def test_channel_counts_under_either_name(dialect):
    async with live(dialect) as scene:
        message = Message("hi", sync_message=True)
        sent = await scene.client.messages.send("supportbot", message, channel="announcements")
        assert sent.chat_id == scene.sandbox.messages[0]["chat_id"]
    async with live(dialect, faults="no-recipient:1@send_message") as scene:
        with pytest.raises(OutcomeUnknownError, match="check the channel's unique name"):
            await scene.client.messages.send("supportbot", message, channel="announcements")
        assert scene.sandbox.messages == ()


# Errors.


@shows("a required field is missing")
async def test_missing_field_has_a_code():
    async with live() as scene:
        assert await post(scene, slides=[{"data": "x"}]) == (400, "param_missing")


@shows("a value outside an enumeration, an unknown action of a button")
async def test_value_outside_an_enumeration_has_a_code():
    action = {"type": "invoke.bot", "data": {"bot_name": "b", "message": "hi"}}
    async with live() as scene:
        for message in (
            {"buttons": [{"label": "Go", "action": action}]},
            {"styles": {"background": "pink"}},
        ):
            assert await post(scene, **message) == (400, "input_pattern_mismatch")


@shows("a key that Cliq does not know, buttons inside a card")
async def test_unknown_key_is_named():
    card = {"theme": "modern-inline", "title": "News", "buttons": []}
    async with live() as scene:
        for message in ({"colour": "red"}, {"card": card}):
            assert await post(scene, **message) == (400, "extra_key_found")
    message = Message("hi", extra={"colour": "red"})
    async with live() as scene:
        await scene.client.messages.send("supportbot", "hi", user_ids=[FIRST])
        scene.sent.clear()
        with pytest.raises(BadRequestError, match="'colour' is an extra key"):
            await scene.client.messages.send("supportbot", message, user_ids=[FIRST])
        assert scene.sent == ["send_message"]
    async with live(allow_unknown=True) as scene:
        await scene.client.messages.send("supportbot", message, user_ids=[FIRST])
        assert scene.sandbox.messages[0]["body"]["colour"] == "red"


@shows("an unknown URL, a bot asked for by its unique name")
async def test_unknown_url_has_a_code_with_two_statuses():
    async with live() as scene:
        status, answer = await scene.caller.request("POST", "/api/v3/bots/supportbot/message")
        assert (status, answer["code"]) == (400, "request_url_invalid")
        with pytest.raises(NotFoundError) as caught:
            await scene.client.bots.get("supportbot")
        assert (caught.value.status, caught.value.code) == (404, "request_url_invalid")
        assert scene.sent == ["get_bot"]


@shows("a wrong method")
async def test_wrong_method_has_a_code():
    async with live() as scene:
        status, answer = await scene.caller.request("PUT", "/api/v3/bots")
        assert (status, answer["code"]) == (405, "request_method_invalid")


@shows("a second handler of a type")
async def test_second_handler_exists_already():
    async with live() as scene:
        new = NewHandler("message_handler", script=SCRIPT)
        await scene.client.handlers.create(BOT, new)
        with pytest.raises(ApiError) as caught:
            await scene.client.handlers.create(BOT, new)
        assert caught.value.code == "execution_handler_already_exists"


@shows("a handler that is not there")
@DIALECTS
async def test_missing_handler_costs_one_request(dialect):
    async with live(dialect) as scene:
        bot = (await scene.client.bots.list()).data[0]
        with pytest.raises(ApiError) as caught:
            await scene.client.handlers.get(bot.id, "call_handler")
        assert caught.value.code == "execution_handler_not_found"
        assert caught.value.status == {"seed": 404, "live": 400}[dialect]
        assert scene.sandbox.report()["requests"]["get_handler"] == 1


@shows("a script that does not compile")
async def test_script_must_compile():
    async with live() as scene:
        with pytest.raises(BadRequestError) as caught:
            await scene.client.handlers.create(
                BOT, NewHandler("message_handler", script='info "no end;')
            )
        assert caught.value.code == "execution_handler_update_failed"


@shows("a mention handler with a long script")
async def test_failed_operation_keeps_its_code():
    body = {"message": "The operation failed.", "code": "operation_failed"}
    transport = FakeTransport(lambda request: (400, body))
    async with CliqClient("ann", transport=transport, quota=MemoryStore()) as client:
        new = NewHandler("mention_handler", script=SCRIPT)
        with pytest.raises(BadRequestError) as caught:
            await client.handlers.create(BOT, new)
    assert caught.value.code == "operation_failed"


@shows("a token without the scope")
@DIALECTS
async def test_token_needs_the_scope(dialect):
    async with live(dialect, scopes="ZohoCliq.Bots.READ") as scene:
        await scene.client.bots.list()
        with pytest.raises(PermissionDeniedError) as caught:
            await scene.client.bots.create(NewBot("News", description="News", scope="personal"))
        assert caught.value.status == {"seed": 403, "live": 401}[dialect]
        assert caught.value.code == "oauthtoken_scope_invalid"
        assert scene.sent == ["list_bots", "create_bot"]


@shows("the scope to send")
@DIALECTS
async def test_one_scope_suffices_to_send(dialect):
    async with live(dialect, scopes="ZohoCliq.Webhooks.CREATE") as scene:
        await scene.client.messages.send("supportbot", "hi", user_ids=[FIRST])
        await scene.client.messages.send_incoming("supportbot", {"a": "b"}, user_ids=[FIRST])


@shows("the form of an error")
@pytest.mark.parametrize(
    "body",
    [
        {"message": "No.", "code": "not_today"},
        {"error": {"title": "not_today", "details": {"message": "No."}}},
        {"error": "not_today", "message": "No."},
    ],
)
async def test_error_keeps_its_words_in_each_form(body):
    transport = FakeTransport(lambda request: (400, body))
    async with CliqClient("ann", transport=transport, quota=MemoryStore()) as client:
        with pytest.raises(BadRequestError, match="No") as caught:
            await client.bots.list()
    assert caught.value.code == "not_today"


# Content that only some of the documents describe.


async def takes(dialect, **content):
    """Send with the client; return the message that the sandbox took, without its recipient."""
    async with live(dialect) as scene:
        await scene.client.messages.send("supportbot", Message("hi", **content), user_ids=[FIRST])
        (message,) = scene.sandbox.messages
        return {name: message["body"][name] for name in content}


GO = InvokeFunction("go")
GO_IN_JSON = {"type": "invoke.function", "data": {"name": "go"}}


@DIALECTS
async def test_labels_are_taken_in_both_forms(dialect):
    labels = {"Revenue": "$5"}
    assert await takes(dialect, slides=[Labels(labels), Labels(labels, keyed=True)]) == {
        "slides": [
            {"type": "label", "data": [{"label": "Revenue", "value": "$5"}]},
            {"type": "label", "data": [{"Revenue": "$5"}]},
        ]
    }


@DIALECTS
@pytest.mark.parametrize("mandatory", [True, False, "true", "false"])
async def test_mandatory_is_taken_in_both_forms(dialect, mandatory):
    confirm = Confirm("Sure?", input="Why?", button_label="Yes", mandatory=mandatory)
    button = Button("Go", action=InvokeFunction("go", confirm=confirm))
    taken = await takes(dialect, buttons=[button])
    assert taken["buttons"][0]["action"]["confirm"]["mandatory"] == mandatory


@DIALECTS
async def test_slides_of_all_documents_are_taken(dialect):
    points = {"Jan": 9, "Feb": 6.5}
    points_in_json = [{"label": "Jan", "value": 9}, {"label": "Feb", "value": 6.5}]
    taken = await takes(
        dialect,
        slides=[
            PercentageChart(points, preview="doughnut"),
            Graph({"Asana": points}, preview="trend", x_axis="Months", y_axis="Usage count"),
            BulletList(["a"], style="decimal", buttons=[Button("Go", action=GO)]),
            Table(["Name"], rows=[{"Name": "Li"}], sticky_rows=1, sticky_columns=0),
        ],
    )
    assert taken["slides"] == [
        {"type": "percentage_chart", "data": points_in_json, "styles": {"preview": "doughnut"}},
        {
            "type": "graph",
            "data": [{"category": "Asana", "values": points_in_json}],
            "styles": {"preview": "trend", "x_axis": "Months", "y_axis": "Usage count"},
        },
        {
            "type": "list",
            "data": ["a"],
            "styles": {"type": "decimal"},
            "buttons": [{"label": "Go", "action": GO_IN_JSON}],
        },
        {
            "type": "table",
            "data": {
                "headers": ["Name"],
                "rows": [{"Name": "Li"}],
                "styles": {"sticky": {"rows": 1, "columns": 0}},
            },
        },
    ]


@DIALECTS
async def test_arguments_of_buttons_are_taken(dialect):
    button = Button("Go", action=GO, arguments={"key_1": "value_1"})
    in_json = {"label": "Go", "action": GO_IN_JSON, "arguments": {"key_1": "value_1"}}
    assert await takes(dialect, buttons=[button], references={"1": button}) == {
        "buttons": [in_json],
        "references": {"1": {"type": "button", "object": in_json}},
    }
