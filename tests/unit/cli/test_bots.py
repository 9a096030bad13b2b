import base64
import json

import pytest
from support.cli import SECRET, invoke, run

from cliq_async.models.bot import Bot, BotChanges, NewBot
from cliq_async.resources.bots import Bots
from cliq_async.sandbox import Sandbox

FIRST = "53719000001878011"
CREATE = ("bots", "create", "Ops Bot", "--description", "Tells what is on fire")


async def test_a_bot_is_made_shown_changed_and_deleted():
    async with Sandbox() as sandbox:
        made = json.loads((await run(sandbox, *CREATE, "--json")).stdout)
        bot_id = made["id"]
        update = ("bots", "update", bot_id, "--name", "Fire Bot", "--status-message", "At work")
        changed = await run(sandbox, *update)
        got = json.loads((await run(sandbox, "bots", "get", bot_id, "--json")).stdout)
        deleted = await run(sandbox, "bots", "delete", bot_id, "--yes")
        gone = await run(sandbox, "bots", "get", bot_id)
        requests = sandbox.report()["requests"]
    assert made["name"] == "Ops Bot"
    assert (changed.exit_code, changed.stdout) == (0, f"updated: {bot_id}\n")
    assert (got["name"], got["status_messages"]) == ("Fire Bot", ["At work"])
    assert got["unique_name"] == made["unique_name"]
    assert (deleted.exit_code, deleted.stdout) == (0, f"deleted: {bot_id}\n")
    assert gone.exit_code == 1
    assert gone.stderr.startswith("error: there is no bot with the id or unique name ")
    assert requests == {
        "create_bot": 1,
        "update_bot": 1,
        "get_bot": 2,
        "delete_bot": 1,
        "list_bots": 1,
    }


async def test_making_a_bot_prints_its_id_and_its_unique_name():
    async with Sandbox() as sandbox:
        result = await run(sandbox, *CREATE)
        listed = json.loads((await run(sandbox, "bots", "list", "--json")).stdout)
    ours = next(bot for bot in listed if bot["name"] == "Ops Bot")
    assert result.stdout.splitlines() == [
        "created: Ops Bot",
        f"id {ours['id']}",
        f"unique_name {ours['unique_name']}",
    ]


async def test_changing_a_bot_as_json_is_the_bot():
    async with Sandbox() as sandbox:
        result = await run(sandbox, "bots", "update", FIRST, "--no-calls", "--json")
    bot = json.loads(result.stdout)
    assert (bot["id"], bot["calls"]) == (FIRST, "disabled")


async def test_listing_shows_ids_and_unique_names_in_columns():
    async with Sandbox(bots=3) as sandbox:
        result = await run(sandbox, "bots", "list")
    lines = result.stdout.splitlines()
    assert (result.exit_code, result.stderr) == (0, "")
    assert lines[0].split("  ")[0] == "id"
    assert lines[1].split() == [
        FIRST,
        "supportbot",
        *["Support", "Bot", "organization", "enabled", "100"],
    ]
    assert len(lines) == 4


async def test_listing_ends_at_the_limit_and_asks_for_no_more_than_it_needs():
    async with Sandbox(bots=120) as sandbox:
        few = await run(sandbox, "bots", "list", "--limit", "2", "--json")
        many = await run(sandbox, "bots", "list", "--limit", "60")
        every = await run(sandbox, "bots", "list", "--json")
        requests = sandbox.report()["requests"]
    assert [bot["unique_name"] for bot in json.loads(few.stdout)] == ["supportbot", "helperbot2"]
    assert len(many.stdout.splitlines()) == 61
    assert len(json.loads(every.stdout)) == 120
    assert requests == {"list_bots": 1 + 2 + 3}


async def test_listing_can_be_searched():
    async with Sandbox(bots=9) as sandbox:
        found = await run(
            sandbox, "bots", "list", "--search", "helper", "--scope", "team", "--json"
        )
        none = await run(sandbox, "bots", "list", "--search", "nothing like it")
    assert {bot["scope"] for bot in json.loads(found.stdout)} == {"team"}
    assert (none.exit_code, none.stdout, none.stderr) == (0, "", "no bots\n")


async def test_a_bot_is_shown_with_its_handlers_and_its_subscribers():
    async with Sandbox(subscribers=2) as sandbox:
        short = await run(sandbox, "bots", "get", FIRST)
        long = await run(sandbox, "bots", "get", FIRST, "--subscribers")
        as_json = await run(sandbox, "bots", "get", FIRST, "--subscribers", "--json")
    assert short.exit_code == long.exit_code == as_json.exit_code == 0
    assert "unique name     supportbot\n" in short.stdout
    assert "\n\nhandler" in short.stdout
    assert "welcome_handler" in short.stdout
    assert "scott.fisher.1@example.com" not in short.stdout
    assert "scott.fisher.1@example.com" in long.stdout
    assert "scott.fisher.1@example.com" in as_json.stdout
    assert "extra" not in json.loads(as_json.stdout)


def test_what_comes_besides_is_shown_whatever_it_is(monkeypatch):
    async def get(_self, _bot_id, *, fields):
        assert fields == "subscription_details"
        people = [{"name": "Ann\x1b[2J", "at": {"team": 7}}, {"name": None, "since": 2020}]
        extra = {"people": people, "some": {"count": 2}, "more": []}
        return Bot(id="1", unique_name="b", name="B", extra=extra)

    monkeypatch.setattr(Bots, "get", get)
    result = invoke("bots", "get", "1", "--subscribers", "--token", SECRET)
    assert result.stdout.partition("people:\n")[2].splitlines() == [
        "name     at           since",
        'Ann [2J  {"team": 7}',
        "                      2020",
        "",
        "some:",
        '{"count": 2}',
        "",
        "more:",
        "[]",
    ]


