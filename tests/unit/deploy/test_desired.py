"""Descriptions in `cliq.toml`: what they say, and what is wrong with them."""

import sys
import tomllib

import pytest

from cliq_async.deploy.desired import load_bots
from cliq_async.errors import ValidationError
from cliq_async.models.handler import NewHandler, SubAction

APP = """
from cliq_async import NewHandler

print("imported")

class Bot:
    def handlers(self):
        return (NewHandler("message_handler", permissions=["message"]),)

bot = Bot()
nothing = 1

class Wrong:
    def handlers(self):
        return ("message_handler",)

wrong = Wrong()
"""
HOOK = """
[bots.hook]
app = "deployed_app:bot"
name = "Hook"
description = "Runs elsewhere"
execution_url = "https://example.com/${PLACE}"
"""
PLAIN = '[bots.plain]\nname = "Plain"\n'


@pytest.fixture(autouse=True)
def modules():
    """Modules that a test imports are unknown to the next."""
    before = dict(sys.modules)
    yield
    for name in sys.modules.keys() - before.keys():
        del sys.modules[name]


def load(folder, toml, *keys, **environ):
    tables = tomllib.loads(toml)["bots"]
    return load_bots(tables, folder, keys=keys, environ={"PLACE": "a"} | environ)


def test_an_app_gives_the_handlers_and_its_output_is_no_result(tmp_path, capsys):
    (tmp_path / "deployed_app.py").write_text(APP)
    path = list(sys.path)
    (bot,) = load(tmp_path, HOOK)
    assert bot.handlers == (NewHandler("message_handler", permissions=["message"]),)
    assert (bot.execution_type, bot.fields["execution_url"]) == ("webhook", "https://example.com/a")
    assert bot.shown == {"execution_url": "https://example.com/${PLACE}"}
    assert sys.path == path
    assert capsys.readouterr() == ("", "imported\n")


def test_a_deluge_bot_has_scripts_in_files_and_menus(tmp_path):
    (tmp_path / "a.dg").write_bytes(b"return Map();\r\n")
    (bot,) = load(
        tmp_path,
        PLAIN
        + """
        [bots.plain.handlers.message_handler]
        script_file = "a.dg"
        [[bots.plain.menus]]
        name = "Ticket"
        icon = "wand/627282"
        sub_actions = [{ name = "Now" }, { name = "Later", icon = "wand/627282" }]
        script_file = "a.dg"
        """,
    )
    script = "return Map();\r\n"
    subs = [SubAction("Now"), SubAction("Later", icon="wand/627282")]
    assert bot.execution_type == "deluge"
    assert bot.handlers == (
        NewHandler("message_handler", script=script),
        NewHandler(
            "menu_handler", name="Ticket", icon="wand/627282", sub_actions=subs, script=script
        ),
    )


def test_fields_that_are_not_named_are_not_set_but_a_new_bot_has_a_scope(tmp_path):
    (bot,) = load(tmp_path, PLAIN + 'description = "x"\n')
    assert bot.fields == {"name": "Plain", "description": "x"}
    assert bot.new().scope == "organization"


def test_only_the_bots_that_are_asked_for_are_read(tmp_path):
    (bot,) = load(tmp_path, HOOK + PLAIN, "plain")
    assert bot.key == "plain"


