"""Async SDK for the Zoho Cliq Bots API v3 that is never locked out."""

import typing

from cliq_async._version import __version__

if typing.TYPE_CHECKING:
    from cliq_async.auth.credentials import AccessToken, ApiKey, ClientCredentials, RefreshToken
    from cliq_async.bulk.jobs import JobOptions
    from cliq_async.bulk.journal_reader import read_outcomes
    from cliq_async.bulk.report import (
        BroadcastPlan,
        BroadcastProgress,
        BulkReport,
        JournalStart,
        Outcome,
    )
    from cliq_async.bulk.template import CallTemplate, MessageTemplate
    from cliq_async.client import CliqClient
    from cliq_async.endpoints import ENDPOINTS, Endpoint, Limit
    from cliq_async.errors import (
        ApiError,
        AuthenticationError,
        AuthError,
        BadRequestError,
        CliqError,
        ConflictError,
        ForeignAnswerError,
        JournalError,
        NotFoundError,
        OutcomeUnknownError,
        PermissionDeniedError,
        QuotaStoreError,
        QuotaWaitError,
        ServerError,
        SyncError,
        ThrottledError,
        TransportError,
        ValidationError,
    )
    from cliq_async.hooks import (
        CallDetails,
        Hooks,
        LockDetails,
        RequestDetails,
        WaitDetails,
        WaitStartDetails,
    )
    from cliq_async.models.bot import Bot, BotChanges, BotHandler, NewBot, User
    from cliq_async.models.button import (
        Action,
        Button,
        Confirm,
        CopyText,
        InvokeFunction,
        OpenUrl,
        PreviewUrl,
        SystemApi,
    )
    from cliq_async.models.call import Call, CallAction, CallReceipt
    from cliq_async.models.card import Card, ModernInline, Poll, Prompt, Section
    from cliq_async.models.chart import Graph, PercentageChart
    from cliq_async.models.function import (
        Function,
        FunctionChanges,
        FunctionHandler,
        FunctionHandlerChanges,
        NewFunction,
        NewFunctionHandler,
    )
    from cliq_async.models.handler import (
        Handler,
        HandlerChanges,
        HandlerParam,
        NewHandler,
        SubAction,
    )
    from cliq_async.models.incoming import IncomingReceipt
    from cliq_async.models.message import Message, Sender, SentMessage, Styles
    from cliq_async.models.page import Page
    from cliq_async.models.slide import BulletList, Images, Labels, Slide, TextBlock
    from cliq_async.models.subscriber import Subscriber
    from cliq_async.models.table import Table
    from cliq_async.quota.status import QuotaStatus
    from cliq_async.quota.stores.base import QuotaStore
    from cliq_async.quota.stores.memory import MemoryStore
    from cliq_async.sync.reader import SyncedSubscriber, read_subscribers
    from cliq_async.sync.report import BotSync, SyncProgress, SyncReport
    from cliq_async.sync.sync import sync_subscribers
