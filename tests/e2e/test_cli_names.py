"""Every command that takes a bot takes it by its id and by its unique name, in both dialects."""

import pytest
from support.cli import run, zuids

from cliq_async.sandbox import Sandbox

NAME = "supportbot"
ID = "53719000001878011"
ONE = zuids(1)[0]
BY_ID = {
    "bots get": (),
    "bots update": ("--name", "Help"),
    "handlers list": (),
    "handlers get": ("welcome",),
    "handlers create": ("mention", "--script", "script.dg"),
    "handlers update": ("welcome", "--script", "script.dg"),
    "handlers delete": ("mention", "--yes"),
    "bots delete": ("--yes",),
}
BY_NAME = {
    "send": ("hi", "--to", ONE),
    "incoming": ("a=b",),
    "call": ("hi", "--to", ONE),
    "associate": ("releases",),
    "broadcast": ("--to", "ids.txt", "--text", "hi"),
    "call-many": ("--to", "ids.txt", "--text", "hi"),
}
EITHER = {
    "subscribers list": (),
    "subscribers export": (),
    "subscribers sync": ("--into", "people.db"),
}


@pytest.mark.parametrize("dialect", ["seed", "live"])
@pytest.mark.parametrize("given", [NAME, ID, f"b-{ID}"])
async def test_either_name_of_a_bot_works_everywhere(dialect, given, here):
    (here / "ids.txt").write_text(ONE)
    (here / "script.dg").write_text("return Map();")
    async with Sandbox(dialect=dialect, subscribers=1) as sandbox:
        for number, (command, rest) in enumerate((BY_NAME | EITHER | BY_ID).items()):
            before = sandbox.report()["requests"].get("list_bots", 0)
            account = ("--account", f"{number}")  # each has a list of its own
            result = await run(sandbox, *command.split(), given, *rest, *account)
            assert result.exit_code == 0, (command, result.stderr)
            looked_up = sandbox.report()["requests"].get("list_bots", 0) - before
            fits = (given == NAME) == (command not in BY_ID)
            if command in EITHER:  # a synced list has the bot under its unique name
                fits = given == NAME or command != "subscribers sync"
            assert (command, looked_up) == (command, not fits)


@pytest.fixture
def here(places):
    return places / "work"
