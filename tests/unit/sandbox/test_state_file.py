"""The state file: saved on exit, loaded on start."""

import errno
import json
import os
import stat

import msgspec
import pytest
from support.sandboxes import BOTS, FIRST, SUBSCRIBERS, OfflineSandbox, running

from cliq_async.sandbox import Sandbox
from cliq_async.sandbox.state.snapshot import Snapshot, restore_snapshot, take_snapshot
from cliq_async.sandbox.state.state_file import StateFile, StateFileError


def again(sandbox):
    """Return the sandbox after a restart."""
    data = msgspec.json.encode(take_snapshot(sandbox.state))
    new = OfflineSandbox()
    new.state = restore_snapshot(msgspec.json.decode(data, type=Snapshot))
    return new


def everything(sandbox):
    """Return everything that the API returns."""
    bots = sandbox.list_bots()["data"]
    return {
        "bots": bots,
        "details": [
            sandbox.request("get_bot", bot["id"], query={"fields": "subscription_details"})
            for bot in bots
        ],
        "handlers": [
            sandbox.request("get_handler", bot["id"], handler["type"])
            for bot in bots
            for handler in bot["handlers"]
        ],
        "functions": sandbox.request("list_functions"),
        "function handlers": [
            sandbox.request("get_function_handler", function["id"], handler["type"])
            for function in sandbox.request("list_functions")[1]["data"]
            for handler in function["handlers"]
        ],
        "messages": [message.describe() for message in sandbox.state.messages.all()],
        "calls": sandbox.state.calls.all(),
    }


def a_busy_sandbox():
    sandbox = OfflineSandbox(bots=2)
    bot = sandbox.create_bot("Old Bot", team_ids=[1], status_messages=["a"])
    hook = sandbox.create_webhook_bot()
    menu = {"type": "menu_handler", "script": "s", "name": "Open", "icon": "a/fff"}
    sandbox.request("create_handler", bot["id"], body=menu | {"sub_actions": [{"name": "a"}]})
    permissions = {"type": "call_handler", "permissions": ["user"]}
    sandbox.request("create_handler", hook["id"], body=permissions)
    sandbox.request("associate_channel", "oldbot", body={"channel_unique_name": "releases"})
    sandbox.state.subscribe(sandbox.state.bots.by_name("supportbot"), ["7"])
    for fields in ({}, {"message_topic": "T"}):
        body = {"text": "hi", "user_ids": FIRST} | fields
        sandbox.request("send_message", "supportbot", body=body)
    query = {"channel_unique_name": "announcements"}
    sandbox.request("send_message", "supportbot", body={"text": "hi"}, query=query)
    sandbox.request("trigger_call", "supportbot", body={"text": "Down"})
    sandbox.request("delete_bot", sandbox.create_bot("Gone Bot")["id"])
    function = {"name": "approve", "description": "d", "function_type": "form"}
    url = {"execution_type": "webhook", "execution_url": "https://example.com/hook"}
    made = sandbox.request("create_function", body=function | url)[1]["data"]
    handler = {"type": "form_view_handler", "permissions": ["user"]}
    sandbox.request("create_function_handler", made["id"], body=handler)
    return sandbox


# The state as data.


def test_restarted_world_tells_the_same():
    sandbox = a_busy_sandbox()
    assert everything(again(sandbox)) == everything(sandbox)
    assert everything(again(again(sandbox))) == everything(sandbox)


def test_ids_and_unique_names_are_not_given_again_after_a_restart():
    sandbox = again(a_busy_sandbox())
    old = {bot["id"] for bot in sandbox.list_bots()["data"]}
    made = sandbox.create_bot("Gone Bot")
    assert made["unique_name"] == "gonebot2"
    assert all(int(made["id"]) > int(each) for each in old)
    messages, calls = sandbox.state.messages, sandbox.state.calls
    known = {message.message_id for message in messages.all()}
    body = {"text": "hi", "user_ids": FIRST, "sync_message": True}
    assert sandbox.request("send_message", "supportbot", body=body)[1]["message_id"] not in known
    sandbox.request("trigger_call", "supportbot", body={"text": "Down"})
    assert len({call["id"] for call in calls.all()}) == 2


