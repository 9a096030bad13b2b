"""Sync of subscribers into a file: the first sync is full, later ones are incremental.

One task per bot reads page after page, and writes each page before it requests the next one, so a
sync that is killed resumes where it stopped.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import attrs

from cliq_async.client import CliqClient
from cliq_async.errors import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    CliqError,
    SyncError,
    ThrottledError,
    TransportError,
    ValidationError,
)
from cliq_async.models.identifiers import page_limit, path_segment
from cliq_async.models.page import Page
from cliq_async.models.subscriber import Subscriber
from cliq_async.resources.paging import LoopGuard
from cliq_async.storage.worker import WorkerThread
from cliq_async.sync.report import BotSync, SyncProgress, SyncReport
from cliq_async.sync.state import FULL, INCREMENTAL, BotState, ConcurrentSyncError

if TYPE_CHECKING:
    from cliq_async.sync.table import SubscriberTable

__all__ = ["sync_subscribers"]

_log: Final = logging.getLogger("cliq_async")

_ENDPOINT: Final = "list_subscribers"
_FATAL: Final = (AuthenticationError, ThrottledError)
"""Errors that every other bot would run into as well."""


async def sync_subscribers(
    client: CliqClient,
    bots: str | Iterable[str],
    into: str | os.PathLike[str],
    *,
    full: bool = False,
    limit: int = 50,
    extension_key: str | None = None,
    on_progress: Callable[[SyncProgress], object] | None = None,
) -> SyncReport:
    """Update a file with the current subscribers of one or more bots.

    The first sync of a bot is full. Later ones read only what has changed since, as long as Cliq
    accepts the sync token of the previous one. Only a full sync detects users who have left. A sync
    that was interrupted resumes where it stopped.

    Example:
        ```python
        report = await sync_subscribers(client, ["supportbot", "opsbot"], "people.db")
        for bot in report.bots:
            print(bot.bot, bot.kind, bot.new, bot.left, bot.present)
        ```

    Args:
        client: An open client. The sync waits for the quota as long as it takes, behind
            interactive callers.
        bots: One bot or several, by id or unique name. The file stores each under the name given
            here.
        into: The SQLite file; created if it does not exist, readable only by its owner.
        full: Read all subscribers again.
        limit: Subscribers per page, 1 or more.
        extension_key: The key of the extension that the bots belong to, if any.
        on_progress: Called after each page, and when a bot is finished.

    Returns:
        The result for each bot. If a bot fails, its result holds the error, and the others
        continue.

    Raises:
        ValidationError: A bot is not a valid identifier, or `limit` is out of range; nothing was
            sent.
        SyncError: The file cannot be used.
        CliqError: An error that concerns all bots, such as an invalid access token or a failing
            quota store.
    """
    names = _names(bots)
    page_limit(limit)
    from cliq_async.sync.table import SubscriberTable  # noqa: PLC0415 - it imports SQLite

    table = SubscriberTable(into)
    worker: WorkerThread[Callable[[], Any]] = WorkerThread(table, lambda: None)
    subscribers = client.with_options(lane="bulk", max_wait_s=None).subscribers

    def fetch(state: BotState) -> Awaitable[Page[Subscriber]]:
        return subscribers.list(
            state.bot, limit=limit, extension_key=extension_key, **state.query()
        )

    progress = _ProgressReporter(SyncProgress(len(names)), on_progress)
    try:
        await worker.call(lambda: None)  # fails if the file cannot be used, before anything is sent
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_BotSync(bot, table, worker, fetch, progress).run(full=full))
                for bot in names
            ]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    finally:
        await worker.close()
    return SyncReport(tuple(task.result() for task in tasks))


def _names(bots: object) -> list[str]:
    if not isinstance(bots, Iterable):
        raise ValidationError("bots", "a bot or an iterable of bots", bots)
    given = [bots] if isinstance(bots, str) else list(bots)
    for bot in given:
        path_segment("bot", bot)
    return list(dict.fromkeys(given))


class _ProgressReporter:
    """Reports progress to the user's callback."""

    def __init__(
        self, progress: SyncProgress, on_progress: Callable[[SyncProgress], object] | None
    ) -> None:
        self._progress = progress
        self._on_progress = on_progress

    def page_written(self, subscribers: int) -> None:
        """Count a page and its subscribers."""
        last = self._progress
        self._notify(
            attrs.evolve(last, pages=last.pages + 1, subscribers=last.subscribers + subscribers)
        )

    def bot_finished(self) -> None:
        """Count a bot that is done, or has failed."""
        self._notify(attrs.evolve(self._progress, done=self._progress.done + 1))

    def _notify(self, progress: SyncProgress) -> None:
        self._progress = progress
        if self._on_progress is None:
            return
        try:
            self._on_progress(progress)
        except Exception:  # noqa: BLE001 - an error in the user's callback must not stop the sync
            _log.exception("on_progress failed; it is not called again")
            self._on_progress = None


