"""The key pair that signs events: made on first use, kept in the state file."""

import base64
import json

import pytest
from support.event_bots import is_signed

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
