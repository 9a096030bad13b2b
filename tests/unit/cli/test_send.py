import json

import pytest
from support.cli import SECRET, invoke, run, zuids

from cliq_async.sandbox import Sandbox, user_label

SEND = ("send", "supportbot")


async def test_send_says_what_was_accepted():
    async with Sandbox() as sandbox:
        one, two, three = zuids(3)
        result = await run(sandbox, *SEND, "hi", "--to", f"{one}, {two}", "--to", three)
        report = sandbox.report(user=user_label(SECRET), recipients=True)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "accepted: supportbot to 3 recipients\n"
    assert report["recipients"] == {one: 1, two: 1, three: 1}


async def test_send_to_a_channel_or_to_everybody():
    async with Sandbox() as sandbox:
        channel = await run(sandbox, *SEND, "hi", "--channel", "announcements")
        everybody = await run(sandbox, *SEND, "hi", "--broadcast")
    assert channel.stdout == "accepted: supportbot to channel announcements\n"
    assert everybody.stdout == "accepted: supportbot to all subscribers\n"


async def test_send_shows_the_ids_that_cliq_gives(tmp_path):
    path = tmp_path / "message.json"
    path.write_text('{"text": "hi", "sync_message": true}', encoding="utf-8-sig")
    async with Sandbox() as sandbox:
        to = (*SEND, "--message", str(path), "--to", zuids(1)[0])
        plain = await run(sandbox, *to)
        as_json = await run(sandbox, *to, "--json")
    assert plain.exit_code == 0
    assert "\nchat CT_" in plain.stdout
    assert json.loads(as_json.stdout)["chat_id"].startswith("CT_")


async def test_send_warns_of_recipients_whom_cliq_did_not_reach(tmp_path):
    path = tmp_path / "message.json"
    path.write_text('{"text": "hi", "sync_message": true}')
    async with Sandbox(dialect="live") as sandbox:
        to = (*SEND, "--message", str(path), "--to", f"{zuids(1)[0]},12345")
        plain = await run(sandbox, *to)
        as_json = await run(sandbox, *to, "--json")
    assert (plain.exit_code, plain.stderr) == (0, "warning: Cliq did not reach 12345\n")
    assert json.loads(as_json.stdout)["unreached"] == ["12345"]


@pytest.mark.parametrize(
    "args",
    [
        ("--to", "1"),
        ("hi", "--message", __file__, "--to", "1"),
        ("hi",),
        ("hi", "--to", "1", "--channel", "releases"),
        ("hi", "--broadcast", "--channel", "releases"),
    ],
)
def test_send_takes_one_message_and_one_kind_of_recipient(args):
    result = invoke(*SEND, *args, "--token", SECRET)
    assert result.exit_code == 2
    assert "give either" in result.stderr


async def test_a_broken_limit_is_wrong_usage_and_nothing_is_sent():
    async with Sandbox() as sandbox:
        long = await run(sandbox, *SEND, "x" * 5001, "--to", "1")
        many = await run(sandbox, *SEND, "hi", "--to", ",".join(zuids(101)))
        report = sandbox.report()
    assert long.exit_code == many.exit_code == 2
    assert long.stderr == "error: TEXT: 1 to 5,000 characters, got 5001\n"
    assert "error: --to: 1 to 100 ids" in many.stderr
    assert report["requests"] == {}


async def test_a_wrong_token_fails():
    async with Sandbox() as sandbox:
        result = await run(sandbox, *SEND, "hi", "--to", "1", "--token", "invalid")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: send_message: Request was rejected")
    assert result.stderr.count("\n") == 1


async def test_no_server_fails():
    async with Sandbox() as sandbox:
        pass_url = sandbox.url
        result = await run(sandbox, *SEND, "hi", "--to", "1", "--base-url", "http://127.0.0.1:1")
    assert pass_url.startswith("http")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: send_message: ")


async def test_a_lock_longer_than_max_wait_is_the_quota():
    async with Sandbox(faults=["throttle-429:1"]) as sandbox:
        options = ("hi", "--to", zuids(1)[0], "--max-wait", "1", "--account", "locked")
        first = await run(sandbox, *SEND, *options)
        second = await run(sandbox, *SEND, *options)
    assert first.exit_code == second.exit_code == 3
    assert "; locked until " in first.stderr
    assert "error: send_message: it is locked; retry at " in second.stderr
    assert sandbox.report()["requests"] == {"send_message": 1}


