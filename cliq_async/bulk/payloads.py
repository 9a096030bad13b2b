"""The payloads of bulk jobs, messages and voice calls, and the sender of a job's batches."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import attrs
import msgspec

from cliq_async.bulk.batch import Batch
from cliq_async.endpoints import ENDPOINTS, Endpoint
from cliq_async.errors import ValidationError
from cliq_async.models.call import MAX_CALLED, Call, CallReceipt
from cliq_async.models.deserialization import read_written
from cliq_async.models.identifiers import MAX_USER_IDS
from cliq_async.models.message import Message, SentMessage, plain_text
from cliq_async.models.serialization import to_json
from cliq_async.transport.pending_call import PendingCall
from cliq_async.transport.protocol import ApiCall

__all__ = ["CALLS", "MESSAGES", "BatchSender", "Payload", "PayloadSender"]


@attrs.frozen
class Payload:
    """A kind of request that can have many recipients.

    Attributes:
        name: The name of its jobs in journals.
        endpoint: The endpoint that takes it.
        max_recipients: The most recipients in a request.
        encode: Encodes content without recipients as JSON; raises a ValidationError if it is not
            valid.
        recipients_field: Returns the field of the body that holds the recipients.
        reached_ids: Returns the recipients that an answer lists as reached; None if it has no
            list.
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
        """Return the call that sends a batch, ready to be made step by step."""
        ...

    def reached_ids(self, answer: object) -> Sequence[str] | None:
        """Return the recipients that an answer lists as reached; None if it has no list."""
        ...


@attrs.frozen
class PayloadSender:
    """Sends a payload as one bot.

    Attributes:
        payload: The kind of request.
        bot: The bot's unique name, as a path segment.
        content: The body, without recipients, of batches that have no content of their own.
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
        """Return the call that sends a batch, ready to be made step by step."""
        path = {"bot_unique_name": self.bot}
        return self.begin_call(ApiCall(self.payload.endpoint, path, data=self.body(batch)))

    def reached_ids(self, answer: object) -> Sequence[str] | None:
        """Return the recipients that an answer lists as reached; None if it has no list."""
        return self.payload.reached_ids(answer)


def _encode_message(content: object) -> bytes:
    if isinstance(content, str):
        return to_json(plain_text(content))
    if not isinstance(content, Message):
        raise ValidationError("message", "a Message or a str", content)
    return to_json(content)


def _encode_call(content: object) -> bytes:
    call = Call(content) if isinstance(content, str) else content
    if not isinstance(call, Call):
        raise ValidationError("call", "a Call or a str", content)
    if call.user_ids is not None:
        limit = "None, since the job adds the recipients"
        raise ValidationError("Call.user_ids", limit, call.user_ids)
    return to_json(call)


def _reached_by_message(answer: object) -> Sequence[str] | None:
    return tuple(read_written(answer, SentMessage, SentMessage()).by_user) or None


def _reached_by_call(answer: object) -> Sequence[str] | None:
    if not isinstance(answer, Mapping) or not isinstance(answer.get("user_ids"), list):
        return None
    return read_written(answer, CallReceipt, CallReceipt()).user_ids


MESSAGES: Final = Payload(
    name="broadcast",
    endpoint=ENDPOINTS["send_message"],
    max_recipients=MAX_USER_IDS,
    encode=_encode_message,
    recipients_field=lambda ids: {"user_ids": ",".join(ids)},
    reached_ids=_reached_by_message,
)
CALLS: Final = Payload(
    name="calls",
    endpoint=ENDPOINTS["trigger_call"],
    max_recipients=MAX_CALLED,
    encode=_encode_call,
    recipients_field=lambda ids: {"user_ids": list(ids)},
    reached_ids=_reached_by_call,
)
