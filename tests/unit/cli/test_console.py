"""What commands print: tables, durations, and text from elsewhere."""

import io
import sys

import pytest

from cliq_async.cli.outputs import console as output
from cliq_async.cli.text import clean, duration


def test_tables_for_a_terminal(written):
    output.table([["a", "1"]], header=("name", "count"), right=(1,))
    output.table([["b", "2"]])
    assert "│ a    │     1 │" in written.getvalue()
    assert "count" in written.getvalue()
    assert "│ b │ 2 │" in written.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.99, "10.0 s"), (45, "45 s"), (185, "3:05 min"), (3723, "1:02:03 h")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_text_from_elsewhere_does_nothing_to_a_terminal():
    assert clean("a\x1b[31m\n\tb\ud800") == "a [31m b"
    assert clean("x" * 500) == "x" * 399 + "…"


@pytest.mark.parametrize(
    ("variable", "value", "is_terminal"),
    [("FORCE_COLOR", "1", True), ("FORCE_COLOR", "", False), ("TTY_COMPATIBLE", "0", False)],
)
def test_the_environment_can_make_a_stream_a_terminal(variable, value, is_terminal, monkeypatch):
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    assert not output.is_terminal()
    monkeypatch.setenv(variable, value)
    assert output.is_terminal() is is_terminal


def test_a_closed_stream_is_not_a_terminal(monkeypatch):
    stream = io.StringIO()
    stream.close()
    monkeypatch.setattr(sys, "stdout", stream)
    assert not output.is_terminal()
    monkeypatch.setattr(sys, "stdout", None)
    assert not output.is_terminal()
