"""A file of synced subscribers as the recipients of a command."""

import os

import click
import pytest
from support.cli import SECRET, run, zuids
from support.spoiled_files import foreign
from support.subscriber_lists import Cliq

from cliq_async.cli.errors import CliError
from cliq_async.cli.inputs.recipient_file import RecipientFile
from cliq_async.sandbox import Sandbox, user_label

SYNC = ("subscribers", "sync")


async def test_a_broadcast_reaches_those_who_are_there_each_once(path):
    async with Sandbox(bots=2, subscribers=120) as sandbox:
        sandbox.subscribe("helperbot2", 7)
        args = (*SYNC, "supportbot", "helperbot2", "--into", str(path), "--full")
        await run(sandbox, *args)
        sandbox.unsubscribe("supportbot", *zuids(3))
        await run(sandbox, *args)
        sandbox.subscribe("supportbot", *zuids(3))  # so that a message would reach them
        options = ("--to", str(path), "--text", "hi")
        sent = await run(sandbox, "broadcast", "supportbot", *options)
        report = sandbox.report(user=user_label(SECRET), recipients=True)
    assert sent.exit_code == 0, sent.stderr
    assert sorted(report["recipients"]) == sorted(zuids(120)[3:])
    assert report["delivered"] == {"recipients": 117, "total": 117, "max_per_recipient": 1}
    assert sent.stderr.startswith(f"sending to 117 recipients from {path}")


async def read(path, column=None, *, bot=None):
    """What a command with a BOT gets as recipients."""
    command = click.Command("broadcast", params=[click.Argument(["bot"])])
    with click.Context(command) as context:
        context.params = {} if bot is None else {"bot": bot}
        with RecipientFile(str(path), column) as recipients:
            total = await recipients.start()
            return total, [each async for each in recipients]


async def test_recipients_are_those_of_the_commands_bot_or_of_all_without_one(synced):
    assert await read(synced, bot="ops") == (3, ["102", "103", "104"])
    assert await read(synced, "user_id", bot="hr") == (4, ["100", "103", "104", "7"])
    assert await read(synced) == (5, ["100", "102", "103", "104", "7"])


async def test_a_synced_file_is_known_by_its_content_and_not_by_its_name(synced):
    other = synced.rename(synced.with_name("people.csv"))
    assert await read(other, bot="ops") == (3, ["102", "103", "104"])
    for name, content in (("ids.db", b"1\n2\n"), ("short.db", b"SQLite"), ("empty.db", b"")):
        text = synced.with_name(name)
        text.write_bytes(content)
        assert (await read(text, bot="ops"))[1] == content.decode().split()


async def test_recipients_stay_those_of_the_beginning_while_it_is_synced_again(synced):
    with RecipientFile(str(synced), None) as recipients:
        assert await recipients.start() == 5
        await Cliq.of(1, "ops", "hr").sync(synced, ["ops", "hr"], full=True)
        assert len([each async for each in recipients]) == 5
    assert await read(synced) == (1, ["100"])


async def test_many_recipients_come_in_pieces(path):
    await Cliq.of(2500).sync(path, limit=50)
    total, ids = await read(path, bot="ops")
    assert total == len(set(ids)) == 2500


@pytest.mark.parametrize(
    ("column", "bot", "said"),
    [
        ("email_id", "ops", "the ids of a synced list are in user_id: leave out --column"),
        (None, "nobot", "no subscribers of nobot; it has those of hr, ops"),
    ],
)
async def test_recipients_that_cannot_be_had_are_wrong_usage(synced, column, bot, said):
    with pytest.raises(CliError) as caught:
        await read(synced, column, bot=bot)
    assert said in str(caught.value)
    assert caught.value.status == 2


async def test_half_a_list_is_not_broadcast_to(path):
    cliq = Cliq.of(25)
    cliq.before = lambda request: (403, {}) if "next_token" in request.query else None
    await cliq.sync(path)
    with pytest.raises(CliError, match="only some of the subscribers of ops"):
        await read(path, bot="ops")


async def test_a_database_of_another_program_has_no_recipients(path):
    foreign(path)
    with pytest.raises(CliError, match="a database of another program"):
        await read(path, bot="ops")


async def test_a_list_on_standard_input_is_asked_for_by_its_name(synced):
    async with Sandbox() as sandbox:
        result = await run(
            sandbox,
            *("broadcast", "supportbot", "--to", "-", "--text", "hi"),
            stdin=synced.read_bytes(),
        )
        assert sandbox.report()["requests"] == {}
    assert result.exit_code != 0
    assert "this is a database: pass its path instead" in result.output


async def test_a_pipe_is_not_looked_into(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writing = os.open(path, os.O_RDWR)
    try:
        os.write(writing, b"1\n2\n")
        with RecipientFile(str(path), None) as recipients:
            assert await recipients.start() is None
            ids = aiter(recipients)
            assert [await anext(ids), await anext(ids)] == ["1", "2"]
    finally:
        os.close(writing)
