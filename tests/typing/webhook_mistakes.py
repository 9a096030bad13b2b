"""Mistakes in handlers that type checkers find. Checked by mypy and pyright, never run."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from cliq_async.webhooks import (
    Banner,
    CallEvent,
    ContextEvent,
    FormEvent,
    MenuEvent,
    MessageEvent,
    Question,
    Reply,
    WebhookBot,
)

bot = WebhookBot("key")
WebhookBot()  # type: ignore[call-arg]
WebhookBot(5)  # type: ignore[arg-type]
WebhookBot("key", max_age=5)  # type: ignore[call-arg]


@bot.message  # type: ignore[type-var]
async def another_event(event: MenuEvent) -> str:
    return event.action


@bot.message  # type: ignore[type-var]
async def another_answer(event: MessageEvent) -> int:
    return len(event.text)


@bot.message  # type: ignore[type-var]
def sync(event: MessageEvent) -> str:
    return event.text


@bot.message(permissions=["message"])  # type: ignore[type-var]
async def another_event_with_options(event: ContextEvent) -> str:
    return event.context


@bot.message(permissions=["everything"])  # type: ignore[list-item]
async def another_permission(event: MessageEvent) -> str:
    return event.text


@bot.menu("Raise ticket")  # type: ignore[type-var]
async def no_answer(event: MenuEvent) -> list[str]:
    return [event.action]


@bot.menu("Raise ticket")  # type: ignore[type-var]
def sync_menu(event: MenuEvent) -> str:
    return event.action


@bot.call  # type: ignore[type-var]
async def answer_to_a_call(event: CallEvent) -> str:
    return event.operation


@bot.form("book", action="delete")  # type: ignore[arg-type]
async def another_action(event: FormEvent) -> str:
    return event.form


def answers() -> None:
    Banner("x", status="warning")  # type: ignore[arg-type]
    Reply("x", view="modal")  # type: ignore[arg-type]
    Reply("x", ask=[Question("name")])  # type: ignore[call-arg]
    Reply("x", "y")  # type: ignore[call-arg]
