"""Bots and functions by either of their names, and the requests that this takes."""

import json

import pytest
from support.cli import run, zuids

from cliq_async.sandbox import Sandbox

ID = "53719000001878011"
NAME = "supportbot"
ONE = zuids(1)[0]


@pytest.fixture(autouse=True)
def files(here):
    (here / "ids.txt").write_text(ONE)
    (here / "script.dg").write_text("return Map();")
    return here


async def taken(sandbox, *args):
    """The requests that a command takes; it must succeed."""
    before = sandbox.report()["requests"]
    result = await run(sandbox, *args)
    assert result.exit_code == 0, result.stderr
    after = sandbox.report()["requests"]
    return {
        name: after[name] - before.get(name, 0)
        for name in after
        if after[name] != before.get(name, 0)
    }


async def test_the_unique_name_of_an_id_is_looked_up_once():
    async with Sandbox(subscribers=1) as sandbox:
        first = await taken(sandbox, "send", ID, "hi", "--to", ONE)
        second = await taken(sandbox, "incoming", f"b-{ID}", "a=b")
        job = await taken(sandbox, "broadcast", ID, "--to", "ids.txt", "--text", "hi")
    assert first == {"list_bots": 1, "send_message": 1}
    assert second == {"get_bot": 1, "send_incoming_webhook": 1}  # which makes sure
    assert job == {"get_bot": 1, "send_message": 1}


async def test_the_id_of_a_unique_name_is_looked_up_once():
    async with Sandbox() as sandbox:
        first = await taken(sandbox, "bots", "get", NAME)
        second = await taken(sandbox, "bots", "get", NAME)
        change = await taken(sandbox, "bots", "update", NAME, "--name", "Help")
    assert first == {"list_bots": 1, "get_bot": 1}
    assert second == {"get_bot": 1}
    assert change == {"get_bot": 1, "update_bot": 1}  # a change makes sure


@pytest.mark.parametrize(
    "args",
    [
        ("bots", "get", ID),
        ("handlers", "get", f"b-{ID}", "welcome"),
        ("send", NAME, "hi", "--to", ONE),
        ("subscribers", "list", ID, "--limit", "1"),
        ("subscribers", "list", NAME, "--limit", "1"),
    ],
)
async def test_a_name_that_fits_is_not_looked_up(args):
    async with Sandbox() as sandbox:
        assert sum((await taken(sandbox, *args)).values()) == 1


async def test_a_list_of_many_pages_is_kept_for_all_bots():
    async with Sandbox(bots=120) as sandbox:
        assert await taken(sandbox, "bots", "get", "helperbot120") == {"list_bots": 3, "get_bot": 1}
        assert await taken(sandbox, "bots", "get", "helperbot7") == {"get_bot": 1}


async def test_accounts_keep_lists_of_their_own():
    async with Sandbox() as sandbox:
        await taken(sandbox, "bots", "get", NAME)
        other = await taken(sandbox, "bots", "get", NAME, "--account", "anna")
    assert other == {"list_bots": 1, "get_bot": 1}


async def a_bot(sandbox, name):
    made = await run(sandbox, "bots", "create", name, "--description", "x", "--json")
    return json.loads(made.stdout)


async def test_an_id_that_came_again_does_not_change_another_bot():
    async with Sandbox() as sandbox:
        ops = await a_bot(sandbox, "Ops")
        await taken(sandbox, "bots", "get", "ops")
        port = sandbox.url.rpartition(":")[2]
    async with Sandbox(port=int(port)) as sandbox:  # it starts afresh
        dev = await a_bot(sandbox, "Dev")
        missing = await run(sandbox, "bots", "delete", "ops", "--yes")
        ops_again = await a_bot(sandbox, "Ops")
        update = ("bots", "update", "ops", "--name", "Oops")
        assert await taken(sandbox, *update) == {"list_bots": 1, "update_bot": 1}
        listed = json.loads((await run(sandbox, "bots", "list", "--json")).stdout)
    assert dev["id"] == ops["id"]
    assert missing.exit_code == 1
    names = {bot["id"]: bot["name"] for bot in listed}
    assert (names[dev["id"]], names[ops_again["id"]]) == ("Dev", "Oops")


