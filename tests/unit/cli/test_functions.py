import json

import pytest
from support.cli import SECRET, invoke, run

from cliq_async.models.function import (
    FUNCTION_HANDLER_TYPES,
    Function,
    FunctionChanges,
    FunctionHandler,
    FunctionHandlerChanges,
    NewFunction,
    NewFunctionHandler,
)
from cliq_async.resources.functions import Functions
from cliq_async.sandbox import Sandbox

URL = "https://example.com/cliq"
CREATE = ("functions", "create", "approve", "--description", "Approves an expense")
BUTTON = (*CREATE, "--type", "button")
HOOK = (*BUTTON, "--execution-type", "webhook", "--execution-url", URL)
SCRIPT = 'response = Map();\r\nresponse.put("text", "Hällo");\nreturn response;\n'


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "approve.dg"
    path.write_bytes(SCRIPT.encode())
    return str(path)


async def make(sandbox, *args):
    """Create a function and return its id."""
    return json.loads((await run(sandbox, *args, "--json")).stdout)["id"]


# Functions.


async def test_a_function_is_made_listed_shown_changed_and_deleted():
    async with Sandbox() as sandbox:
        made = await run(sandbox, *HOOK)
        table = await run(sandbox, "functions", "list")
        (listed,) = json.loads((await run(sandbox, "functions", "list", "--json")).stdout)
        place = ("functions", "get", listed["id"])
        got = await run(sandbox, *place)
        new_url = ("--execution-url", "https://example.com/new")
        changed = await run(sandbox, "functions", "update", listed["id"], *new_url)
        after = json.loads((await run(sandbox, *place, "--json")).stdout)
        deleted = await run(sandbox, "functions", "delete", listed["id"], "--yes")
        gone = await run(sandbox, *place)
        none = await run(sandbox, "functions", "list")
    assert made.stdout == f"created: approve\nid {listed['id']}\n"
    header, row = table.stdout.splitlines()
    assert header.split("  ")[0] == "id"
    assert row.split() == [
        listed["id"],
        *["approve", "button", "webhook", "enabled", "button_handler"],
    ]
    assert f"execution URL   {URL}\n" in got.stdout
    assert "creator         James (65113112)\n" in got.stdout
    assert (changed.exit_code, changed.stdout) == (0, f"updated: {listed['id']}\n")
    assert after["execution_url"] == "https://example.com/new"
    assert (deleted.exit_code, deleted.stdout) == (0, f"deleted: {listed['id']}\n")
    assert (gone.exit_code, gone.stderr.startswith("error: there is no function ")) == (1, True)
    assert (none.exit_code, none.stdout, none.stderr) == (0, "", "no functions\n")


async def test_listing_ends_at_the_limit_and_asks_for_no_more_than_it_needs():
    async with Sandbox() as sandbox:
        for number in range(3):
            name = ("functions", "create", f"f{number}", "--description", "x", "--type", "form")
            await run(sandbox, *name)
        few = await run(sandbox, "functions", "list", "--limit", "2", "--json")
        requests = sandbox.report()["requests"]
    assert [each["name"] for each in json.loads(few.stdout)] == ["f0", "f1"]
    assert requests == {"create_function": 3, "list_functions": 1}


async def test_deleting_asks_by_name(monkeypatch):
    monkeypatch.setattr("cliq_async.cli.prompts.is_terminal", lambda: True)
    async with Sandbox() as sandbox:
        function_id = await make(sandbox, *BUTTON)
        no = await run(sandbox, "functions", "delete", function_id, stdin="n\n")
        place = ("functions", "delete-handler", function_id, "button")
        handler = await run(sandbox, *place, stdin="n\n")
        requests = sandbox.report()["requests"]
        default = await run(sandbox, *place, "--yes")
        yes = await run(sandbox, "functions", "delete", function_id, stdin="y\n")
    question = "Delete the function approve permanently? [y/N] "
    assert (no.exit_code, no.stderr) == (1, f"{question}not deleted\n")
    question = "Delete the button_handler of approve permanently? [y/N] "
    assert (handler.exit_code, handler.stderr) == (1, f"{question}not deleted\n")
    assert requests == {"create_function": 1, "get_function": 2}
    assert default.exit_code == 1
    assert "default_handler_delete_not_allowed" in default.stderr
    assert yes.exit_code == 0


# Handlers.


async def test_a_handler_is_made_shown_changed_and_deleted(script):
    async with Sandbox() as sandbox:
        function_id = await make(sandbox, *BUTTON)
        place = (function_id, "button")
        made = await run(sandbox, "functions", "create-handler", *place, "--script", script)
        got = await run(sandbox, "functions", "get-handler", *place)
        alone = await run(sandbox, "functions", "get-handler", *place, "--script-only")
        update = ("functions", "update-handler", *place, "--script", "-")
        changed = await run(sandbox, *update, stdin="return Map();")
        as_json = await run(sandbox, "functions", "get-handler", *place, "--json")
        deleted = await run(sandbox, "functions", "delete-handler", *place, "--yes")
        gone = await run(sandbox, "functions", "get-handler", *place)
    assert (made.exit_code, made.stdout) == (0, f"created: button_handler of {function_id}\n")
    assert '\nresponse.put("text", "Hällo");\n' in got.stdout
    assert "event STRING" in got.stdout
    assert alone.stdout_bytes == SCRIPT.encode()
    assert changed.stdout == f"updated: button_handler of {function_id}\n"
    after = json.loads(as_json.stdout)
    assert (after["type"], after["function_id"]) == ("button_handler", function_id)
    assert after["script"] == "return Map();"
    assert deleted.stdout == f"deleted: button_handler of {function_id}\n"
    assert (gone.exit_code, gone.stderr.startswith("error: get_function_handler: ")) == (1, True)


