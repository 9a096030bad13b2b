"""Voice calls that a bot makes."""

from collections.abc import Awaitable, Callable

from cliq_async.endpoints import ENDPOINTS
from cliq_async.errors import ValidationError
from cliq_async.models.call import Call, CallReceipt
from cliq_async.models.identifiers import path_segment
from cliq_async.models.serialization import read_written, unstructure
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
        """Call up to 10 people, who hear a text. Overrides their Do Not Disturb.

        Example:
            ```python
            await client.calls.trigger("supportbot", Call("Disk full", user_ids=["55743307"]))
            ```

        Args:
            bot_unique_name: The bot's unique name; calls have to be enabled for it.
            call: The text, who is called, and how often.

        Returns:
            The call's id and who is called; both empty if the answer could not be read.

        Raises:
            BadRequestError: Cliq refused it, as for `bot_alert_not_enabled`.
            OutcomeUnknownError: It was sent and not answered. It is not tried again, since that
                could call twice.
        """
        if not isinstance(call, Call):
            raise ValidationError("call", "a Call", call)
        path = {"bot_unique_name": path_segment("bot_unique_name", bot_unique_name)}
        answer = await self._send(ApiCall(ENDPOINTS["trigger_call"], path, data=unstructure(call)))
        return read_written(answer, CallReceipt, CallReceipt())
