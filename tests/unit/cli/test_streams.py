"""Output that cannot be written: what has happened decides the exit status."""

import contextlib
import os
import signal
import sys
import threading

import pytest

from cliq_async.cli.outputs.console import echo, echo_err
from cliq_async.cli.outputs.streams import final_status, guard_streams, stdout_failed

FULL = "/dev/full"


@pytest.fixture
def streams(monkeypatch):
    """Guarded streams over what a test opens as stdout and stderr."""

    opened = contextlib.ExitStack()

    def guarded(out, err=os.devnull):
        for name, where in (("stdout", out), ("stderr", err)):
            stream = None
            if where is not None:
                fd = where if isinstance(where, int) else os.open(where, os.O_CREAT | os.O_WRONLY)
                stream = opened.enter_context(os.fdopen(fd, "w", encoding="latin-1"))
            monkeypatch.setattr(sys, name, stream)
        guard_streams()

    with opened:
        yield guarded


@pytest.mark.parametrize(
    ("status", "final", "line"),
    [
        (0, 4, "error: done, but the output could not be printed: No space left on device\n"),
        (1, 1, "error: the output could not be printed: No space left on device\n"),
        (130, 130, "error: the output could not be printed: No space left on device\n"),
    ],
)
def test_a_full_disk(status, final, line, streams, tmp_path):
    streams(FULL, tmp_path / "err")
    for _ in range(2):
        echo("x" * 100_000)
    assert stdout_failed()
    assert final_status(status) == final
    assert (tmp_path / "err").read_text() == line


def test_what_is_still_buffered_counts(streams):
    streams(FULL)
    sys.stdout.write("a line")
    assert not stdout_failed()
    assert final_status(0) == 4


def test_both_streams_on_a_full_disk(streams):
    streams(FULL, FULL)
    echo("done")
    echo_err("a note")
    assert final_status(0) == 4


def test_a_full_stderr_changes_nothing(streams, tmp_path):
    streams(tmp_path / "out", FULL)
    echo_err("a note")
    echo("done")
    assert final_status(0) == 0
    assert (tmp_path / "out").read_text() == "done\n"


def test_a_pipe_that_is_not_read(streams, tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    streams(writing, tmp_path / "err")
    echo("done")
    assert stdout_failed()
    assert final_status(0) == 0
    assert (tmp_path / "err").read_text() == ""


@pytest.mark.parametrize("status", [0, 3])
def test_streams_that_are_closed(status, streams):
    streams(None, None)
    echo("done")
    assert not stdout_failed()
    assert final_status(status) == status


def test_a_pipe_that_does_not_block_is_waited_for(streams):
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    streams(writing)
    got = bytearray()

    def read():
        while len(got) < 300_001:
            got.extend(os.read(reading, 65_536))

    thread = threading.Thread(target=read)
    thread.start()
    echo("x" * 300_000)
    assert final_status(0) == 0
    thread.join(5)
    os.close(reading)
    assert len(got) == 300_001


def test_ctrl_c_while_a_result_is_printed_does_not_undo_it(streams, tmp_path):
    reading, writing = os.pipe()
    streams(writing, tmp_path / "err")
    timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    echo("x" * 300_000)  # nobody reads it
    timer.join()
    assert final_status(0) == 4
    os.close(reading)
    assert (tmp_path / "err").read_text() == (
        "error: done, but the output could not be printed: interrupted\n"
    )


def test_characters_that_a_stream_cannot_show_are_replaced(streams, tmp_path):
    streams(tmp_path / "out")
    echo("10 €")
    assert final_status(0) == 0
    assert (tmp_path / "out").read_text() == "10 ?\n"
