"""Logging in, looking, logging out: at a sandbox, without a keyring."""

import asyncio
import json
import os
import signal
import stat
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from support.cli import VARIABLES, zuids
from support.logins import CLIENT, CODE, cliq, log_in

from cliq_async.auth.accounts import ExchangeResult
from cliq_async.auth.credentials import AccessToken, RefreshToken
from cliq_async.auth.oauth import IssuedToken
from cliq_async.cli.commands.auth_login import _Login
from cliq_async.cli.settings.profiles import ProfileStore
from cliq_async.cli.settings.resolution import resolve
from cliq_async.sandbox import Sandbox
from cliq_async.sandbox.oauth import user_label

pytestmark = pytest.mark.usefixtures("places")


def kept(name="default"):
    return ProfileStore().profiles()[name]


def refresh_token(name="default"):
    secrets = kept(name).secrets
    assert secrets is not None
    return secrets.refresh_token


async def send(*args, env=None):
    return await cliq("send", "supportbot", "hi", "--to", zuids(1)[0], *args, env=env)


async def test_after_a_login_commands_need_nothing_else_and_no_second_token():
    async with Sandbox() as sandbox:
        logged_in = await log_in(sandbox)
        sent = await send()
        report = sandbox.report()
    assert (logged_in.exit_code, logged_in.stderr) == (0, "")
    assert logged_in.stdout == (
        f"logged in: profile default, {sandbox_url(logged_in)}, account default\n"
        f"secrets are in {ProfileStore().path}, readable by you alone\n"
    )
    assert (sent.exit_code, sent.stderr) == (0, "")
    assert (report["token_requests"], report["delivered"]["total"]) == (1, 1)


def sandbox_url(result):
    return result.stdout.split(", ")[1]


async def test_the_file_is_its_owners_alone_whatever_the_umask():
    before = os.umask(0)
    try:
        async with Sandbox() as sandbox:
            await log_in(sandbox)
    finally:
        os.umask(before)
    assert stat.S_IMODE(ProfileStore().path.stat().st_mode) == 0o600
    assert stat.S_IMODE(ProfileStore().path.parent.stat().st_mode) == 0o700
    assert {path.name for path in ProfileStore().path.parent.iterdir()} >= {
        "profiles.json",
        "quota.db",
    }
    assert not list(ProfileStore().path.parent.glob(".profiles*"))


@pytest.mark.parametrize(
    ("code", "env", "said"),
    [
        ("invalid", {}, "invalid_code: the code is mistyped, has been used, or has expired"),
        (
            "1000.x",
            {"CLIQ_CLIENT_ID": "invalid"},
            "invalid_client: this data center does not know the client",
        ),
        (
            "1000.x",
            {"CLIQ_CLIENT_SECRET": "invalid"},
            "invalid_client: this data center does not know the client",
        ),
    ],
)
async def test_what_the_accounts_server_refuses_is_one_line_and_keeps_nothing(code, env, said):
    async with Sandbox() as sandbox:
        result = await log_in(sandbox, code=code, env=env)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: http://127.0.0.1:")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert not ProfileStore().path.exists()


async def test_a_code_works_once_and_the_profile_stays_as_it_was():
    async with Sandbox() as sandbox:
        await log_in(sandbox)
        before = ProfileStore().path.read_bytes()
        again = await log_in(sandbox)
    assert again.exit_code == 1
    assert "has been used" in again.stderr
    assert ProfileStore().path.read_bytes() == before


async def test_where_profiles_cannot_be_kept_the_code_is_not_used(places):
    (places / "state").mkdir()
    (places / "state/cliq_async").write_text("a file")
    async with Sandbox() as sandbox:
        result = await log_in(sandbox)
        assert sandbox.report()["token_requests"] == 0
    assert result.exit_code == 1
    path = places / "state/cliq_async/profiles.json"
    assert result.stderr == f"error: cannot save profiles in {path}: File exists\n"