class _BotSync:
    """The sync of one bot."""

    def __init__(
        self,
        bot: str,
        table: "SubscriberTable",
        worker: WorkerThread[Callable[[], Any]],
        fetch: Callable[[BotState], Awaitable[Page[Subscriber]]],
        progress: _ProgressReporter,
    ) -> None:
        self._bot = bot
        self._table = table
        self._worker = worker
        self._fetch = fetch
        self._progress = progress
        self._state: BotState | None = None
        self._resumed = False
        self._restarted = False
        self._note = ""

    async def run(self, *, full: bool) -> BotSync:
        """Run the sync and return its result.

        Raises:
            CliqError: An error that concerns other bots as well.
        """
        with self._table.lock(self._bot) as locked:
            error = await self._sync(full=full) if locked else self._concurrent_error()
            present = await self._worker.call(lambda: self._table.count_present(self._bot))
        self._progress.bot_finished()
        return self._report(present, error)

    async def _sync(self, *, full: bool) -> CliqError | None:
        try:
            await self._read_pages(full=full)
        except ConcurrentSyncError:
            return self._concurrent_error()
        except _FATAL:
            raise
        except (ApiError, TransportError) as error:
            return error
        return None

    def _concurrent_error(self) -> SyncError:
        return SyncError(
            f"{self._table.path}: another program is syncing {self._bot}; "
            "wait until it has finished, and sync again if needed"
        )

    async def _read_pages(self, *, full: bool) -> None:
        previous = await self._worker.call(lambda: self._table.state(self._bot))
        state = previous.plan(_now(), full=full)
        self._resumed = state.in_progress
        guard = LoopGuard(_ENDPOINT)
        while True:
            self._state = state
            try:
                page = await self._fetch(state)
            except BadRequestError as error:
                state = self._restart(state, error)
                guard = LoopGuard(_ENDPOINT)
                continue
            guard.check(page.next_token)
            state = self._state = await self._write(state, page)
            if not state.in_progress:
                return

    async def _write(self, state: BotState, page: Page[Subscriber]) -> BotState:
        advanced: BotState = await self._worker.call(lambda: self._table.write(state, page, _now()))
        self._progress.page_written(len(page.data))
        return advanced

    def _restart(self, state: BotState, error: BadRequestError) -> BotState:
        """Return the state to restart from after Cliq has refused a token."""
        if state.next_token is not None and not self._restarted:
            self._restarted = True  # restart only once, or the sync might never end
            kind, token = state.kind, "next_token"
        elif state.next_token is None and state.kind == INCREMENTAL:
            kind, token = FULL, "sync_token"
        else:
            raise error
        reason = error.message or error.code or "refused"
        self._note = f"Cliq did not accept the {token}: {reason}"
        _log.warning("%s: %s; starting a new %s sync", self._bot, self._note, kind)
        return state.start(kind, _now())

    def _report(self, present: int, error: CliqError | None) -> BotSync:
        state = self._state
        if state is None:
            return BotSync(self._bot, present=present, note=self._note, error=error)
        return BotSync(
            self._bot,
            kind=state.kind,
            new=state.added,
            changed=state.changed,
            left=state.departed,
            present=present,
            pages=state.pages,
            resumed=self._resumed,
            note=self._note,
            error=error,
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
