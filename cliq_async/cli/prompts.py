"""Questions: before something is deleted or cleared, and for what only a person knows."""

import getpass
import sys
import warnings

import click

from cliq_async.cli.errors import FAILED, USAGE, CliError
from cliq_async.cli.outputs.console import echo_err

__all__ = ["ask", "confirm", "is_terminal", "prompt_secret", "require_terminal"]

_YES = frozenset({"y", "yes"})


def require_terminal(to: str = "delete") -> None:
    """Check that there is somebody to ask.

    Args:
        to: What is asked about.

    Raises:
        Failure: There is no terminal.
    """
    if not is_terminal():
        raise CliError(f"nobody is there to be asked: give --yes to {to} without a question", USAGE)


def confirm(question: str, otherwise: str = "not deleted") -> None:
    """Ask, and go on only after a yes.

    Not inside an event loop, which would keep Ctrl-C from the question.

    Args:
        question: The question.
        otherwise: What is said after any other answer.

    Raises:
        Exit: The answer is no, or there is none.
    """
    answer = _line(f"{question} [y/N] ")
    if answer.strip().casefold() not in _YES:
        echo_err(otherwise)
        raise click.exceptions.Exit(FAILED)


def ask(what: str) -> str:
    """A line that somebody types. Not inside an event loop.

    Raises:
        Failure: Nothing was typed.
    """
    return _typed(what, _line(f"{what}: "))


def prompt_secret(what: str) -> str:
    """A secret that somebody types, which is not shown. Not inside an event loop.

    Raises:
        Failure: Nothing was typed, or the terminal would show it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            answer = getpass.getpass(f"{what} (not shown): ", stream=sys.stderr)
    except KeyboardInterrupt:
        echo_err("")
        raise
    except EOFError:
        echo_err("")
        answer = ""
    except getpass.GetPassWarning:
        raise CliError(
            "this terminal would show what is typed: see --help for other ways"
        ) from None
    return _typed(what, answer)


def _line(question: str) -> str:
    """A line that somebody types behind a question."""
    try:  # from here on, since Ctrl-C can come as soon as the question is there
        click.echo(question, nl=False, err=True)
        answer = sys.stdin.readline()
    except KeyboardInterrupt:
        echo_err("")
        raise
    if not answer.endswith("\n"):
        echo_err("")
    return answer


def _typed(what: str, answer: str) -> str:
    answer = answer.strip()
    if not answer:
        raise CliError(f"nothing was typed for the {what.lower()}")
    return answer


def is_terminal() -> bool:
    """Whether there is a terminal to ask on, and to answer on."""
    return all(
        stream is not None and stream.isatty()  # None where it was closed at the start
        for stream in (sys.stdin, sys.stderr)
    )