def test_tokens_that_were_handed_out_still_work_after_a_restart():
    sandbox = OfflineSandbox(bots=30)
    first = sandbox.request("list_bots")[1]
    token = sandbox.list_bots()["sync_token"]
    people = sandbox.request("list_subscribers", "supportbot", query={"limit": "1"})[1]
    sandbox.state.subscribe(sandbox.state.bots.by_name("supportbot"), ["7"])
    gone = first["data"][1]["id"]
    sandbox.request("delete_bot", gone)
    sandbox = again(sandbox)
    page = sandbox.list_bots(token)
    assert [bot["unique_name"] for bot in page["data"]] == ["supportbot"]
    assert page["deleted"] == [gone]
    rest = sandbox.request("list_bots", query={"next_token": first["next_token"]})[1]
    assert len(rest["data"]) == 10
    query = {"sync_token": people["sync_token"]}
    (new,) = sandbox.request("list_subscribers", "supportbot", query=query)[1]["data"]
    assert new["user_id"] == "7"


def test_functions_outlive_a_restart():
    sandbox = a_busy_sandbox()
    (function,) = sandbox.request("list_functions")[1]["data"]
    token = sandbox.request("list_functions")[1]["sync_token"]
    sandbox = again(sandbox)
    assert sandbox.request("list_functions", user="bob")[1]["data"] == []
    place = (function["id"], "form_submit_handler")
    refused = sandbox.refusal("delete_function_handler", *place)
    assert refused == (400, "default_handler_delete_not_allowed")
    sandbox.request("delete_function", function["id"])
    _, page = sandbox.request("list_functions", query={"sync_token": token})
    assert (page["data"], page["deleted"]) == ([], [function["id"]])
    body = {"name": "approve", "description": "d", "function_type": "form"}
    made = sandbox.request("create_function", body=body)[1]["data"]
    assert int(made["id"]) > int(function["id"])


def test_state_of_a_sandbox_without_functions_is_read():
    data = json.loads(msgspec.json.encode(take_snapshot(OfflineSandbox().state)))
    del data["functions"]
    state = restore_snapshot(msgspec.json.decode(json.dumps(data), type=Snapshot))
    assert state.functions.all() == {}


def test_owners_members_and_threads_outlive_a_restart():
    sandbox = again(a_busy_sandbox())
    bot = sandbox.state.bots.by_name("oldbot").record["id"]
    assert sandbox.refusal("delete_bot", bot, user="bob") == (403, "bot_permission_denied")
    query = {"channel_unique_name": "releases"}
    assert sandbox.request("send_message", "oldbot", body={"text": "x"}, query=query)[0] == 204
    thread = sandbox.state.messages.all()[1].chat_id
    body = {"text": "x", "user_ids": FIRST, "thread_chat_id": thread, "sync_message": True}
    assert sandbox.request("send_message", "supportbot", body=body)[1]["chat_id"] == thread
    assert sandbox.state.messages.all()[-1].describe()["thread_title"] == "T"


def test_counts_are_not_kept():
    sandbox = again(a_busy_sandbox())
    assert not sandbox.state.delivered.counts()
    assert not sandbox.state.called.counts()


# The file.


async def test_sandbox_leaves_its_state_in_a_file_and_starts_from_it(tmp_path):
    path = tmp_path / "cliq.json"
    form = {"name": "Pipeline Bot", "description": "d"}
    async with running(state=path, bots=2, subscribers=3) as caller:
        _, made = await caller.request("POST", BOTS, json=form)
        _, page = await caller.get(SUBSCRIBERS)
        caller.sandbox.subscribe("supportbot", "7")
        await caller.send(user_ids=FIRST)
        messages = caller.sandbox.messages
        assert not path.exists()
    assert list(tmp_path.iterdir()) == [path]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_bytes())["version"] == 1
    async with running(state=str(path), bots=50, subscribers=0) as caller:
        _, bots = await caller.get(BOTS)
        assert [bot["name"] for bot in bots["data"]][2:] == ["Pipeline Bot"]
        assert bots["data"][2] == made["data"]
        _, synced = await caller.get(SUBSCRIBERS, sync_token=page["sync_token"])
        assert [person["user_id"] for person in synced["data"]] == ["7"]
        assert caller.sandbox.messages == messages
        assert (await caller.report())["delivered"]["total"] == 0


