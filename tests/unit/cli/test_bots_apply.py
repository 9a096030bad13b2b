"""`cliq bots plan`, `apply` and `pull` in a folder with a `cliq.toml`."""

import json

import pytest
from support.cli import invoke, run
from support.deployments import LIMITS, Folder, connected

from cliq_async.cli.bot_project import print_reading
from cliq_async.cli.outputs import bot_plan
from cliq_async.deploy.plan import Change
from cliq_async.deploy.planner import make_plan
from cliq_async.sandbox import Sandbox

TOML = """
account = "ann"

[bots.desk]
name = "Desk Bot"
description = "Answers"
[bots.desk.handlers.message_handler]
script_file = "message.dg"
"""
CHANGED = TOML.replace("Answers", "Answers " * 30).replace("Desk Bot", "Help Desk")
ADDED = """
[[bots.desk.menus]]
name = "Ticket"
script_file = "message.dg"
"""


class EnoughError(Exception):
    pass


@pytest.fixture
def folder(here):
    (here / "cliq.toml").write_text(TOML)
    (here / "message.dg").write_text("return {};\n")
    return here


async def test_a_plan_says_field_by_field_what_would_be_created(folder):
    async with Sandbox() as sandbox:
        url = sandbox.url
        result = await run(sandbox, "bots", "plan")
        checked = await run(sandbox, "bots", "plan", "--check")
        requests = sandbox.report()["requests"]
    assert (result.exit_code, result.stderr, checked.exit_code) == (0, "", 1)
    assert result.stdout == (
        f"""\
desk: a new bot
  + execution_type           deluge
  + name                     Desk Bot
  + description              Answers
  + scope                    organization
  + message_handler          script: 1 line

2 steps at {url}: 2 to create; 2 requests
"""
    )
    assert checked.stdout == result.stdout
    assert requests == {"list_bots": 2}
    assert not (folder / "cliq.lock").exists()


async def test_what_is_applied_is_no_change_until_the_file_changes(folder):
    async with Sandbox() as sandbox:
        url = sandbox.url
        applied = await run(sandbox, "bots", "apply", "--yes")
        lock = json.loads((folder / "cliq.lock").read_text())
        same = await run(sandbox, "bots", "plan", "--check")
        (folder / "cliq.toml").write_text(CHANGED + ADDED)
        (folder / "message.dg").write_text('return {"text": "é"};\n')
        due = await run(sandbox, "bots", "plan", "--check")
        changed = await run(sandbox, "bots", "apply", "desk", "--yes")
        (folder / "cliq.toml").write_text(CHANGED)
        kept = await run(sandbox, "bots", "plan", "--check")
        pruned = await run(sandbox, "bots", "apply", "--prune", "--yes")
        requests = sandbox.report()["requests"]
    (entry,) = lock["servers"][url]["desk"]
    assert entry["unique_name"] == "deskbot"
    assert applied.stdout.splitlines()[-2:] == [
        "created  desk (deskbot)",
        "created  desk: message_handler",
    ]
    assert (same.exit_code, same.stdout.splitlines()[-1]) == (0, f"no changes at {url}")
    assert due.exit_code == 1
    assert due.stdout.splitlines() == [
        f"desk (deskbot, {entry['id']}):",
        "  ~ name                     Desk Bot -> Help Desk",
        "  ~ description              Answers",
        *("                             -> " + line for line in ["Answers " * 5 + "Answers"]),
        *["                               " + "Answers " * 5 + "Answers"] * 4,
        "  ~ message_handler          script: 1 line added, 1 removed",
        "      -return {};",
        '      +return {"text": "é"};',
        '  + menu "Ticket"            script: 1 line',
        "",
        f"3 steps at {url}: 1 to create, 2 to update; 3 requests",
    ]
    assert max(map(len, due.stdout.splitlines()[:-1])) <= 80
    assert changed.exit_code == 0
    assert kept.exit_code == 0
    assert '    menu "Ticket": not in cliq.toml; --prune deletes it\n' in kept.stdout
    assert pruned.stdout.endswith('deleted  desk: menu "Ticket"\n')
    assert requests["create_bot"] == requests["update_bot"] == requests["delete_handler"] == 1


