"""Looking on: functions of the user's that are told what the client does.

They are called after the accounting is done, with details that cannot be changed. One that
raises is logged and disturbs nothing; one that is slow holds up its own event loop, as any
function does, and still nothing is counted wrong.
"""

from collections.abc import Callable
from datetime import datetime
from inspect import iscoroutinefunction
from typing import Any, Literal

import attrs

from cliq_async.errors import ValidationError

__all__ = ["CallDetails", "Hooks", "LockDetails", "RequestDetails", "WaitDetails"]


@attrs.frozen(kw_only=True)
class WaitDetails:
    """A wait for the quota that is over.

    Attributes:
        endpoint: The endpoint's name.
        lane: `interactive` or `bulk`.
        waited_s: How long it took, in real seconds.
        error: The name of the exception that ended it, or None if there was a token.
    """

    endpoint: str
    lane: Literal["interactive", "bulk"]
    waited_s: float
    error: str | None = None


@attrs.frozen(kw_only=True)
class LockDetails:
    """A lock that began.

    Attributes:
        endpoint: The endpoint's name.
        owner: Account and host, in words.
        until: When it is over, in UTC.
        capacity: How many requests a window are used from then on.
        threshold: How many are documented.
    """

    endpoint: str
    owner: str
    until: datetime
    capacity: int
    threshold: int


@attrs.frozen(kw_only=True)
class RequestDetails:
    """A request that has ended, one way or another.

    Attributes:
        endpoint: The endpoint's name.
        method: The HTTP method.
        status: The HTTP status, or None if there was none.
        outcome: `done`, `refused`, `throttled`, `unknown` (a gateway answered, or Cliq failed),
            `lost` (sent and not answered) or `unsent`.
        took_s: From the connection's begin to the answer's end, in real seconds.
    """

    endpoint: str
    method: str
    status: int | None
    outcome: Literal["done", "refused", "throttled", "unknown", "lost", "unsent"]
    took_s: float


@attrs.frozen(kw_only=True)
class CallDetails:
    """A call that has ended: all its waits and requests together.

    Attributes:
        endpoint: The endpoint's name.
        requests: How many requests have left.
        took_s: From begin to end, in real seconds.
        error: The name of the exception that it raised, or None.
    """

    endpoint: str
    requests: int
    took_s: float
    error: str | None = None


def _plain(_hooks: object, attribute: Any, value: object) -> None:
    if value is not None and (not callable(value) or iscoroutinefunction(value)):
        raise ValidationError(f"Hooks.{attribute.name}", "a plain function", value)


@attrs.frozen(kw_only=True)
class Hooks:
    """What is called when something has happened. All of them are plain functions.

    Example:
        >>> hooks = Hooks(on_lock=lambda lock: print(lock.endpoint, lock.until))

    Attributes:
        on_wait: A wait for the quota is over. Not called where a token was free at once.
        on_lock: A lock began.
        on_request: A request has ended.
        on_call: A call has ended. Called in the context of the caller.

    Raises:
        ValidationError: One is no plain function.
    """

    on_wait: Callable[[WaitDetails], object] | None = attrs.field(default=None, validator=_plain)
    on_lock: Callable[[LockDetails], object] | None = attrs.field(default=None, validator=_plain)
    on_request: Callable[[RequestDetails], object] | None = attrs.field(
        default=None, validator=_plain
    )
    on_call: Callable[[CallDetails], object] | None = attrs.field(default=None, validator=_plain)
