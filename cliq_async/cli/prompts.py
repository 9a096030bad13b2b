"""Prompts: confirmations, and questions for values that only a person knows."""

import getpass
import sys
import warnings

import click

from cliq_async.cli.errors import FAILED, USAGE, CliError
from cliq_async.cli.inputs.bounded import read_line
from cliq_async.cli.outputs.console import echo_err

__all__ = ["ask", "confirm", "is_terminal", "prompt_secret", "require_terminal"]

_YES = frozenset({"y", "yes"})


def require_terminal(action: str = "delete") -> None:
    """Check that a person can confirm an action.

    Args:
        action: The action, as a verb.

    Raises:
        CliError: There is no terminal.
    """
    if not is_terminal():
        raise CliError(
            f"not a terminal, so there is no one to confirm: pass --yes to {action}", USAGE
        )


def confirm(question: str, otherwise: str = "not deleted") -> None:
    """Ask a question, and return only after a yes.

    Not inside an event loop, which would block Ctrl-C.

    Args:
        question: The question.
        otherwise: The message after any other answer.

    Raises:
        Exit: The answer is not yes.
    """
    answer = _read_answer(f"{question} [y/N] ")
    if answer.strip().casefold() not in _YES:
        echo_err(otherwise)
        raise click.exceptions.Exit(FAILED)


def ask(label: str) -> str:
    """Ask for a value. Not inside an event loop.

    Raises:
        CliError: Nothing was entered.
    """
    return _require_answer(label, _read_answer(f"{label}: "))


def prompt_secret(label: str) -> str:
    """Ask for a secret without showing it. Not inside an event loop.

    Raises:
        CliError: Nothing was entered, or the terminal would show the secret.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            answer = getpass.getpass(f"{label} (not shown): ", stream=sys.stderr)
    except KeyboardInterrupt:
        echo_err("")
        raise
    except EOFError:
        echo_err("")
        answer = ""
    except getpass.GetPassWarning:
        raise CliError(
            "this terminal would show the secret: see --help for other ways to pass it"
        ) from None
    return _require_answer(label, answer)


def _read_answer(question: str) -> str:
    """Print a question and read a line."""
    try:  # Ctrl-C can arrive as soon as the question is printed
        click.echo(question, nl=False, err=True)
        answer = read_line()
    except KeyboardInterrupt:
        echo_err("")
        raise
    if not answer.endswith("\n"):
        echo_err("")
    return answer


def _require_answer(label: str, answer: str) -> str:
    answer = answer.strip()
    if not answer:
        raise CliError(f"no {label.lower()} was entered")
    return answer


def is_terminal() -> bool:
    """Return whether stdin and stderr are a terminal, on which a person can be asked."""
    return all(
        stream is not None and stream.isatty()  # None if closed before the start
        for stream in (sys.stdin, sys.stderr)
    )