async def test_a_bot_of_the_name_is_adopted(folder):
    async with Sandbox() as sandbox:
        made = await run(
            sandbox, "bots", "create", "Desk Bot", "--description", "By hand", "--json"
        )
        planned = await run(sandbox, "bots", "plan")
        result = await run(sandbox, "bots", "apply", "--yes")
    bot_id = json.loads(made.stdout)["id"]
    assert planned.stdout.splitlines()[:2] == [
        f"desk (deskbot, {bot_id}): to adopt, since it has this name",
        "  ~ description              By hand -> Answers",
    ]
    counts = "1 to create, 1 to adopt, 1 to update; 2 requests"
    assert counts in " ".join(planned.stdout.split())
    assert result.stdout.splitlines()[-3:] == [
        "adopted  desk",
        "changed  desk",
        "created  desk: message_handler",
    ]


async def test_json_has_all_of_the_plan(folder):
    async with Sandbox() as sandbox:
        url = sandbox.url
        await run(sandbox, "bots", "apply", "--yes")
        (folder / "cliq.toml").write_text(TOML.partition("[bots.desk.handlers")[0] + ADDED)
        result = await run(sandbox, "bots", "plan", "--prune", "--json")
        applied = await run(sandbox, "bots", "apply", "--prune", "--json", "--yes")
    plan = json.loads(result.stdout)
    assert plan == {
        "server": url,
        "requests": 2,
        "seconds": 0.0,
        "bots": [
            {
                "key": "desk",
                "id": plan["bots"][0]["id"],
                "unique_name": "deskbot",
                "steps": [
                    {
                        "action": "delete_handler",
                        "handler": {"type": "message_handler", "name": None},
                        "changes": [],
                    },
                    {
                        "action": "create_handler",
                        "handler": {"type": "menu_handler", "name": "Ticket"},
                        "changes": [{"field": "script", "before": None, "after": "return {};\n"}],
                    },
                ],
                "kept": [],
            }
        ],
    }
    assert json.loads(applied.stdout) == plan
    assert applied.stderr == 'deleted  desk: message_handler\ncreated  desk: menu "Ticket"\n'


async def test_without_a_yes_nothing_is_changed(folder, monkeypatch):
    async with Sandbox() as sandbox:
        url = sandbox.url
        nobody = await run(sandbox, "bots", "apply")
        monkeypatch.setattr("cliq_async.cli.prompts.is_terminal", lambda: True)
        no = await run(sandbox, "bots", "apply", stdin="n\n")
        yes = await run(sandbox, "bots", "apply", "--json", stdin="y\n")
        again = await run(sandbox, "bots", "apply", stdin="")
        requests = sandbox.report()["requests"]
    assert nobody.exit_code == 2
    assert nobody.stderr == (
        "error: not a terminal, so there is no one to confirm: pass --yes to apply\n"
    )
    assert no.exit_code == 1
    assert no.stderr == f"Apply this to {url}? [y/N] nothing was changed\n"
    assert yes.exit_code == 0
    assert "desk: a new bot\n" in yes.stderr
    assert (again.exit_code, again.stderr) == (0, "")
    assert (requests["create_bot"], requests["create_handler"]) == (1, 1)


async def test_a_step_that_fails_says_what_is_done(folder):
    (folder / "message.dg").write_text("x" * 250)
    async with Sandbox(faults=["500:1@create_handler"]) as sandbox:
        result = await run(sandbox, "bots", "apply", "--yes")
        before = await run(sandbox, "bots", "get", "nothing")
    assert before.exit_code == 1
    assert result.exit_code == 4
    assert "1 of 2 steps done: run `cliq bots apply` again for the rest" in result.stderr


def test_a_folder_without_bots_says_what_to_do(here):
    result = invoke("bots", "plan", env={"CLIQ_ACCESS_TOKEN": "a"})
    assert result.exit_code == 2
    assert result.stderr == (
        f"error: {here}/cliq.toml describes no bots: add [bots.KEY], or take bots over with "
        "`cliq bots pull`\n"
    )


def test_an_error_in_the_file_names_the_file_and_the_key(folder):
    (folder / "cliq.toml").write_text("[bots.desk]\nname = 1\n")
    result = invoke("bots", "plan", env={"CLIQ_ACCESS_TOKEN": "a"})
    assert result.exit_code == 2
    assert result.stderr.startswith(
        f"error: {folder}/cliq.toml line 2: bots.desk.name: a text, got 1"
    )


async def test_a_new_bot_without_a_description_names_the_file(folder):
    (folder / "cliq.toml").write_text('[bots.desk]\nname = "Desk Bot"\n')
    async with Sandbox() as sandbox:
        result = await run(sandbox, "bots", "plan")
    assert result.exit_code == 2
    assert "cliq.toml line 1: bots.desk.description: needed to create the bot" in result.stderr


