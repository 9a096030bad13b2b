"""Request and response models of the API as attrs classes, one noun per file."""

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

__all__ = [
    "Action",
    "Bot",
    "BotChanges",
    "BotHandler",
    "BulletList",
    "Button",
    "Call",
    "CallAction",
    "CallReceipt",
    "Card",
    "Confirm",
    "CopyText",
    "Function",
    "FunctionChanges",
    "FunctionHandler",
    "FunctionHandlerChanges",
    "Graph",
    "Handler",
    "HandlerChanges",
    "HandlerParam",
    "Images",
    "IncomingReceipt",
    "InvokeFunction",
    "Labels",
    "Message",
    "ModernInline",
    "NewBot",
    "NewFunction",
    "NewFunctionHandler",
    "NewHandler",
    "OpenUrl",
    "Page",
    "PercentageChart",
    "Poll",
    "PreviewUrl",
    "Prompt",
    "Section",
    "Sender",
    "SentMessage",
    "Slide",
    "Styles",
    "SubAction",
    "Subscriber",
    "SystemApi",
    "Table",
    "TextBlock",
    "User",
]
