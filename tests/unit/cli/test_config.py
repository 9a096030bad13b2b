"""`cliq config`: what holds, where it comes from, and which credentials go where."""

import os
from pathlib import Path

import attrs
import pytest
from support.cli import SECRET, invoke, zuids
from support.configs import TOKEN, put_profile, told
from support.logins import CLIENT, cliq, log_in

from cliq_async import CliqClient, RefreshToken, ValidationError
from cliq_async.cli.settings.config_file import KEYS
from cliq_async.cli.settings.profiles import ProfileStore
from cliq_async.cli.settings.resolution import resolve
from cliq_async.sandbox import Sandbox

pytestmark = pytest.mark.usefixtures("here")


def test_every_setting_is_shown_with_its_default():
    shown = told()
    assert set(KEYS) < set(shown)
    assert shown["data_center"] == ("us", "built in")
    assert shown["base_url"] == ("https://cliq.zoho.com", "built in")
    assert shown["accounts_url"] == ("https://accounts.zoho.com", "built in")
    path = Path(os.environ["XDG_STATE_HOME"]) / "cliq_async/quota.db"
    assert shown["quota"] == (f"sqlite://{path}", "built in")
    assert shown["credentials"] == (None, "none found")
    assert not path.parent.exists()  # looking makes nothing


def test_each_source_wins_over_those_behind_it(here, own_toml):
    own_toml.write_text('account = "own"\n[profiles.default]\naccount = "own profile"\n')
    put_profile(account="login")
    (here / "cliq.toml").write_text(
        'account = "here"\n[profiles.default]\naccount = "here profile"'
    )
    env = {"CLIQ_ACCOUNT": "env"}
    assert told("--account", "option", env=env)["account"] == ("option", "--account")
    assert told(env=env)["account"] == ("env", "CLIQ_ACCOUNT")
    path = f"{here}/cliq.toml"
    assert told()["account"] == ("here profile", f"{path} [profiles.default]")
    (here / "cliq.toml").write_text('account = "here"')
    assert told()["account"] == ("here", path)
    (here / "cliq.toml").unlink()
    assert told()["account"] == ("own profile", f"{own_toml} [profiles.default]")
    own_toml.write_text('account = "own"')
    assert told()["account"] == ("login", "profile default")
    ProfileStore().remove("default")
    assert told()["account"] == ("own", str(own_toml))
    own_toml.unlink()
    assert told()["account"] == ("default", "built in")


def test_secrets_are_masked_wherever_they_come_from():
    env = CLIENT | {"CLIQ_REFRESH_TOKEN": "a-refresh", "CLIQ_QUOTA": "redis://u:pass@h:1/0"}
    shown = told(env=env)
    assert shown["client_id"] == ("1000.CLIENT", "CLIQ_REFRESH_TOKEN")
    assert shown["client_secret"] == shown["refresh_token"] == ("(hidden)", "CLIQ_REFRESH_TOKEN")
    assert shown["quota"] == ("redis://u:(hidden)@h:1/0", "CLIQ_QUOTA")
    assert told("--token", SECRET)["access_token"] == ("(hidden)", "--token")
    assert told(env={"CLIQ_ZAPIKEY": SECRET})["api_key"] == ("(hidden)", "CLIQ_ZAPIKEY")
    put_profile("work")
    work = told("--profile", "work", env=TOKEN)
    assert work["refresh_token"] == ("(hidden)", "profile work")
    assert work["profile"] == ("work", "--profile")


def test_an_unnamed_profile_does_not_count_beside_other_credentials():
    put_profile()
    assert told()["data_center"] == ("eu", "profile default")
    assert told(env=TOKEN)["data_center"] == ("us", "built in")
    assert told(env=TOKEN)["profile"] == (None, "none in effect")
    named = TOKEN | {"CLIQ_PROFILE": "default"}
    assert told(env=named)["data_center"] == ("eu", "profile default")
    assert told(env=named)["access_token"] == ("(hidden)", "CLIQ_ACCESS_TOKEN")


