"""The public surface, and what importing it costs."""

import ast
import re
import subprocess
import sys
from inspect import isclass, isfunction, ismethod, signature
from pathlib import Path

import pytest

import cliq_async
import cliq_async.testing
import cliq_async.webhooks
from cliq_async.client import CliqClient
from cliq_async.quota.stores.registry import open_store

PUBLIC = [
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
    "Graph",
    "Function",
    "FunctionChanges",
    "FunctionHandler",
    "FunctionHandlerChanges",
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
    "ForeignAnswerError",
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
    "__version__",
    "read_outcomes",
    "read_subscribers",
    "sync_subscribers",
]


SIGNATURES = {
    "CliqClient": "auth, *, data_center='us', base_url=None, network=None, account='default', "
    "quota=None, limits=None, margin_s=1.0, straggler_s=30.0, max_wait_s=75.0, timeout_s=30.0, "
    "max_response_bytes=16777216, pace=None, max_rate=None, time_scale=1.0, allow_http=(), "
    "connector=None, proxy=None, trust_env=False, user_agent='', headers=None, "
    "hooks=None, transport=None, clock=None",
    "client.broadcast": "bot_unique_name, message, to, **options",
    "client.broadcast_job": "bot_unique_name, message, **options",
    "client.call_many": "bot_unique_name, call, to, **options",
    "client.call_many_job": "bot_unique_name, call, **options",
    "client.close": "",
    "client.from_env": "**options",
    "client.open": "",
    "client.request": "endpoint, path=None, *, params=None, query=None, json=None, limit=None",
    "client.quota_status": "",
    "client.estimate_s": "endpoint, requests, *, headroom=0",
    "client.with_options": "*, lane=None, max_wait_s=Ellipsis, timeout_s=Ellipsis",
    "bots.create": "new",
    "bots.list": "*, limit=None, next_token=None, sync_token=None, search=None, scope=None",
    "bots.iter": "*, limit=50, search=None, scope=None",
    "bots.get": "bot_id, *, fields=None",
    "bots.update": "bot_id, changes",
    "bots.delete": "bot_id",
    "bots.associate": "bot_unique_name, channel_unique_name, *, extension_key=None",
    "messages.send": "bot_unique_name, message, *, user_ids=(), channel=None, broadcast=False, "
    "extension_key=None",
    "messages.send_incoming": "bot_unique_name, parameters, *, user_ids=(), extension_key=None",
    "calls.trigger": "bot_unique_name, call",
    "handlers.create": "bot_id, new",
    "handlers.update": "bot_id, type, changes, *, handler_id=None",
    "handlers.get": "bot_id, type, *, handler_id=None",
    "handlers.delete": "bot_id, type, *, handler_id=None",
    "functions.create": "new",
    "functions.list": "*, limit=None, next_token=None, sync_token=None",
    "functions.iter": "*, limit=50",
    "functions.get": "function_id",
    "functions.update": "function_id, changes",
    "functions.delete": "function_id",
    "functions.create_handler": "function_id, new",
    "functions.update_handler": "function_id, type, changes",
    "functions.get_handler": "function_id, type",
    "functions.delete_handler": "function_id, type",
    "subscribers.list": "bot, *, limit=None, next_token=None, sync_token=None, extension_key=None",
    "subscribers.iter": "bot, *, limit=50, extension_key=None",
    "read_outcomes": "path, *, delivered=False",
    "read_subscribers": "path, bot=None, *, departed=False",
    "sync_subscribers": "client, bots, into, *, full=False, limit=50, extension_key=None, "
    "on_progress=None",
}
OPTIONS = "batch_size dedupe exclude headroom journal max_in_flight max_wait_s on_progress"
OPTIONS += " resend_unknown"
TREE = """
CliqError
  ApiError
    AuthenticationError
    BadRequestError
    ConflictError
    NotFoundError
    PermissionDeniedError
    ServerError
    ThrottledError
  AuthError
  JournalError
  OutcomeUnknownError
    ForeignAnswerError
  QuotaStoreError
  QuotaWaitError
  SyncError
  TransportError
  ValidationError ValueError
"""


def _without_types(function):
    found = signature(function)
    own = [
        each.replace(annotation=each.empty)
        for each in found.parameters.values()
        if each.name != "self"
    ]
    return str(found.replace(parameters=own, return_annotation=found.empty))[1:-1]


def test_public_signatures_are_these():
    client = CliqClient("t", quota="memory://")
    found = {"CliqClient": _without_types(CliqClient)}
    places: dict[str, object] = {"client": client}
    places |= {
        n: getattr(client, n)
        for n in ["bots", "messages", "calls", "functions", "handlers", "subscribers"]
    }
    for place, thing in places.items():
        for name in dir(thing):
            if not name.startswith("_") and ismethod(getattr(thing, name)):
                found[f"{place}.{name}"] = _without_types(getattr(thing, name))
    for name in cliq_async.__all__:
        if isfunction(getattr(cliq_async, name)):
            found[name] = _without_types(getattr(cliq_async, name))
    differences = {
        name: (SIGNATURES.get(name), found.get(name))
        for name in SIGNATURES.keys() | found.keys()
        if SIGNATURES.get(name) != found.get(name)
    }
    assert differences == {}, "what is written down, and what there is"
    assert sorted(cliq_async.JobOptions.__annotations__) == OPTIONS.split()


