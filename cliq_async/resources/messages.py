"""Messages: what a bot says to users, to a channel, or to all its subscribers."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from cliq_async.endpoints import ENDPOINTS
from cliq_async.errors import ValidationError
from cliq_async.models.identifiers import path_segment, query_text, user_ids_field
from cliq_async.models.incoming import IncomingReceipt, check_parameters
from cliq_async.models.message import Message, SentMessage, plain_text
from cliq_async.models.serialization import read_written, unstructure
from cliq_async.models.validators import check_text
from cliq_async.transport.protocol import ApiCall

__all__ = ["Messages"]

_ONE_KIND = "exactly one of user_ids, channel and broadcast"


class Messages:
    """`client.messages`: what bots say.

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
            user_ids: Up to 100 ZUIDs or email addresses. Cliq drops those it does not know, unless
                it knows none.
            channel: A channel's unique name.
            broadcast: To every subscriber of the bot.
            extension_key: Of the extension that the bot belongs to, if it does.

        Returns:
            The chat and message ids if the message asks for them with `sync_message`, else empty.

        Raises:
            ValidationError: Not exactly one kind of recipient, or a limit is broken; nothing was
                sent.
            BadRequestError: Cliq refused it, as for `botmessage_no_valid_users`.
            PermissionDeniedError: The bot may not message these users.
            OutcomeUnknownError: It was sent and not answered. It is not tried again, since that
                could deliver it twice.
        """
        path = {"bot_unique_name": path_segment("bot_unique_name", bot_unique_name)}
        query = {"extension_key": query_text("extension_key", extension_key)}
        body = _body(message)
        if not isinstance(broadcast, bool):  # "no" would be taken for True
            raise ValidationError("broadcast", "True or False", broadcast)
        addressed = user_ids not in ((), [], "")
        if addressed + (channel is not None) + broadcast != 1:
            given = [
                name
                for name, there in (
                    ("user_ids", addressed),
                    ("channel", channel is not None),
                    ("broadcast", broadcast),
                )
                if there
            ]
            raise ValidationError("recipients", _ONE_KIND, given)
        if addressed:
            body["user_ids"] = user_ids_field(user_ids)
        elif channel is not None:
            query["channel_unique_name"] = check_text("channel", channel, 1)
        else:
            body["broadcast"] = True
        call = ApiCall(ENDPOINTS["send_message"], path, query, body)
        return read_written(await self._send(call), SentMessage, SentMessage())

    async def send_incoming(
        self,
        bot_unique_name: str,
        parameters: Mapping[str, str],
        *,
        user_ids: str | int | Iterable[str | int] = (),
        extension_key: str | None = None,
    ) -> IncomingReceipt:
        """Hand parameters to a bot's incoming webhook handler, which says what becomes of them.

        Example:
            ```python
            build = {"status": "failed", "branch": "main"}
            await client.messages.send_incoming("supportbot", build, user_ids=["55743307"])
            ```

        Args:
            bot_unique_name: The bot's unique name.
            parameters: At most 50; each value a str of at most 10,000 characters.
            user_ids: Up to 100 ZUIDs or email addresses.
            extension_key: Of the extension that the bot belongs to, if it does.

        Returns:
            Who was reached; nobody if the answer could not be read.

        Raises:
            ValidationError: A limit is broken; nothing was sent.
            BadRequestError: Cliq refused it, as for `botmessage_no_valid_users`.
            OutcomeUnknownError: It was sent and not answered. It is not tried again.
        """
        path = {"bot_unique_name": path_segment("bot_unique_name", bot_unique_name)}
        query: dict[str, str | int | None] = {
            "extension_key": query_text("extension_key", extension_key)
        }
        if user_ids not in ((), [], ""):
            query["user_ids"] = user_ids_field(user_ids)
        data = check_parameters(parameters)
        call = ApiCall(ENDPOINTS["send_incoming_webhook"], path, query, data)
        return read_written(await self._send(call), IncomingReceipt, IncomingReceipt())


def _body(message: object) -> dict[str, Any]:
    if isinstance(message, str):
        return plain_text(message)
    if not isinstance(message, Message):
        raise ValidationError("message", "a Message or a str", message)
    return unstructure(message)
