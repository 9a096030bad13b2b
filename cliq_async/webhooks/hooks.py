"""Hooks of a webhook bot: callbacks for events that went wrong."""

from collections.abc import Callable
from typing import Any

import attrs

from cliq_async.hooks import check_callback
from cliq_async.webhooks.events import Event

__all__ = ["AnswerLostDetails", "EventFailedDetails", "WebhookHooks"]


@attrs.frozen(kw_only=True)
class EventFailedDetails:
    """A handler that failed: it raised, or returned something that is not an answer.

    Attributes:
        event: The event, to which nothing was answered.
        error: The exception.
    """

    event: Event
    error: BaseException


@attrs.frozen(kw_only=True)
class AnswerLostDetails:
    """An answer that came too late and could not be delivered, or may not have been.

    Attributes:
        event: The event.
        reason: The reason, in words.
        output: The answer as plain data, to send it in another way; None if the handler was
            cancelled before it had one.
    """

    event: Event
    reason: str
    output: Any = None


@attrs.frozen(kw_only=True)
class WebhookHooks:
    """Callbacks for events of a webhook bot. All must be plain functions, not coroutine functions.

    Example:
        >>> hooks = WebhookHooks(on_answer_lost=lambda lost: print(lost.event.user.id, lost.reason))

    Attributes:
        on_event_failed: Called when a handler has failed.
        on_answer_lost: Called when an answer is lost.

    Raises:
        ValidationError: A callback is not a plain function.
    """

    on_event_failed: Callable[[EventFailedDetails], object] | None = attrs.field(
        default=None, validator=check_callback
    )
    on_answer_lost: Callable[[AnswerLostDetails], object] | None = attrs.field(
        default=None, validator=check_callback
    )
