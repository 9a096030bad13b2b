"""The public surface, and what importing it costs."""

import subprocess
import sys
from inspect import isclass, signature

import cliq_async

PUBLIC = [
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
    "BroadcastReport",
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


def test_public_names_are_these():
    added = sorted(set(cliq_async.__all__) - set(PUBLIC))
    removed = sorted(set(PUBLIC) - set(cliq_async.__all__))
    assert (added, removed) == ([], []), f"added: {added}, removed: {removed}"


def test_public_names_are_sorted_exist_and_are_all_that_is_there():
    def order(name):  # constants, classes, the rest: as ruff sorts them
        return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)

    assert cliq_async.__all__ == sorted(cliq_async.__all__, key=order)
    assert len(set(cliq_async.__all__)) == len(cliq_async.__all__)
    assert all(hasattr(cliq_async, name) for name in cliq_async.__all__)
    modules = {name for name, value in vars(cliq_async).items() if type(value) is type(sys)}
    there = {name for name in vars(cliq_async) if not name.startswith("__")} - modules
    assert there == {name for name in cliq_async.__all__ if not name.startswith("__")}


def test_everything_public_is_documented():
    for name in cliq_async.__all__:
        thing = getattr(cliq_async, name)
        if isclass(thing):
            assert thing.__doc__, name
            assert not thing.__doc__.startswith("Method generated"), name


def test_options_of_the_client_are_keywords():
    parameters = list(signature(cliq_async.CliqClient).parameters.values())
    assert parameters[0].name == "auth"
    assert all(each.kind is each.KEYWORD_ONLY for each in parameters[1:])


def test_import_brings_neither_the_command_line_nor_the_sandbox():
    code = "import sys, aiohttp; before = set(sys.modules); import cliq_async; "
    code += "print(*sorted(set(sys.modules) - before))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    new = set(run.stdout.split())
    assert "cliq_async.client" in new
    unwanted = ("click", "rich", "cliq_async.sandbox", "cliq_async.cli", "cliq_async.testing")
    unwanted += ("aiohttp.web", "hypothesis", "pytest", "sqlite3", "redis", "keyring", "tomllib")
    found = sorted(name for name in new if name.split(".")[0] in unwanted or name in unwanted)
    assert found == []