@pytest.mark.parametrize("content", ["{}", '{"format": "cliq-profiles", "profiles": 1}', "\0"])
async def test_a_damaged_file_is_left_alone(content):
    ProfileStore().path.parent.mkdir(parents=True)
    ProfileStore().path.write_text(content)
    for args in (("auth", "login"), ("auth", "logout"), ("send", "b", "t", "--to", "1")):
        result = await cliq(*args, env=CLIENT, stdin=CODE)
        assert result.exit_code == 1
        assert (
            "profiles.json is damaged: move it aside, then run `cliq auth login`" in result.stderr
        )
    assert ProfileStore().path.read_text() == content


async def test_a_file_of_a_later_version_is_left_alone():
    ProfileStore().path.parent.mkdir(parents=True)
    ProfileStore().path.write_text('{"format": "cliq-profiles", "version": 2}')
    result = await cliq("auth", "status")
    assert "was written by a later version" in result.stderr


async def test_without_an_answer_it_says_whether_the_code_is_still_good():
    unreached = await cliq(
        *("auth", "login", "--accounts-url", "http://127.0.0.1:1"), env=CLIENT, stdin=CODE
    )
    async with Sandbox(faults=["reset:1@access_token"]) as sandbox:
        lost = await log_in(sandbox)
    async with Sandbox(faults=["502:1@access_token"]) as sandbox:
        broken = await log_in(sandbox)
    assert [each.exit_code for each in (unreached, lost, broken)] == [1, 1, 1]
    assert unreached.stderr.endswith("; the code can still be used\n")
    assert lost.stderr.endswith("; the code may be used up: generate a new one\n")
    assert "HTTP 502; the code may be used up" in broken.stderr


@pytest.mark.parametrize(
    ("env", "args", "stdin", "said"),
    [
        (
            {},
            (),
            CODE,
            "not a terminal, so there is no one to ask: set --client-id or CLIQ_CLIENT_ID, and ",
        ),
        (CLIENT, (), "", "standard input has no code"),
        (CLIENT, ("--code", "-"), "\n", "standard input has no code"),
        (CLIENT, ("--code", "two words"), "", "a code is one or more visible ASCII characters"),
        (CLIENT, ("--profile", "a/b"), CODE, "--profile: a profile name is 1 to 64 letters"),
        (CLIENT, ("--store", "keyring"), CODE, "no keyring can be used here"),
        (CLIENT, ("--accounts-url", "nowhere"), CODE, "accounts_url: only scheme and host"),
        (CLIENT, ("--data-center", "moon"), CODE, "error: --data-center: "),
    ],
)
async def test_wrong_usage(env, args, stdin, said):
    result = await cliq("auth", "login", *args, env=env, stdin=stdin)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "two words" not in result.stderr


async def test_each_profile_has_its_own_token_and_quota():
    async with Sandbox() as sandbox:
        await log_in(sandbox)
        other = await log_in(
            sandbox, "--profile", "work", code="1000.b", env={"CLIQ_CLIENT_ID": "1000.OTHER"}
        )
        await send()
        await send("--profile", "work")
        await send(env={"CLIQ_PROFILE": "work"})
        status = await cliq("auth", "status", "--profile", "work", "--json")
        mine = await cliq("quota", "--json")
        work = await cliq("quota", "--json", "--profile", "work")
        by_user = [
            sandbox.report(user=user_label(refresh_token(name)))["requests"]["send_message"]
            for name in ("default", "work")
        ]
    assert "profile work," in other.stdout
    assert "account work" in other.stdout
    assert by_user == [1, 2]
    free = [json.loads(each.stdout)["send_message"]["free"] for each in (mine, work)]
    assert free == [49, 48]
    told = json.loads(status.stdout)
    assert (told["profile"], told["account"], told["token_ok"]) == ("work", "work", True)
    assert told["other_profiles"] == ["default"]
    assert refresh_token("work") not in status.output


async def test_profiles_of_one_client_are_one_user_and_share_a_quota():
    # A self client belongs to a user: two buckets for one user would lock it.
    async with Sandbox() as sandbox:
        await log_in(sandbox)
        other = await log_in(sandbox, "--profile", "work", code="1000.b")
        named = await log_in(sandbox, "--profile", "x", "--account", "ann", code="1000.c")
    assert other.stderr == (
        "profile 'default' has the same client, so both share a quota\n"
        "use it with --profile work, or CLIQ_PROFILE=work\n"
    )
    assert kept("work").account == "default"
    assert (kept("x").account, named.exit_code) == ("ann", 0)


