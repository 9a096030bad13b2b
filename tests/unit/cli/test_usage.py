"""Errors of options and arguments: one style, the allowed values, and the nearest name."""

import pytest
from support.cli import invoke

from cliq_async.cli.outputs import console
from cliq_async.cli.outputs.tables import wrap


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ("sned b hi", "there is no command 'sned'; did you mean send?"),
        ("bots lst", "there is no command 'lst'; did you mean list?"),
        ("--tokn x", "there is no option --tokn"),
        (
            "broadcast b --to /dev/null --dedup",
            "there is no option --dedup; did you mean --dedupe?",
        ),
        ("send", "BOT is missing"),
        ("call b hi", "--to is missing"),
        ("send b hi --to", "--to needs a value"),
        ("send b hi there", "unexpected argument: there"),
        ("bots list --limit 0", "--limit: 1 or more, got 0"),
        ("bots list --limit x", "--limit: a whole number, got 'x'"),
        ("call b hi --to 1 --retry 9", "--retry: 0 to 3, got 9"),
        ("send b hi --to 1 --timeout 0", "--timeout: more than 0, got 0.0"),
        ("send b hi --to 1 --timeout x", "--timeout: a number, got 'x'"),
        ("send b --to 1 --message x.json", "--message: there is no file 'x.json'"),
        (
            "bots create x --description d --scope organisation",
            "--scope: one of organization, team, personal, got 'organisation'; did you mean org",
        ),
        ("functions get-handler 1 buton", "TYPE: one of "),
        (
            "auth login --data-center ue",
            "--data-center: one of us, eu, in, au, cn, jp, sa, uk, ca, got",
        ),
        ("jobs show redis://localhost", "FILE|URL: a file, or redis://host:port/db/name, with ?"),
        ("sandbox --fault lots:1", "--fault: there is no kind 'lots'; did you mean lost?"),
        ("sandbox --allow-host a/b", "--allow-host: names or addresses of hosts, without a port"),
        ("sandbox --scopes foo", "--scopes: names of OAuth scopes, got foo"),
    ],
)
def test_wrong_usage_is_an_error_line_and_a_line_of_usage(args, said):
    result = invoke(*args.split(" "))
    assert result.exit_code == 2
    error, *usage = result.stderr.splitlines()
    assert error.startswith(f"error: {said}")
    assert not error.endswith(".")
    assert len(usage) == (not args.endswith("--to"))  # click does not say whose option it is
    assert all(line.startswith("usage: cliq ") and line.endswith("; see --help") for line in usage)


def test_a_narrow_terminal_shows_whole_words(monkeypatch):
    def fitted(text, _stream, indent=0):
        return "\n".join(wrap(text, 40, indent))

    monkeypatch.setattr(console, "_fitted", fitted)
    result = invoke("broadcast", "b", "--to", "/dev/null", "--dedup")
    assert result.stderr.splitlines()[:2] == [
        "error: there is no option --dedup; did",
        "you mean --dedupe?",
    ]
    assert all(len(line) <= 40 for line in result.stderr.splitlines())


def test_a_group_without_a_command_shows_its_help():
    result = invoke("bots")
    assert result.exit_code == 2
    assert result.output.startswith("Usage: cliq bots ")


@pytest.mark.parametrize(
    ("env", "args", "said"),
    [
        ({"CLIQ_DATA_CENTER": "EU"}, (), "CLIQ_DATA_CENTER: one of us, eu, in, au, cn, jp, sa, uk"),
        ({"CLIQ_TIME_SCALE": "-1"}, (), "CLIQ_TIME_SCALE: more than 0, got -1.0"),
        ({"CLIQ_BASE_URL": "x"}, (), "CLIQ_BASE_URL: only scheme and host, such as https://host, "),
        ({"CLIQ_QUOTA": "redis:/x"}, (), "CLIQ_QUOTA: sqlite:///path, redis://host:port/db or "),
        ({"CLIQ_PROXY": "x"}, (), "CLIQ_PROXY: the URL of an HTTP proxy"),
        ({}, ("--base-url", "x"), "--base-url: only scheme and host, such as https://host"),
        ({}, ("--quota", "x"), "--quota: sqlite:///path, redis://host:port/db or memory://"),
        ({}, ("--account", ""), "--account: 1 or more characters, got 0"),
        (
            {},
            ("--base-url", "http://x.y"),
            "--base-url: https, or a host listed in allow_http",
        ),
    ],
)
def test_a_setting_is_named_by_its_origin(env, args, said):
    result = invoke("quota", *args, env=env)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {said}")
    assert "\n" not in result.stderr.rstrip("\n")


def test_credentials_are_named_by_their_origin_and_not_shown():
    result = invoke("send", "b", "hi", "--to", "1", env={"CLIQ_ACCESS_TOKEN": "a b"})
    assert result.exit_code == 2
    assert result.stderr == "error: CLIQ_ACCESS_TOKEN: one or more visible ASCII characters\n"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("CLIQ_ACESS_TOKEN", "CLIQ_ACCESS_TOKEN"),
        ("CLIQ_DATACENTER", "CLIQ_DATA_CENTER"),
        ("CLIQ_ROOM_OF_ANOTHER_PROGRAM", None),
        ("CLIQ_PUBLIC_KEY", None),
    ],
)
def test_a_misspelled_variable_is_a_warning(name, hint):
    result = invoke("quota", "--quota", "memory://", env={name: "x"})
    assert result.exit_code == 0
    warning = f"warning: {name} is not a variable of cliq; did you mean {hint}?\n"
    assert result.stderr.count("warning: CLIQ_") == (hint is not None)
    assert hint is None or warning in result.stderr