async def test_a_kept_name_that_the_bot_no_longer_has_leads_to_a_new_list():
    async with Sandbox() as sandbox:
        ops = await a_bot(sandbox, "Ops")
        await taken(sandbox, "incoming", ops["id"], "a=b")
        port = sandbox.url.rpartition(":")[2]
    async with Sandbox(port=int(port)) as sandbox:
        await a_bot(sandbox, "Dev")
        found = await taken(sandbox, "incoming", ops["id"], "a=b")
        assert found == {"get_bot": 1, "list_bots": 1, "send_incoming_webhook": 1}
        await taken(sandbox, "bots", "delete", "dev", "--yes")
        gone = await run(sandbox, "incoming", ops["id"], "a=b")
    assert gone.exit_code == 1
    assert f"there is no bot with the id or unique name '{ops['id']}'" in gone.stderr


async def test_a_bulk_job_reads_the_bot_before_it_trusts_a_list_that_was_kept():
    async with Sandbox() as sandbox:
        ops = await a_bot(sandbox, "Ops")
        await taken(sandbox, "incoming", ops["id"], "a=b")
        port = sandbox.url.rpartition(":")[2]
    async with Sandbox(port=int(port)) as sandbox:
        await a_bot(sandbox, "Dev")
        await a_bot(sandbox, "Ops")
        job = ("broadcast", ops["id"], "--to", "ids.txt", "--text", "hi", "--dry-run")
        assert "/bots/dev/message" in (await run(sandbox, *job)).stdout


@pytest.mark.parametrize(
    "args",
    [("send", "hi", "--to", ONE), ("incoming", "a=b"), ("call", "hi", "--to", ONE)],
)
async def test_a_bot_that_took_over_a_name_sends_nothing_for_the_old_id(args):
    command, *options = args
    async with Sandbox() as sandbox:
        ops = await a_bot(sandbox, "Ops")
        await run(sandbox, command, ops["id"], *options)
        port = sandbox.url.rpartition(":")[2]
    async with Sandbox(port=int(port)) as sandbox:
        await a_bot(sandbox, "Dev")
        await a_bot(sandbox, "Ops")
        await taken(sandbox, "bots", "delete", "dev", "--yes")
        result = await run(sandbox, command, ops["id"], *options)
        requests = sandbox.report()["requests"]
    assert result.exit_code == 1
    assert "there is no bot with the id" in result.stderr
    assert not {"send_message", "send_incoming_webhook", "trigger_call"} & set(requests)


async def test_digits_that_are_a_name():
    async with Sandbox() as sandbox:
        made = await a_bot(sandbox, "2024")
        assert made["unique_name"] == "2024"
        assert await taken(sandbox, "incoming", "2024", "a=b") == {
            "list_bots": 1,
            "send_incoming_webhook": 1,
        }
        assert await taken(sandbox, "incoming", "2024", "a=b") == {
            "get_bot": 1,
            "send_incoming_webhook": 1,
        }
        got = json.loads((await run(sandbox, "bots", "get", "2024", "--json")).stdout)
        await taken(sandbox, "handlers", "create", "2024", "mention", "--script", "script.dg")
        assert got["id"] == made["id"]


async def test_a_name_that_is_the_id_of_another_bot_is_refused_with_what_could_be_meant():
    async with Sandbox() as sandbox:
        other = await a_bot(sandbox, ID)
        sent = await run(sandbox, "send", ID, "hi", "--broadcast")
        taken_id = await taken(sandbox, "send", other["id"], "hi", "--broadcast")
        got = json.loads((await run(sandbox, "bots", "get", ID, "--json")).stdout)
    assert sent.exit_code == 2
    assert f"use supportbot or the id {other['id']}" in sent.stderr
    assert taken_id == {"get_bot": 1, "send_message": 1}
    assert got["unique_name"] == NAME  # where ids are asked for, it is the id


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("send", "suportbot", "hi", "--broadcast"), "did you mean supportbot (Support Bot)?"),
        (("send", "Support Bot", "hi", "--broadcast"), "did you mean supportbot (Support Bot)?"),
        (
            ("broadcast", "Support Bot", "--to", "ids.txt", "--text", "hi"),
            "did you mean supportbot (Support Bot)?",
        ),
        (("bots", "get", "Support Bot"), "did you mean supportbot (Support Bot)?"),
        (("handlers", "list", "SupportBot"), "did you mean supportbot (Support Bot)?"),
        (("send", "nobody", "hi", "--broadcast"), "'nobody': `cliq bots list` shows them"),
        (("handlers", "get", "1", "menu"), "'1': `cliq bots list` shows them"),
        (("functions", "get", "aprove"), "did you mean approve?"),
    ],
)
@pytest.mark.parametrize("dialect", ["seed", "live"])
async def test_a_refusal_says_what_could_be_meant(args, said, dialect):
    async with Sandbox(dialect=dialect) as sandbox:
        function = ("approve", "--description", "x", "--type", "button")
        await run(sandbox, "functions", "create", *function)
        result = await run(sandbox, *args)
    assert result.exit_code == 1
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


