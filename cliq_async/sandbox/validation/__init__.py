"""The checks of request bodies and queries: Cliq's limits, independent of the client's models."""

from cliq_async.sandbox.validation.bots import read_bot_changes, read_new_bot
from cliq_async.sandbox.validation.calls import read_call
from cliq_async.sandbox.validation.functions import (
    FUNCTION_HANDLER_TYPES,
    read_function_changes,
    read_function_handler_changes,
    read_new_function,
    read_new_function_handler,
)
from cliq_async.sandbox.validation.handlers import (
    HANDLER_TYPES,
    read_handler_changes,
    read_new_handler,
)
from cliq_async.sandbox.validation.incoming import read_parameters
from cliq_async.sandbox.validation.messages import Delivery, Target, read_message
from cliq_async.sandbox.validation.queries import (
    page_limit,
    read_channel,
    read_fields,
    read_recipients,
)
from cliq_async.sandbox.validation.scripts import compiles

__all__ = [
    "FUNCTION_HANDLER_TYPES",
    "HANDLER_TYPES",
    "Delivery",
    "Target",
    "compiles",
    "page_limit",
    "read_bot_changes",
    "read_call",
    "read_channel",
    "read_fields",
    "read_function_changes",
    "read_function_handler_changes",
    "read_handler_changes",
    "read_message",
    "read_new_bot",
    "read_new_function",
    "read_new_function_handler",
    "read_new_handler",
    "read_parameters",
    "read_recipients",
]