@pytest.fixture
def sent(monkeypatch):
    """The models that would be sent."""
    models = []

    async def create(_self, new):
        models.append(new)
        return Bot(id="", unique_name="", name="")

    async def update(_self, _bot_id, changes):
        models.append(changes)
        return Bot(id="", unique_name="", name="")

    monkeypatch.setattr(Bots, "create", create)
    monkeypatch.setattr(Bots, "update", update)
    return models


def test_every_option_of_a_new_bot_is_sent(sent, tmp_path):
    image = tmp_path / "bot.png"
    image.write_bytes(b"\x89PNG")
    options = (
        *("--execution-type", "webhook", "--execution-url", "https://example.com/cliq"),
        *("--scope", "team", "--team", "7", "--team", "8", "--status-message", "Hello"),
        *("--status-message", "Bye", "--participation", "listen_message", "--calls"),
        *("--image", str(image)),
    )
    result = invoke(*CREATE, *options, "--token", SECRET)
    assert result.exit_code == 0
    expected = NewBot(
        "Ops Bot",
        description="Tells what is on fire",
        execution_type="webhook",
        execution_url="https://example.com/cliq",
        scope="team",
        team_ids=(7, 8),
        status_messages=("Hello", "Bye"),
        channel_participation="listen_message",
        calls="enabled",
        image=base64.b64encode(b"\x89PNG").decode(),
    )
    assert sent == [expected]


def test_what_is_not_given_is_not_sent_and_what_is_taken_away_is(sent):
    update = ("bots", "update", "1", "--token", SECRET)
    assert invoke(*update, "--description", "New").exit_code == 0
    assert invoke(*update, "--no-status-messages", "--no-participation").exit_code == 0
    assert invoke(*update, "--no-calls").exit_code == 0
    assert sent == [
        BotChanges(description="New"),
        BotChanges(status_messages=(), channel_participation=()),
        BotChanges(calls="disabled"),
    ]


@pytest.mark.usefixtures("sent")
def test_a_bot_whose_answer_cannot_be_read_was_made():
    result = invoke(*CREATE, "--token", SECRET)
    assert (result.exit_code, result.stdout) == (0, "created: Ops Bot\n")
    assert "warning: the bot was created, but the answer has no id" in result.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("bots", "create", "x" * 21, "--description", "d"), "error: NAME: 1 to 20"),
        (("bots", "create", "x"), "--description is missing"),
        ((*CREATE, "--scope", "team"), "error: --team: 1 to 4 ids when the scope is team"),
        ((*CREATE, "--scope", "all"), "error: --scope: "),
        ((*CREATE, "--team", "x"), "error: --team: "),
        ((*CREATE, "--execution-type", "webhook"), "error: --execution-url: a URL when"),
        ((*CREATE, "--execution-url", "https://e.com"), "error: --execution-url: left out unless"),
        (
            (*CREATE, "--status-message", "ok", "--status-message", "x" * 51),
            "error: --status-message 2: 1 to 50 characters, got 51\n",
        ),
        ((*CREATE, "--image", "/nowhere.png"), "there is no file"),
        (("bots", "update", "1"), "nothing to change: give --name, --description or another"),
        (("bots", "update", "1", "--name", ""), "error: --name: 1 to 20 characters"),
        (("bots", "update", "a/b", "--name", "x"), "error: BOT: a non-empty text"),
        (
            ("bots", "update", "1", "--no-status-messages", "--status-message", "x"),
            "give either --no-status-messages or values for it",
        ),
        (("bots", "get", "a\tb"), "error: BOT: "),
        (("bots", "delete", "..", "--yes"), "error: BOT: "),
        (("bots", "list", "--limit", "0"), "error: --limit: "),
    ],
)
def test_what_is_wrong_is_named_as_it_was_typed(args, said):
    result = invoke(*args, "--token", SECRET, "--base-url", "http://127.0.0.1:1")
    assert result.exit_code == 2
    assert said in result.stderr
    assert "NewBot" not in result.stderr


def test_an_image_that_cannot_be_read_is_wrong_usage(tmp_path, monkeypatch):
    image = tmp_path / "bot.png"
    image.write_bytes(b"x")

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    result = invoke(*CREATE, "--image", str(image), "--token", SECRET)
    assert (result.exit_code, result.stderr) == (2, f"error: {image}: Permission denied\n")


async def test_a_bot_that_may_have_been_made_is_not_a_failure():
    async with Sandbox(faults=["lost:1@create_bot"]) as sandbox:
        result = await run(sandbox, *CREATE, "--timeout", "0.2")
    assert result.exit_code == 4
    assert "it may or may not have happened" in result.stderr


async def test_the_quota_is_not_waited_for_longer_than_allowed():
    async with Sandbox(faults=["throttle-429:1"]) as sandbox:
        result = await run(sandbox, "bots", "get", FIRST, "--max-wait", "1")
    assert result.exit_code == 3
    assert "; locked until " in result.stderr


async def test_a_name_that_is_taken_fails():
    async with Sandbox() as sandbox:
        await run(sandbox, *CREATE)
        result = await run(sandbox, *CREATE)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: create_bot: ")
    assert result.stderr.count("\n") == 1
