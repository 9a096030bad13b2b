"""Webhook bots: receive the events of a bot in any async web app, and answer them."""

from cliq_async.webhooks.answers import Answer, Banner, Edit, Form, Question, Reply, Suggestion
from cliq_async.webhooks.bot import WebhookBot
from cliq_async.webhooks.events import (
    ButtonEvent,
    CallEvent,
    ContextEvent,
    Event,
    FormEvent,
    IncomingEvent,
    MentionEvent,
    MenuEvent,
    MessageEvent,
    ParticipationEvent,
    WelcomeEvent,
)
from cliq_async.webhooks.hooks import AnswerLostDetails, EventFailedDetails, WebhookHooks
from cliq_async.webhooks.http import HttpAnswer
from cliq_async.webhooks.parts import (
    Attachment,
    EventChat,
    EventUser,
    Location,
    Member,
    Mention,
    RecentMessage,
    RepliedMessage,
)

__all__ = [
    "Answer",
    "AnswerLostDetails",
    "Attachment",
    "Banner",
    "ButtonEvent",
    "CallEvent",
    "ContextEvent",
    "Edit",
    "Event",
    "EventChat",
    "EventFailedDetails",
    "EventUser",
    "Form",
    "FormEvent",
    "HttpAnswer",
    "IncomingEvent",
    "Location",
    "Member",
    "Mention",
    "MentionEvent",
    "MenuEvent",
    "MessageEvent",
    "ParticipationEvent",
    "Question",
    "RecentMessage",
    "RepliedMessage",
    "Reply",
    "Suggestion",
    "WebhookBot",
    "WebhookHooks",
    "WelcomeEvent",
]
