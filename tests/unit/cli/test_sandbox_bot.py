"""A bot that runs with a sandbox: its deadline, its environment, and reloads."""

import asyncio
import os
import sys
from contextlib import asynccontextmanager

import pytest
from support.polling import until

from cliq_async.cli.commands.sandbox_bot import BotHost
from cliq_async.cli.errors import CliError
from cliq_async.errors import ValidationError
from cliq_async.sandbox import Sandbox

SCALE = 20.0
CODE = """
import asyncio
import os

from cliq_async import CliqClient
from cliq_async.webhooks import MenuEvent, MessageEvent, WebhookBot

print("imported")
client = CliqClient.from_env()
bot = WebhookBot(os.environ["CLIQ_PUBLIC_KEY"])


@bot.message
async def answer(event: MessageEvent) -> str:
    seconds, _, text = event.text.partition(" ")
    await asyncio.sleep(float(seconds) / 20)
    return "one " + text


@bot.menu("Ping")
async def ping(event: MenuEvent) -> str:
    async with client:
        await client.messages.send("supportbot", "sent", user_ids=["55743307"])
    return "pong"
"""


@pytest.fixture
def folder(here):
    (here / "hosted_bot.py").write_text(CODE)
    yield here
    sys.modules.pop("hosted_bot", None)


@asynccontextmanager
async def hosted(folder, *, reference="hosted_bot:bot", wait_s=15.0, **options):
    async with (
        Sandbox(time_scale=SCALE, event_wait_s=wait_s, **options) as sandbox,
        BotHost(sandbox, reference, folder, wait_s=wait_s, time_scale=SCALE) as host,
    ):
        yield sandbox, host


@pytest.fixture
def errors(capsys):
    """Return standard error as far as it has come."""
    text = ""

    def read():
        nonlocal text
        text += capsys.readouterr().err
        return text

    return read


def change(folder, old, new):
    path = folder / "hosted_bot.py"
    path.write_text(path.read_text().replace(old, new))


async def test_without_cliq_toml_it_is_supportbot_and_its_clients_use_the_sandbox(
    folder, monkeypatch, capsys
):
    monkeypatch.setenv("CLIQ_ACCESS_TOKEN", "real")
    async with hosted(folder) as (sandbox, host):
        assert host.name == "supportbot"
        assert sandbox.webhook_bots == ("supportbot",)
        assert os.environ["CLIQ_ACCESS_TOKEN"] != "real"
        delivery = await sandbox.choose("supportbot", "Ping")
        assert delivery.answer == {"text": "pong"}
        assert [each["body"]["text"] for each in sandbox.messages] == ["sent", "pong"]
    assert os.environ["CLIQ_ACCESS_TOKEN"] == "real"
    assert "CLIQ_PUBLIC_KEY" not in os.environ
    assert capsys.readouterr() == ("", "imported\n")


async def test_cliq_toml_names_it_and_its_address_is_not_needed(folder):
    (folder / "cliq.toml").write_text(
        '[bots.other]\nname = "Other"\n[bots.hello]\napp = "hosted_bot:bot"\nname = "Hello You"\n'
        'description = "Hi"\nexecution_url = "${NO_SUCH_VARIABLE}"\n'
    )
    async with hosted(folder) as (sandbox, host):
        assert host.name == "helloyou"
        assert (await sandbox.say("helloyou", "0 hi")).answer == {"text": "one hi"}


@pytest.mark.parametrize(
    ("wait_s", "options"),
    [(5.0, {}), (15.0, {}), (5.0, {"host": "0.0.0.0"}), (5.0, {"host": "::1"})],
)
async def test_late_answers_come_whatever_the_sandbox_waits_and_wherever_it_is(
    folder, wait_s, options
):
    async with hosted(folder, wait_s=wait_s, **options) as (sandbox, _):
        delivery = await sandbox.say("supportbot", f"{wait_s + 2} hi")
        assert (delivery.late, delivery.answer) == (True, {"text": "one hi"})


