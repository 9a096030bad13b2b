"""Importing an app again after a change of its code."""

import sys
from typing import Any

import pytest

from cliq_async.deploy.app import import_again, load_app
from cliq_async.errors import ValidationError

APP = """
import reloaded_part


class Bot:
    def handlers(self):
        return ()

    text = reloaded_part.TEXT


bot = Bot()
"""


@pytest.fixture
def folder(tmp_path):
    before = set(sys.modules)
    (tmp_path / "reloaded_app.py").write_text(APP)
    (tmp_path / "reloaded_part.py").write_text("TEXT = 'one'\n")
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("reloaded_"):
            del sys.modules[name]


def load(folder):
    with import_again(folder):
        app: Any = load_app("--bot", "reloaded_app:bot", folder)
        return app


def test_a_changed_part_is_read_within_the_same_second_and_at_the_same_size(folder, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    assert load(folder).text == "one"
    (folder / "reloaded_part.py").write_text("TEXT = 'two'\n")
    assert load(folder).text == "two"
    assert not (folder / "__pycache__").exists()
    assert not sys.dont_write_bytecode


@pytest.mark.parametrize(
    ("file", "code", "reason"),
    [
        ("part", "TEXT = (\n", "reloaded_part.py, line 1: SyntaxError: '(' was never closed"),
        ("app", "\nx = = 1\n", "reloaded_app.py, line 2: SyntaxError: invalid syntax"),
        ("app", "\n\n1 / 0\n", "reloaded_app.py, line 3: ZeroDivisionError: division by zero"),
    ],
)
def test_after_a_failure_the_old_modules_are_there(folder, file, code, reason):
    load(folder)
    old = {name: sys.modules[name] for name in ("reloaded_app", "reloaded_part")}
    (folder / f"reloaded_{file}.py").write_text(code)
    with pytest.raises(ValidationError) as caught:
        load(folder)
    assert str(caught.value) == f"--bot: importing reloaded_app:bot failed in {reason}"
    assert {name: sys.modules[name] for name in old} == old


def test_installed_packages_in_the_folder_and_this_package_stay(folder, monkeypatch):
    packages = folder / "venv/site-packages"
    packages.mkdir(parents=True)
    (packages / "reloaded_installed.py").touch()
    monkeypatch.syspath_prepend(packages)
    installed = __import__("reloaded_installed")
    ours = sys.modules["cliq_async"]
    monkeypatch.setattr(ours, "__file__", str(folder / "cliq_async/__init__.py"))
    load(folder)
    assert sys.modules["reloaded_installed"] is installed
    assert sys.modules["cliq_async"] is ours


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("bot", "an object as module:name, got 'bot'"),
        ("bot.py", "an object as module:name, got 'bot.py'; did you mean bot:bot?"),
        ("src/bot.py", "an object as module:name, got 'src/bot.py'; did you mean src.bot:bot?"),
        (
            "no_such:bot",
            (
                "importing no_such:bot failed: ModuleNotFoundError: No module named 'no_such'; "
                "modules are looked for in {folder}"
            ),
        ),
    ],
)
def test_a_reference_that_names_no_module_says_which_may(tmp_path, reference, said):
    with pytest.raises(ValidationError) as caught:
        load_app("--bot", reference, tmp_path)
    assert str(caught.value) == f"--bot: {said.format(folder=tmp_path.resolve())}"
