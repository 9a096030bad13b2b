"""Messages from a bot to users, to a channel, or to all its subscribers."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import attrs

from cliq_async.endpoints import ENDPOINTS
from cliq_async.errors import OutcomeUnknownError, ValidationError
from cliq_async.models.deserialization import read_written
from cliq_async.models.identifiers import given_ids, path_segment, query_text, user_ids_field
from cliq_async.models.incoming import IncomingReceipt, check_parameters
from cliq_async.models.message import Message, SentMessage, plain_text
from cliq_async.models.serialization import unstructure
from cliq_async.models.validators import check_text
from cliq_async.transport.protocol import ApiCall

__all__ = ["Messages"]

_CHANNEL_KEYS: Final = ("channel_unique_name", "CHANNEL_UNIQUE_NAME")
"""The documents print the second name; the rest of the API suggests the first."""
_NO_CHAT: Final = (
    "Cliq accepted the message, but its answer names no chat, as sync_message asks for: check the "
    "channel's unique name, that the bot is in the channel, and the channel itself"
)
_ONE_KIND: Final = "exactly one of user_ids, channel and broadcast"


class Messages:
    """`client.messages`: messages from bots, and calls of their incoming webhooks.

    Source: "Send a bot message" and "Send an incoming webhook message to a bot" of the Bots API.
    50 requests a minute each, scopes ZohoCliq.Webhooks.CREATE and, for the latter,
    ZohoCliq.BotMessages.CREATE.
    """

    def __init__(self, send: Callable[[ApiCall], Awaitable[object]]) -> None:
        self._send = send

    async def send(
        self,
        bot_unique_name: str,
        message: Message | str,
        *,
        user_ids: str | int | Iterable[str | int] = (),
        channel: str | None = None,
        broadcast: bool = False,
        extension_key: str | None = None,
    ) -> SentMessage:
        """Send a message from a bot, in one request.

        Example:
            ```python
            await client.messages.send("supportbot", "Hello!", user_ids=["55743307"])
            ```

        Args:
            bot_unique_name: The bot's unique name.
            message: The message, or just its text.
            user_ids: Up to 100 ZUIDs or email addresses. Cliq ignores unknown ones, and refuses
                the message if all are unknown.
            channel: A channel's unique name.
            broadcast: Send to every subscriber of the bot.
            extension_key: The key of the bot's extension, if it belongs to one.

        Returns:
            The chat and message ids if the message has `sync_message` set, else empty. Look at
            `unreached` then.

        Raises:
            ValidationError: The recipients are not of exactly one kind, or a limit is broken;
                nothing was sent.
            BadRequestError: Cliq refused the message, for example with
                `botmessage_no_valid_users`.
            PermissionDeniedError: The bot may not message these users.
            OutcomeUnknownError: The request was sent but not answered. It is not retried, since
                that could deliver the message twice. Or a message to a channel asked for
                `sync_message`, and the answer names no chat: Cliq may have delivered it to no one.
        """
        path = {"bot_unique_name": path_segment("bot_unique_name", bot_unique_name)}
        query: dict[str, str | int | None] = {
            "extension_key": query_text("extension_key", extension_key)
        }
        body = _body(message)
        if not isinstance(broadcast, bool):  # the string "no" is truthy
            raise ValidationError("broadcast", "True or False", broadcast)
        has_users = given_ids(user_ids)
        if has_users + (channel is not None) + broadcast != 1:
            given = [
                name
                for name, present in (
                    ("user_ids", has_users),
                    ("channel", channel is not None),
                    ("broadcast", broadcast),
                )
                if present
            ]
            raise ValidationError("recipients", _ONE_KIND, given)
        if has_users:
            body["user_ids"] = user_ids_field(user_ids)
        elif channel is not None:
            query |= dict.fromkeys(_CHANNEL_KEYS, check_text("channel", channel, 1))
        else:
            body["broadcast"] = True
        call = ApiCall(ENDPOINTS["send_message"], path, query, body)
        sent = read_written(await self._send(call), SentMessage, SentMessage())
        if channel is not None and body.get("sync_message") and not sent.chat_id:
            raise OutcomeUnknownError(call.endpoint.name, _NO_CHAT)
        if not has_users or not sent.by_user:
            return sent
        return attrs.evolve(sent, unreached=_unreached(body["user_ids"].split(","), sent.by_user))

    async def send_incoming(
        self,
        bot_unique_name: str,
        parameters: Mapping[str, str],
        *,
        user_ids: str | int | Iterable[str | int] = (),
        extension_key: str | None = None,
    ) -> IncomingReceipt:
        """Send parameters to a bot's incoming webhook handler, which decides what to do with them.

        Example:
            ```python
            build = {"status": "failed", "branch": "main"}
            await client.messages.send_incoming("supportbot", build, user_ids=["55743307"])
            ```

        Args:
            bot_unique_name: The bot's unique name.
            parameters: Up to 50 parameters; each value is a str of up to 10,000 characters.
            user_ids: Up to 100 ZUIDs or email addresses.
            extension_key: The key of the bot's extension, if it belongs to one.

        Returns:
            The recipients who were reached; empty if the answer could not be read.

        Raises:
            ValidationError: A limit is broken; nothing was sent.
            BadRequestError: Cliq refused the parameters, for example with
                `botmessage_no_valid_users`.
            OutcomeUnknownError: The request was sent but not answered. It is not retried.
        """
        path = {"bot_unique_name": path_segment("bot_unique_name", bot_unique_name)}
        query: dict[str, str | int | None] = {
            "extension_key": query_text("extension_key", extension_key)
        }
        if given_ids(user_ids):
            query["user_ids"] = user_ids_field(user_ids)
        data = check_parameters(parameters)
        call = ApiCall(ENDPOINTS["send_incoming_webhook"], path, query, data)
        return read_written(await self._send(call), IncomingReceipt, IncomingReceipt())


def _unreached(ids: Sequence[str], by_user: Mapping[str, object]) -> tuple[str, ...]:
    """Return the ZUIDs that an answer leaves out. It names whom it reached by ZUID alone."""
    others = len(by_user.keys() - set(ids))  # people who were given by their addresses
    if others > sum(not each.isdecimal() for each in set(ids)):
        return ()  # Cliq names people by other ids than theirs
    return tuple(each for each in ids if each.isdecimal() and each not in by_user)


def _body(message: object) -> dict[str, Any]:
    if isinstance(message, str):
        return plain_text(message)
    if not isinstance(message, Message):
        raise ValidationError("message", "a Message or a str", message)
    return unstructure(message)
