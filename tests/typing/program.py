"""A program that uses each public area. Checked by mypy and pyright, both strict, never run."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any, assert_type

from cliq_async import (
    ENDPOINTS,
    Action,
    ApiError,
    ApiKey,
    AuthenticationError,
    AuthError,
    BadRequestError,
    BotHandler,
    BotSync,
    BroadcastProgress,
    BulletList,
    Button,
    Call,
    CallAction,
    CallDetails,
    Card,
    CliqClient,
    CliqError,
    Confirm,
    ConflictError,
    CopyText,
    Endpoint,
    ForeignAnswerError,
    Graph,
    HandlerParam,
    Hooks,
    Images,
    InvokeFunction,
    JobOptions,
    JournalError,
    JournalStart,
    Labels,
    Limit,
    LockDetails,
    MemoryStore,
    Message,
    ModernInline,
    NewHandler,
    NotFoundError,
    OpenUrl,
    OutcomeUnknownError,
    PercentageChart,
    PermissionDeniedError,
    Poll,
    PreviewUrl,
    Prompt,
    QuotaStatus,
    QuotaStore,
    QuotaStoreError,
    QuotaWaitError,
    RequestDetails,
    Section,
    Sender,
    ServerError,
    Slide,
    Styles,
    SubAction,
    SyncError,
    SyncProgress,
    SystemApi,
    Table,
    TextBlock,
    ThrottledError,
    TransportError,
    User,
    ValidationError,
    WaitDetails,
    __version__,
    sync_subscribers,
)
from cliq_async.otel import OpenTelemetry
from cliq_async.sandbox import Sandbox
from cliq_async.testing import (
    FakeRequest,
    FakeTransport,
    NoAnswerError,
    VirtualTimeLoop,
    run_in_virtual_time,
    sandbox_in_thread,
)

log = logging.getLogger(f"shop/{__version__}")


# Messages.


def actions() -> list[Action]:
    sure = Confirm("Restart", input="Why?", button_label="Restart", emotion="negative")
    each: list[Action] = [
        OpenUrl("https://example.com", confirm=sure),
        InvokeFunction("restart", owner="supportbot"),
        SystemApi("audiocall/55743307"),
        PreviewUrl("https://example.com"),
        CopyText("db-1"),
    ]
    return each


def cards() -> list[Card]:
    section = Section({"Host": "db-1"}, title="Load")
    return [
        ModernInline(title="Disk full", thumbnail="https://example.com/x.png", sections=[section]),
        Poll(title="Lunch?", options=["Yes", "No"]),
        Prompt(title="Restart?"),
    ]


def slides() -> list[Slide]:
    return [
        BulletList(["One", "Two"], title="Steps"),
        Labels({"Host": "db-1"}),
        Images(["https://example.com/x.png"]),
        TextBlock("All is well"),
        Table(["Host"], rows=[{"Host": "db-1"}]),
        PercentageChart({"Free": 30, "Used": 70.5}),
        Graph({"Monday": {"Orders": 7}}),
    ]


def message() -> Message:
    buttons = [Button("Go", action=action) for action in actions()]
    whole = Message(
        "Disk full",
        card=cards()[0],
        slides=slides(),
        buttons=buttons,
        bot=Sender("Watch", image="https://example.com/a.png"),
        styles=Styles("red", markdown=True),
        sync_message=True,
    )
    assert_type(whole.to_dict(), dict[str, Any])
    return whole


async def call(client: CliqClient) -> None:
    action = CallAction("Take it", action=InvokeFunction("take"))
    receipt = await client.calls.trigger("ops", Call("Down", user_ids=["1"], actions=[action]))
    assert_type(receipt.to_dict(), dict[str, Any])


async def describe(client: CliqClient) -> None:
    async for bot in client.bots.iter():
        assert_type(bot.creator, User | None)
        assert_type(bot.handlers, tuple[BotHandler, ...])
        assert_type(bot.to_dict(), dict[str, Any])
    menu = NewHandler("menu_handler", name="Raise", sub_actions=[SubAction("Urgent")])
    handler = await client.handlers.create("1", menu)
    assert_type(handler.params, tuple[HandlerParam, ...])


# Errors.


async def send(client: CliqClient) -> str:
    try:
        sent = await client.with_options(max_wait_s=2).messages.send("ops", message(), user_ids=1)
    except (QuotaWaitError, ThrottledError) as error:
        assert_type(error.retry_at, datetime)
        return "later"
    except ValidationError as error:
        assert_type(error.field, str)
        return f"{error.field}: {error.limit}"
    except (OutcomeUnknownError, ForeignAnswerError, TransportError) as error:
        return error.reason
    except (AuthError, QuotaStoreError) as error:
        log.error(str(error))
        raise
    except (BadRequestError, AuthenticationError, PermissionDeniedError, NotFoundError) as error:
        assert_type(error.request_id, str | None)
        return "refused"
    except (ConflictError, ServerError, ApiError) as error:
        assert_type(error.status, int)
        assert_type(error.code, str | None)
        return error.message
    except CliqError:
        log.exception("not sent")
        raise
    else:
        return sent.message_id or ""


# Many.


def show(progress: BroadcastProgress) -> None:
    log.info("%d of %s", progress.delivered, progress.journal)


async def job(client: CliqClient, people: list[str]) -> bool:
    options: JobOptions = {"journal": "job.db", "on_progress": show, "dedupe": True}
    try:
        report = await client.broadcast("ops", message(), people, **options)
    except JournalError:
        return False
    assert_type(report.journal, JournalStart | None)
    return report.stopped is None


async def sync(client: CliqClient) -> Mapping[str, int]:
    def told(progress: SyncProgress) -> None:
        log.info("%d of %d bots", progress.done, progress.bots)

    try:
        report = await sync_subscribers(client, "ops", "people.db", on_progress=told)
    except SyncError:
        return {}
    assert_type(report.bots, tuple[BotSync, ...])
    return {bot.bot: bot.present for bot in report.bots}


# The quota, and what has no method.


async def quota(client: CliqClient, store: QuotaStore) -> float:
    status = (await client.quota_status())["send_message"]
    assert_type(status, QuotaStatus)
    assert_type(status.next_token_at, datetime | None)
    assert_type(ENDPOINTS["send_message"], Endpoint)
    CliqClient(ApiKey("key"), quota=store, limits={"send_message": Limit(40)})
    await client.request("GET", "/channels/O42/members", limit=Limit(30), query={"limit": 50})
    return await client.estimate_s("send_message", 100, headroom=5)


# Looking on.


def hooks() -> Hooks:
    def wait(details: WaitDetails) -> None:
        log.info("%s %s %.1f", details.endpoint, details.lane, details.waited_s)

    def lock(details: LockDetails) -> None:
        log.warning("%s until %s", details.endpoint, details.until.isoformat())

    def request(details: RequestDetails) -> None:
        log.debug("%s %s", details.outcome, details.status)

    def ended(details: CallDetails) -> None:
        log.debug("%d %s", details.requests, details.error)

    return Hooks(on_wait=wait, on_lock=lock, on_request=request, on_call=ended)


async def observe() -> None:
    telemetry = OpenTelemetry()
    client = await CliqClient.from_env(hooks=telemetry.hooks, user_agent="shop/2.1").open()
    telemetry.observe(client, team="ops")
    await client.close()


# Tests.


async def test_send() -> None:
    async def answer(request: FakeRequest) -> tuple[int, Mapping[str, str]]:
        if request.json["text"] == "lost":
            raise NoAnswerError("gone")
        return 200, {"message_id": "7"}

    cliq = FakeTransport(answer)
    clock = asyncio.get_running_loop().time
    client = CliqClient("t", transport=cliq, quota=MemoryStore(clock=clock), clock=clock)
    async with client:
        assert await send(client) == "7"
    assert_type(cliq.requests, list[FakeRequest])


def test_in_virtual_time() -> None:
    assert_type(run_in_virtual_time(observe()), None)
    VirtualTimeLoop().advance(60)
    with sandbox_in_thread(subscribers=250, time_scale=60) as sandbox:
        assert_type(sandbox, Sandbox)
        assert_type(sandbox.url, str)
        assert_type(sandbox.report(), dict[str, Any])
