"""`cliq init`: the files of a new bot."""

import subprocess
import sys

import pytest
from support.cli import invoke

FILES = ("bot.py", "test_bot.py", "cliq.toml")


def test_it_writes_sixty_lines_at_most_and_says_what_comes_next(here):
    result = invoke("init", "hello")
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "wrote hello/bot.py",
        "wrote hello/test_bot.py",
        "wrote hello/cliq.toml",
        "next:",
        "  cd hello",
        "  cliq sandbox --bot bot:bot         # run it with a local Cliq, until Ctrl-C",
        '  cliq user say hello "hi"           # write to it, in a second terminal',
        "  pytest                             # test it, after `pip install pytest`",
        "  BOT_URL=https://… cliq bots apply  # make it a bot of your organization",
    ]
    lines = [line for file in FILES for line in (here / "hello" / file).read_text().splitlines()]
    assert len(lines) <= 60
    assert not any("NAME" in line for line in lines)


def test_the_code_is_formatted_and_clean(here):
    invoke("init", "hello")
    for arguments in (("format", "--check"), ("check", "--select", "E,F,I,UP")):
        ruff = (sys.executable, "-m", "ruff", *arguments, "--isolated", "--line-length", "100")
        subprocess.run(ruff, check=True, capture_output=True, cwd=here / "hello")


def test_the_current_folder_can_be_it(here):
    (here / "Help_Desk").mkdir()
    (here / "Help_Desk").joinpath("README").touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here / "Help_Desk")
        result = invoke("init", ".")
    assert "cd " not in result.output
    assert "cliq user say helpdesk" in result.output
    assert (
        '[bots.Help_Desk]\napp = "bot:bot"\nname = "Help_Desk"\n'
        in (here / "Help_Desk/cliq.toml").read_text()
    )


@pytest.mark.parametrize("file", FILES)
def test_a_file_that_is_there_is_not_replaced(here, file):
    (here / "hello").mkdir()
    (here / "hello" / file).write_text("mine")
    result = invoke("init", "hello")
    assert (result.exit_code, result.stderr) == (
        2,
        f"error: hello/{file} exists: nothing was written\n",
    )
    assert [each.name for each in (here / "hello").iterdir()] == [file]


@pytest.mark.parametrize("name", ["hello world", "a" * 21, "größe"])
def test_a_folder_that_cannot_name_a_bot_is_refused(here, name):
    result = invoke("init", name)
    assert result.exit_code == 2
    assert "cannot be the bot's name" in result.stderr
    assert list(here.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_an_error(here):
    (here / "file").touch()
    result = invoke("init", "file/hello")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
