"""Voice calls from a bot."""

from collections.abc import Awaitable, Callable

from cliq_async.endpoints import ENDPOINTS
from cliq_async.errors import ValidationError
from cliq_async.models.call import Call, CallReceipt
from cliq_async.models.deserialization import read_written
from cliq_async.models.identifiers import path_segment
from cliq_async.models.serialization import unstructure
from cliq_async.transport.protocol import ApiCall

__all__ = ["Calls"]


class Calls:
    """`client.calls`: voice calls.

    Source: "Trigger Bot Calls" of the Bots API. 10 requests in 5 minutes, scope
    ZohoCliq.Webhooks.CREATE.
    """

    def __init__(self, send: Callable[[ApiCall], Awaitable[object]]) -> None:
        self._send = send

    async def trigger(self, bot_unique_name: str, call: Call) -> CallReceipt:
        """Call up to 10 people and read a text to them. Calls ring even if Do Not Disturb is on.

        Example:
            ```python
            await client.calls.trigger("supportbot", Call("Disk full", user_ids=["55743307"]))
            ```

        Args:
            bot_unique_name: The unique name of a bot for which calls are enabled.
            call: The text, the recipients, and the number of retries.

        Returns:
            The call's id and the recipients; both empty if the answer could not be read.

        Raises:
            BadRequestError: Cliq refused the call, for example with `bot_alert_not_enabled`.
            OutcomeUnknownError: The request was sent but not answered. It is not retried, since
                that could call people twice.
        """
        if not isinstance(call, Call):
            raise ValidationError("call", "a Call", call)
        path = {"bot_unique_name": path_segment("bot_unique_name", bot_unique_name)}
        answer = await self._send(ApiCall(ENDPOINTS["trigger_call"], path, data=unstructure(call)))
        return read_written(answer, CallReceipt, CallReceipt())