else:
    from cliq_async import _lazy

    # The same names as above, by their modules. `cliq --help` needs none of them.
    __getattr__, __dir__ = _lazy.attach(
        __name__,
        {
            "cliq_async.auth.credentials": (
                "AccessToken",
                "ApiKey",
                "ClientCredentials",
                "RefreshToken",
            ),
            "cliq_async.bulk.jobs": ("JobOptions",),
            "cliq_async.bulk.journal_reader": ("read_outcomes",),
            "cliq_async.bulk.report": (
                "BroadcastPlan",
                "BroadcastProgress",
                "BulkReport",
                "JournalStart",
                "Outcome",
            ),
            "cliq_async.bulk.template": ("CallTemplate", "MessageTemplate"),
            "cliq_async.client": ("CliqClient",),
            "cliq_async.endpoints": ("ENDPOINTS", "Endpoint", "Limit"),
            "cliq_async.errors": (
                "ApiError",
                "AuthenticationError",
                "AuthError",
                "BadRequestError",
                "CliqError",
                "ConflictError",
                "ForeignAnswerError",
                "JournalError",
                "NotFoundError",
                "OutcomeUnknownError",
                "PermissionDeniedError",
                "QuotaStoreError",
                "QuotaWaitError",
                "ServerError",
                "SyncError",
                "ThrottledError",
                "TransportError",
                "ValidationError",
            ),
            "cliq_async.hooks": (
                "CallDetails",
                "Hooks",
                "LockDetails",
                "RequestDetails",
                "WaitDetails",
                "WaitStartDetails",
            ),
            "cliq_async.models.bot": ("Bot", "BotChanges", "BotHandler", "NewBot", "User"),
            "cliq_async.models.button": (
                "Action",
                "Button",
                "Confirm",
                "CopyText",
                "InvokeFunction",
                "OpenUrl",
                "PreviewUrl",
                "SystemApi",
            ),
            "cliq_async.models.call": ("Call", "CallAction", "CallReceipt"),
            "cliq_async.models.card": ("Card", "ModernInline", "Poll", "Prompt", "Section"),
            "cliq_async.models.chart": ("Graph", "PercentageChart"),
            "cliq_async.models.function": (
                "Function",
                "FunctionChanges",
                "FunctionHandler",
                "FunctionHandlerChanges",
                "NewFunction",
                "NewFunctionHandler",
            ),
            "cliq_async.models.handler": (
                "Handler",
                "HandlerChanges",
                "HandlerParam",
                "NewHandler",
                "SubAction",
            ),
            "cliq_async.models.incoming": ("IncomingReceipt",),
            "cliq_async.models.message": ("Message", "Sender", "SentMessage", "Styles"),
            "cliq_async.models.page": ("Page",),
            "cliq_async.models.slide": ("BulletList", "Images", "Labels", "Slide", "TextBlock"),
            "cliq_async.models.subscriber": ("Subscriber",),
            "cliq_async.models.table": ("Table",),
            "cliq_async.quota.status": ("QuotaStatus",),
            "cliq_async.quota.stores.base": ("QuotaStore",),
            "cliq_async.quota.stores.memory": ("MemoryStore",),
            "cliq_async.sync.reader": ("SyncedSubscriber", "read_subscribers"),
            "cliq_async.sync.report": ("BotSync", "SyncProgress", "SyncReport"),
            "cliq_async.sync.sync": ("sync_subscribers",),
        },
    )

__all__ = [
    "ENDPOINTS",
    "AccessToken",
    "Action",
    "ApiError",
    "ApiKey",
    "AuthError",
    "AuthenticationError",
    "BadRequestError",
    "Bot",
    "BotChanges",
    "BotHandler",
    "BotSync",
    "BroadcastPlan",
    "BroadcastProgress",
    "BulkReport",
    "BulletList",
    "Button",
    "Call",
    "CallAction",
    "CallDetails",
    "CallReceipt",
    "CallTemplate",
    "Card",
    "ClientCredentials",
    "CliqClient",
    "CliqError",
    "Confirm",
    "ConflictError",
    "CopyText",
    "Endpoint",
    "ForeignAnswerError",
    "Function",
    "FunctionChanges",
    "FunctionHandler",
    "FunctionHandlerChanges",
    "Graph",
    "Handler",
    "HandlerChanges",
    "HandlerParam",
    "Hooks",
    "Images",
    "IncomingReceipt",
    "InvokeFunction",
    "JobOptions",
    "JournalError",
    "JournalStart",
    "Labels",
    "Limit",
    "LockDetails",
    "MemoryStore",
    "Message",
    "MessageTemplate",
    "ModernInline",
    "NewBot",
    "NewFunction",
    "NewFunctionHandler",
    "NewHandler",
    "NotFoundError",
    "OpenUrl",
    "Outcome",
    "OutcomeUnknownError",
    "Page",
    "PercentageChart",
    "PermissionDeniedError",
    "Poll",
    "PreviewUrl",
    "Prompt",
    "QuotaStatus",
    "QuotaStore",
    "QuotaStoreError",
    "QuotaWaitError",
    "RefreshToken",
    "RequestDetails",
    "Section",
    "Sender",
    "SentMessage",
    "ServerError",
    "Slide",
    "Styles",
    "SubAction",
    "Subscriber",
    "SyncError",
    "SyncProgress",
    "SyncReport",
    "SyncedSubscriber",
    "SystemApi",
    "Table",
    "TextBlock",
    "ThrottledError",
    "TransportError",
    "User",
    "ValidationError",
    "WaitDetails",
    "WaitStartDetails",
    "__version__",
    "read_outcomes",
    "read_subscribers",
    "sync_subscribers",
]
