"""The question before something is deleted or cleared."""

import sys

import click

from cliq_async.cli.failures import FAILED, USAGE, Failure
from cliq_async.cli.output import note

__all__ = ["confirm", "needs_somebody"]

_YES = frozenset({"y", "yes"})


def needs_somebody(to: str = "delete") -> None:
    """Check that there is somebody to ask.

    Args:
        to: What is asked about.

    Raises:
        Failure: There is no terminal.
    """
    if not is_terminal():
        raise Failure(f"nobody is there to be asked: give --yes to {to} without a question", USAGE)


def confirm(question: str, otherwise: str = "not deleted") -> None:
    """Ask, and go on only after a yes.

    Not inside an event loop, which would keep Ctrl-C from the question.

    Args:
        question: The question.
        otherwise: What is said after any other answer.

    Raises:
        Exit: The answer is no, or there is none.
    """
    try:  # from here on, since Ctrl-C can come as soon as the question is there
        click.echo(f"{question} [y/N] ", nl=False, err=True)
        answer = sys.stdin.readline()
    except KeyboardInterrupt:
        note("")
        raise
    if not answer.endswith("\n"):
        note("")
    if answer.strip().casefold() not in _YES:
        note(otherwise)
        raise click.exceptions.Exit(FAILED)


def is_terminal() -> bool:
    """Whether there is a terminal to ask on, and to answer on."""
    return all(
        stream is not None and stream.isatty()  # None where it was closed at the start
        for stream in (sys.stdin, sys.stderr)
    )
