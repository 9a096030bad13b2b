"""Secrets in a keyring, where there is one that can be used, and in a file where there is not."""

import json
import sys
from pathlib import Path

import pytest
from support.cli import zuids
from support.logins import CLIENT, cliq, log_in

from cliq_async.cli.settings.keyring import find_keyring
from cliq_async.cli.settings.profiles import ProfileStore, Secrets
from cliq_async.sandbox import Sandbox

SEND = ("send", "supportbot", "hi", "--to", zuids(1)[0])


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("KEYRING_OF_TESTS", str(tmp_path / "keyring.json"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))
    return tmp_path


def use(monkeypatch, backend):
    keyring = pytest.importorskip("keyring")
    module = pytest.importorskip("support.file_keyring")
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", f"support.file_keyring.{backend}")
    monkeypatch.setattr(keyring.core, "_keyring_backend", getattr(module, backend)())


async def test_secrets_are_in_the_keyring_and_nowhere_else(places, monkeypatch):
    use(monkeypatch, "InFile")
    async with Sandbox() as sandbox:
        result = await log_in(sandbox)
        sent = await cliq(*SEND)
        config = await cliq("config")
        kept = json.loads(json.loads((places / "keyring.json").read_text())["cliq_async default"])
        assert set(kept) == {"client_secret", "refresh_token"}
        for secret in kept.values():
            assert secret not in ProfileStore().path.read_text()
            assert secret not in config.output
        out = await cliq("auth", "logout")
    assert result.stdout.endswith("secrets are in Keyring of the tests\n")
    assert (sent.exit_code, out.exit_code) == (0, 0)
    assert json.loads((places / "keyring.json").read_text()) == {}


async def test_a_login_that_goes_to_a_file_takes_the_secrets_out_of_the_keyring(
    places, monkeypatch
):
    use(monkeypatch, "InFile")
    async with Sandbox() as sandbox:
        await log_in(sandbox)
        await log_in(sandbox, "--store", "file", code="1000.b")
    assert json.loads((places / "keyring.json").read_text()) == {}
    assert ProfileStore().profiles()["default"].secrets is not None


async def test_a_keyring_that_keeps_nothing_gives_way_to_the_file(monkeypatch):
    use(monkeypatch, "Locked")
    async with Sandbox() as sandbox:
        result = await log_in(sandbox)
        sent = await cliq(*SEND)
    assert result.stderr == "warning: Locked keyring stores no secrets, so a file does\n"
    assert "readable by you alone" in result.stdout
    assert sent.exit_code == 0


async def test_a_keyring_that_is_locked_or_away_or_empty_later_is_a_line(places, monkeypatch):
    use(monkeypatch, "InFile")
    async with Sandbox() as sandbox:
        await log_in(sandbox)
        use(monkeypatch, "Locked")
        locked = await cliq(*SEND)
        use(monkeypatch, "InFile")
        kept = (places / "keyring.json").read_text()
        (places / "keyring.json").write_text("{}")
        empty = await cliq(*SEND)
        (places / "keyring.json").write_text(json.dumps(dict.fromkeys(json.loads(kept), "[]")))
        other = await cliq(*SEND)
        (places / "keyring.json").write_text(kept)
        monkeypatch.delenv("PYTHON_KEYRING_BACKEND")
        away = await cliq(*SEND)
        out = await cliq("auth", "logout")
    results = (locked, empty, other, away, out)
    assert [each.exit_code for each in results] == [1] * 5
    assert "Locked keyring failed (KeyringLocked): check that it is unlocked" in locked.stderr
    assert "no longer has the secrets of profile 'default': run `cliq auth login`" in empty.stderr
    assert "the entry of profile 'default' in" in other.stderr
    assert "are in Keyring of the tests, which cannot be used here" in away.stderr
    assert "which cannot be used here" in out.stderr
    assert list(ProfileStore().profiles()) == ["default"]


def test_without_a_screen_no_keyring_is_even_looked_for(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setitem(sys.modules, "keyring", None)
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
    assert find_keyring() is None


@pytest.mark.parametrize("priority", [0, 0.5, "none"])
def test_a_keyring_that_is_not_recommended_is_not_used(monkeypatch, priority):
    use(monkeypatch, "InFile")
    module = pytest.importorskip("support.file_keyring")
    monkeypatch.setattr(module.InFile, "priority", priority)
    monkeypatch.delenv("PYTHON_KEYRING_BACKEND")
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
    assert find_keyring() is None


def test_without_the_extra_there_is_none(monkeypatch):
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert find_keyring() is None


async def test_a_keyring_that_is_asked_for_and_not_there_costs_no_code():
    async with Sandbox() as sandbox:
        result = await log_in(sandbox, "--store", "keyring")
        assert sandbox.report()["token_requests"] == 0
    assert (result.exit_code, "pip install 'cliq-async[keyring]'" in result.stderr) == (2, True)


def test_secrets_are_in_no_repr():
    assert "refresh" not in repr(Secrets("a-secret", "a-refresh-token")).replace(
        "refresh_token", ""
    )
    assert CLIENT["CLIQ_CLIENT_SECRET"] not in repr(Secrets(CLIENT["CLIQ_CLIENT_SECRET"], "x"))
