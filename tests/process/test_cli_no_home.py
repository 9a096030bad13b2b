"""Users without a home folder: a container's user id, an empty environment, HOME=/dev/null."""

import pwd
import subprocess
import sys

import pytest
from support.cli import invoke

from cliq_async import CliqClient, QuotaStoreError
from cliq_async.quota.stores.registry import default_path
from cliq_async.storage import user_folders

NOWHERE = ("--token", "t", "--base-url", "http://127.0.0.1:1")
SEND = ("send", "supportbot", "hi", "--to", "1", *NOWHERE)


@pytest.fixture
def no_home(monkeypatch):
    """Neither the environment nor the system knows a home folder."""

    def unknown(_):
        raise KeyError

    for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("getpwuid", "getpwnam"):
        monkeypatch.setattr(pwd, name, unknown)


pytestmark = pytest.mark.usefixtures("no_home", "places")


@pytest.fixture
def places(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_are_no_folders():
    assert user_folders.config_folder() is user_folders.state_folder() is None
    assert user_folders.expand_home("~/quota.db") is None
    assert str(user_folders.expand_home("/srv/quota.db")) == "/srv/quota.db"


@pytest.mark.parametrize("make", [lambda: CliqClient("t"), default_path])
def test_the_default_quota_has_no_place(make):
    with pytest.raises(QuotaStoreError, match=r"quota= or CLIQ_QUOTA"):
        make()


@pytest.mark.parametrize(("name", "user"), [("~/q.db", "~"), ("~ann/q.db", "~ann")])
def test_a_tilde_in_a_url_needs_a_home(name, user):
    with pytest.raises(QuotaStoreError, match=f"{user} in sqlite:///{name} has no home folder"):
        CliqClient("t", quota=f"sqlite:///{name}")


def test_another_place_for_the_quota_is_enough(places):
    assert CliqClient("t", quota="memory://")
    for args in (SEND, ("quota",)):
        result = invoke(*args)
        assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
        assert "--quota or CLIQ_QUOTA" in result.stderr
        result = invoke(*args, env={"CLIQ_QUOTA": f"sqlite://{places}/quota.db"})
        assert "home" not in result.stderr


def test_no_place_for_settings_is_no_file_of_settings(places):
    result = invoke("config")
    assert result.exit_code == 0
    assert ["quota", "-", "built", "in"] in [line.split() for line in result.stdout.splitlines()]
    (places / "cliq.toml").write_text('account = "ann"')
    assert ["account", "ann"] in [line.split()[:2] for line in invoke("config").stdout.splitlines()]
    (places / "cliq.toml").write_text('base_url = "https://cliq.example.com"')
    assert "this user's home, which HOME has to name" in invoke("config").stderr


def test_no_place_for_profiles():
    assert "--quota or CLIQ_QUOTA" in invoke("auth", "status").stdout
    assert invoke("auth", "logout").stderr == "error: profile 'default' is not logged in\n"
    login = ("auth", "login", "--client-id", "a", "--client-secret", "b", "--code", "c")
    result = invoke(*login)
    assert result.exit_code == 1
    assert "no place for profiles: this user has no home folder" in result.stderr


def test_the_doctor_goes_on():
    result = invoke("doctor", *NOWHERE)
    assert result.exit_code == 1
    assert "wrong        quota store: there is no place for the quota file" in result.stdout


def test_a_home_that_is_no_folder(monkeypatch):
    monkeypatch.setenv("HOME", "/dev/null")
    assert invoke("config").exit_code == 0
    result = invoke(*SEND)
    assert result.exit_code == 1
    assert "cannot be written; let this user write it, or name another place" in result.stderr


def test_a_current_folder_that_was_deleted(places):
    (places / "gone").mkdir()
    code = "import os; os.chdir('gone'); os.rmdir(os.getcwd()); "
    code += "from cliq_async.cli import main; raise SystemExit(main())"
    ended = subprocess.run(
        [sys.executable, "-P", "-c", code, "config"],
        env={"PYTHONPATH": ":".join(filter(None, sys.path))},
        capture_output=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_a_home_of_another_user(monkeypatch, places):
    (places / ".config/cliq_async").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(places))

    def forbidden(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", forbidden)
    (places / "cliq.toml").touch()
    result = invoke("config")
    assert result.exit_code == 2
    assert result.stderr.endswith("Permission denied; check that HOME is this user's\n")


def test_no_temporary_folder(monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr("tempfile._candidate_tempdir_list", lambda: ["/nowhere"])
    result = invoke("sandbox", "--", "true")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: no temporary folder for the quota, set TMPDIR: ")
