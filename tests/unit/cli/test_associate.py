import pytest
from support.cli import SECRET, invoke, run

from cliq_async.sandbox import Sandbox

ASSOCIATE = ("associate", "supportbot", "releases")


async def test_a_bot_is_put_into_a_channel_once():
    async with Sandbox() as sandbox:
        result = await run(sandbox, *ASSOCIATE)
        again = await run(sandbox, *ASSOCIATE)
        other = await run(sandbox, "associate", "nobot", "releases")
        requests = sandbox.report()["requests"]
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "associated: supportbot with releases\n"
    assert again.exit_code == other.exit_code == 1
    assert again.stderr.startswith("error: associate_channel: ")
    assert again.stderr.count("\n") == 1
    assert requests == {"associate_channel": 3, "list_bots": 1}


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("associate", "supportbot"), "CHANNEL is missing"),
        (("associate", "a/b", "c"), "error: BOT: a non-empty text"),
        (("associate", "b", ""), "error: CHANNEL: 1 or more characters"),
        ((*ASSOCIATE, "--max-wait", "-1"), "error: --max-wait: "),
    ],
)
def test_what_is_wrong_is_named_as_it_was_typed(args, said):
    result = invoke(*args, "--token", SECRET, "--base-url", "http://127.0.0.1:1")
    assert result.exit_code == 2
    assert said in result.stderr
