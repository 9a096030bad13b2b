"""What is written of a bot, as a person would write it. The way back: tests/property."""

import tomllib
from typing import Any

import attrs
import pytest

from cliq_async.deploy.actual import ActualBot
from cliq_async.deploy.desired import load_bot
from cliq_async.deploy.export import export_bot
from cliq_async.models.bot import Bot
from cliq_async.models.handler import Handler, SubAction


def actual(*handlers, **fields):
    values: dict[str, Any] = {
        "name": "Desk Bot",
        "description": "Answers",
        "execution_type": "deluge",
    } | fields
    bot = Bot(id="1", unique_name="deskbot", **values)
    return attrs.evolve(ActualBot.of(bot), handlers=handlers)


def test_it_reads_like_the_page():
    subs = (SubAction("Now"), SubAction("Later", icon="wand/627282"))
    export = export_bot(
        "deskbot",
        actual(
            Handler(
                type="menu_handler",
                id="9",
                name="Raise ticket",
                icon="wand/627282",
                sub_actions=subs,
                script="menu",
            ),
            Handler(type="message_handler", script='return "é";\r\n'),
            scope="team",
            team_ids=(1, 2),
            status_messages=("At work", 'Says "hi"'),
            calls="enabled",
        ),
    )
    assert export.toml == (
        """\
[bots.deskbot]
name = "Desk Bot"
description = "Answers"
scope = "team"
team_ids = [1, 2]
status_messages = ["At work", "Says \\"hi\\""]
calls = "enabled"

[bots.deskbot.handlers.message_handler]
script_file = "deskbot/message_handler.dg"

[[bots.deskbot.menus]]
name = "Raise ticket"
icon = "wand/627282"
sub_actions = [{ name = "Now" }, { name = "Later", icon = "wand/627282" }]
script_file = "deskbot/menu_raise_ticket.dg"
"""
    )
    assert export.files == {
        "deskbot/message_handler.dg": 'return "é";\r\n',
        "deskbot/menu_raise_ticket.dg": "menu",
    }


def test_a_long_list_has_a_line_for_each_item():
    export = export_bot("deskbot", actual(status_messages=("a" * 50, "b" * 50)))
    assert f'status_messages = [\n    "{"a" * 50}",\n    "{"b" * 50}",\n]\n' in export.toml


def test_menus_whose_names_are_alike_have_files_of_their_own():
    names = ("Ärger!", "ärger?", "¿", "../..")
    menus = [Handler(type="menu_handler", name=name, script=name) for name in names]
    export = export_bot("deskbot", actual(*menus))
    assert list(export.files) == [
        *("deskbot/menu_rger.dg", "deskbot/menu_rger_2.dg"),
        *("deskbot/menu.dg", "deskbot/menu_2.dg"),
    ]


def test_what_cliq_toml_cannot_say_is_left_out_with_its_reason(tmp_path):
    export = export_bot(
        "deskbot",
        actual(
            Handler(type="telepathy_handler"),
            Handler(type="message_handler"),
            Handler(type="menu_handler", name="A menu's much too long name", script="x"),
            status_messages=("x" * 51,),
            scope="team",
            team_ids=(1, 2, 3, 4, 5),
        ),
    )
    assert [line.partition(":")[0] for line in export.left_out] == [
        "scope",
        "team_ids",
        "status_messages",
        "telepathy_handler",
        "message_handler",
        "menu_handler A menu's much too long name",
    ]
    assert export.toml.count("# left out: ") == 6
    table = tomllib.loads(export.toml)["bots"]["deskbot"]
    assert table == {"name": "Desk Bot", "description": "Answers"}
    assert load_bot("deskbot", table, tmp_path).handlers == ()


def test_a_webhook_bot_whose_url_cliq_does_not_show_says_so():
    export = export_bot("deskbot", actual(execution_type="webhook"))
    assert export.left_out == ("execution_url: Cliq does not show it: write it here",)


def test_permissions_are_in_place_of_scripts_and_a_dollar_stays_one():
    handlers = (
        Handler(type="message_handler", permissions=("user",)),
        Handler(type="call_handler"),
    )
    url = "https://example.com/${x}"
    export = export_bot("deskbot", actual(*handlers, execution_type="webhook", execution_url=url))
    table = tomllib.loads(export.toml)["bots"]["deskbot"]
    assert table["execution_url"] == "https://example.com/$${x}"
    assert table["handlers"] == {
        "message_handler": {"permissions": ["user"]},
        "call_handler": {"permissions": []},
    }


@pytest.mark.parametrize("text", ["\x7f", "\x00", "\\", '"""', "a\nb", "\u2028", "👋", "\x85"])
def test_any_text_is_read_back(text):
    export = export_bot("deskbot", actual(description=text))
    assert tomllib.loads(export.toml)["bots"]["deskbot"]["description"] == text