async def test_a_token_that_cannot_list_bots_can_still_send():
    scopes = "ZohoCliq.Webhooks.CREATE"
    async with Sandbox(scopes=scopes) as sandbox:
        await taken(sandbox, "send", NAME, "hi", "--to", ONE)
        missing = await run(sandbox, "send", "nobody", "hi", "--to", ONE)
        by_id = await run(sandbox, "send", ID, "hi", "--to", ONE)
        read = await run(sandbox, "bots", "get", NAME)
    assert "there is no bot with the id or unique name 'nobody'" in missing.stderr
    assert "there is no bot with the id or unique name" in by_id.stderr
    assert "give the id of 'supportbot', since it cannot be looked up: list_bots" in read.stderr
    assert {each.exit_code for each in (missing, by_id, read)} == {1}


async def test_a_refusal_for_another_reason_is_told_as_it_is():
    async with Sandbox() as sandbox:
        unknown = await run(sandbox, "associate", NAME, "nochannel")
        no_handler = await run(sandbox, "handlers", "get", NAME, "menu")
    assert "; the bot exists, so something else does not" in unknown.stderr
    assert "execution_handler_not_found" in no_handler.stderr


async def test_a_synced_list_knows_the_bot_by_either_name(here):
    async with Sandbox(subscribers=3) as sandbox:
        await taken(sandbox, "subscribers", "sync", ID, "--into", "people.db")
        for given in (ID, NAME):
            result = await run(sandbox, "broadcast", given, "--to", "people.db", "--text", "hi")
            assert result.exit_code == 0, result.stderr
        export = ("subscribers", "export", "--from", "people.db", "--bot", NAME)
        assert len((await run(sandbox, *export)).stdout.splitlines()) == 4


async def test_a_journal_knows_the_bot_by_either_name():
    job = ("--to", "ids.txt", "--text", "hi", "--journal", "job.journal")
    async with Sandbox(subscribers=1) as sandbox:
        first = await run(sandbox, "broadcast", ID, *job)
        again = await run(sandbox, "broadcast", NAME, *job)
    assert (first.exit_code, again.exit_code) == (0, 5)


async def test_functions_by_their_names(here):
    async with Sandbox() as sandbox:
        create = ("create", "approve", "--description", "x", "--type", "button", "--json")
        made = json.loads((await run(sandbox, "functions", *create)).stdout)
        for given in ("approve", made["id"]):
            script = ("button", "--script", "script.dg")
            await taken(sandbox, "functions", "create-handler", given, *script)
            await taken(sandbox, "functions", "get-handler", given, "button")
            await taken(sandbox, "functions", "update-handler", given, *script)
            await taken(sandbox, "functions", "update", given, "--description", "y")
            await taken(sandbox, "functions", "delete-handler", given, "button", "--yes")
            got = json.loads((await run(sandbox, "functions", "get", given, "--json")).stdout)
            assert got["id"] == made["id"]
        lists = sandbox.report()["requests"]["list_functions"]
        await taken(sandbox, "functions", "delete", "approve", "--yes")
    assert lists == 1


async def test_a_lookup_goes_through_the_quota_and_a_hint_does_not_wait_for_it(files):
    (files / "cliq.toml").write_text("[limits]\nlist_bots = 1\n")
    async with Sandbox() as sandbox:
        await taken(sandbox, "bots", "list")
        by_id = await run(sandbox, "send", ID, "hi", "--to", ONE, "--max-wait", "0")
        unknown = await run(sandbox, "send", "nobody", "hi", "--to", ONE)
        requests = sandbox.report()["requests"]
    assert (by_id.exit_code, unknown.exit_code) == (3, 1)
    assert "error: list_bots: the quota is spent" in by_id.stderr
    assert "there is no bot" in unknown.stderr
    assert requests == {"list_bots": 1, "send_message": 1}