async def test_a_token_of_the_environment_goes_before_the_profile_but_not_before_a_named_one():
    async with Sandbox() as sandbox, Sandbox() as elsewhere:
        await log_in(sandbox)
        env = {"CLIQ_ACCESS_TOKEN": "1000.other", "CLIQ_BASE_URL": elsewhere.url}
        await send(env=env)
        counts = elsewhere.report(user=user_label("1000.other"))["requests"]
        assert counts == {"send_message": 1}
        named = await send("--profile", "default", env={"CLIQ_ACCESS_TOKEN": "invalid"})
        unknown = await send("--profile", "nobody", env=env)
    assert named.exit_code == 0
    assert unknown.exit_code == 2
    assert unknown.stderr.startswith(
        "error: --profile: there is no profile 'nobody'; run `cliq auth"
    )


async def test_status_names_an_api_key_without_showing_it():
    async with Sandbox() as sandbox:
        env = {"CLIQ_ZAPIKEY": "1001.a-key", "CLIQ_BASE_URL": sandbox.url}
        shown = await cliq("auth", "status", "--json", env=env)
        await send(env=env)
        counts = sandbox.report(user=user_label("1001.a-key"))["requests"]
    found = json.loads(shown.stdout)
    assert (found["credentials"], found["accounts_server"]) == ("API key of CLIQ_ZAPIKEY", None)
    assert found["token_ok"]
    assert counts == {"send_message": 1}
    assert "1001" not in shown.output


async def test_logging_out_revokes_the_token_and_forgets_it_everywhere():
    async with Sandbox() as sandbox:
        await log_in(sandbox)
        await send()
        token = refresh_token()
        result = await cliq("auth", "logout")
        again = await cliq("auth", "logout")
        status = await cliq("auth", "status")
        env = CLIENT | {"CLIQ_REFRESH_TOKEN": token, "CLIQ_ACCOUNTS_URL": sandbox.url}
        revoked = await send(env=env | {"CLIQ_BASE_URL": sandbox.url})
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("logged out: profile default\nits refresh token was revoked")
    assert (again.exit_code, again.stderr) == (2, "error: profile 'default' is not logged in\n")
    assert ProfileStore().profiles() == {}
    assert status.exit_code == 1
    assert "no credentials" in status.stdout
    # Neither the shared access token nor the refresh token is of use any more.
    assert revoked.exit_code == 1
    assert "invalid_code" in revoked.stderr


async def test_logging_out_without_an_answer_forgets_and_says_what_stays_good():
    async with Sandbox() as sandbox:
        await log_in(sandbox)
        await log_in(sandbox, "--profile", "work", code="1000.b")
        kept_on = await cliq("auth", "logout", "--profile", "work", "--no-revoke")
    result = await cliq("auth", "logout")
    assert (kept_on.exit_code, "still valid" in kept_on.stderr) == (0, True)
    assert (result.exit_code, result.stdout) == (4, "logged out: profile default\n")
    assert result.stderr.startswith("warning: its refresh token was not revoked: http://127.0.0.1")
    assert "stays valid" in result.stderr
    assert ProfileStore().profiles() == {}


async def test_status_says_why_no_token_can_be_had():
    async with Sandbox() as sandbox:
        await log_in(sandbox)
        sandbox.revoke_tokens()
        await cliq("quota", "clear", "--yes")
        url = sandbox.url
        good = await cliq("auth", "status")
    (Path(os.environ["XDG_STATE_HOME"]) / "cliq_async/quota.db").unlink()
    gone = await cliq("auth", "status")
    assert good.exit_code == 0
    assert gone.exit_code == 1
    assert f"{url}/oauth/v2/token gave no access token" in gone.stdout


async def test_a_new_login_replaces_the_old_one_and_forgets_the_sandbox_it_was_at():
    async with Sandbox() as first:
        await log_in(first)
    async with Sandbox() as second:
        args = ("auth", "login", "--accounts-url", second.url)
        result = await cliq(*args, env=CLIENT, stdin="1000.real\n")
    assert result.exit_code == 0
    assert "data center us" in result.stdout
    assert "is still valid" in result.stderr
    assert kept().base_url is None


