"""What type checkers say of typical programs. Checked by mypy and pyright, never run."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import assert_type

from cliq_async import (
    AccessToken,
    Bot,
    BotChanges,
    BroadcastPlan,
    BroadcastProgress,
    BulkReport,
    Button,
    Call,
    CallReceipt,
    CallTemplate,
    ClientCredentials,
    CliqClient,
    Function,
    FunctionChanges,
    FunctionHandler,
    FunctionHandlerChanges,
    Handler,
    HandlerChanges,
    IncomingReceipt,
    Limit,
    MemoryStore,
    Message,
    MessageTemplate,
    NewBot,
    NewFunction,
    NewFunctionHandler,
    NewHandler,
    OpenUrl,
    Outcome,
    Page,
    QuotaStatus,
    RefreshToken,
    SentMessage,
    Subscriber,
    SyncedSubscriber,
    SyncReport,
    Table,
    read_outcomes,
    read_subscribers,
    sync_subscribers,
)


async def another_token() -> str:
    return "1000.token"


def clients() -> Sequence[CliqClient]:
    return [
        CliqClient("1000.token"),
        CliqClient(AccessToken("1000.token"), data_center="eu", network="partners"),
        CliqClient(RefreshToken("id", "secret", "1000.refresh"), quota="redis://host:6379/0"),
        CliqClient(ClientCredentials("id", "secret", scopes=["ZohoCliq.Bots.READ"])),
        CliqClient(another_token, limits={"send_message": Limit(40)}, pace="even", max_rate=5),
        CliqClient("1000.token", quota=MemoryStore(), max_wait_s=None, timeout_s=None),
        CliqClient.from_env(account="ann"),
    ]


async def opened() -> None:
    async with CliqClient("1000.token") as client:
        assert_type(client, CliqClient)
        assert_type(client.is_open, bool)
        assert_type(client.with_options(lane="bulk", max_wait_s=None), CliqClient)
        assert_type(await client.quota_status(), dict[str, QuotaStatus])
        assert_type(await client.close(), None)


async def bots(client: CliqClient) -> None:
    assert_type(await client.bots.create(NewBot("Bot", description="x", scope="team")), Bot)
    page = await client.bots.list(limit=50, search="ops")
    assert_type(page, Page[Bot])
    assert_type(page.data, tuple[Bot, ...])
    assert_type(page.next_token, str | None)
    assert_type(client.bots.iter(), AsyncIterator[Bot])
    async for bot in client.bots.iter(limit=10):
        assert_type(bot, Bot)
        assert_type(bot.id, str)
        assert_type(bot.default, bool | None)
    assert_type(await client.bots.get("1", fields="subscription_details"), Bot)
    assert_type(await client.bots.update("1", BotChanges(calls="enabled")), Bot)
    assert_type(await client.bots.delete("1"), None)
    assert_type(await client.bots.associate("ops", "general"), None)


async def messages(client: CliqClient) -> None:
    button = Button("Open", action=OpenUrl("https://example.com"), type="+")
    table = Table(["Host", "Load"], rows=[{"Host": "db-1", "Load": 93}], widths=[70, 30])
    message = Message("Hi", buttons=button, slides=[table], references={1: button})
    assert_type(message.text, str | None)
    assert_type(message.buttons, tuple[Button, ...])
    sent = await client.messages.send("ops", message, user_ids=[1, "ann@example.com"])
    assert_type(sent, SentMessage)
    assert_type(sent.message_id, str | None)
    await client.messages.send("ops", "Hi", user_ids=1)
    await client.messages.send("ops", "Hi", channel="general")
    await client.messages.send("ops", "Hi", broadcast=True)
    receipt = await client.messages.send_incoming("ops", {"a": "b"}, user_ids=("1",))
    assert_type(receipt, IncomingReceipt)
    call = Call("Down", user_ids=["1"], retry=2)
    assert_type(await client.calls.trigger("ops", call), CallReceipt)


async def handlers(client: CliqClient) -> None:
    new = NewHandler("mention_handler", permissions=["chat", "user"])
    assert_type(await client.handlers.create("1", new), Handler)
    assert_type(await client.handlers.get("1", "call_handler"), Handler)
    changes = HandlerChanges(script="return Map();")
    assert_type(await client.handlers.update("1", "menu_handler", changes, handler_id="2"), Handler)
    assert_type(await client.handlers.delete("1", "welcome_handler"), None)


async def functions(client: CliqClient) -> None:
    new = NewFunction("approve", description="x", function_type="button")
    assert_type(await client.functions.create(new), Function)
    assert_type(await client.functions.list(limit=50, sync_token="x"), Page[Function])
    assert_type(client.functions.iter(), AsyncIterator[Function])
    function = await client.functions.get("1")
    assert_type(function.handlers, tuple[FunctionHandler, ...])
    assert_type(await client.functions.update("1", FunctionChanges(name="x")), Function)
    assert_type(await client.functions.delete("1"), None)
    handler = NewFunctionHandler("form_submit_handler", permissions=["chat", "user"])
    assert_type(await client.functions.create_handler("1", handler), FunctionHandler)
    changes = FunctionHandlerChanges(permissions="user")
    updated = await client.functions.update_handler("1", "button_handler", changes)
    assert_type(updated, FunctionHandler)
    assert_type(await client.functions.get_handler("1", "form_view_handler"), FunctionHandler)
    assert_type(await client.functions.delete_handler("1", "form_view_handler"), None)


async def subscribers(client: CliqClient) -> None:
    assert_type(await client.subscribers.list("ops", sync_token="x"), Page[Subscriber])
    ids = [each.user_id async for each in client.subscribers.iter("ops")]
    assert_type(ids, list[str])
    assert_type(await sync_subscribers(client, ["ops"], "people.db", full=True), SyncReport)
    assert_type(read_subscribers("people.db", "ops"), Iterator[SyncedSubscriber])


async def many(client: CliqClient) -> None:
    async def everybody() -> AsyncIterator[int]:
        yield 1

    def personal(row: dict[str, str]) -> tuple[str, Message]:
        return row["id"], Message(f"Hello {row['name']}")

    def told(progress: BroadcastProgress) -> None:
        assert_type(progress.delivered, int)

    report = await client.broadcast("ops", "Hi", everybody(), journal="job.db", on_progress=told)
    assert_type(report, BulkReport)
    assert_type(report.stopped, str | None)
    for outcome in report.outcomes:
        assert_type(outcome, Outcome)
        assert_type(outcome.ids, tuple[str, ...])
    await client.broadcast("ops", personal, [{"id": "1", "name": "Ann"}], dedupe=True)
    await client.broadcast("ops", MessageTemplate("Hello {{ name }}"), [{"user_id": "1"}])
    assert_type(await client.call_many("ops", "Fire drill", [1, 2]), BulkReport)
    await client.call_many("ops", CallTemplate("Hello {{ name }}"), [{"user_id": "1"}])
    job = client.broadcast_job("ops", Message("Hi"), headroom=5)
    assert_type(await job.plan(["1"]), BroadcastPlan)
    assert_type(await job.run(["1"]), BulkReport)
    job.stop("enough")
    assert_type(read_outcomes("job.db", delivered=True), Iterable[Outcome])
