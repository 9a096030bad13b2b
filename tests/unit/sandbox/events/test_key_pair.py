"""The key pair that signs events: made on first use, kept in the state file."""

import base64
import json
import logging
import sys

import pytest
from support.event_bots import hooked, is_signed
from support.polling import until

from cliq_async.sandbox import Sandbox
from cliq_async.sandbox.state.key_pair import KeyPair


def test_a_key_pair_is_made_on_first_use_and_signs():
    keys = KeyPair()
    assert keys.private_key is None
    signature = keys.sign(b'{"a": 30.0}')
    assert is_signed(keys.public_key, b'{"a": 30.0}', signature)
    assert not is_signed(keys.public_key, b'{"a":30}', signature)
    assert KeyPair(keys.private_key).public_key == keys.public_key
    assert KeyPair().public_key != keys.public_key


def test_a_private_key_that_is_not_one_is_a_value_error():
    with pytest.raises(ValueError, match="base64"):
        KeyPair("?")
    with pytest.raises(ValueError, match="key"):
        KeyPair(base64.b64encode(b"no key").decode()).sign(b"")


async def test_the_state_file_keeps_the_key_pair(tmp_path):
    path = tmp_path / "state.json"
    async with Sandbox(state=path) as sandbox:
        key = sandbox.public_key
    async with Sandbox(state=path) as again:
        assert again.public_key == key
    async with Sandbox() as other:
        assert other.public_key != key


async def test_a_state_file_of_before_gets_a_key_pair(tmp_path):
    path = tmp_path / "state.json"
    async with Sandbox(state=path):
        pass
    state = json.loads(path.read_bytes())
    assert state.pop("private_key") is None  # none was needed
    path.write_text(json.dumps(state))
    async with Sandbox(state=path) as sandbox:
        assert sandbox.public_key


async def test_a_damaged_private_key_is_a_damaged_file(tmp_path):
    path = tmp_path / "state.json"
    async with Sandbox(state=path):
        pass
    state = json.loads(path.read_bytes())
    path.write_text(json.dumps(state | {"private_key": "?"}))
    with pytest.raises(ValueError, match="is damaged"):
        Sandbox(state=path)


@pytest.fixture
def no_cryptography(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "cryptography"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cryptography", None)


async def test_without_the_package_an_event_says_what_to_install(no_cryptography, caplog):
    async with hooked() as (sandbox, bot, api):
        with pytest.raises(RuntimeError, match=r"pip install 'cliq-async\[webhooks\]'"):
            await sandbox.say("hook", "hi")
        status, answer = await api.sandbox_post("say", bot="hook", text="hi")
        assert (status, answer["code"]) == (501, "package_missing")
        async with api.session.get(f"{sandbox.url}/sandbox/public-key") as response:
            assert response.status == 501
        with caplog.at_level(logging.WARNING, "cliq_async.sandbox"):
            for _ in range(2):
                await api.post("/bots/hook/incoming", {"a": "b"})
            await until(lambda: caplog.records)
        (warning,) = (each for each in caplog.records if each.name == "cliq_async.sandbox")
        assert warning.message.startswith("no event is sent: events of webhook bots are signed")
        assert (sandbox.deliveries, bot.requests) == ((), [])
