"""`cliq user`: the acts of a person, and the bot's answer as people see it."""

import json

import pytest
from aiohttp import web
from support.cli import invoke, run
from support.event_bots import JAMES, hooked
from support.polling import until

FIRST = "55743307"
RICH = {
    "text": "All\nabout \x1b[31mit",
    "card": {
        "title": "Report",
        "theme": "modern-inline",
        "sections": [{"fields": [{"title": "Owner", "value": "Ann"}]}],
    },
    "slides": [
        {
            "type": "table",
            "title": "Builds",
            "data": {"headers": ["Name", "State"], "rows": [{"Name": "main", "State": "red"}]},
        },
        {"type": "label", "data": [{"label": "Since", "value": "9:00"}]},
        {"type": "text", "data": "a line"},
        {"type": "list", "data": ["one", "two"]},
    ],
    "buttons": [
        {"label": "Open", "action": {"type": "open.url", "data": {"web": "https://e.com"}}}
    ],
    "suggestions": {"list": [{"text": "More"}, {"text": "Less"}]},
}


async def test_say_prints_the_answer_and_its_time(places):
    async with hooked() as (sandbox, bot, _):
        result = await run(sandbox, "user", "say", "hook", "hi", "--as", JAMES)
        assert (result.exit_code, result.stdout) == (0, "re: hi\n")
        assert result.stderr.startswith("hook answered in 0.")
        assert bot.events[0]["params"]["user"]["id"] == JAMES


async def test_a_rich_answer_is_printed_as_people_see_it(places):
    async with hooked(lambda _: RICH) as (sandbox, _, _):
        result = await run(sandbox, "user", "say", "hook", "hi")
        assert result.stdout.splitlines() == [
            "== Report ==",
            "All",
            "about  [31mit",
            "  Owner: Ann",
            "-- Builds --",
            "  Name | State",
            "  main | red",
            "  Since: 9:00",
            "  a line",
            "  - one",
            "  - two",
            "[Open] (More) (Less)",
        ]
        result = await run(sandbox, "user", "press", "hook", "Open")
        assert result.stderr == "no event: the button's action is open.url, which sends no event\n"


@pytest.mark.parametrize(
    ("output", "lines"),
    [
        ({"type": "banner", "text": "Raised", "status": "failure"}, ["[failure] Raised"]),
        (
            {
                "type": "form",
                "title": "Leave",
                "name": "leave",
                "inputs": [{"name": "a", "label": "From"}, {"name": "b"}],
                "action": {"type": "invoke.function", "name": "f"},
            },
            ["form leave: Leave", "  From: ____", "  b: ____"],
        ),
        ({"type": "preview_url", "url": "https://e.com"}, ["preview of https://e.com"]),
        (
            {"card": {"theme": "poll", "title": "P", "options": [{"text": "a"}, {"text": "b"}]}},
            ["== P ==", "  ( ) a", "  ( ) b"],
        ),
        (
            {
                "text": "t",
                "context": {
                    "id": "c",
                    "params": [
                        {
                            "name": "a",
                            "question": "A?",
                            "suggestions": {"list": [{"text": "yes"}]},
                        }
                    ],
                },
            },
            ["t", "A?", "(yes)"],
        ),
    ],
)
async def test_other_answers_are_printed_as_well(places, output, lines):
    async with hooked(lambda _: output) as (sandbox, _, _):
        result = await run(sandbox, "user", "choose", "hook", "Raise")
        assert (result.exit_code, result.stdout.splitlines()) == (0, lines)


async def test_an_empty_answer_and_a_failure_are_told_apart(places):
    async with hooked(lambda _: "") as (sandbox, bot, _):
        result = await run(sandbox, "user", "say", "hook", "hi")
        assert (result.exit_code, result.stdout) == (0, "")
        assert result.stderr.startswith("hook has no answer to message_handler, after 0.")
        assert result.stderr.endswith(
            "; if it should have one, see the bot's log: a handler that fails answers nothing\n"
        )
        bot.answer = lambda _: "hi"
        result = await run(sandbox, "user", "say", "hook", "hi")
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr == (
            "error: hook: the answer was refused: 'output' is neither an object nor \"\".\n"
        )
        bot.answer = lambda _: web.Response(status=500)
        result = await run(sandbox, "user", "say", "hook", "hi")
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr == "error: hook: the status is 500, not 200; see the bot's log\n"


async def test_every_command_acts(places):
    async with hooked(lambda _: "", time_scale=20) as (sandbox, bot, api):
        people = ("--as", FIRST)
        for args in (
            ("subscribe", "hook"),
            ("mention", "hook", "hey", "--channel", "general"),
            ("add", "hook", "general"),
            ("write", "general", "hello"),
            ("remove", "hook", "general"),
            ("unsubscribe", "hook"),
        ):
            result = await run(sandbox, "user", *args, *people)
            assert result.exit_code == 0, result.output
        handlers = [each["handler"]["type"] for each in bot.events]
        assert handlers == ["welcome_handler", "mention_handler", *["participation_handler"] * 3]
        await api.post("/bots/hook/calls", {"text": "fire", "user_ids": [JAMES]})
        await until(lambda: len(bot.events) == 6)
        result = await run(sandbox, "user", "answer", "hook")
        assert (result.exit_code, result.stdout) == (0, "done\n")
        await until(lambda: bot.events[-1]["params"].get("operation") == "ended")


async def test_json_has_everything(places):
    async with hooked() as (sandbox, bot, _):
        result = await run(sandbox, "user", "say", "hook", "hi", "--json")
        (delivery,) = json.loads(result.stdout)["deliveries"]
        assert delivery["request"] == bot.events[0]
        assert result.stderr == ""


async def test_a_refused_act_is_an_error(places):
    async with hooked() as (sandbox, _, _):
        result = await run(sandbox, "user", "say", "nobot", "hi")
        assert result.exit_code == 1
        assert result.stderr == "error: the sandbox refuses: No bot has this id or unique name\n"


@pytest.mark.parametrize("host", ["https://cliq.zoho.com", "https://cliq.zoho.eu/"])
def test_zohos_servers_are_refused(places, host):
    by_option = invoke("user", "say", "hook", "hi", "--base-url", host)
    by_variable = invoke("user", "say", "hook", "hi", env={"CLIQ_BASE_URL": host})
    for result in (by_option, by_variable):
        assert result.exit_code == 2
        assert "is Zoho's: `cliq user` acts in a sandbox only" in result.stderr


def test_no_sandbox_is_an_error(places):
    result = invoke("user", "say", "hook", "hi", "--base-url", "http://127.0.0.1:1")
    assert result.exit_code == 1
    assert result.stderr == ("error: nothing listens at 127.0.0.1:1; is `cliq sandbox` running?\n")


@pytest.mark.parametrize(
    "args",
    [
        ("subscribe", "hook"),
        ("answer", "hook", "yes", "--decline"),
        ("mention", "hook", "hi"),
        ("say", "hook"),
    ],
)
def test_wrong_usage(places, args):
    assert invoke("user", *args).exit_code == 2


async def test_a_bot_can_be_named_by_its_id(places):
    async with hooked() as (sandbox, bot, _):
        got = json.loads((await run(sandbox, "bots", "get", "hook", "--json")).stdout)
        for args in (("say", got["id"], "hi"), ("add", got["id"], "general")):
            assert (await run(sandbox, "user", *args)).exit_code == 0
        removed = await run(sandbox, "user", "remove", got["id"], "general")
        assert (removed.exit_code, len(bot.events)) == (0, 3)
