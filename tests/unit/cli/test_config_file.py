"""`cliq.toml`: what it may say, what is wrong with it, and what a folder's own may not decide."""

import re

import pytest
from support.cli import SECRET, invoke
from support.configs import TOKEN, put_profile, told

from cliq_async import CliqClient
from cliq_async.cli.settings.config_file import KEYS
from cliq_async.cli.settings.resolution import resolve
from cliq_async.endpoints import Limit

pytestmark = pytest.mark.usefixtures("here")


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
        max_response_bytes = 1000000
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
    assert set(options) == set(KEYS) - {"limits", "accounts_url", "allow_http", "proxy"}
    client = CliqClient("token", **options)
    assert (client._settings.timeout_s, client._settings.pace) == (7, "even")
    assert client._settings.max_response_bytes == 1_000_000
    assert client._settings.root_url == "http://127.0.0.1:8080/network/partners"
    shown = invoke("config", env=TOKEN)
    assert "send_message 40 in 60 s, lock 600 s, trigger_call 5 in 100 s" in shown.stdout
    assert shown.stderr == f"read {here}/cliq.toml\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("data_center = ", "cliq.toml: not TOML: "),
        ('data_centre = "eu"', "data_centre: there is no such setting; did you mean data_center?"),
        ("colour = 1", "colour: there is no such setting; choose one of data_center, base_url"),
        ('data_center = "moon"', "data_center: one of us, eu, in"),
        ("data_center = 1", "data_center: a text, got 1"),
        ('timeout_s = "30"', "timeout_s: a number, got '30'"),
        ("timeout_s = true", "timeout_s: a number, got true"),
        ("max_response_bytes = 1.5", "max_response_bytes: a whole number, got 1.5"),
        ("max_response_bytes = 0", "max_response_bytes: a whole number of bytes, at least 1"),
        ("timeout_s = 0", "timeout_s: more than 0, got 0"),
        ("margin_s = nan", "margin_s: at least 0, got nan"),
        ('account = ""', "account: "),
        ('pace = "slow"', "pace: even, got 'slow'"),
        ("limits = 3", "limits: a table, got 3"),
        ("[limits]\nsend_messages = 3", "limits.send_messages: there is no such endpoint; did you"),
        ("[limits]\nsend_message = 0", "limits.send_message: a whole number, at least 1, got 0"),
        (
            "[limits]\nsend_message = {limit = 3}",
            "send_message.limit: there is no such key; choose one",
        ),
        ('[limits]\nsend_message = "x"', "limits.send_message: a number, or a table of"),
        (
            'base_url = "nowhere"',
            "base_url: only scheme and host, such as https://host, got 'nowhere'",
        ),
        ("[profiles.work]\ntimeout_s = -1", "profiles.work.timeout_s: more than 0"),
        ("[profiles]\nwork = 3", "profiles.work: a table, got 3"),
        ('[profiles."a b"]', "profiles: a profile name is 1 to 64 letters"),
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
        assert re.match(rf"error: {here}/cliq.toml( line \d)?: ", result.stderr)
        assert said in result.stderr
        assert "a-refresh" not in result.stderr
        assert result.stderr.count("\n") == 1


def test_a_file_that_cannot_be_read_is_a_line(here):
    (here / "cliq.toml").mkdir()
    assert invoke("config").stderr == f"error: {here}/cliq.toml: Is a directory\n"
    (here / "cliq.toml").rmdir()
    (here / "cliq.toml").write_bytes(b"account = '\xff'")
    assert invoke("config").stderr == (
        f"error: {here}/cliq.toml line 1: not UTF-8: byte 0xFF, which is 'ÿ' in Windows-1252 "
        "(Latin-1); save it as UTF-8\n"
    )


@pytest.mark.parametrize(
    "line",
    [
        'base_url = "https://evil.example"',
        'allow_http = ["cliq.zoho.com"]',
        'accounts_url = "https://accounts.zoho.com.evil.example"',
        'quota = "redis://evil.example"',
    ],
)
def test_a_folder_cannot_send_credentials_to_strangers_but_the_user_can(here, own_toml, line):
    # Who looks at somebody else's checkout must not send a token wherever its cliq.toml says.
    put_profile()
    (here / "cliq.toml").write_text(line)
    result = invoke("config")
    assert result.exit_code == 2
    assert "can only name Zoho's servers and this machine, since credentials go" in result.stderr
    assert str(own_toml) in result.stderr
    (here / "cliq.toml").rename(own_toml)
    assert invoke("config").exit_code == 0


def test_in_the_folder_of_settings_the_file_is_the_users_own(own_toml, monkeypatch):
    own_toml.write_text('base_url = "https://gateway.example"')
    monkeypatch.chdir(own_toml.parent)
    assert told()["base_url"] == ("https://gateway.example", str(own_toml))
