"""Which scopes commands need: by the words of a command, and as one line to paste."""

import json

import pytest
from support.logins import cliq

from cliq_async.cli.required_scopes import ENDPOINTS_BY_COMMAND, parse_commands, scopes_needed

pytestmark = pytest.mark.usefixtures("places")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ((), list(ENDPOINTS_BY_COMMAND)),
        (("send",), ["send"]),
        (("bots", "get", "send"), ["bots get", "send"]),
        (("subscribers",), ["subscribers list", "subscribers export", "subscribers sync"]),
        (("bots list", "bots list"), ["bots list"]),
        (("functions", "get-handler"), ["functions get-handler"]),
    ],
)
def test_commands_go_by_their_words(words, named):
    assert parse_commands(words) == named


async def test_a_command_that_is_none_is_wrong_usage():
    for args in (("doctor", "dance"), ("auth", "scopes", "quota")):
        result = await cliq(*args)
        assert result.exit_code == 2
        assert "is not a command that needs a scope; choose one of send, broadcast" in result.stderr


async def test_scopes_are_one_line_to_paste():
    result = await cliq("auth", "scopes", "send", "bots", "delete", "incoming")
    assert result.stdout == (
        "ZohoCliq.Webhooks.CREATE,ZohoCliq.Bots.READ,ZohoCliq.Bots.DELETE,"
        "ZohoCliq.BotMessages.CREATE\n"
    )
    every = await cliq("auth", "scopes")
    assert every.stdout.splitlines()[-1] == ",".join(scopes_needed())
    told = json.loads((await cliq("auth", "scopes", "--json")).stdout)
    assert [each["command"] for each in told] == list(ENDPOINTS_BY_COMMAND)
