"""A bot that runs with a sandbox, in the same process, and again after each change of its code."""

import asyncio
import os
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from aiohttp import web
from watchfiles import PythonFilter, awatch

from cliq_async.cli.bot_project import naming_toml
from cliq_async.cli.commands.sandbox_run import environment, temporary_quota
from cliq_async.cli.errors import CliError, describe
from cliq_async.cli.outputs.console import echo_err
from cliq_async.cli.settings.config_file import FILE_NAME, read_toml
from cliq_async.deploy.app import import_again, load_app
from cliq_async.deploy.desired import DesiredBot, load_bot
from cliq_async.errors import CliqError, ValidationError
from cliq_async.models.serialization import unstructure
from cliq_async.sandbox import Sandbox

if TYPE_CHECKING:
    from cliq_async.webhooks import WebhookBot

__all__ = ["BotHost"]

_OPTION: Final = "--bot"
_TOKEN: Final = "bot"  # noqa: S105 - a user of its own, whose quota no other program uses
_SUPPORT_BOT: Final = {"name": "Support Bot", "description": "Handles support workflows"}


class BotHost:
    """Runs a bot for a sandbox, which listens already, as an async context manager.

    Args:
        sandbox: The sandbox.
        reference: The bot as `module:name`.
        folder: The folder of its code, and perhaps of a `cliq.toml` that describes it.
        wait_s: How long the sandbox waits for an answer, in its time.
        time_scale: The speed of the sandbox's time.

    Attributes:
        name: The bot's unique name in the sandbox.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        reference: str,
        folder: Path,
        *,
        wait_s: float,
        time_scale: float,
    ) -> None:
        self._sandbox = sandbox
        self._reference = reference
        self._folder = folder
        self._wait_s = wait_s
        self._time_scale = time_scale
        self._key, self._table = "supportbot", dict[str, Any](_SUPPORT_BOT, app=reference)
        self._url = ""
        self._bot: WebhookBot | None = None
        self._stack = AsyncExitStack()
        self._closing = set[asyncio.Task[None]]()
        self.name = ""

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            self._describe()
            self._set_environment(stack.enter_context(temporary_quota()), stack)
            self._url = await self._listen(stack)
            stack.push_async_callback(self._close)
            await self._load()
            watching = asyncio.create_task(self._watch())
            stack.push_async_callback(_cancel, watching)
            await asyncio.sleep(0)  # it watches from here on
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    def _describe(self) -> None:
        """Find the bot's description, if `cliq.toml` has one."""
        file = read_toml(self._folder / FILE_NAME, own=False)
        for key, table in ({} if file is None else file.bots).items():
            if isinstance(table, Mapping) and table.get("app") == self._reference:
                self._key, self._table = key, dict(table)
                return

    def _set_environment(self, quota: str, stack: AsyncExitStack) -> None:
        """Point the bot's clients at the sandbox, and at no real account."""
        before = dict(os.environ)
        stack.callback(_replace_environment, before)
        key = self._sandbox.public_key
        own = environment(
            self._sandbox.url, quota, time_scale=self._time_scale, public_key=key, environ=before
        )
        _replace_environment(own | {"CLIQ_ACCESS_TOKEN": _TOKEN})

    async def _listen(self, stack: AsyncExitStack) -> str:
        """Serve the current bot; return the URL."""

        async def respond(request: web.Request) -> web.StreamResponse:
            if self._bot is None:
                raise web.HTTPServiceUnavailable
            return await self._bot.aiohttp(request)

        app = web.Application()
        app.router.add_route("*", "/", respond)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        stack.push_async_callback(runner.cleanup)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{site.port}/"

    async def _load(self) -> None:
        """Import the bot, and give the sandbox its handlers.

        Raises:
            CliError: `cliq.toml` is not valid.
            CliqError: The bot cannot be imported, or is not a WebhookBot.
        """
        old = self._bot
        async with AsyncExitStack() as stack:
            with import_again(self._folder):
                bot, described = self._import()
                if bot is old:  # its module is not in the folder
                    return
                await stack.enter_async_context(bot)
                form = unstructure(described.new())
                handlers = [{"permissions": [], **unstructure(each)} for each in described.handlers]
                try:
                    self.name = self._sandbox.host_bot(form, handlers)
                except ValueError as error:
                    raise CliError(describe(error)) from None
            stack.pop_all()
        self._bot = bot
        if old is not None:
            closing = asyncio.create_task(old.close())  # after the events that it is at work on
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    def _import(self) -> "tuple[WebhookBot, DesiredBot]":
        from cliq_async.webhooks import WebhookBot  # noqa: PLC0415 - few programs are bots

        bot = load_app(_OPTION, self._reference, self._folder)
        if not isinstance(bot, WebhookBot):
            raise ValidationError(_OPTION, "a WebhookBot", type(bot).__name__)
        table = self._table | {"execution_url": self._url}
        with naming_toml(self._folder / FILE_NAME):
            described = load_bot(self._key, table, self._folder)
        bot._fit_to_sandbox(
            self._sandbox._events.dispatcher.events.base_url,
            self._sandbox.public_key,
            waits_s=self._wait_s,
            time_scale=self._time_scale,
        )
        return bot, described

    async def _watch(self) -> None:
        ignored = PythonFilter(ignore_paths=[sys.prefix])
        try:
            async for _ in awatch(self._folder, watch_filter=ignored):
                await self._reload()
        except (OSError, RuntimeError) as error:  # such as the system's limit of watched folders
            echo_err(f"warning: the bot is not reloaded any more: {describe(error)}")

    async def _reload(self) -> None:
        try:
            await self._load()
        except (CliError, CliqError, OSError, RuntimeError) as error:
            echo_err(f"error: {describe(error)}; the old code runs on")
        else:
            echo_err(f"reloaded {self._reference}")

    async def _close(self) -> None:
        if self._bot is not None:
            await self._bot.close()
        if self._closing:
            await asyncio.wait(self._closing)


async def _cancel(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _replace_environment(variables: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(variables)