def test_a_dollar_is_written_twice_to_stand_for_itself(tmp_path):
    toml = PLAIN + 'execution_url = "https://example.com/$${PLACE}$/$$${PLACE}"\n'
    (bot,) = load(tmp_path, toml)
    assert bot.fields["execution_url"] == "https://example.com/${PLACE}$/$${PLACE}"


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[bots]\nhook = 1", "bots.hook: a table, got 1"),
        ("[bots.a]", "bots.a.name: this key is missing"),
        (PLAIN + 'naem = "x"', "bots.plain.naem: there is no such key; did you mean name?"),
        (PLAIN + f'description = "{"x" * 301}"', "bots.plain.description: a str of 1 to 300 char"),
        (PLAIN + "team_ids = [1]", "bots.plain.team_ids: left out unless scope is team"),
        (PLAIN + 'scope = "team"', "bots.plain.team_ids: 1 to 4 ids when the scope is team"),
        (PLAIN + 'calls = "on"', "bots.plain.calls: "),
        (PLAIN + 'image = "no.png"', "bots.plain.image: a file that can be read (No such file"),
        (PLAIN + 'execution_type = "cloud"', "bots.plain.execution_type: deluge or webhook"),
        (
            PLAIN + 'execution_type = "webhook"',
            "bots.plain.execution_url: needed: ",
        ),
        (PLAIN + 'execution_url = "ftp://x"', "bots.plain.execution_url: an http:// or https://"),
        (
            PLAIN + 'execution_type = "deluge"\nexecution_url = "https://x"',
            "bots.plain.execution_url: left out, since a Deluge bot runs in Cliq",
        ),
        (
            PLAIN + 'execution_url = "https://x/${MISSING}"',
            "bots.plain.execution_url: a URL whose variables are set in the environment, got ${M",
        ),
        (
            PLAIN + 'execution_url = "https://x/${CLIQ_CLIENT_SECRET}"',
            "bots.plain.execution_url: a URL without Cliq's credentials",
        ),
        (
            PLAIN + 'app = "x:y"',
            "bots.plain.execution_url: needed: the URL",
        ),
        (HOOK.replace("deployed_app:bot", "deployed_app"), "bots.hook.app: an object as module:"),
        (
            HOOK.replace("deployed_app:bot", "no_such_module:bot"),
            "bots.hook.app: importing no_such_module:bot failed: ModuleNotFoundError: No modul",
        ),
        (
            HOOK.replace(":bot", ":missing"),
            "bots.hook.app: importing deployed_app:missing failed: Attr",
        ),
        (HOOK.replace(":bot", ":nothing"), "bots.hook.app: an app: an object with handlers()"),
        (HOOK.replace(":bot", ":wrong"), "bots.hook.app: an app whose handlers have permissions"),
        (HOOK + "[bots.hook.handlers]", "bots.hook.handlers: left out, since the app's decorators"),
        (PLAIN + "[bots.plain.handlers.menu_handler]", "bots.plain.handlers.menu_handler: "),
        (
            PLAIN + "[bots.plain.handlers.mesage_handler]",
            "bots.plain.handlers.mesage_handler: there is no such key; did you mean",
        ),
        (
            PLAIN + "[bots.plain.handlers.message_handler]",
            "bots.plain.handlers.message_handler.script_file: needed, since the bot is deluge",
        ),
        (
            PLAIN + '[bots.plain.handlers.message_handler]\nscript_file = "empty.dg"',
            "bots.plain.handlers.message_handler.script: a str of 1 or more characters, got 0",
        ),
        (
            PLAIN + '[bots.plain.handlers.message_handler]\nscript_file = "latin.dg"',
            "bots.plain.handlers.message_handler.script_file: a file in UTF-8",
        ),
        (
            PLAIN
            + 'execution_url = "https://x"\n[bots.plain.handlers.call_handler]\n'
            + 'permissions = ["chat"]',
            "bots.plain.handlers.call_handler.permissions[0]: one of user for a call_handler",
        ),
        (
            PLAIN + 'execution_url = "https://x"\nmenus = [{ name = "A", permissions = [] }, '
            '{ name = "A", permissions = [] }]',
            "bots.plain: one menu of each name, got 'A'",
        ),
        (
            PLAIN
            + 'execution_url = "https://x"\n'
            + "".join(f'[[bots.plain.menus]]\nname = "{n}"\npermissions = []\n' for n in range(6)),
            "bots.plain: at most 5 menus, got 6",
        ),
        (
            PLAIN + PLAIN.replace("plain", "second"),
            "bots.second.name: a name that bots.plain does not have, got 'Plain'",
        ),
    ],
)
def test_an_error_names_its_place(tmp_path, toml, said):
    (tmp_path / "deployed_app.py").write_text(APP)
    (tmp_path / "empty.dg").touch()
    (tmp_path / "latin.dg").write_bytes(b"\xe9")
    with pytest.raises(ValidationError) as caught:
        load(tmp_path, toml)
    assert str(caught.value).startswith(said)


def test_an_app_that_fails_says_where(tmp_path):
    (tmp_path / "deployed_app.py").write_text('import os\n\nkey = os.environ["NO_SUCH_KEY"]\n')
    with pytest.raises(ValidationError) as caught:
        load(tmp_path, HOOK)
    assert str(caught.value) == (
        "bots.hook.app: importing deployed_app:bot failed in deployed_app.py, line 3: "
        "KeyError: 'NO_SUCH_KEY'"
    )


def test_a_key_that_is_not_there_is_wrong_usage(tmp_path):
    with pytest.raises(ValidationError, match=r"KEY: there is no bot 'plan'; did you mean plain"):
        load(tmp_path, PLAIN, "plan")


def test_a_new_bot_needs_a_description(tmp_path):
    (bot,) = load(tmp_path, PLAIN)
    with pytest.raises(ValidationError, match=r"bots\.plain\.description: needed to create"):
        bot.new()
