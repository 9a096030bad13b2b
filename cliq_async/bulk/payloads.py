"""The payloads of bulk jobs: messages and voice calls, and the sender of one job's batches."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import attrs
import msgspec

from cliq_async.bulk.batch import Batch
from cliq_async.endpoints import ENDPOINTS, Endpoint
from cliq_async.errors import ValidationError
from cliq_async.models.call import MAX_CALLED, Call, CallReceipt
from cliq_async.models.identifiers import MAX_USER_IDS
from cliq_async.models.message import Message, SentMessage, plain_text
from cliq_async.models.serialization import read_written, to_json
from cliq_async.transport.executor import PendingCall
from cliq_async.transport.protocol import ApiCall

__all__ = ["CALLS", "MESSAGES", "BatchSender", "Payload", "PayloadSender"]


@attrs.frozen
class Payload:
    """A kind of request that has many recipients.

    Attributes:
        name: The name of its jobs in journals.
        endpoint: The endpoint that takes it.
        max_recipients: How many recipients may share a request.
        encode: Encodes a content without recipients as JSON; raises a ValidationError if it
            cannot be sent.
        recipients_field: Returns the field of the body that names the recipients.
        reached_ids: Returns the recipients whom an answer names as reached; None if it does not
            say.
    """

    name: str
    endpoint: Endpoint
    max_recipients: int
    encode: Callable[[object], bytes]
    recipients_field: Callable[[Sequence[str]], dict[str, Any]]
    reached_ids: Callable[[object], Sequence[str] | None]


class BatchSender(Protocol):
    """Sends the batches of one job."""

    def body(self, batch: Batch) -> Mapping[str, Any]:
        """Return the body of the request for a batch."""
        ...

    def begin(self, batch: Batch) -> PendingCall:
        """Return the call that sends to a batch, to be made step by step."""
        ...

    def reached_ids(self, answer: object) -> Sequence[str] | None:
        """Return the recipients whom an answer names as reached; None if it does not say."""
        ...


@attrs.frozen
class PayloadSender:
    """Sends a payload as one bot.

    Attributes:
        payload: The kind of request.
        bot: The bot's unique name, checked and quoted.
        content: The body for batches that have no content of their own, without recipients.
        begin_call: Starts a call; `CliqClient` provides it.
    """

    payload: Payload
    bot: str
    content: Mapping[str, Any]
    begin_call: Callable[[ApiCall], PendingCall]

    def body(self, batch: Batch) -> Mapping[str, Any]:
        """Return the body of the request for a batch."""
        content = msgspec.json.decode(batch.content) if batch.content else self.content
        return {**content, **self.payload.recipients_field(batch.ids)}

    def begin(self, batch: Batch) -> PendingCall:
        """Return the call that sends to a batch, to be made step by step."""
        path = {"bot_unique_name": self.bot}
        return self.begin_call(ApiCall(self.payload.endpoint, path, data=self.body(batch)))

    def reached_ids(self, answer: object) -> Sequence[str] | None:
        """Return the recipients whom an answer names as reached; None if it does not say."""
        return self.payload.reached_ids(answer)


def _encode_message(given: object) -> bytes:
    if isinstance(given, str):
        return to_json(plain_text(given))
    if not isinstance(given, Message):
        raise ValidationError("message", "a Message or a str", given)
    return to_json(given)


def _encode_call(given: object) -> bytes:
    call = Call(given) if isinstance(given, str) else given
    if not isinstance(call, Call):
        raise ValidationError("call", "a Call or a str", given)
    if call.user_ids is not None:
        raise ValidationError("Call.user_ids", "None: who is called is given apart", call.user_ids)
    return to_json(call)


def _ids_of_messages(answer: object) -> Sequence[str] | None:
    return tuple(read_written(answer, SentMessage, SentMessage()).by_user) or None


def _ids_of_calls(answer: object) -> Sequence[str] | None:
    if not isinstance(answer, Mapping) or not isinstance(answer.get("user_ids"), list):
        return None
    return read_written(answer, CallReceipt, CallReceipt()).user_ids


MESSAGES: Final = Payload(
    name="broadcast",
    endpoint=ENDPOINTS["send_message"],
    max_recipients=MAX_USER_IDS,
    encode=_encode_message,
    recipients_field=lambda ids: {"user_ids": ",".join(ids)},
    reached_ids=_ids_of_messages,
)
CALLS: Final = Payload(
    name="calls",
    endpoint=ENDPOINTS["trigger_call"],
    max_recipients=MAX_CALLED,
    encode=_encode_call,
    recipients_field=lambda ids: {"user_ids": list(ids)},
    reached_ids=_ids_of_calls,
)
