"""Hooks: user callbacks notified of waits, locks, requests and calls.

Hooks are called after the accounting is done, with immutable details. An exception in a hook is
logged and has no other effect. A slow hook blocks its event loop, but does not affect the quota.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from inspect import iscoroutinefunction
from typing import Any, Literal, TypeVar

import attrs

from cliq_async.errors import ValidationError, WaitReason

__all__ = [
    "CallDetails",
    "Hooks",
    "LockDetails",
    "RequestDetails",
    "WaitDetails",
    "WaitStartDetails",
    "check_callback",
    "notify",
]

DetailsT = TypeVar("DetailsT")

_log = logging.getLogger("cliq_async")


@attrs.frozen(kw_only=True)
class WaitStartDetails:
    """A wait for the quota that has begun, or that a lock has made longer.

    Attributes:
        endpoint: The endpoint's name.
        lane: `interactive` or `bulk`.
        reason: `spent`, `locked` or `reserved`, as in `QuotaWaitError`.
        expected_until: When the first of the waiting calls is expected to go on, in UTC. This is
            an estimate: it is earlier if a request in flight turns out not to have been sent, and
            later if other programs go first or a lock begins.
    """

    endpoint: str
    lane: Literal["interactive", "bulk"]
    reason: WaitReason
    expected_until: datetime


@attrs.frozen(kw_only=True)
class WaitDetails:
    """A finished wait for the quota.

    Attributes:
        endpoint: The endpoint's name.
        lane: `interactive` or `bulk`.
        waited_s: Duration of the wait, in real seconds.
        error: The name of the exception that ended it, or None if a token was acquired.
    """

    endpoint: str
    lane: Literal["interactive", "bulk"]
    waited_s: float
    error: str | None = None


@attrs.frozen(kw_only=True)
class LockDetails:
    """A lock that has begun.

    Attributes:
        endpoint: The endpoint's name.
        owner: Account and host, in words.
        until: The end of the lock, in UTC.
        capacity: Requests per window that the client uses from then on.
        threshold: Documented requests per window.
    """

    endpoint: str
    owner: str
    until: datetime
    capacity: int
    threshold: int


@attrs.frozen(kw_only=True)
class RequestDetails:
    """A finished request, successful or not.

    Attributes:
        endpoint: The endpoint's name.
        method: The HTTP method.
        status: The HTTP status, or None without a response.
        outcome: `done`, `refused`, `throttled`, `foreign` (a 2xx that is not Cliq's), `unknown` (a
            gateway responded, or Cliq failed), `lost` (sent, but no response) or `unsent`.
        took_s: Time from connecting to the end of the response, in real seconds.
    """

    endpoint: str
    method: str
    status: int | None
    outcome: Literal["done", "refused", "throttled", "foreign", "unknown", "lost", "unsent"]
    took_s: float


@attrs.frozen(kw_only=True)
class CallDetails:
    """A finished call, with all its waits and requests.

    Attributes:
        endpoint: The endpoint's name.
        requests: Number of requests sent.
        took_s: Duration of the call, in real seconds.
        error: The name of the exception that it raised, or None.
    """

    endpoint: str
    requests: int
    took_s: float
    error: str | None = None


def check_callback(hooks: object, attribute: Any, value: object) -> None:
    """Validate None or a plain function."""
    if value is not None and (not callable(value) or iscoroutinefunction(value)):
        field = f"{type(hooks).__name__}.{attribute.name}"
        raise ValidationError(field, "a plain function, not async", value)


def notify(hook: Callable[[DetailsT], object], details: DetailsT) -> None:
    """Call a hook; log an exception that it raises."""
    try:
        hook(details)
    except Exception:  # noqa: BLE001 - the hook is the user's; nothing depends on it
        _log.exception("a hook failed: %s", getattr(hook, "__name__", type(hook).__name__))


@attrs.frozen(kw_only=True)
class Hooks:
    """Callbacks for events of a client. All must be plain functions, not coroutine functions.

    Example:
        >>> hooks = Hooks(on_lock=lambda lock: print(lock.endpoint, lock.until))

    Attributes:
        on_wait_start: Called when a wait for the quota begins that is expected to take a second or
            more: once for all calls that wait for an endpoint at the same time, once for a whole
            broadcast, and again if a lock makes the wait longer.
        on_wait: Called after each call's wait for the quota, but not if a token was free at once.
        on_lock: Called when a lock has begun.
        on_request: Called after each request.
        on_call: Called after each call, in the context of the caller.

    Raises:
        ValidationError: A callback is not a plain function.
    """

    on_wait_start: Callable[[WaitStartDetails], object] | None = attrs.field(
        default=None, validator=check_callback
    )
    on_wait: Callable[[WaitDetails], object] | None = attrs.field(
        default=None, validator=check_callback
    )
    on_lock: Callable[[LockDetails], object] | None = attrs.field(
        default=None, validator=check_callback
    )
    on_request: Callable[[RequestDetails], object] | None = attrs.field(
        default=None, validator=check_callback
    )
    on_call: Callable[[CallDetails], object] | None = attrs.field(
        default=None, validator=check_callback
    )
