"""Async SDK for the Zoho Cliq Bots API v3 that is never locked out."""

from cliq_async._version import __version__
from cliq_async.auth.credentials import AccessToken, ClientCredentials, RefreshToken
from cliq_async.bulk.jobs import JobOptions
from cliq_async.bulk.journal_reader import read_outcomes
from cliq_async.bulk.report import BroadcastPlan, BroadcastProgress, BulkReport, Outcome
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
from cliq_async.hooks import CallDetails, Hooks, LockDetails, RequestDetails, WaitDetails
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
from cliq_async.models.slide import BulletList, Images, Labels, Slide, Table, TextBlock
from cliq_async.models.subscriber import Subscriber
from cliq_async.quota.status import QuotaStatus
from cliq_async.quota.stores.base import QuotaStore
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.sync.reader import SyncedSubscriber, read_subscribers
from cliq_async.sync.report import BotSync, SyncProgress, SyncReport
from cliq_async.sync.sync import sync_subscribers

__all__ = [
    "ENDPOINTS",
    "AccessToken",
    "Action",
    "ApiError",
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
    "Handler",
    "HandlerChanges",
    "HandlerParam",
    "Hooks",
    "Images",
    "IncomingReceipt",
    "InvokeFunction",
    "JobOptions",
    "JournalError",
    "Labels",
    "Limit",
    "LockDetails",
    "MemoryStore",
    "Message",
    "MessageTemplate",
    "ModernInline",
    "NewBot",
    "NewHandler",
    "NotFoundError",
    "OpenUrl",
    "Outcome",
    "OutcomeUnknownError",
    "Page",
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
    "__version__",
    "read_outcomes",
    "read_subscribers",
    "sync_subscribers",
]