def test_a_profile_names_the_account_even_without_a_login(here):
    (here / "cliq.toml").write_text("[profiles.ben]\nmargin_s = 2")
    shown = told(env=TOKEN | {"CLIQ_PROFILE": "ben"})
    assert shown["account"] == ("ben", "profile ben")
    result = invoke("send", "b", "hi", "--to", "1", "--profile", "ben", env=TOKEN)
    assert (result.exit_code, result.stderr) == (
        2,
        "error: profile 'ben' is not logged in: run `cliq auth login --profile ben`\n",
    )


def test_a_profiles_refresh_token_goes_to_its_own_accounts_server_only(here):
    put_profile()
    (here / "cliq.toml").write_text('data_center = "us"\naccounts_url = "http://localhost:1"')
    resolved = resolve({}, environ={"CLIQ_ACCOUNTS_URL": "http://localhost:2"})
    auth = resolved.auth()
    assert isinstance(auth, RefreshToken)
    assert auth.accounts_url == resolved.accounts_url == "https://accounts.zoho.eu"


def test_the_environments_refresh_token_goes_where_the_settings_say(here):
    (here / "cliq.toml").write_text('accounts_url = "http://localhost:1"')
    environ = CLIENT | {"CLIQ_REFRESH_TOKEN": "x"}
    auth = resolve({}, environ=environ).auth()
    assert isinstance(auth, RefreshToken)
    assert auth.accounts_url == "http://localhost:1"
    assert attrs.evolve(auth, accounts_url=None) == RefreshToken(
        "1000.CLIENT", "a-client-secret", "x"
    )


def test_a_data_center_that_is_typed_wins_over_any_other_server(here):
    (here / "cliq.toml").write_text('base_url = "http://localhost:1"')
    shown = told("--data-center", "eu", env={"CLIQ_BASE_URL": "http://localhost:2"})
    assert shown["base_url"] == ("https://cliq.zoho.eu", "built in")


def test_the_client_of_a_program_takes_neither_profile_nor_file(here, monkeypatch):
    put_profile()
    (here / "cliq.toml").write_text('data_center = "eu"')
    monkeypatch.setenv("CLIQ_PROFILE", "default")
    with pytest.raises(ValidationError, match="CLIQ_ACCESS_TOKEN"):
        CliqClient.from_env()
    monkeypatch.setenv("CLIQ_ACCESS_TOKEN", "token")
    assert CliqClient.from_env()._settings.data_center == "us"


async def test_a_files_budget_for_waiting_gives_way_to_a_typed_one(here):
    async with Sandbox() as sandbox:
        await log_in(sandbox)
        (here / "cliq.toml").write_text("max_wait_s = 500\n[limits]\nsend_message = 1")
        args = ("send", "supportbot", "hi", "--to", zuids(1)[0])
        sent, third = await cliq(*args), await cliq(*args, "--max-wait", "0.5")
        (here / "cliq.toml").write_text("max_wait_s = 0.5\n[limits]\nsend_message = 1")
        fourth = await cliq(*args)
    assert [each.exit_code for each in (sent, third, fourth)] == [0, 3, 3]


def test_a_wrong_setting_of_the_environment_is_wrong_usage():
    result = invoke("config", env={"CLIQ_TIME_SCALE": "fast"})
    assert (result.exit_code, result.stderr) == (
        2,
        "error: CLIQ_TIME_SCALE: a number, got 'fast'\n",
    )
    result = invoke("config", env={"CLIQ_QUOTA": "nowhere"})
    assert result.exit_code == 2


def test_hosts_for_unencrypted_requests_come_from_the_environment_or_the_users_own_file(own_toml):
    sandbox = {"CLIQ_BASE_URL": "http://sandbox:8080"}
    assert "https, or a host listed in allow_http" in invoke("config", env=sandbox).stderr
    result = invoke("config", env=sandbox | {"CLIQ_ALLOW_HTTP": "sandbox"})
    assert "CLIQ_ALLOW_HTTP" in result.stdout
    own_toml.write_text('allow_http = ["sandbox"]')
    assert invoke("config", env=sandbox).exit_code == 0
    own_toml.write_text("allow_http = [1]")
    assert "allow_http: a list of hosts" in invoke("config").stderr
