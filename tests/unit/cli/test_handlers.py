import json

import pytest
from support.cli import SECRET, invoke, run

from cliq_async.models.handler import (
    HANDLER_TYPES,
    Handler,
    HandlerChanges,
    HandlerParam,
    NewHandler,
    SubAction,
)
from cliq_async.resources.handlers import Handlers
from cliq_async.sandbox import Sandbox

FIRST = "53719000001878011"
NAME = ("--name", "Tickets")
SCRIPT = 'response = Map();\r\nresponse.put("text", "Hällo");\nreturn response;\n'


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "message.dg"
    path.write_bytes(SCRIPT.encode())
    return str(path)


async def test_a_handler_is_made_listed_shown_changed_and_deleted(script):
    async with Sandbox() as sandbox:
        made = await run(sandbox, "handlers", "create", FIRST, "message", "--script", script)
        listed = json.loads((await run(sandbox, "handlers", "list", FIRST, "--json")).stdout)
        got = await run(sandbox, "handlers", "get", FIRST, "message_handler")
        alone = await run(sandbox, "handlers", "get", FIRST, "message", "--script-only")
        update = ("handlers", "update", FIRST, "message", "--script", "-")
        changed = await run(sandbox, *update, stdin="return Map();")
        after = json.loads(
            (await run(sandbox, "handlers", "get", FIRST, "message", "--json")).stdout
        )
        deleted = await run(sandbox, "handlers", "delete", FIRST, "message", "--yes")
        gone = await run(sandbox, "handlers", "get", FIRST, "message")
    assert (made.exit_code, made.stdout) == (0, f"created: message_handler of {FIRST}\n")
    assert "message_handler" in [handler["type"] for handler in listed]
    assert got.stdout.startswith("handler")
    assert '\nresponse.put("text", "Hällo");\n' in got.stdout
    assert alone.stdout_bytes == SCRIPT.encode()
    assert changed.stdout.startswith(f"updated: message_handler of {FIRST}\n")
    assert (after["type"], after["script"]) == ("message_handler", "return Map();")
    assert (deleted.exit_code, deleted.stdout) == (0, f"deleted: message_handler of {FIRST}\n")
    assert gone.exit_code == 1
    assert gone.stderr.startswith("error: get_handler: ")


async def test_a_menu_handler_is_told_by_its_id(script):
    async with Sandbox() as sandbox:
        options = ("--name", "Tickets", "--icon", "wand/627282", "--sub-action", "Open:wand/627282")
        menu = (FIRST, "menu")
        for name in ("Tickets", "Hosts"):
            await run(
                sandbox, "handlers", "create", *menu, "--script", script, *options, "--name", name
            )
        listed = json.loads((await run(sandbox, "handlers", "list", FIRST, "--json")).stdout)
        table = await run(sandbox, "handlers", "list", FIRST)
        ids = {each["name"]: each["id"] for each in listed if each["type"] == "menu_handler"}
        update = ("handlers", "update", *menu, "--handler-id", ids["Hosts"], "--name", "Servers")
        changed = await run(sandbox, *update, "--json")
        got = await run(sandbox, "handlers", "get", *menu, "--handler-id", ids["Hosts"])
        delete = ("handlers", "delete", *menu, "--handler-id", ids["Tickets"], "--yes")
        deleted = await run(sandbox, *delete)
        left = json.loads((await run(sandbox, "handlers", "list", FIRST, "--json")).stdout)
    assert json.loads(changed.stdout)["type"] == "menu_handler"
    assert "Open (wand/627282)" in table.stdout
    assert "Servers" in got.stdout
    assert deleted.exit_code == 0
    assert [each["name"] for each in left if each["type"] == "menu_handler"] == ["Servers"]


async def test_a_webhook_bots_handler_has_permissions():
    bot = ("bots", "create", "Hook", "--description", "d", "--execution-type", "webhook")
    url = ("--execution-url", "https://example.com/cliq")
    async with Sandbox() as sandbox:
        bot_id = json.loads((await run(sandbox, *bot, *url, "--json")).stdout)["id"]
        permissions = ("--permission", "user", "--permission", "chat")
        made = await run(sandbox, "handlers", "create", bot_id, "mention", *permissions)
        got = await run(sandbox, "handlers", "get", bot_id, "mention")
        alone = await run(sandbox, "handlers", "get", bot_id, "mention", "--script-only")
        update = ("handlers", "update", bot_id, "mention", "--no-permissions")
        changed = await run(sandbox, *update)
        after = json.loads(
            (await run(sandbox, "handlers", "get", bot_id, "mention", "--json")).stdout
        )
    assert made.exit_code == changed.exit_code == 0
    assert "permissions" in got.stdout
    assert (alone.exit_code, alone.stdout) == (1, "")
    assert alone.stderr == "error: the mention_handler has no script\n"
    assert "permissions" not in after


