"""`cliq config` and `cliq.toml`: what holds, where it comes from, and what is wrong with it."""

import json
import os
from pathlib import Path
from typing import Any

import attrs
import pytest
from logins import CLIENT, cliq, log_in
from test_cli import SECRET, invoke, zuids

from cliq_async import CliqClient, RefreshToken, ValidationError
from cliq_async.cli.effective import resolve
from cliq_async.cli.profiles import Book, Profile, Secrets
from cliq_async.cli.toml_file import KEYS, settings_path
from cliq_async.endpoints import Limit
from cliq_async.sandbox import Sandbox

TOKEN = {"CLIQ_ACCESS_TOKEN": SECRET}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """The current folder; the platform's places are elsewhere."""
    for name in ("state", "config"):
        monkeypatch.setenv(f"XDG_{name.upper()}_HOME", str(tmp_path / name))
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def own():
    """The file at the platform's place for settings."""
    path = settings_path()
    path.parent.mkdir(parents=True)
    return path


def put_profile(name="default", **fields):
    known: dict[str, Any] = {
        "client_id": "1000.C",
        "account": name,
        "secrets": Secrets("a-secret", "a-refresh"),
        "data_center": "eu",
        "accounts_url": "https://accounts.zoho.eu",
    }
    Book().put(name, Profile(**(known | fields)))


def told(*args, env=None):
    result = invoke("config", "--json", *args, env=env)
    assert result.exit_code == 0, result.stderr
    assert SECRET not in result.output
    return {
        name: (each["value"], each["source"]) for name, each in json.loads(result.stdout).items()
    }


def test_every_setting_is_shown_with_its_default():
    shown = told()
    assert set(KEYS) < set(shown)
    assert shown["data_center"] == ("us", "built in")
    assert shown["base_url"] == ("https://cliq.zoho.com", "built in")
    assert shown["accounts_url"] == ("https://accounts.zoho.com", "built in")
    path = Path(os.environ["XDG_STATE_HOME"]) / "cliq_async/quota.db"
    assert shown["quota"] == (f"sqlite://{path}", "built in")
    assert shown["credentials"] == (None, "nobody gives any")
    assert not path.parent.exists()  # looking makes nothing


def test_each_source_wins_over_those_behind_it(here, own):
    own.write_text('account = "own"\n[profiles.default]\naccount = "own profile"\n')
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
    assert told()["account"] == ("own profile", f"{own} [profiles.default]")
    own.write_text('account = "own"')
    assert told()["account"] == ("login", "profile default")
    Book().remove("default")
    assert told()["account"] == ("own", str(own))
    own.unlink()
    assert told()["account"] == ("default", "built in")


def test_all_settings_of_a_file_reach_the_client(here):
    (here / "cliq.toml").write_text(
        """
        data_center = "in"
        base_url = "http://127.0.0.1:8080"
        accounts_url = "http://localhost:8080"
        network = "partners"
        account = "ann"
        quota = "memory://"
        margin_s = 2
        straggler_s = 10.5
        max_wait_s = 5
        timeout_s = 7
        pace = "even"
        max_rate = 3
        time_scale = 60

        [limits]
        send_message = 40
        trigger_call = {threshold = 5, window_s = 100}
        """
    )
    options = resolve({}, environ=TOKEN).options()
    assert options.pop("limits") == {
        "send_message": Limit(40, 60.0, 600.0),
        "trigger_call": Limit(5, 100, 1800.0),
    }
    assert set(options) == set(KEYS) - {"limits", "accounts_url", "allow_http"}
    client = CliqClient("token", **options)
    assert (client._settings.timeout_s, client._settings.pace) == (7, "even")
    assert client._settings.root_url == "http://127.0.0.1:8080/network/partners"
    shown = invoke("config", env=TOKEN)
    assert "send_message 40 in 60 s, lock 600 s, trigger_call 5 in 100 s" in shown.stdout
    assert shown.stderr == f"read {here}/cliq.toml\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("data_center = ", "cliq.toml: not TOML: "),
        ('data_centre = "eu"', "data_centre: there is no such setting; did you mean data_center?"),
        ("colour = 1", "colour: there is no such setting; there are data_center, base_url"),
        ('data_center = "moon"', "data_center: one of us, eu, in"),
        ("data_center = 1", "data_center: a text, got 1"),
        ('timeout_s = "30"', "timeout_s: a number, got '30'"),
        ("timeout_s = true", "timeout_s: a number, got True"),
        ("timeout_s = 0", "timeout_s: more than 0, or None, got 0"),
        ("margin_s = nan", "margin_s: at least 0, got nan"),
        ('account = ""', "account: "),
        ('pace = "slow"', "pace: None or 'even', got 'slow'"),
        ("limits = 3", "limits: a table, got 3"),
        ("[limits]\nsend_messages = 3", "limits.send_messages: there is no such endpoint; did you"),
        ("[limits]\nsend_message = 0", "limits.send_message: an int, at least 1, got 0"),
        ("[limits]\nsend_message = {limit = 3}", "limits.send_message: a number, or a table of"),
        ('[limits]\nsend_message = "x"', "limits.send_message: a number, or a table of"),
        ('base_url = "nowhere"', "base_url: scheme and host alone, as https://host, got 'nowhere'"),
        ("[profiles.work]\ntimeout_s = -1", "profiles.work.timeout_s: more than 0"),
        ("[profiles]\nwork = 3", "profiles.work: a table, got 3"),
        ('[profiles."a b"]', "profiles: a profile's name has letters"),
        ("profiles = 3", "profiles: tables, as [profiles.NAME], got 3"),
        ("profile = 3", "profile: the name of a profile, got 3"),
        ('profile = "nobody"', "cliq.toml: there is no profile 'nobody'"),
        ('refresh_token = "a-refresh"', "refresh_token: secrets do not belong in this file"),
        ('[profiles.x]\nclient_secret = "a-refresh"', "profiles.x.client_secret: secrets do not"),
        ('quota = "redis://u:a-refresh@localhost"', "quota: a password: secrets do not belong"),
    ],
)
def test_what_is_wrong_in_a_file_names_the_file_and_the_key(here, content, said):
    (here / "cliq.toml").write_text(content)
    for args in (("config",), ("send", "b", "hi", "--to", "1", "--token", SECRET), ("quota",)):
        if "nobody" in content and args != ("config",):
            continue
        result = invoke(*args)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith(f"error: {here}/cliq.toml: ")
        assert said in result.stderr
        assert "a-refresh" not in result.stderr
        assert result.stderr.count("\n") == 1


