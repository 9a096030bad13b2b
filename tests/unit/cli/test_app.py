"""The command line as a whole."""

import asyncio
import logging
import re
import signal
import subprocess
import sys

import pytest
from support.cli import SECRET, command, counting, invoke, run, zuids

import cliq_async.cli
from cliq_async.cli.errors import CliError, exit_status_of
from cliq_async.errors import ServerError, TransportError
from cliq_async.sandbox import Sandbox


@pytest.mark.parametrize("name", ["demo", "sandbox", "send", "broadcast"])
def test_every_command_has_help_with_examples(name):
    result = invoke(name, "--help")
    assert result.exit_code == 0
    assert f"\n    cliq {name}" in result.stdout


def test_help_names_the_exit_statuses_and_the_environment():
    result = invoke("-h")
    assert result.exit_code == 0
    assert "130  interrupted" in result.stdout
    assert "CLIQ_ACCESS_TOKEN" in result.stdout


def test_version():
    result = invoke("--version")
    assert result.exit_code == 0
    assert result.stdout.startswith("cliq, version ")


def without(module, *args):
    """The command line in a process in which a module cannot be imported."""
    code = "import sys; sys.modules[sys.argv.pop()] = None; import cliq_async.cli as cli; "
    code += "sys.exit(cli.main())"
    return subprocess.run(
        [sys.executable, "-c", code, *args, module], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", ["click", "rich"])
def test_without_the_extra_it_says_what_to_install(name):
    ended = without(name)
    error = "error: the command line needs `pip install 'cliq-async[cli]'`\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", error)


def test_another_missing_module_is_a_bug():
    assert "ModuleNotFoundError" in without("cliq_async.cli.commands.broadcast", "broadcast").stderr


def test_an_interrupt_while_the_modules_load_is_quiet(monkeypatch):
    class Slow:
        def __getattr__(self, name):
            raise KeyboardInterrupt if name == "run" else AttributeError

    monkeypatch.setitem(sys.modules, "cliq_async.cli.app", Slow())
    assert cliq_async.cli.main() == 130


def test_main_runs_the_command_and_returns_its_exit_status(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["cliq", "send", "supportbot"])
    assert cliq_async.cli.main() == 2
    assert "give either TEXT or --message" in capsys.readouterr().err


def test_without_credentials_it_says_which_there_are():
    result = invoke("send", "supportbot", "hi", "--to", "1")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: no credentials: give --token, or set CLIQ_ACCESS_TOKEN")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--time-scale", "60"), "--time-scale: 1 for Zoho's own servers"),
        (("--base-url", "nowhere"), "--base-url: "),
        (("--time-scale", "0"), "error: --time-scale: "),
        (("--data-center", "moon"), "error: --data-center: "),
        (("--token", "two\nlines"), "an access token is printable ASCII"),
        (("--token", ""), "an access token is printable ASCII"),
    ],
)
def test_a_wrong_setting_is_wrong_usage(options, said):
    result = invoke("send", "supportbot", "hi", "--to", "1", "--token", "abc", *options)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "two" not in result.stderr


def test_a_wrong_setting_in_the_environment_is_wrong_usage():
    env = {"CLIQ_ACCESS_TOKEN": SECRET, "CLIQ_TIME_SCALE": "fast"}
    result = invoke("send", "supportbot", "hi", "--to", "1", env=env)
    assert result.exit_code == 2
    assert result.stderr == "error: CLIQ_TIME_SCALE: a number, got 'fast'\n"


async def test_an_option_wins_over_the_environment():
    async with Sandbox() as sandbox:
        env = {
            "CLIQ_BASE_URL": "http://127.0.0.1:1",
            "CLIQ_ACCESS_TOKEN": "invalid",
            "CLIQ_TIME_SCALE": "fast",
            "CLIQ_ACCOUNT": "ann",
        }
        options = ("--base-url", sandbox.url, "--token", SECRET, "--time-scale", "1")
        result = await run(
            sandbox, "send", "supportbot", "hi", "--to", zuids(1)[0], *options, env=env
        )
    assert result.exit_code == 0


