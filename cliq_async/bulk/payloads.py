"""What can be sent to many: messages, and voice calls."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import attrs
import msgspec

from cliq_async.bulk.batch import Batch
from cliq_async.endpoints import ENDPOINTS, Endpoint
from cliq_async.errors import ValidationError
from cliq_async.models.call import MAX_CALLED, Call, CallReceipt
from cliq_async.models.identifiers import MAX_USER_IDS
from cliq_async.models.message import Message, SentMessage, plain_text
from cliq_async.models.serialization import read_written, to_json
from cliq_async.transport.dialect import normalize_sent_message
from cliq_async.transport.protocol import ApiCall

__all__ = ["CALLS", "MESSAGES", "Payload"]


@attrs.frozen
class Payload:
    """A kind of request that has many recipients.

    Attributes:
        name: What its jobs are called in journals.
        endpoint: Where it goes to.
        most: How many recipients share a request.
        content: Makes JSON of what somebody is sent, without recipients; raises a
            ValidationError if it is nothing that can be sent.
        addressed: The body's field for recipients.
        named: Those whom an answer names as reached; None where it does not say.
    """

    name: str
    endpoint: Endpoint
    max_recipients: int
    content: Callable[[object], bytes]
    recipients_field: Callable[[Sequence[str]], dict[str, Any]]
    reached_ids: Callable[[object], Sequence[str] | None]

    def call(self, bot: str, content: bytes, batch: Batch) -> ApiCall:
        """The call that sends to a batch.

        Args:
            bot: The bot's unique name, checked and quoted.
            content: What is sent to those who have no content of their own.
            batch: The batch.
        """
        body = msgspec.json.decode(batch.content or content) | self.recipients_field(batch.ids)
        return ApiCall(self.endpoint, {"bot_unique_name": bot}, body=to_json(body))


def _message(given: object) -> bytes:
    if isinstance(given, str):
        return to_json(plain_text(given))
    if not isinstance(given, Message):
        raise ValidationError("message", "a Message or a str", given)
    return to_json(given)


def _call(given: object) -> bytes:
    call = Call(given) if isinstance(given, str) else given
    if not isinstance(call, Call):
        raise ValidationError("call", "a Call or a str", given)
    if call.user_ids is not None:
        raise ValidationError("Call.user_ids", "None: who is called is given apart", call.user_ids)
    return to_json(call)


def _messaged(answer: object) -> Sequence[str] | None:
    return (
        tuple(read_written(normalize_sent_message(answer), SentMessage, SentMessage()).by_user)
        or None
    )


def _called(answer: object) -> Sequence[str] | None:
    if not isinstance(answer, Mapping) or not isinstance(answer.get("user_ids"), list):
        return None
    return read_written(answer, CallReceipt, CallReceipt()).user_ids


MESSAGES: Final = Payload(
    name="broadcast",
    endpoint=ENDPOINTS["send_message"],
    max_recipients=MAX_USER_IDS,
    content=_message,
    recipients_field=lambda ids: {"user_ids": ",".join(ids)},
    reached_ids=_messaged,
)
CALLS: Final = Payload(
    name="calls",
    endpoint=ENDPOINTS["trigger_call"],
    max_recipients=MAX_CALLED,
    content=_call,
    recipients_field=lambda ids: {"user_ids": list(ids)},
    reached_ids=_called,
)