async def test_a_bot_without_handlers_has_an_empty_listing():
    async with Sandbox() as sandbox:
        made = await run(sandbox, "bots", "create", "Ops", "--description", "d", "--json")
        bot_id = json.loads(made.stdout)["id"]
        plain = await run(sandbox, "handlers", "list", bot_id)
        as_json = await run(sandbox, "handlers", "list", bot_id, "--json")
    assert (plain.exit_code, plain.stdout, plain.stderr) == (0, "", "no handlers\n")
    assert json.loads(as_json.stdout) == []


@pytest.fixture
def asked(monkeypatch):
    """What the SDK was asked for."""
    calls = []

    async def create(_self, bot_id, new):
        calls.append((bot_id, new))
        return Handler(type=new.type, id="77")

    async def update(_self, _bot_id, kind, changes, *, handler_id):
        calls.append((kind, changes, handler_id))
        return Handler(type=kind)

    async def get(_self, _bot_id, kind, *, handler_id):
        calls.append((kind, handler_id))
        return Handler(
            type=kind,
            position=2,
            script="a\x1b[2J\n\tb",
            params=(HandlerParam(param_name="user", param_type="MAP"),),
        )

    for function in (create, update, get):
        monkeypatch.setattr(Handlers, function.__name__, function)
    return calls


def test_every_option_of_a_new_handler_is_sent(asked, script):
    options = (
        *("--script", script, "--name", "Tickets", "--icon", "wand/627282"),
        *("--sub-action", "Open:wand/627282", "--sub-action", "Close", "--sub-action", "6:30:"),
    )
    result = invoke("handlers", "create", "1", "menu", *options, "--token", SECRET)
    assert result.stdout == "created: menu_handler of 1\nid 77\n"
    actions = [SubAction("Open", icon="wand/627282"), SubAction("Close"), SubAction("6:30")]
    expected = NewHandler(
        "menu_handler", script=SCRIPT, name="Tickets", icon="wand/627282", sub_actions=actions
    )
    assert asked == [("1", expected)]


def test_what_is_not_given_is_not_sent_and_what_is_taken_away_is(asked):
    update = ("handlers", "update", "1", "menu", "--token", SECRET)
    assert invoke(*update, "--name", "New", "--handler-id", "7").exit_code == 0
    assert invoke(*update, "--no-sub-actions").exit_code == 0
    assert invoke(*update, "--no-permissions").exit_code == 0
    assert asked == [
        ("menu_handler", HandlerChanges(name="New"), "7"),
        ("menu_handler", HandlerChanges(sub_actions=()), None),
        ("menu_handler", HandlerChanges(permissions=()), None),
    ]


@pytest.mark.parametrize("given", [*HANDLER_TYPES, "menu", "incoming_webhook"])
def test_every_type_can_be_named_with_and_without_its_end(asked, given):
    result = invoke("handlers", "get", "1", given, "--token", SECRET)
    assert result.exit_code == 0
    assert asked == [(given.removesuffix("_handler") + "_handler", None)]