def test_public_errors_are_this_tree():
    def drawn(cls, depth=0):
        others = [base.__name__ for base in cls.__bases__[1:]]
        yield "  " * depth + " ".join([cls.__name__, *others])
        public = (each for each in cls.__subclasses__() if each.__name__ in cliq_async.__all__)
        for each in sorted(public, key=lambda each: each.__name__):
            yield from drawn(each, depth + 1)

    assert "\n".join(drawn(cliq_async.CliqError)) == TREE.strip()


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
    code = "import sys, aiohttp; before = set(sys.modules); from cliq_async import *; "
    code += "print(*sorted(set(sys.modules) - before))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    new = set(run.stdout.split())
    assert "cliq_async.client" in new
    unwanted = ("click", "rich", "cliq_async.sandbox", "cliq_async.cli", "cliq_async.testing")
    unwanted += ("aiohttp.web", "hypothesis", "pytest", "sqlite3", "redis", "keyring", "tomllib")
    found = sorted(name for name in new if name.split(".")[0] in unwanted or name in unwanted)
    assert found == []


def test_names_are_loaded_from_the_modules_that_type_checkers_read():
    tree = ast.parse(Path(cliq_async.__file__).read_text())
    [branch] = [node for node in tree.body if isinstance(node, ast.If)]
    checked = {
        node.module: tuple(each.name for each in node.names)
        for node in branch.body
        if isinstance(node, ast.ImportFrom)
    }
    [table] = [node for node in ast.walk(branch) if isinstance(node, ast.Dict)]
    assert ast.literal_eval(table) == checked
    assert {name for names in checked.values() for name in names} | {"__version__"} == set(PUBLIC)


def test_names_are_loaded_on_first_use():
    code = "import sys, cliq_async; assert 'CliqClient' in dir(cliq_async); "
    code += "assert 'cliq_async.client' not in sys.modules; cliq_async.CliqClient; "
    code += "assert 'CliqClient' in vars(cliq_async); "
    code += "cliq_async.errors.ApiError; cliq_async.models.Message"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'cliq_async' has no attribute 'Nothing'"):
        _ = getattr(cliq_async, "Nothing")  # noqa: B009 - type checkers know that it is not there


def test_type_checkers_see_every_public_name_in_use():
    pages = (Path(__file__).parents[1] / "typing").glob("*.py")
    words = set(re.findall(r"\w+", "".join(page.read_text() for page in pages)))
    for module in (cliq_async, cliq_async.webhooks, cliq_async.testing):
        assert set(module.__all__) - words == set(), module.__name__


CANARY = "canary-6f1d"


async def canary() -> str:
    return CANARY


def shown_objects(folder):
    """What a program holds in its hands, made with a secret wherever one can be given."""
    redis = f"redis://user:{CANARY}@host:6379/1?username={CANARY}"
    hooks, headers = cliq_async.Hooks(), {"X-Gateway": CANARY}
    proxy = f"http://user:{CANARY}@host:3128"
    outcome = cliq_async.Outcome(("1",), "failed", "no such user")
    for auth in (
        CANARY,
        canary,
        cliq_async.AccessToken(CANARY),
        cliq_async.ApiKey(CANARY),
        cliq_async.RefreshToken("id", CANARY, CANARY),
        cliq_async.ClientCredentials("id", CANARY),
    ):
        yield auth if not isinstance(auth, str) and auth is not canary else hooks
        yield CliqClient(auth, quota="memory://", proxy=proxy, headers=headers, hooks=hooks)
    client = CliqClient(CANARY, quota=open_store(redis, None))
    yield client
    yield client._store
    yield open_store(f"sqlite://{folder}/quota.db", None)
    yield cliq_async.MemoryStore()
    yield cliq_async.MessageTemplate("Hello {{ name }}" * 100)
    yield cliq_async.CallTemplate({"text": "{{ name }}"}, to="zuid")
    yield cliq_async.webhooks.WebhookBot(cliq_async.testing.FakeCliq().public_key, client=client)
    yield cliq_async.BulkReport(delivered=1, outcomes=(outcome,) * 100_000)
    yield cliq_async.SyncReport()


def test_reprs_are_short_and_of_use_and_hold_no_secret(tmp_path):
    for each in shown_objects(tmp_path):
        shown = repr(each)
        assert CANARY not in shown
        assert " object at 0x" not in shown
        assert len(shown) < 700, shown


def test_reprs_name_the_place_and_the_template(tmp_path):
    store = open_store(f"sqlite://{tmp_path}/quota.db", None)
    assert repr(store) == f"<SqliteStore {tmp_path.resolve()}/quota.db>"
    store = open_store("redis://:secret@host:6379/1", None)
    assert repr(store) == "<RedisStore redis://host:6379/1>"
    assert repr(cliq_async.MemoryStore()) == "<MemoryStore buckets=0>"
    template = cliq_async.MessageTemplate("Hello {{ name }}", to="zuid")
    assert repr(template) == "MessageTemplate('Hello {{ name }}', to='zuid')"