@pytest.mark.parametrize(("fault", "timeout_s"), [("lost:1", "0.2"), ("500:1", "9")])
async def test_a_message_that_may_have_been_sent_is_partly_done(fault, timeout_s):
    async with Sandbox(faults=[fault]) as sandbox:
        result = await run(sandbox, *SEND, "hi", "--to", zuids(1)[0], "--timeout", timeout_s)
    assert result.exit_code == 4
    assert "it may or may not have happened" in result.stderr


NEW_FIELDS = {"text": "hi", "hint": "new", "slides": [{"type": "list", "data": ["a"], "x": 1}]}


@pytest.fixture
def new_fields(tmp_path):
    """A message with fields that the documents do not have."""
    path = tmp_path / "message.json"
    path.write_text(json.dumps(NEW_FIELDS))
    return str(path)


@pytest.mark.parametrize("command", ["send", "broadcast", "template"])
def test_refusal_of_an_unknown_field_names_the_option_that_sends_it(new_fields, tmp_path, command):
    ids = tmp_path / "ids.csv"
    ids.write_text("user_id\n1\n")
    args = ("broadcast", "ops", "--to", str(ids), "--column", "user_id", "--yes")
    args = (*SEND, "--to", "1") if command == "send" else args
    args += ("--template",) if command == "template" else ()
    result = invoke(*args, "--message", new_fields, "--token", SECRET)
    assert result.exit_code == 2
    assert "hint: no such field; choose one of text, " in result.stderr


@pytest.mark.parametrize("command", ["send", "broadcast", "template"])
async def test_unknown_fields_are_sent_as_they_are_if_they_are_allowed(
    new_fields, tmp_path, command
):
    one, *_ = zuids(1)
    ids = tmp_path / "ids.csv"
    ids.write_text(f"user_id\n{one}\n")
    args = ("broadcast", "supportbot", "--to", str(ids), "--column", "user_id", "--yes")
    args = (*SEND, "--to", one) if command == "send" else args
    args += ("--template",) if command == "template" else ()
    async with Sandbox(allow_unknown=True) as sandbox:
        result = await run(sandbox, *args, "--message", new_fields, "--allow-unknown")
        (message,) = sandbox.messages
    assert result.exit_code == 0, result.stderr
    assert {key: message["body"][key] for key in NEW_FIELDS} == NEW_FIELDS


def test_unknown_fields_do_not_choose_recipients(tmp_path):
    path = tmp_path / "message.json"
    path.write_text('{"text": "hi", "userids": "2"}')
    to = (*SEND, "--message", str(path), "--allow-unknown", "--to", "1")
    result = invoke(*to, "--token", SECRET)
    assert result.exit_code == 2
    assert "userids: recipients are given separately" in result.stderr


@pytest.mark.parametrize(
    "args",
    [
        ("send", "supportbot", "-", "--to", zuids(1)[0]),
        ("broadcast", "supportbot", "--text", "-", "--to", "IDS"),
        ("call", "supportbot", "-", "--to", zuids(1)[0]),
        ("call-many", "supportbot", "--text", "-", "--to", "IDS"),
    ],
)
async def test_text_from_standard_input(ids, args):
    path = ids(1)
    async with Sandbox() as sandbox:
        args = [path if each == "IDS" else each for each in args]
        result = await run(sandbox, *args, stdin="disk is full\nsince 6\r\n")
        (sent,) = (*sandbox.messages, *sandbox.calls)
    assert result.exit_code == 0, result.output
    assert "'text': 'disk is full\\nsince 6'" in str(sent)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--to", "-", "--text", "-"), "only one of '--to' and '--text' can read standard input"),
        (("--to", "-", "--message", "-"), "only one of '--to' and '--message' can read"),
    ],
)
def test_standard_input_is_read_once(args, said):
    result = invoke("broadcast", "supportbot", *args, stdin="hi")
    assert result.exit_code == 2
    assert said in result.stderr


def test_text_in_another_encoding_is_refused():
    result = invoke("send", "b", "-", "--to", "1", "--token", SECRET, stdin=b"J\xfcrgen")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: standard input line 1: not UTF-8: byte 0xFC")


async def test_message_from_standard_input():
    async with Sandbox() as sandbox:
        args = ("send", "supportbot", "--message", "-", "--to", zuids(1)[0])
        result = await run(sandbox, *args, stdin='{"text": "hi"}')
        wrong = await run(sandbox, *args, stdin="{}{")
    assert result.exit_code == 0, result.output
    assert wrong.stderr == "error: standard input line 1: not JSON: extra data at column 3\n"
