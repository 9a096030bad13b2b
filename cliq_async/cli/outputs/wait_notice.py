"""A line on a terminal as soon as a command waits for the quota, so that it does not look hung."""

from datetime import UTC, datetime
from typing import Final

from cliq_async.cli.outputs.console import echo_err, is_err_terminal
from cliq_async.cli.text import moment
from cliq_async.hooks import Hooks, WaitStartDetails

__all__ = ["wait_notice"]

_SHORT_S: Final = 1.0
"""A wait that is over sooner is not worth a line. Real seconds, whatever the time scale."""


def wait_notice() -> Hooks | None:
    """Return hooks that say on stderr, if it is a terminal, that a call waits for the quota.

    Each endpoint is named once, and once more if it is locked: a long listing waits many times.
    """
    if not is_err_terminal():
        return None
    said: set[tuple[str, bool]] = set()

    def say(wait: WaitStartDetails) -> None:
        key = (wait.endpoint, wait.reason == "locked")
        left_s = (wait.expected_until - datetime.now(UTC)).total_seconds()
        if left_s >= _SHORT_S and key not in said:
            said.add(key)
            echo_err(_line(wait))

    return Hooks(on_wait_start=say)


def _line(wait: WaitStartDetails) -> str:
    what = "the end of the lock" if wait.reason == "locked" else "the quota"
    return (
        f"waiting for {what} of {wait.endpoint} until about {moment(wait.expected_until)}; "
        "Ctrl-C gives up, and nothing more is sent"
    )