@pytest.mark.usefixtures("asked")
def test_a_script_does_nothing_to_a_terminal(monkeypatch):
    shown = invoke("handlers", "get", "1", "menu", "--token", SECRET)
    assert shown.stdout.splitlines()[-4:] == ["params    user MAP", "", "a [2J", "\tb"]
    monkeypatch.setattr("cliq_async.cli.commands.handlers.is_terminal", lambda: True)
    alone = invoke("handlers", "get", "1", "menu", "--script-only", "--token", SECRET)
    assert alone.stdout == "a [2J\n\tb\n"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("create", "1", "message"), "give --script, --permission or --no-permissions"),
        (("create", "1", "menu", "--permission", "user"), "error: --name: 1 to 15 characters in a"),
        (
            ("create", "1", "welcome", "--permission", "chat"),
            "error: --permission 1: one of user for a welcome_handler, got 'chat'",
        ),
        (
            ("create", "1", "message", "--no-permissions", "--name", "x"),
            "error: --name: left out unless the type is menu_handler",
        ),
        (
            ("create", "1", "message", "--no-permissions", "--permission", "user"),
            "give either --no-permissions or values for it",
        ),
        (("create", "1", "message", "--script", __file__, "--no-permissions"), "takes one of them"),
        (("create", "1", "message", "--permission", "all"), "error: --permission: "),
        (("create", "1", "dance", "--no-permissions"), "error: TYPE: one of"),
        (("create", "1", "message", "--script", "/nowhere.dg"), "there is no file"),
        (("create", "a/b", "message", "--no-permissions"), "error: BOT: "),
        (("update", "1", "menu"), "nothing to change: give --script, --permission"),
        (("update", "1", "menu", "--icon", "wand"), "error: --icon: an icon as name/HEX"),
        (
            ("update", "1", "menu", "--sub-action", "a", "--sub-action", "Open:wand"),
            "error: --sub-action 2: an icon as name/HEX",
        ),
        (("update", "1", "menu", "--handler-id", "", "--name", "x"), "error: --handler-id: "),
        (("get", "1", "menu", "--script-only", "--json"), "give either --script-only or --json"),
        (("list", "a/b"), "error: BOT: "),
        (
            ("delete", "1", "menu"),
            "error: not a terminal, so there is no one to confirm: pass --yes",
        ),
    ],
)
def test_what_is_wrong_is_named_as_it_was_typed(args, said):
    options = ("--token", SECRET, "--base-url", "http://127.0.0.1:1")
    result = invoke("handlers", *args, *options)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "HandlerChanges" not in result.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff", "not UTF-8"),
        (b"", "error: --script: 1 or more characters, got 0"),
        (b"x" * 256_001, "error: --script: at most 256000 bytes of UTF-8"),
    ],
)
def test_a_bad_script_is_wrong_usage(tmp_path, content, said):
    path = tmp_path / "message.dg"
    path.write_bytes(content)
    create = ("handlers", "create", "1", "message", "--token", SECRET)
    for result in (
        invoke(*create, "--script", str(path)),
        invoke(*create, "--script", "-", stdin=content),
    ):
        assert result.exit_code == 2
        assert said in result.stderr


def test_a_script_that_cannot_be_read_is_wrong_usage(script, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    result = invoke("handlers", "create", "1", "message", "--script", script, "--token", SECRET)
    assert (result.exit_code, result.stderr) == (2, f"error: {script}: Permission denied\n")


async def test_deleting_one_of_several_menu_actions_needs_to_know_which(script, monkeypatch):
    monkeypatch.setattr("cliq_async.cli.prompts.is_terminal", lambda: True)
    async with Sandbox() as sandbox:
        for name in ("Tickets", "Hosts"):
            create = ("handlers", "create", FIRST, "menu", "--script", script, "--name", name)
            await run(sandbox, *create)
        result = await run(sandbox, "handlers", "delete", FIRST, "menu", stdin="y\n")
        requests = sandbox.report()["requests"]
    assert result.exit_code == 2
    assert result.stderr.startswith("error: choose a --handler-id: 5371900000")
    assert "(Tickets), 5371900000" in result.stderr
    assert requests == {"create_handler": 2, "get_bot": 1}


async def test_deleting_a_handler_asks_by_its_name_and_its_bots(script, monkeypatch):
    monkeypatch.setattr("cliq_async.cli.prompts.is_terminal", lambda: True)
    async with Sandbox() as sandbox:
        await run(sandbox, "handlers", "create", FIRST, "menu", "--script", script, *NAME)
        no = await run(sandbox, "handlers", "delete", FIRST, "menu", stdin="n\n")
        requests = sandbox.report()["requests"]
        yes = await run(sandbox, "handlers", "delete", FIRST, "menu", stdin="y\n")
        default = await run(sandbox, "handlers", "delete", FIRST, "welcome", "--yes")
    question = "Delete the menu_handler Tickets of Support Bot (supportbot) permanently? [y/N] "
    assert (no.exit_code, no.stderr) == (1, f"{question}not deleted\n")
    assert requests == {"create_handler": 1, "get_bot": 1}
    assert (yes.exit_code, yes.stderr.strip()) == (0, question.strip())
    assert default.exit_code == 1
    assert "default_handler_delete_not_allowed" in default.stderr
