"""Mistakes that type checkers find. Checked by mypy and pyright, never run.

Each line that is ignored is one: should a checker not find it any more, it says that the comment
is not needed.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

import cliq_async
from cliq_async import (
    BotChanges,
    Button,
    Call,
    CliqClient,
    JobOptions,
    Message,
    NewBot,
    NewFunction,
    NewFunctionHandler,
    NewHandler,
    OpenUrl,
    Styles,
    sync_subscribers,
)


def names() -> None:
    cliq_async.Nothing  # type: ignore[attr-defined]


def clients() -> None:
    CliqClient()  # type: ignore[call-arg]
    CliqClient(1)  # type: ignore[arg-type]
    CliqClient("t", "eu")  # type: ignore[call-arg]
    CliqClient("t", max_wait=5)  # type: ignore[call-arg]
    CliqClient("t", pace="fast")  # type: ignore[arg-type]
    CliqClient("t", max_wait_s="5")  # type: ignore[arg-type]
    CliqClient("t").with_options(lane="fast")  # type: ignore[arg-type]


def models() -> None:
    NewBot("Bot")  # type: ignore[call-arg]
    NewBot("Bot", description="x", scope="galaxy")  # type: ignore[arg-type]
    BotChanges("Bot")  # type: ignore[call-arg, arg-type]
    NewHandler("dream_handler", script="x")  # type: ignore[arg-type]
    Button("Open", OpenUrl("https://example.com"))  # type: ignore[call-arg]
    Button("Open", action="open")  # type: ignore[arg-type]
    Message(5)  # type: ignore[arg-type]
    Message("x", buttons=["Open"])  # type: ignore[list-item]
    Styles("pink")  # type: ignore[arg-type]
    message = Message("x")
    message.text = "y"  # type: ignore[misc]


async def calls(client: CliqClient) -> None:
    await client.bots.create("Bot")  # type: ignore[arg-type]
    await client.bots.get(1)  # type: ignore[arg-type]
    await client.bots.get("1", fields="all")  # type: ignore[arg-type]
    await client.bots.update("1", NewBot("B", description="x"))  # type: ignore[arg-type]
    client.bots.list().data  # type: ignore[attr-defined]
    await client.messages.send("ops", 5, user_ids=1)  # type: ignore[arg-type]
    await client.messages.send("ops", "Hi", 1)  # type: ignore[call-arg]
    await client.messages.send("ops", "Hi", user_ids=1.5)  # type: ignore[arg-type]
    await client.messages.send("ops", "Hi", broadcast="yes")  # type: ignore[arg-type]
    await client.messages.send_incoming("ops", {"a": 1})  # type: ignore[dict-item]
    await client.calls.trigger("ops", "Down")  # type: ignore[arg-type]
    await client.calls.trigger("ops", Call("Down", retry="2"))  # type: ignore[arg-type]
    await client.handlers.get("1", "dream_handler")  # type: ignore[arg-type]
    await client.functions.get_handler("1", "form_handler")  # type: ignore[arg-type]
    NewFunction("x", description="x", function_type="menu")  # type: ignore[arg-type]
    NewFunctionHandler("button_handler", permissions=["location"])  # type: ignore[list-item]
    await client.subscribers.list("ops", limit="5")  # type: ignore[arg-type]
    await client.broadcast("ops", "Hi", [1], batchsize=5)  # type: ignore[call-arg]
    await client.broadcast("ops", "Hi", [1], batch_size="5")  # type: ignore[arg-type]
    await client.broadcast("ops", "Hi", 1)  # type: ignore[arg-type]


async def options(client: CliqClient) -> None:
    client.broadcast_job("ops", "Hi", batchsize=5)  # type: ignore[call-arg]
    client.broadcast_job("ops", "Hi", journal=5)  # type: ignore[arg-type]
    await client.call_many("ops", "Hi", [1], user_ids=[1])  # type: ignore[call-arg]
    await client.call_many("ops", "Hi", [1], dedupe="yes")  # type: ignore[arg-type]
    client.call_many_job("ops", "Hi", to=[1])  # type: ignore[call-arg]
    client.call_many_job("ops", "Hi", exclude=1)  # type: ignore[arg-type]
    CliqClient.from_env(max_wait=5)  # type: ignore[call-arg]
    CliqClient.from_env(max_wait_s="5")  # type: ignore[arg-type]
    await sync_subscribers(client, "ops", "x.db", all=True)  # type: ignore[call-arg]
    await sync_subscribers(client, "ops", "x.db", full="yes")  # type: ignore[arg-type]
    await client.request("GET", "/x", body={})  # type: ignore[call-arg]
    JobOptions(batchsize=5)  # type: ignore[typeddict-unknown-key]
    Message("x").as_dict()  # type: ignore[attr-defined]