def test_a_data_center_wins_over_a_server_in_the_environment():
    # A sandbox in the environment must not get what is meant for people: here its time scale
    # shows that it is Zoho's own server that would have been asked.
    env = {
        "CLIQ_ACCESS_TOKEN": SECRET,
        "CLIQ_BASE_URL": "http://127.0.0.1:1",
        "CLIQ_TIME_SCALE": "60",
    }
    result = invoke("send", "supportbot", "hi", "--to", "1", "--data-center", "eu", env=env)
    assert result.exit_code == 2
    assert result.stderr == (
        "error: CLIQ_TIME_SCALE: 1 for Zoho's own servers (for a sandbox set --base-url or "
        "CLIQ_BASE_URL, else leave out CLIQ_TIME_SCALE), got 60.0\n"
    )


async def test_warnings_show():
    async with Sandbox(faults=["throttle-429:1"]) as sandbox:
        result = await run(
            sandbox, "send", "supportbot", "hi", "--to", zuids(1)[0], "--max-wait", "1"
        )
    assert "\nwarning: Cliq locked send_message for " in "\n" + result.stderr


@pytest.mark.parametrize(
    ("args", "shown"),
    [
        (("send", "b", "hi"), ""),
        (("-v", "send", "b", "hi"), "info: a wait\ndebug: a detail\n"),
        (("send", "b", "hi", "-v"), "info: a wait\ndebug: a detail\n"),
        (("-v", "send", "b", "hi", "-v"), "info: a wait\ndebug: a detail\ndebug: a body\n"),
        (("send", "b", "hi", "-vv"), "info: a wait\ndebug: a detail\ndebug: a body\n"),
    ],
)
def test_verbose_shows_what_is_logged(args, shown, monkeypatch):
    log = logging.getLogger("cliq_async")
    bodies = logging.getLogger("cliq_async.bodies")
    before = (log.level, list(log.handlers), bodies.level or logging.WARNING)

    def waits(*_, **__):
        log.info("a wait")
        log.debug("a detail")
        bodies.debug("a body")
        raise CliError("the end")

    monkeypatch.setattr("cliq_async.cli.commands.send.message_of", waits)
    result = invoke(*args)
    assert result.stderr == shown + "error: the end\n"
    assert (log.level, log.handlers, bodies.level or logging.WARNING) == before


async def test_verbose_shows_each_request():
    args = ("send", "supportbot", "hi", "--to", zuids(1)[0])
    async with Sandbox(faults=["500:1"]) as sandbox:
        result = await run(sandbox, *args, "-v")
        assert re.search(
            r"^debug: POST /api/v3/bots/supportbot/message: 500 \(unknown\) in \d+ ms$",
            result.stderr,
            re.MULTILINE,
        )
    async with Sandbox() as sandbox:
        result = await run(sandbox, *args, "-vv")
        assert '\ndebug: sent {"text":"hi"' in result.stderr
        result = await run(sandbox, "bots", "list", "-vv")
        assert "\ndebug: received {" in result.stderr


def test_a_missing_file_is_wrong_usage():
    result = invoke("broadcast", "supportbot", "--to", "/nowhere/ids.txt", "--text", "hi")
    assert result.exit_code == 2
    assert "there is no file" in result.stderr


def test_a_directory_is_no_file(tmp_path):
    for option in ("--to", "--message"):
        result = invoke("broadcast", "supportbot", "--text", "hi", option, str(tmp_path))
        assert result.exit_code == 2
        assert "is a directory" in result.stderr


def test_an_error_of_the_system_is_a_line(monkeypatch):
    def broken(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cliq_async.cli.commands.send.read_message", broken)
    result = invoke("send", "supportbot", "--message", __file__, "--to", "1")
    assert result.exit_code == 1
    assert result.stderr == "error: [Errno 28] No space left on device\n"


def test_a_failed_write_may_have_happened_and_a_failed_read_did_not():
    assert exit_status_of(ServerError(500, None, "", "send_message")) == 4
    assert exit_status_of(ServerError(500, None, "", "list_bots")) == 1
    assert exit_status_of(TransportError("send_message", "refused")) == 1


async def test_ctrl_c_ends_a_send_without_a_traceback():
    arrived = asyncio.Event()
    async with Sandbox(faults=["lost:1"], clock=counting(1, arrived)) as sandbox:
        options = ("--to", zuids(1)[0], "--base-url", sandbox.url, "--token", SECRET)
        async with command("send", "supportbot", "hi", *options) as process:
            await arrived.wait()
            process.send_signal(signal.SIGINT)
            out, err = await process.communicate()
    assert process.returncode == 130
    assert (out, err) == (b"", b"interrupted\n")