async def test_a_login_says_what_goes_before_it():
    async with Sandbox() as sandbox:
        result = await log_in(sandbox, env={"CLIQ_ACCESS_TOKEN": "1000.other"})
    assert (result.exit_code, result.stderr) == (
        0,
        "warning: CLIQ_ACCESS_TOKEN takes precedence: unset it, or pass --profile default\n",
    )


# On a terminal.


@asynccontextmanager
async def on_a_terminal(*args, env):
    """A command on a terminal of its own; yields it, what is shown so far, and what types."""
    ours, theirs = os.openpty()
    clean = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cliq_async.cli", *args),
        env=clean | env,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = bytearray()

    async def until(text):
        while text.encode() not in shown:
            try:
                shown.extend(await asyncio.to_thread(os.read, ours, 1024))
            except OSError:  # it has ended
                pytest.fail(f"it ended without {text!r}: {shown.decode()}")

    try:
        async with asyncio.timeout(30):
            yield process, until, lambda text: os.write(ours, text.encode()), shown
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(ours)


async def test_questions_show_nothing_of_what_is_secret():
    async with Sandbox() as sandbox:
        args = ("auth", "login", "--base-url", sandbox.url)
        async with on_a_terminal(*args, env={}) as (process, until, type_in, shown):
            await until("Client id: ")
            type_in("1000.CLIENT\n")
            await until("Client secret (not shown): ")
            type_in("a-client-secret\n")
            await until("Code (not shown): ")
            type_in(f" {CODE} \n")
            await until("readable by you alone")
            assert await process.wait() == 0
    text = shown.decode()
    assert CODE not in text
    assert "a-client-secret" not in text
    assert kept().client_id == "1000.CLIENT"


@pytest.mark.parametrize("question", ["Client id: ", "Client secret (not shown): "])
async def test_ctrl_c_at_a_question_is_no_traceback(question):
    env = {} if question == "Client id: " else {"CLIQ_CLIENT_ID": "1000.CLIENT"}
    async with on_a_terminal("auth", "login", env=env) as (process, until, _, shown):
        await until(question)
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 130
        await until("interrupted")
    text = shown.decode()
    assert "Traceback" not in text
    # The way there is shown: where to make a client, and with which scopes.
    assert "https://api-console.zoho.com" in text
    assert "ZohoCliq.Webhooks.CREATE,ZohoCliq.BotMessages.CREATE," in text


async def test_the_end_of_input_at_a_question_is_a_line():
    async with on_a_terminal("auth", "login", env=CLIENT) as (process, until, type_in, shown):
        await until("Code (not shown): ")
        type_in("\x04")
        assert await process.wait() == 1
        await until("no code was entered")
    assert "Traceback" not in shown.decode()


# As a new user would, in processes of their own.


# At Zoho, without it.


@pytest.mark.parametrize("source", ["--data-center", "CLIQ_DATA_CENTER"])
def test_the_profile_says_where_the_account_lives_and_who_says_otherwise_is_told_of(capsys, source):
    option = source == "--data-center"
    resolved = resolve(
        {"data_center": "us" if option else None},
        logging_in=True,
        environ={} if option else {"CLIQ_DATA_CENTER": "us"},
    )
    url = "https://accounts.zoho.com"
    login = _Login(resolved, "default", url, ProfileStore(), {}, None)
    made = IssuedToken(AccessToken("1000.access"), 3600.0, "eu")
    credentials = RefreshToken("1000.CLIENT", "secret", "1000.refresh", accounts_url=url)
    profile = login._store(ExchangeResult(credentials, made, ("a",), 0.0))
    assert (profile.data_center, profile.accounts_url, profile.scopes) == ("eu", url, ("a",))
    warned = capsys.readouterr().err.splitlines()
    assert warned[0].startswith("warning: the account belongs to data center 'eu', not 'us'")
    otherwise = "warning: CLIQ_DATA_CENTER overrides this with 'us': change it"
    assert warned[1:] == ([] if option else [otherwise])
