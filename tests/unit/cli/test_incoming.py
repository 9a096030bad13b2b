import json

import pytest
from support.cli import SECRET, invoke, run, zuids

from cliq_async.models.incoming import IncomingReceipt
from cliq_async.resources.messages import Messages
from cliq_async.sandbox import Sandbox

INCOMING = ("incoming", "supportbot")


async def test_parameters_are_accepted_and_it_is_said_who_was_reached():
    one, two = zuids(2)
    async with Sandbox() as sandbox:
        result = await run(
            sandbox, *INCOMING, "status=failed", "branch=main", "--to", f"{one},{two}"
        )
        as_json = await run(sandbox, *INCOMING, "status=ok", "--to", one, "--json")
        requests = sandbox.report()["requests"]
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "accepted: supportbot, 2 recipients reached\n"
    assert json.loads(as_json.stdout) == {"user_ids": [one]}
    assert requests == {"send_incoming_webhook": 2}


async def test_recipients_that_cliq_does_not_name_are_a_warning():
    async with Sandbox() as sandbox:
        result = await run(sandbox, *INCOMING, "a=b", "--to", f"{zuids(1)[0]},1")
    assert result.exit_code == 0
    assert result.stderr == "warning: Cliq reports only 1 of 2 recipients\n"
    assert result.stdout == "accepted: supportbot, 1 recipient reached\n"


@pytest.fixture
def sent(monkeypatch):
    """What the SDK was asked to send."""
    calls = []

    async def send_incoming(_self, bot, parameters, *, user_ids, extension_key):
        calls.append((bot, parameters, user_ids, extension_key))
        return IncomingReceipt()

    monkeypatch.setattr(Messages, "send_incoming", send_incoming)
    return calls


def test_a_file_gives_parameters_and_the_command_line_wins(sent, tmp_path):
    path = tmp_path / "build.json"
    path.write_text('{"status": "ok", "branch": "main"}', encoding="utf-8-sig")
    options = ("status=failed", "note=a=b", "empty=", "--json-params", str(path))
    result = invoke(*INCOMING, *options, "--extension-key", "k", "--token", SECRET)
    assert (result.exit_code, result.stdout) == (0, "accepted: supportbot\n")
    parameters = {"status": "failed", "branch": "main", "note": "a=b", "empty": ""}
    assert sent == [("supportbot", parameters, [], "k")]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("status",), "there is no NAME= in 'status'"),
        (("=x",), "there is no NAME= in '=x'"),
        (("a=1", "a=2"), "'a' is given twice"),
        (("a=" + "x" * 10_001,), "error: parameter a: at most 10,000 characters"),
        (tuple(f"p{number}=x" for number in range(51)), "error: parameter: at most 50, got 51"),
        (("a=b", "--to", "1,,2"), "error: --to: a ZUID, which has digits only"),
        (("a=b", "--to", ",".join(zuids(101))), "error: --to: 1 to 100 ids, got 101"),
        (("a=b", "--json-params", "/nowhere.json"), "there is no file"),
    ],
)
def test_what_is_wrong_is_named(args, said):
    result = invoke(*INCOMING, *args, "--token", SECRET, "--base-url", "http://127.0.0.1:1")
    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not JSON"),
        ("[]", "line 1: an object of texts, got a list"),
        ('{"n": 5}', "line 1: n: a text, got 5"),
    ],
)
def test_a_bad_file_is_wrong_usage(tmp_path, content, said):
    path = tmp_path / "build.json"
    path.write_text(content)
    options = ("--json-params", str(path), "--base-url", "http://127.0.0.1:1")
    result = invoke(*INCOMING, *options, "--token", SECRET)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


async def test_a_bot_that_is_not_there_fails():
    async with Sandbox() as sandbox:
        result = await run(sandbox, "incoming", "nobot", "a=b")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: there is no bot ")
