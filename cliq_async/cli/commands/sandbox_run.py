"""A command beside a sandbox: it finds it by the environment, and the sandbox ends with it."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from cliq_async.cli.errors import CliError
from cliq_async.sandbox import Sandbox

__all__ = ["environment", "run_with_sandbox"]

NO_COMMAND: Final = 127
"""As shells say that there is no such command, or that it cannot be run."""
KILLED: Final = 128
"""Shells add the signal's number to it."""


def environment(
    url: str, quota: str, *, time_scale: float, environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The environment in which programs use a sandbox, and nobody's account.

    Args:
        url: The sandbox's.
        quota: Where their quota is kept, as a URL.
        time_scale: How much faster the sandbox's time passes.
        environ: The environment to begin with; its own settings of this package are left out.
    """
    own = {
        "CLIQ_BASE_URL": url,
        "CLIQ_ACCOUNTS_URL": url,
        "CLIQ_ALLOW_HTTP": urlsplit(url).hostname or "",
        "CLIQ_ACCESS_TOKEN": "anything",
        "CLIQ_TIME_SCALE": f"{time_scale:g}",
        "CLIQ_QUOTA": quota,
    }
    return {name: v for name, v in environ.items() if not name.startswith("CLIQ_")} | own


async def run_with_sandbox(sandbox: Sandbox, command: Sequence[str], *, time_scale: float) -> int:
    """Run a command while a sandbox runs, and give its exit status, as a shell would.

    All processes of the command share a quota of their own, which is gone afterwards.

    Args:
        sandbox: The sandbox, not yet entered.
        command: The command and its arguments.
        time_scale: How much faster the sandbox's time passes.

    Raises:
        Failure: The command cannot be run.
        OSError: The sandbox cannot listen.
    """
    async with sandbox:
        with tempfile.TemporaryDirectory(prefix="cliq-", ignore_cleanup_errors=True) as folder:
            file = (Path(folder) / "quota.db").as_posix().removeprefix("/")
            env = environment(sandbox.url, f"sqlite:///{quote(file)}", time_scale=time_scale)
            with _terminated() as terminated:
                try:
                    process = await asyncio.create_subprocess_exec(*command, env=env)
                except OSError as error:
                    what = f"cannot run {command[0]}: {error.strerror}"
                    raise CliError(what, NO_COMMAND) from None
                told = asyncio.create_task(_told(process, terminated))
                try:
                    status = await process.wait()
                finally:
                    told.cancel()
                    _end(process)
                    await process.wait()
    return status if status >= 0 else KILLED - status


async def _told(process: asyncio.subprocess.Process, terminated: asyncio.Event) -> None:
    while await terminated.wait():
        terminated.clear()
        _end(process)


def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()


@contextmanager
def _terminated() -> Iterator[asyncio.Event]:
    """Notes signals, but for a terminal's Ctrl-C, which reaches the command without help."""
    loop, terminated = asyncio.get_running_loop(), asyncio.Event()
    by_terminal = sys.stdin is not None and sys.stdin.isatty()
    interrupted = (lambda: None) if by_terminal else terminated.set
    handlers = {signal.SIGTERM: terminated.set, signal.SIGINT: interrupted}
    with suppress(NotImplementedError):
        for each, handler in handlers.items():
            loop.add_signal_handler(each, handler)
    try:
        yield terminated
    finally:
        with suppress(NotImplementedError):
            for each in handlers:
                loop.remove_signal_handler(each)
