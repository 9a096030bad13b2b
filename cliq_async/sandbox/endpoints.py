"""The endpoint handlers: functions from a call to a status and a body."""

from collections.abc import Callable
from typing import Any, Final

from cliq_async.endpoints import BASE_PATH
from cliq_async.sandbox.call import Call, Reply
from cliq_async.sandbox.errors import bad_request, forbidden
from cliq_async.sandbox.function_endpoints import FUNCTION_ENDPOINT_HANDLERS
from cliq_async.sandbox.state.bots import Bot, BotRecord
from cliq_async.sandbox.state.handlers import describe_logic
from cliq_async.sandbox.state.state import State
from cliq_async.sandbox.validation import (
    page_limit,
    read_bot_changes,
    read_call,
    read_channel,
    read_fields,
    read_handler_changes,
    read_message,
    read_new_bot,
    read_new_handler,
    read_parameters,
    read_recipients,
)

__all__ = ["ENDPOINT_HANDLERS", "Call", "EndpointHandler", "Reply"]

_BOTS: Final = f"{BASE_PATH}/bots"
_NO_CONTENT: Final[Reply] = (204, None)

EndpointHandler = Callable[[State, Call], Reply]


def _bot_reply(url: str, data: Any) -> Reply:
    return 200, {"url": url, "type": "bot", "data": data}


def _handler_reply(url: str, data: Any) -> Reply:
    return 200, {"url": url, "type": "execution_handler", "data": data}


# Bots.


def _create_bot(state: State, call: Call) -> Reply:
    return _bot_reply(_BOTS, state.create_bot(call.user, read_new_bot(call.body)).record)


def _list_bots(state: State, call: Call) -> Reply:
    search, scope = call.query.get("search", "").casefold(), call.query.get("scope")

    def keep(bot: BotRecord) -> bool:
        return search in bot["name"].casefold() and scope in {None, bot["scope"]}

    page = state.bots.records.page(
        page_limit(call.query),
        next_token=call.query.get("next_token"),
        sync_token=call.query.get("sync_token"),
        keep=keep,
    )
    return 200, {"url": _BOTS, "type": "bot"} | page


def _update_bot(state: State, call: Call) -> Reply:
    (reference,) = call.parameters
    bot = state.bots.by_id(reference)
    bot.check_editor(call.user)
    state.bots.change(bot, read_bot_changes(call.body, bot.record["execution_type"]))
    return _bot_reply(f"{_BOTS}/{reference}", bot.record)


def _get_bot(state: State, call: Call) -> Reply:
    (reference,) = call.parameters
    bot = state.bots.by_id(reference)
    data: dict[str, Any] = {**bot.record}
    if read_fields(call.query):
        data["subscription_details"] = bot.subscribers.all()
    return _bot_reply(f"{_BOTS}/{reference}", data)


def _delete_bot(state: State, call: Call) -> Reply:
    (reference,) = call.parameters
    bot = state.bots.by_id(reference)
    bot.check_editor(call.user)
    state.delete_bot(bot)
    return _NO_CONTENT


def _list_subscribers(state: State, call: Call) -> Reply:
    (reference,) = call.parameters
    bot = state.bots.by_name_or_id(reference)
    if bot.belongs_to_other(call.user):
        raise forbidden()
    page = bot.subscribers.page(
        page_limit(call.query),
        next_token=call.query.get("next_token"),
        sync_token=call.query.get("sync_token"),
    )
    page.pop("deleted", None)  # documented for bots only
    return 200, {"url": f"{_BOTS}/{reference}/subscribers", "type": "bot_subscriber"} | page


def _associate_channel(state: State, call: Call) -> Reply:
    (name,) = call.parameters
    bot = state.bots.by_name(name)
    state.channels.associate(bot.name, read_channel(call.body))
    return _NO_CONTENT


# Messages and calls.


def _send_message(state: State, call: Call) -> Reply:
    (name,) = call.parameters
    bot = state.bots.by_name(name)
    bot.check_sender(call.user)
    delivery = read_message(call.body, call.query)
    message = state.send(call.user, bot, delivery)
    return (200, message.ids()) if delivery.sync else _NO_CONTENT


def _send_incoming(state: State, call: Call) -> Reply:
    (name,) = call.parameters
    bot = state.bots.by_name(name)
    bot.check_sender(call.user)
    read_parameters(call.body)
    user_ids = read_recipients(call.query.get("user_ids"))
    return 200, {"user_ids": [] if user_ids is None else state.resolve_subscribers(bot, user_ids)}


def _trigger_call(state: State, call: Call) -> Reply:
    (name,) = call.parameters
    bot = state.bots.by_name(name)
    body = read_call(call.body)
    if bot.record["calls"] != "enabled":
        raise bad_request("Calls are not enabled for the bot.", "bot_alert_not_enabled")
    call_id, zuids = state.call(call.user, bot, body)
    return 200, {"user_ids": zuids, "id": call_id}


# Handlers.


def _create_handler(state: State, call: Call) -> Reply:
    (reference,) = call.parameters
    bot = state.bots.by_id(reference)
    handler = state.create_handler(bot, read_new_handler(call.body, _execution_type(bot)))
    return _handler_reply(f"{_BOTS}/{reference}/handlers", describe_logic(handler))


def _update_handler(state: State, call: Call) -> Reply:
    reference, handler_type = call.parameters
    bot = state.bots.by_id(reference)
    handler = bot.handlers.find(handler_type, call.query.get("handler_id"))
    fields = read_handler_changes(call.body, handler_type, _execution_type(bot))
    state.change_handler(bot, handler, fields)
    return _handler_reply(_handler_url(call), bot.handlers.describe_update(handler))


def _get_handler(state: State, call: Call) -> Reply:
    reference, handler_type = call.parameters
    handlers = state.bots.by_id(reference).handlers
    handler = handlers.find(handler_type, call.query.get("handler_id"))
    return _handler_reply(_handler_url(call), handlers.describe(handler))


def _delete_handler(state: State, call: Call) -> Reply:
    reference, handler_type = call.parameters
    bot = state.bots.by_id(reference)
    handler = bot.handlers.find(handler_type, call.query.get("handler_id"))
    state.delete_handler(bot, handler)
    return _NO_CONTENT


def _execution_type(bot: Bot) -> str:
    return bot.record["execution_type"]


def _handler_url(call: Call) -> str:
    reference, handler_type = call.parameters
    return f"{_BOTS}/{reference}/handlers/{handler_type}"


ENDPOINT_HANDLERS: Final[dict[str, EndpointHandler]] = {
    "create_bot": _create_bot,
    "list_bots": _list_bots,
    "update_bot": _update_bot,
    "get_bot": _get_bot,
    "delete_bot": _delete_bot,
    "send_message": _send_message,
    "send_incoming_webhook": _send_incoming,
    "trigger_call": _trigger_call,
    "create_handler": _create_handler,
    "update_handler": _update_handler,
    "get_handler": _get_handler,
    "delete_handler": _delete_handler,
    "associate_channel": _associate_channel,
    "list_subscribers": _list_subscribers,
    **FUNCTION_ENDPOINT_HANDLERS,
}
