"""`cliq broadcast --dry-run`: what would be sent, and how long it would take."""

import json
import math
from datetime import datetime, timedelta
from typing import Any, Final

from cliq_async.cli.options import Connection
from cliq_async.cli.output import clean, duration, echo, note, plural
from cliq_async.cli.whom import Whom
from cliq_async.converter import to_plain
from cliq_async.endpoints import ENDPOINTS
from cliq_async.errors import ValidationError
from cliq_async.models.message import Message
from cliq_async.models.recipients import user_ids_field

__all__ = ["print_plan"]

_SHOWN: Final = 3
_LIMIT: Final = ENDPOINTS["send_message"].limit


async def print_plan(
    connection: Connection, whom: Whom, bot: str, message: Message, batch_size: int
) -> None:
    """Print requests, windows, the earliest finish, and the first requests. Sends nothing."""
    bodies: list[dict[str, Any]] = []
    batch: list[str] = []
    number = wrong = 0
    async with whom.opened() as (name, _, ids):
        async for each in ids:
            try:
                recipient = user_ids_field(each)
            except ValidationError:
                wrong += 1
                continue
            number += 1
            batch.append(recipient)
            if len(batch) == batch_size:
                _add(bodies, message, batch)
                batch.clear()
    _add(bodies, message, batch)
    requests = math.ceil(number / batch_size)
    async with connection.client() as client:
        client.broadcast_job(bot, message, batch_size=batch_size)  # checks what can be checked
        left_s = await client.shortest_s("send_message", requests)
    echo(f"{plural(number, 'recipient')} from {name}")
    if wrong:
        note(f"warning: {plural(wrong, 'line')} would be skipped: no ids")
    windows = math.ceil(requests / _LIMIT.threshold)
    echo(f"{plural(requests, 'request')} in {plural(windows, 'window')} of {_LIMIT.window_s:g} s")
    finish = datetime.now().astimezone() + timedelta(seconds=left_s)
    echo(f"earliest finish {finish:%H:%M:%S}, in {duration(left_s)}")
    for number_of, body in enumerate(bodies, 1):
        echo()
        echo(f"request {number_of} of {requests:,}: POST {clean(bot)}/message")
        echo(json.dumps(body, ensure_ascii=False, indent=2))
    note("nothing was sent")


def _add(bodies: list[dict[str, Any]], message: Message, batch: list[str]) -> None:
    if batch and len(bodies) < _SHOWN:
        bodies.append(to_plain(message) | {"user_ids": ",".join(batch)})