async def test_a_webhook_functions_handler_has_permissions():
    async with Sandbox() as sandbox:
        place = (await make(sandbox, *HOOK), "button")
        permissions = ("--permission", "user", "--permission", "chat")
        made = await run(sandbox, "functions", "create-handler", *place, *permissions, "--json")
        got = await run(sandbox, "functions", "get-handler", *place)
        alone = await run(sandbox, "functions", "get-handler", *place, "--script-only")
        changed = await run(sandbox, "functions", "update-handler", *place, "--no-permissions")
    assert json.loads(made.stdout)["type"] == "button_handler"
    assert "permissions  user, chat\n" in got.stdout
    assert (alone.exit_code, alone.stderr) == (1, "error: the button_handler has no script\n")
    assert changed.exit_code == 0


# Options.


@pytest.fixture
def asked(monkeypatch):
    """The arguments that the SDK was called with."""
    calls = []

    async def create(_self, new):
        calls.append(new)
        return Function(id="", name="")

    async def update(_self, function_id, changes):
        calls.append((function_id, changes))
        return Function(id="1", name="new", extra={"modified": 5})

    async def create_handler(_self, function_id, new):
        calls.append((function_id, new))
        return FunctionHandler(type=new.type, function_id=function_id)

    async def update_handler(_self, function_id, kind, changes):
        calls.append((function_id, kind, changes))
        return FunctionHandler(type=kind, function_id=function_id)

    async def get_handler(_self, function_id, kind):
        calls.append((function_id, kind))
        return FunctionHandler(type=kind, script="a\x1b[2J\n\tb")

    for method in (create, update, create_handler, update_handler, get_handler):
        monkeypatch.setattr(Functions, method.__name__, method)
    return calls


def test_every_option_of_a_new_function_is_sent(asked):
    result = invoke(*HOOK, "--token", SECRET)
    assert (result.exit_code, result.stdout) == (0, "created: approve\n")
    assert result.stderr.startswith("warning: the function was created, but the answer has no id")
    assert asked == [
        NewFunction(
            "approve",
            description="Approves an expense",
            function_type="button",
            execution_type="webhook",
            execution_url=URL,
        )
    ]


def test_options_that_are_not_given_are_not_sent(asked):
    token = ("--token", SECRET)
    changed = invoke("functions", "update", "1", "--name", "new", "--json", *token)
    assert json.loads(changed.stdout) == {"id": "1", "name": "new", "modified": 5}
    handler = ("1", "form_view")
    invoke("functions", "create-handler", *handler, "--no-permissions", *token)
    invoke("functions", "update-handler", *handler, "--permission", "user", *token)
    assert asked == [
        ("1", FunctionChanges(name="new")),
        ("1", NewFunctionHandler("form_view_handler", permissions=())),
        ("1", "form_view_handler", FunctionHandlerChanges(permissions="user")),
    ]


@pytest.mark.parametrize("given", [*FUNCTION_HANDLER_TYPES, "button", "form_dynamic_select"])
def test_every_type_can_be_named_with_and_without_its_end(asked, given):
    result = invoke("functions", "get-handler", "1", given, "--token", SECRET)
    assert result.stdout.endswith("\n\na [2J\n\tb\n")
    assert asked == [("1", given.removesuffix("_handler") + "_handler")]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("create", "f", "--description", "x"), "--type is missing"),
        (("create", "f", "--type", "form"), "--description is missing"),
        (("create", "f", "--description", "x", "--type", "menu"), "error: --type: one of"),
        (("create", "f" * 31, "--description", "x", "--type", "form"), "error: NAME: "),
        (
            ("create", "f", "--description", "x", "--type", "form", "--execution-url", URL),
            "error: --execution-url: left out unless --execution-type is webhook",
        ),
        (
            ("create", "f", "--description", "", "--type", "form"),
            "error: --description: 1 to 300 characters, got 0",
        ),
        (("update", "1"), "nothing to change: give --name, --description or --execution-url"),
        (("update", "a/b", "--name", "x"), "error: FUNCTION: "),
        (("update", "1", "--name", ""), "error: --name: "),
        (("update", "1", "--execution-url", "x"), "error: --execution-url: an http:// or https://"),
        (("get", "a/b"), "error: FUNCTION: "),
        (("list", "--limit", "0"), "--limit"),
        (("delete", "1"), "error: not a terminal, so there is no one to confirm: pass --yes"),
        (("create-handler", "1", "button"), "give --script, --permission or --no-permissions"),
        (("update-handler", "1", "button"), "give --script, --permission or --no-permissions"),
        (("create-handler", "1", "message", "--no-permissions"), "error: TYPE: one of"),
        (("create-handler", "1", "button", "--permission", "location"), "error: --permission: "),
        (
            ("create-handler", "1", "form_view", "--permission", "chat"),
            "error: --permission 1: one of user for a form_view_handler, got 'chat'",
        ),
        (
            ("update-handler", "1", "form_view", "--permission", "chat"),
            "error: --permission 1: one of user for a form_view_handler, got 'chat'",
        ),
        (
            ("update-handler", "1", "button", "--script", __file__, "--no-permissions"),
            "give either --script or permissions: a function takes one of them",
        ),
        (("get-handler", "1", "button", "--script-only", "--json"), "give either --script-only or"),
        (("delete-handler", "1", "button"), "error: not a terminal"),
    ],
)
def test_a_wrong_argument_is_named_as_it_was_typed(args, said):
    options = ("--token", SECRET, "--base-url", "http://127.0.0.1:1")
    result = invoke("functions", *args, *options)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "FunctionHandlerChanges" not in result.stderr