def test_a_file_that_cannot_be_read_is_a_line(here):
    (here / "cliq.toml").mkdir()
    assert invoke("config").stderr == f"error: {here}/cliq.toml: Is a directory\n"
    (here / "cliq.toml").rmdir()
    (here / "cliq.toml").write_bytes(b"account = '\xff'")
    assert invoke("config").stderr == f"error: {here}/cliq.toml: not UTF-8\n"


@pytest.mark.parametrize(
    "line",
    [
        'base_url = "https://evil.example"',
        'allow_http = ["cliq.zoho.com"]',
        'accounts_url = "https://accounts.zoho.com.evil.example"',
        'quota = "redis://evil.example"',
    ],
)
def test_a_folder_cannot_send_credentials_to_strangers_but_the_user_can(here, own, line):
    # Who looks at somebody else's checkout must not send a token wherever its cliq.toml says.
    put_profile()
    (here / "cliq.toml").write_text(line)
    result = invoke("config")
    assert result.exit_code == 2
    assert "can only name Zoho's servers and this machine, since credentials go" in result.stderr
    assert str(own) in result.stderr
    (here / "cliq.toml").rename(own)
    assert invoke("config").exit_code == 0


def test_in_the_folder_of_settings_the_file_is_the_users_own(own, monkeypatch):
    own.write_text('base_url = "https://gateway.example"')
    monkeypatch.chdir(own.parent)
    assert told()["base_url"] == ("https://gateway.example", str(own))


def test_secrets_are_masked_wherever_they_come_from():
    env = CLIENT | {"CLIQ_REFRESH_TOKEN": "a-refresh", "CLIQ_QUOTA": "redis://u:pass@h:1/0"}
    shown = told(env=env)
    assert shown["client_id"] == ("1000.CLIENT", "CLIQ_REFRESH_TOKEN")
    assert shown["client_secret"] == shown["refresh_token"] == ("(hidden)", "CLIQ_REFRESH_TOKEN")
    assert shown["quota"] == ("redis://u:(hidden)@h:1/0", "CLIQ_QUOTA")
    assert told("--token", SECRET)["access_token"] == ("(hidden)", "--token")
    put_profile("work")
    work = told("--profile", "work", env=TOKEN)
    assert work["refresh_token"] == ("(hidden)", "profile work")
    assert work["profile"] == ("work", "--profile")


def test_an_unnamed_profile_does_not_count_beside_other_credentials():
    put_profile()
    assert told()["data_center"] == ("eu", "profile default")
    assert told(env=TOKEN)["data_center"] == ("us", "built in")
    assert told(env=TOKEN)["profile"] == (None, "none counts")
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
        "error: profile 'ben' is not logged in: `cliq auth login --profile ben`\n",
    )


def test_a_profiles_refresh_token_goes_to_its_own_accounts_server_only(here):
    put_profile()
    (here / "cliq.toml").write_text('data_center = "us"\naccounts_url = "http://localhost:1"')
    effective = resolve({}, environ={"CLIQ_ACCOUNTS_URL": "http://localhost:2"})
    auth = effective.auth()
    assert isinstance(auth, RefreshToken)
    assert auth.accounts_url == effective.accounts_url == "https://accounts.zoho.eu"


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


def test_hosts_for_unencrypted_requests_come_from_the_environment_or_the_users_own_file(own):
    sandbox = {"CLIQ_BASE_URL": "http://sandbox:8080"}
    assert "https, or a host that is named" in invoke("config", env=sandbox).stderr
    result = invoke("config", env=sandbox | {"CLIQ_ALLOW_HTTP": "sandbox"})
    assert "CLIQ_ALLOW_HTTP" in result.stdout
    own.write_text('allow_http = ["sandbox"]')
    assert invoke("config", env=sandbox).exit_code == 0
    own.write_text("allow_http = [1]")
    assert "allow_http: a list of hosts" in invoke("config").stderr
