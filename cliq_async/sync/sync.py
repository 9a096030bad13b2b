"""Subscribers kept in step with a file: in full first, then only what has changed.

A task a bot reads page after page, and each page is written down before the next one is asked
for. So a sync that is killed goes on where it was.
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
from cliq_async.storage.worker import WorkerThread
from cliq_async.sync.report import BotSync, SyncProgress, SyncReport
from cliq_async.sync.state import FULL, INCREMENTAL, BotState, ConcurrentSyncError

if TYPE_CHECKING:
    from cliq_async.sync.table import SubscriberTable

__all__ = ["sync_subscribers"]

_log: Final = logging.getLogger("cliq_async")

_OK: Final = 200
_ENDPOINT: Final = "list_subscribers"
_OF_ALL: Final = (AuthenticationError, ThrottledError)
"""Refusals that the next bot would get as well."""


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
    """Bring a file up to date with who subscribes to some bots.

    The first sync of a bot is a full one. Later ones read what has changed since, as long as
    Cliq takes the sync token of the last one. Only a full sync finds out who has left. One that
    was broken off goes on where it was.

    Example:
        ```python
        report = await sync_subscribers(client, ["supportbot", "opsbot"], "people.db")
        for bot in report.bots:
            print(bot.bot, bot.kind, bot.new, bot.left, bot.present)
        ```

    Args:
        client: An open client. It waits for the quota as long as it takes, behind interactive
            callers.
        bots: One bot or several, by id or unique name. The file knows each by what it was called
            here.
        into: The SQLite file; made if there is none, readable by its owner alone.
        full: Read everybody again.
        limit: Subscribers in a page, 1 to 50.
        extension_key: Of the extension that the bots belong to, if they do.
        on_progress: Called after each page, and when a bot is done.

    Returns:
        What was done for each bot. If one fails, the others go on, and its error is in there.

    Raises:
        ValidationError: A bot or the limit is none; nothing was sent.
        SyncError: The file cannot be used.
        CliqError: What concerns all bots: the access token, or the quota's store.
    """
    names = _names(bots)
    page_limit(limit)
    # Imported in need: SQLite is not everybody's.
    from cliq_async.sync.table import SubscriberTable  # noqa: PLC0415

    table = SubscriberTable(into)
    worker: WorkerThread[Callable[[], Any]] = WorkerThread(table, lambda: None)
    patient = client.with_options(lane="bulk", max_wait_s=None).subscribers

    def fetch(state: BotState) -> Awaitable[Page[Subscriber]]:
        return patient.list(state.bot, limit=limit, extension_key=extension_key, **state.query())

    telling = _ProgressReporter(SyncProgress(len(names)), on_progress)
    try:
        await worker.call(lambda: None)  # what is wrong with the file is found before it is needed
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_BotSync(bot, table, worker, fetch, telling).run(full=full))
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
    """Tells whoever wants to know how far it is."""

    def __init__(
        self, now: SyncProgress, on_progress: Callable[[SyncProgress], object] | None
    ) -> None:
        self._now = now
        self._on_progress = on_progress

    def page(self, subscribers: int) -> None:
        """A page was written."""
        now = self._now
        self._tell(
            attrs.evolve(now, pages=now.pages + 1, subscribers=now.subscribers + subscribers)
        )

    def done(self) -> None:
        """A bot has come to its end."""
        self._tell(attrs.evolve(self._now, done=self._now.done + 1))

    def _tell(self, now: SyncProgress) -> None:
        self._now = now
        if self._on_progress is None:
            return
        try:
            self._on_progress(now)
        except Exception:  # noqa: BLE001 - the user's, and no reason to break off
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
        telling: _ProgressReporter,
    ) -> None:
        self._bot = bot
        self._table = table
        self._worker = worker
        self._fetch = fetch
        self._telling = telling
        self._state: BotState | None = None
        self._resumed = False
        self._began_anew = False
        self._note = ""

    async def run(self, *, full: bool) -> BotSync:
        """Make the sync, and say what it did.

        Raises:
            CliqError: What concerns other bots as well.
        """
        with self._table.lock(self._bot) as mine:
            error = await self._tried(full=full) if mine else self._busy()
            present = await self._worker.call(lambda: self._table.count_present(self._bot))
        self._telling.done()
        return self._report(present, error)

    async def _tried(self, *, full: bool) -> CliqError | None:
        try:
            await self._read(full=full)
        except ConcurrentSyncError:
            return self._busy()
        except _OF_ALL:
            raise
        except (ApiError, TransportError) as error:
            return error
        return None

    def _busy(self) -> SyncError:
        return SyncError(
            f"{self._table.path}: {self._bot} is being synced by somebody else; "
            "wait for that to end, and sync again if need be"
        )

    async def _read(self, *, full: bool) -> None:
        before = await self._worker.call(lambda: self._table.state(self._bot))
        state = before.planned(_now(), full=full)
        self._resumed = state.is_under_way
        seen: set[int] = set()  # hashes, since a long listing has thousands of pages
        while True:
            self._state = state
            try:
                page = await self._fetch(state)
            except BadRequestError as refused:
                state = self._anew(state, refused)
                seen.clear()
                continue
            if page.next_token and hash(page.next_token) in seen:
                raise ApiError(_OK, None, "the listing goes round in a circle", _ENDPOINT)
            seen.add(hash(page.next_token))
            state = self._state = await self._written(state, page)
            if not state.is_under_way:
                return

    async def _written(self, state: BotState, page: Page[Subscriber]) -> BotState:
        written: BotState = await self._worker.call(lambda: self._table.write(state, page, _now()))
        self._telling.page(len(page.data))
        return written

    def _anew(self, state: BotState, refused: BadRequestError) -> BotState:
        """Where to begin after Cliq has refused a token."""
        if state.next_token is not None and not self._began_anew:
            self._began_anew = True  # once, or it might never end
            kind, what = state.kind, "the place where it was broken off"
        elif state.next_token is None and state.kind == INCREMENTAL:
            kind, what = FULL, "its sync token"
        else:
            raise refused
        self._note = f"Cliq did not take {what}: {refused.message or refused.code or 'refused'}"
        _log.warning("%s: %s; making a new %s sync", self._bot, self._note, kind)
        return state.begun(kind, _now())

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