def test_bots_are_tables_and_no_setting_of_the_user(here, own_toml):
    (here / "cliq.toml").write_text("bots = 1\n")
    result = invoke("config", env={"CLIQ_ACCESS_TOKEN": "a"})
    assert result.exit_code == 2
    assert "cliq.toml line 1: bots: tables, as [bots.KEY], got 1" in result.stderr
    (here / "cliq.toml").unlink()
    own_toml.write_text("[bots.a]\n")
    result = invoke("config", env={"CLIQ_ACCESS_TOKEN": "a"})
    assert "bots: there is no such setting" in result.stderr


async def test_a_bot_made_by_hand_is_taken_over(folder):
    async with Sandbox() as sandbox:
        (folder / "cliq.toml").write_text("# ours\naccount = 'ann'  # as before")
        result = await run(sandbox, "bots", "pull", "supportbot")
        planned = await run(sandbox, "bots", "plan", "--check", "--prune")
        again = await run(sandbox, "bots", "pull", "supportbot")
        rest = await run(sandbox, "bots", "pull", "--all")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "wrote   supportbot/welcome_handler.dg\npulled  supportbot\n"
    assert (folder / "cliq.toml").read_text() == (
        """\
# ours
account = 'ann'  # as before

[bots.supportbot]
name = "Support Bot"
description = "Handles support workflows"
scope = "organization"
channel_participation = ["listen_message", "send_message"]
calls = "enabled"

[bots.supportbot.handlers.welcome_handler]
script_file = "supportbot/welcome_handler.dg"
"""
    )
    assert (folder / "supportbot/welcome_handler.dg").read_text() == "return Map();"
    assert planned.exit_code == 0, planned.stdout
    assert again.exit_code == 1
    assert "already describes supportbot: remove [bots.supportbot] first" in again.stderr
    assert (rest.exit_code, rest.stdout) == (0, "")
    assert rest.stderr == "no bots to pull: cliq.toml describes them all\n"


async def test_pulling_overwrites_no_file_and_needs_to_know_which_bots(folder):
    (folder / "supportbot").mkdir()
    (folder / "supportbot/welcome_handler.dg").write_text("mine")
    async with Sandbox() as sandbox:
        taken = await run(sandbox, "bots", "pull", "53719000001878011")
        unknown = await run(sandbox, "bots", "pull", "nobot")
        unnamed = await run(sandbox, "bots", "pull")
    assert taken.exit_code == 1
    assert "welcome_handler.dg exists: move it aside first" in taken.stderr
    assert (folder / "cliq.toml").read_text() == TOML
    assert not (folder / "cliq.lock").exists()
    assert "there is no bot called nobot: see `cliq bots list`" in unknown.stderr
    assert unnamed.exit_code == 2


async def test_long_reads_are_announced_before_they_begin(here, capsys):
    def stop(requests, seconds):
        print_reading(requests, seconds)
        if "get_handler" in requests:
            raise EnoughError

    kinds = ("message", "mention", "context", "participation", "welcome", "call")
    handlers = "".join(f"[bots.KEY.handlers.{each}_handler]\npermissions = []\n" for each in kinds)
    bot = '[bots.KEY]\nname = "KEY"\ndescription = "x"\nexecution_url = "https://x"\n' + handlers
    folder = Folder(here)
    folder.write(bot.replace("KEY", "one") + bot.replace("KEY", "two"))
    async with Sandbox(limits=LIMITS) as sandbox:
        async with connected(sandbox) as client:
            await folder.apply(client, sandbox.url)
        async with connected(sandbox, limits={}, account="another") as client:
            with pytest.raises(EnoughError):
                await make_plan(client, folder.bots(), folder.lock(sandbox.url), on_reading=stop)
    said = "reading 12 handlers: the thresholds make it at least 1:01 min\n"
    assert capsys.readouterr().err == said


def test_a_long_change_of_a_script_is_cut():
    before, after = ("\n".join(f"{word} {n}" for n in range(100)) for word in ("old", "new" * 40))
    lines = list(bot_plan._script_lines("  ~ x", Change("script", before, after), new=False))
    assert lines[0] == "  ~ x                        script: 100 lines added, 100 removed"
    assert len(lines) == 1 + 40 + 1
    assert lines[-1] == "      … 160 more lines"
    assert max(map(len, lines)) <= 80
