"""Files that are read whole: one without end is refused by name before it fills the memory."""

import io
import sys

import pytest
from support.cli import invoke

from cliq_async.cli.errors import CliError
from cliq_async.cli.inputs.bounded import MAX_BYTES, MAX_IMAGE_BYTES, read_bounded, read_line
from cliq_async.cli.settings.profiles import ProfileStore

TOKEN = {"CLIQ_ACCESS_TOKEN": "token"}


@pytest.fixture
def endless(tmp_path):
    """A file of a terabyte that takes no room."""
    path = tmp_path / "endless"
    with path.open("wb") as file:
        file.truncate(2**40)
    return path


@pytest.mark.parametrize(
    "command",
    [
        ("send", "bot", "--to", "1", "--message", "FILE"),
        ("broadcast", "bot", "--to", "FILE", "--message", "FILE"),
        ("call", "bot", "hi", "--to", "1", "--actions", "FILE"),
        ("incoming", "bot", "--json-params", "FILE"),
        ("handlers", "create", "1", "message", "--script", "FILE"),
        ("functions", "update-handler", "1", "button", "--script", "FILE"),
        ("bots", "create", "bot", "--description", "x", "--image", "FILE"),
        ("send", "bot", "hi", "--to", "1", "--profile", "PROFILES"),
    ],
    ids=lambda command: f"{command[0]} {command[-2]}",
)
def test_file_without_end_is_refused_by_name(places, endless, command):
    if command[-1] == "PROFILES":
        path = ProfileStore().path
        path.parent.mkdir(parents=True)
        endless.rename(path)
    else:
        path = endless
    env = {} if command[-1] == "PROFILES" else TOKEN
    result = invoke(*(str(path) if each == "FILE" else each for each in command), env=env)
    limit = MAX_IMAGE_BYTES if "--image" in command else MAX_BYTES
    assert result.exit_code == 2, result.output
    assert f"{path}: longer than {limit:,} bytes: check that it is" in result.stderr


def test_settings_without_end_are_refused_by_name(here, endless):
    endless.rename(here / "cliq.toml")
    result = invoke("config", env=TOKEN)
    assert result.exit_code == 2
    assert f"cliq.toml: longer than {MAX_BYTES:,} bytes" in result.stderr


def test_file_as_long_as_the_limit_is_read(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 10)
    assert read_bounded(path, 10) == b"x" * 10
    with pytest.raises(CliError, match="file: longer than 9 bytes"):
        read_bounded(path, 9)


def test_standard_input_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x" * 100)))
    assert read_bounded("-", 100) == b"x" * 100
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x" * 100)))
    with pytest.raises(CliError, match="standard input: longer than 99 bytes"):
        read_bounded("-", 99)


@pytest.mark.parametrize("end", ["\n", ""])
def test_line_without_end_is_refused(monkeypatch, end):
    monkeypatch.setattr(sys, "stdin", io.StringIO("x" * 4000 + end))
    assert read_line() == "x" * 4000 + end
    monkeypatch.setattr(sys, "stdin", io.StringIO("x" * 5000 + end))
    with pytest.raises(CliError, match="standard input: a line longer than 4,096 characters"):
        read_line()