async def test_a_change_reaches_the_bot_and_its_handlers(folder, errors):
    async with hosted(folder) as (sandbox, _):
        change(folder, '"one "', '"two "')
        change(folder, '"Ping"', '"Pling"')
        await until(lambda: errors().endswith("reloaded hosted_bot:bot\n"), every_s=0.02)
        assert (await sandbox.say("supportbot", "0 hi")).answer == {"text": "two hi"}
        assert (await sandbox.choose("supportbot", "Pling")).answer == {"text": "pong"}
        gone = await sandbox.choose("supportbot", "Ping")
        assert gone.skipped is not None


async def test_events_that_the_old_code_is_at_work_on_are_answered(folder, errors):
    async with hosted(folder) as (sandbox, _):
        asked = asyncio.create_task(sandbox.say("supportbot", "6 hi"))
        await until(lambda: sandbox.deliveries)
        change(folder, '"one "', '"two "')
        await until(lambda: "reloaded" in errors(), every_s=0.02)
        assert (await asked).answer == {"text": "one hi"}


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (
            "import os",
            "import os os",
            "importing hosted_bot:bot failed in hosted_bot.py, line 3: SyntaxError: ",
        ),
        ('"CLIQ_PUBLIC_KEY"', '"NO_KEY"', "hosted_bot.py, line 10: KeyError: 'NO_KEY'"),
        ('"Ping"', '"A menu of many letters"', "in hosted_bot.py, line 20: ValidationError"),
    ],
)
async def test_a_change_that_cannot_be_loaded_leaves_the_old_code(folder, errors, old, new, reason):
    async with hosted(folder) as (sandbox, _):
        change(folder, old, new)
        await until(lambda: "runs on" in errors(), every_s=0.02)
        assert reason in errors()
        assert (await sandbox.say("supportbot", "0 hi")).answer == {"text": "one hi"}
        change(folder, new, old)
        change(folder, '"one "', '"two "')
        await until(lambda: "reloaded" in errors(), every_s=0.02)
        assert (await sandbox.say("supportbot", "0 hi")).answer == {"text": "two hi"}


async def test_a_folder_that_cannot_be_watched_is_a_warning(folder, errors, monkeypatch):
    async def awatch(*_, **__):
        raise OSError("OS file watch limit reached")
        yield

    monkeypatch.setattr("cliq_async.cli.commands.sandbox_bot.awatch", awatch)
    async with hosted(folder) as (sandbox, _):
        assert errors().splitlines()[-1] == (
            "warning: the bot is not reloaded any more: OS file watch limit reached"
        )
        assert (await sandbox.say("supportbot", "0 hi")).answer == {"text": "one hi"}


async def test_a_sandbox_full_of_bots_has_no_place_for_it(folder):
    (folder / "cliq.toml").write_text(
        '[bots.hello]\napp = "hosted_bot:bot"\nname = "Hello"\ndescription = "Hi"\n'
    )
    with pytest.raises(CliError, match="the limit is 1000"):
        async with hosted(folder, bots=1000):
            pass


async def test_an_error_at_the_start_ends_it(folder):
    change(folder, "import os", "import os os")
    with pytest.raises(ValidationError, match=r"hosted_bot\.py, line 3: SyntaxError"):
        async with hosted(folder):
            pass
    assert "CLIQ_PUBLIC_KEY" not in os.environ


async def test_only_a_webhook_bot_can_run(folder):
    (folder / "hosted_bot.py").write_text("class Bot:\n    handlers = tuple\n\n\nbot = Bot()\n")
    with pytest.raises(ValidationError, match="--bot: a WebhookBot, got 'Bot'"):
        async with hosted(folder):
            pass


async def test_a_description_that_is_not_valid_names_the_file(folder):
    (folder / "cliq.toml").write_text('[bots.hello]\napp = "hosted_bot:bot"\nname = ""\n')
    with pytest.raises(CliError, match=r"cliq\.toml line 3: bots\.hello\.name: "):
        async with hosted(folder):
            pass