async def test_state_is_kept_when_the_body_fails(tmp_path):
    path = tmp_path / "cliq.json"

    async def fail():
        async with Sandbox(state=path) as sandbox:
            sandbox.subscribe("supportbot", "7")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert len(Sandbox(state=path)._state.bots.by_name("supportbot").subscribers) == 101


async def test_sandbox_that_did_not_start_writes_nothing(tmp_path):
    async with Sandbox() as first:
        port = int(first.url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"):
            await Sandbox(state=tmp_path / "cliq.json", port=port).__aenter__()
    assert list(tmp_path.iterdir()) == []


async def test_link_to_a_file_stays_a_link(tmp_path):
    path, link = tmp_path / "cliq.json", tmp_path / "link.json"
    link.symlink_to(path)
    async with Sandbox(state=link):
        pass
    assert link.is_symlink()
    assert path.is_file()


def written(tmp_path):
    path = tmp_path / "cliq.json"
    StateFile(path).write(a_busy_sandbox().state)
    return path, json.loads(path.read_bytes())


def without(name):
    return lambda data: data.pop(name)


DAMAGE = {
    "without bots": without("bots"),
    "without revisions": without("revisions"),
    "version of no kind": lambda data: data.update(version=0),
    "strange handler": lambda data: data["bots"][0]["handlers"][0].update(type="x"),
    "record without a name": lambda data: data["bots"][0]["record"].pop("name"),
    "subscriber who is nobody": lambda data: data["bots"][0]["subscribers"].append("1"),
    "revision of nothing": lambda data: data["revisions"]["changed"].update({"1": 1}),
    "strange function": lambda data: data["functions"][0]["functions"][0]["record"].pop("name"),
    "revision of no function": lambda data: data["functions"][0]["revisions"]["changed"].update(
        {"1": 1}
    ),
    "missing message": lambda data: data["messages"].pop(1),
    "missing thread": lambda data: data["threads"].clear(),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damaged_state_is_refused_and_left_alone(tmp_path, damage):
    path, data = written(tmp_path)
    damage(data)
    path.write_text(json.dumps(data))
    before = path.read_bytes()
    with pytest.raises(StateFileError, match=r"cliq\.json is damaged: "):
        Sandbox(state=path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b'{"version": 1}', b'{"format": "other"}', b"\xff", b"[" * 100_000],
    ids=range(7),
)
def test_other_files_are_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "cliq.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"cliq\.json is damaged or not the state of a sandbox"):
        Sandbox(state=path)
    assert path.read_bytes() == content


def test_half_a_file_is_refused(tmp_path):
    path, _ = written(tmp_path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"cliq\.json is damaged"):
        Sandbox(state=path)


def test_file_of_a_newer_version_is_refused(tmp_path):
    path, data = written(tmp_path)
    path.write_text(json.dumps({"format": data["format"], "version": 2, "robots": []}))
    with pytest.raises(ValueError, match=r"cliq\.json was written by a later version"):
        Sandbox(state=path)


def test_place_that_cannot_be_written_is_found_out_at_the_start(tmp_path):
    path = tmp_path / "nowhere" / "cliq.json"
    with pytest.raises(FileNotFoundError) as caught:
        Sandbox(state=path)
    assert caught.value.filename == str(path)
    with pytest.raises(IsADirectoryError):
        Sandbox(state=tmp_path)


async def test_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path, _ = written(tmp_path)
    before = path.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    sandbox = await Sandbox(state=path).__aenter__()
    sandbox.subscribe("supportbot", "8")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        await sandbox.__aexit__(None, None, None)
    assert caught.value.filename == str(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
