"""A command with a sandbox: the environment points at it, and it stops when the command exits."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from cliq_async.cli.errors import CliError
from cliq_async.sandbox import Sandbox

__all__ = ["environment", "run_with_sandbox", "temporary_quota"]

NO_COMMAND: Final = 127
"""The exit status of shells for a command that does not exist or cannot be run."""
KILLED: Final = 128
"""The exit status of shells for a killed command, plus the number of the signal."""


def environment(
    url: str,
    quota: str,
    *,
    time_scale: float,
    public_key: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """Build an environment in which programs use a sandbox and no real account.

    Args:
        url: The sandbox's URL.
        quota: The URL of the quota store.
        time_scale: The factor by which the sandbox's time passes faster.
        public_key: The key that its events are verified with.
        environ: The environment to start from; its CLIQ_ variables are dropped.
    """
    host = urlsplit(url).hostname or ""
    own = {
        "CLIQ_BASE_URL": url,
        "CLIQ_ACCOUNTS_URL": url,
        "CLIQ_ALLOW_HTTP": host,
        "CLIQ_ACCESS_TOKEN": "anything",
        "CLIQ_TIME_SCALE": f"{time_scale:g}",
        "CLIQ_QUOTA": quota,
    }
    if public_key is not None:
        own["CLIQ_PUBLIC_KEY"] = public_key
    for name in ("no_proxy", "NO_PROXY"):  # programs read one or the other
        own[name] = ",".join(filter(None, (environ.get(name), host)))
    return {name: v for name, v in environ.items() if not name.startswith("CLIQ_")} | own


async def run_with_sandbox(
    sandbox: Sandbox,
    command: Sequence[str],
    *,
    time_scale: float,
    companion: AbstractAsyncContextManager[object] | None = None,
    find_key: Callable[[], str | None] = lambda: None,
) -> int:
    """Run a command while a sandbox runs, and return its exit status, as a shell would.

    All processes of the command share a new quota, which is deleted afterwards.

    Args:
        sandbox: The sandbox, which this function starts.
        command: The command and its arguments.
        time_scale: The factor by which the sandbox's time passes faster.
        companion: Entered when the sandbox listens, and left when the command has exited.
        find_key: Returns the key that the sandbox's events are verified with.

    Raises:
        CliError: The command cannot be run, or there is no place for its quota.
        OSError: The sandbox cannot listen.
    """
    async with sandbox, companion or nullcontext():
        with temporary_quota() as quota:
            env = environment(sandbox.url, quota, time_scale=time_scale, public_key=find_key())
            with _signal_received() as terminated:
                try:
                    process = await asyncio.create_subprocess_exec(*command, env=env)
                except OSError as error:
                    message = f"cannot run {command[0]}: {error.strerror}"
                    raise CliError(message, NO_COMMAND) from None
                forwarding = asyncio.create_task(_forward_signals(process, terminated))
                try:
                    status = await process.wait()
                finally:
                    forwarding.cancel()
                    _terminate(process)
                    await process.wait()
    return status if status >= 0 else KILLED - status


@contextmanager
def temporary_quota() -> Iterator[str]:
    """Yield the URL of a new quota store, which is deleted afterwards.

    Raises:
        CliError: There is no place for it.
    """
    with _temporary_folder() as folder:
        file = (Path(folder) / "quota.db").as_posix().removeprefix("/")
        yield f"sqlite:///{quote(file)}"


def _temporary_folder() -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(prefix="cliq-", ignore_cleanup_errors=True)
    except OSError as error:
        raise CliError(f"no temporary folder for the quota, set TMPDIR: {error.strerror}") from None


async def _forward_signals(process: asyncio.subprocess.Process, terminated: asyncio.Event) -> None:
    while await terminated.wait():
        terminated.clear()
        _terminate(process)


def _terminate(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()


@contextmanager
def _signal_received() -> Iterator[asyncio.Event]:
    """Set an event on signals, except Ctrl-C of a terminal, which reaches the command directly."""
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
