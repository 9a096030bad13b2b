import json

import pytest
from support.cli import SECRET, invoke, run, zuids

from cliq_async.models.button import CopyText, InvokeFunction
from cliq_async.models.call import Call, CallAction, CallReceipt
from cliq_async.models.serialization import unstructure
from cliq_async.resources.calls import Calls
from cliq_async.sandbox import Sandbox

CALL = ("call", "supportbot", "The payment service is down")
ACTIONS = [
    {"label": "On my way", "icon": "tick", "hint": "", "key": "k"}
    | {"action": {"type": "invoke.function", "data": {"name": "acknowledge"}}},
    {"label": "Copy", "action": {"type": "copy", "data": {"text": "db-1"}}},
]


async def test_a_call_is_made_and_its_id_is_shown(tmp_path):
    path = tmp_path / "actions.json"
    path.write_text(json.dumps(ACTIONS))
    one, two = zuids(2)
    async with Sandbox() as sandbox:
        options = ("--to", f"{one},{two}", "--retry", "2", "--loop", "3", "--actions", str(path))
        result = await run(sandbox, *CALL, *options)
        as_json = await run(sandbox, *CALL, "--to", one, "--json")
        requests = sandbox.report()["requests"]
    assert (result.exit_code, result.stderr) == (0, "")
    first, second = result.stdout.splitlines()
    assert first == "accepted: supportbot calls 2 recipients"
    assert second.startswith("id ")
    receipt = json.loads(as_json.stdout)
    assert set(receipt) == {"id", "user_ids"}
    assert receipt["user_ids"] == [one]
    assert requests == {"trigger_call": 2}


@pytest.fixture
def sent(monkeypatch):
    """What the SDK was asked to do."""
    calls = []

    async def trigger(_self, bot, call):
        calls.append((bot, call))
        return CallReceipt()

    monkeypatch.setattr(Calls, "trigger", trigger)
    return calls


def test_every_option_is_sent(sent, tmp_path):
    path = tmp_path / "actions.json"
    path.write_text(json.dumps(ACTIONS), encoding="utf-8-sig")
    options = ("--to", "1, 2", "--to", "3", "--retry", "0", "--loop", "1", "--actions", str(path))
    result = invoke(*CALL, *options, "--token", SECRET)
    assert (result.exit_code, result.stdout) == (0, "accepted: supportbot calls 0 recipients\n")
    assert result.stderr == "warning: Cliq reports only 0 of 3 recipients\n"
    actions = [
        CallAction(
            "On my way", action=InvokeFunction("acknowledge"), icon="tick", hint="", key="k"
        ),
        CallAction("Copy", action=CopyText("db-1")),
    ]
    expected = Call(CALL[2], user_ids=["1", "2", "3"], retry=0, loop=1, actions=actions)
    assert sent == [("supportbot", expected)]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (CALL, "--to is missing"),
        ((*CALL, "--to", ",".join(zuids(11))), "error: --to: 1 to 10 ids, got 11"),
        ((*CALL, "--to", ""), "error: --to: "),
        (("call", "b", "", "--to", "1"), "error: TEXT: 1 to 500 characters, got 0"),
        (("call", "a/b", "x", "--to", "1"), "error: BOT: "),
        ((*CALL, "--to", "1", "--retry", "4"), "error: --retry: "),
        ((*CALL, "--to", "1", "--loop", "0"), "error: --loop: "),
        ((*CALL, "--to", "1", "--actions", "/nowhere.json"), "there is no file"),
    ],
)
def test_what_is_wrong_is_named_as_it_was_typed(args, said):
    result = invoke(*args, "--token", SECRET, "--base-url", "http://127.0.0.1:1")
    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not JSON"),
        ("{}", "line 1: actions: a JSON array, got an object"),
        ("[7]", "not in the form of the API"),
        ('[{"label": "x"}]', "[0].action: this field is missing"),
        (json.dumps([ACTIONS[1] | {"colour": "red"}]), "[0].colour: no such field; "),
        (json.dumps([ACTIONS[1] | {"label": "x" * 21}]), "[0].label: 1 to 20 characters"),
        (json.dumps([ACTIONS[1]] * 6), "error: --actions: at most 5 actions, got 6"),
    ],
)
def test_a_bad_file_of_actions_is_wrong_usage(tmp_path, content, said):
    path = tmp_path / "actions.json"
    path.write_text(content)
    result = invoke(*CALL, "--to", "1", "--actions", str(path), "--token", SECRET)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


async def test_a_call_that_may_have_been_made_is_partly_done():
    async with Sandbox(faults=["lost:1"]) as sandbox:
        result = await run(sandbox, *CALL, "--to", zuids(1)[0], "--timeout", "0.2")
    assert result.exit_code == 4
    assert "it may or may not have happened" in result.stderr


def test_unknown_fields_of_actions_are_sent_as_they_are_if_they_are_allowed(sent, tmp_path):
    path = tmp_path / "actions.json"
    actions = [*ACTIONS, {"label": "Bot", "action": {"type": "invoke.bot", "data": {"x": 1}}}]
    path.write_text(json.dumps(actions))
    args = (*CALL, "--to", "1", "--actions", str(path), "--token", SECRET)
    refused = invoke(*args)
    assert refused.exit_code == 2
    assert "[2].action.type: one of open.url, " in refused.stderr
    assert not sent
    assert invoke(*args, "--allow-unknown").exit_code == 0
    ((_, call),) = sent
    assert unstructure(call)["actions"] == actions
