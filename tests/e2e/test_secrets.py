"""No secret is in anything that is written or shown: searched for with canaries, fault by fault."""

import asyncio
import json
import logging
import os
import stat
import traceback
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from support.cli import invoke
from support.logins import log_in

import cliq_async
from cliq_async import (
    ApiKey,
    Call,
    ClientCredentials,
    CliqClient,
    CliqError,
    Hooks,
    Message,
    MessageTemplate,
    NewBot,
    NewHandler,
    RefreshToken,
    sync_subscribers,
)
from cliq_async.otel import OpenTelemetry
from cliq_async.sandbox import Sandbox
from cliq_async.sandbox.faults import ACCOUNTS_KINDS, KINDS, THROTTLES
from cliq_async.transport.base import Response

PACKAGE = str(Path(cliq_async.__file__).parent)
CLIENT_SECRET = "canary-client-secret-5d1f"
REFRESH_TOKEN = "1000.canary-refresh-token-77e2"
FIXED = "1000.canary-access-token-90ab"
API_KEY = "1001.canary-api-key-3c0d"
CREDENTIALS = {
    "refreshed": lambda url: RefreshToken("client", CLIENT_SECRET, REFRESH_TOKEN, accounts_url=url),
    "client": lambda url: ClientCredentials("client", CLIENT_SECRET, accounts_url=url),
    "fixed": lambda _url: FIXED,
    "asked": lambda _url: asked,
    "key": lambda _url: ApiKey(API_KEY),
}


CASES = [
    *((f"{kind}:0.5", "refreshed") for kind in KINDS if kind not in THROTTLES[1:]),
    *((fault, how) for fault in ("401:0.5", "lost:0.2") for how in CREDENTIALS),
    *((f"{kind}:0.5", "key") for kind in ("reset", "refuse", "500", "throttle-429")),
    # What is lost at the accounts server takes ten seconds of everybody's time.
    *((f"{kind}:x2@access_token", "refreshed") for kind in ACCOUNTS_KINDS if kind != "lost"),
    ("invalid-client:x2@access_token", "client"),
]


async def asked():
    return FIXED


class Written:
    """Everything that somebody could come to see."""

    def __init__(self):
        self.texts = []

    def add(self, *things):
        self.texts += [text for thing in things for text in (repr(thing), str(thing))]

    def error(self, error):
        """An exception, as it is shown, and as tools show it that show the variables of ours."""
        self.add(error, error.args)
        self.texts += traceback.format_exception(error)
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
        todo = [shown]
        while todo:
            each = todo.pop()
            todo += [other for other in (each.__cause__, each.__context__) if other]
            for frame in each.stack:
                if frame.filename.startswith(PACKAGE):
                    self.texts += [f"{name}={text}" for name, text in (frame.locals or {}).items()]

    def search(self, secrets):
        found = [
            (secret, text[:300]) for text in self.texts for secret in secrets if secret in text
        ]
        assert found == []


def search_files(folder, secrets, *, kept=()):
    """Read all files, those that only an open store has as well. `kept` may be in the profiles."""
    names = set()
    for path in folder.rglob("*"):
        if path.is_file():
            names.add(path.name)
            content = path.read_bytes()
            allowed = kept if path.name == "profiles.json" else ()
            for secret in set(secrets) - set(allowed):
                assert secret.encode() not in content, path
    return names


def search_modes(folder, names):
    """Nobody but the owner can read the files."""
    for path in folder.rglob("*"):
        if path.name in names:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


async def everything(client, journal, written):
    """Each kind of call, whatever becomes of it."""

    async def tried(work):
        try:
            written.add(await work)
        except CliqError as error:
            written.error(error)

    send = client.messages.send
    await tried(client.bots.list())
    await tried(client.bots.get("53719000001878011"))
    await tried(client.bots.create(NewBot("Ops", description="d")))
    await tried(send("supportbot", Message("a", sync_message=True), user_ids="55743307"))
    await tried(send("supportbot", "a" * 9000, user_ids="55743307"))
    await tried(client.messages.send_incoming("supportbot", {"a": "b"}))
    await tried(client.calls.trigger("supportbot", Call("a", user_ids=["55743307"])))
    await tried(
        client.handlers.create("53719000001878011", NewHandler("message_handler", script="x"))
    )
    await tried(client.subscribers.list("supportbot"))
    await tried(client.bots.associate("supportbot", "releases"))
    job = client.broadcast_job("supportbot", MessageTemplate("{{ n }}"), journal=journal)
    written.add(job)
    await tried(job.run({"user_id": 55743307 + 3 * n, "n": n % 3} for n in range(250)))
    written.add(client, vars(client), client._settings, client._auth, client._session)


@pytest.mark.parametrize(("fault", "how"), CASES)
async def test_no_secret_is_in_anything_that_is_shown(fault, how, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("tenacity.wait_random_exponential", lambda **_: lambda _state: 0.0)
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="cliq_async.bodies")
    written = Written()
    spans = InMemorySpanExporter()
    tracers = TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    hooks = Hooks(on_wait=written.add, on_lock=written.add, on_request=written.add)
    telemetry = OpenTelemetry(tracer_provider=tracers)
    journal = tmp_path / "job"
    store = f"sqlite://{tmp_path}/quota.db"
    async with Sandbox(subscribers=250, time_scale=3600, faults=[fault]) as sandbox:
        auth = CREDENTIALS[how](sandbox.url)
        written.add("" if auth == FIXED else auth, sandbox, sandbox._app)
        for told in (hooks, telemetry.hooks):
            async with CliqClient(
                auth,
                base_url=sandbox.url,
                quota=store,
                hooks=told,
                time_scale=3600,
                straggler_s=1.0,
                max_wait_s=3,
                timeout_s=0.2,
            ) as client:
                await everything(client, journal, written)
        issued = list(sandbox._app._tokens._issued)
        written.add(sandbox.report(), sandbox.report(recipients=True))
    tracers.shutdown()
    written.add(*(span.to_json() for span in spans.get_finished_spans()))
    written.texts += [record.getMessage() for record in caplog.records]
    written.texts += [str(record.exc_info) for record in caplog.records if record.exc_info]
    secrets = [CLIENT_SECRET, REFRESH_TOKEN, FIXED, API_KEY, *issued]
    written.search(secrets)
    search_files(tmp_path, secrets)


@pytest.fixture
def no_umask():
    """Files are as private as the package makes them."""
    before = os.umask(0)
    yield
    os.umask(before)


STORE_FILES = {"quota.db", "quota.db-wal", "quota.db-shm", "quota.db.written"}


@pytest.mark.usefixtures("no_umask")
@pytest.mark.parametrize("how", ["refreshed", "client"])
async def test_files_that_are_in_use_hold_no_secret_and_are_private(how, tmp_path):
    async with Sandbox(subscribers=250, time_scale=3600) as sandbox:

        def client():
            store = f"sqlite://{tmp_path}/quota.db"
            auth = CREDENTIALS[how](sandbox.url)
            return CliqClient(auth, base_url=sandbox.url, quota=store, time_scale=3600)

        def secrets():
            issued = [*sandbox._app._tokens._issued]
            assert issued
            return [CLIENT_SECRET, REFRESH_TOKEN, *issued]

        async with client() as one, client() as other:
            await everything(one, tmp_path / "job", Written())
            await other.messages.send("supportbot", "a", user_ids="55743307")
            await sync_subscribers(other, "supportbot", tmp_path / "people.db")
            names = search_files(tmp_path, secrets())
            assert names >= {*STORE_FILES, "people.db"}
            assert any(name.startswith("job") for name in names)
            search_modes(tmp_path, names)
            # A group that shares the quota sees no secret either, nor do its members' programs
            # write one.
            for name in STORE_FILES:
                (tmp_path / name).chmod(0o660)
            async with client() as third:
                await third.messages.send("supportbot", "a", user_ids="55743307")
                search_files(tmp_path, secrets())
        search_files(tmp_path, secrets())


@pytest.mark.usefixtures("no_umask")
async def test_login_and_sends_leave_secrets_in_the_private_profile_alone(places):
    async with Sandbox(subscribers=5) as sandbox:
        env = {"CLIQ_QUOTA": f"sqlite://{places}/quota.db"}
        result = await log_in(sandbox, env=env)
        assert result.exit_code == 0, result.output
        for _ in range(2):
            args = ("send", "supportbot", "hi", "--to", "55743307")
            result = await asyncio.to_thread(invoke, *args, env=env)
            assert result.exit_code == 0, result.output
        issued = [*sandbox._app._tokens._issued]
        assert len(issued) == 1, "the commands share the token of the login"
        (profiles,) = places.rglob("profiles.json")
        (profile,) = json.loads(profiles.read_text())["profiles"].values()
        kept = [profile["secrets"][name] for name in ("client_secret", "refresh_token")]
        names = search_files(places, [*issued, *kept], kept=kept)
        search_modes(places, names)


class Echo:
    """A gateway that answers with all that it was sent, and with a cookie."""

    def __init__(self, status):
        self.status = status

    async def send(self, request, permit):
        permit.claim()
        sent = {"message": str(dict(request.headers)), "code": f"c_{request.api_key}"}
        headers = dict(request.headers) | {"Set-Cookie": "canary", "X-Key": request.api_key}
        return Response(self.status, headers, json.dumps(sent).encode())

    async def close(self):
        pass


@pytest.mark.parametrize("auth", [FIXED, ApiKey(API_KEY)], ids=["token", "key"])
@pytest.mark.parametrize("status", [200, 400, 401, 429, 500, 502])
async def test_no_secret_is_in_the_error_for_an_answer_that_repeats_the_request(
    status, auth, caplog
):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="cliq_async.bodies")
    written = Written()
    echo = Echo(status)
    async with CliqClient(auth, transport=echo, quota="memory://", max_wait_s=0) as client:
        with pytest.raises(CliqError) as raised:
            await client.bots.get("53719000001878011")
    written.error(raised.value)
    written.add(vars(raised.value))
    written.texts += [record.getMessage() for record in caplog.records]
    written.search(["canary"])


COMMANDS = [
    ("bots", "list"),
    ("send", "supportbot", "hi", "--to", "55743307"),
    ("send", "nobody", "hi", "--to", "55743307"),
    ("broadcast", "supportbot", "--to", "ids.txt", "--text", "hi", "--journal", "job"),
    ("jobs", "show", "job"),
    ("subscribers", "sync", "supportbot", "--into", "people.db"),
    ("quota", "--all"),
    ("send", "--wrong"),
    ("auth", "status"),
    ("config",),
    ("doctor",),
]


REFRESHED = {
    "CLIQ_CLIENT_ID": "client",
    "CLIQ_CLIENT_SECRET": CLIENT_SECRET,
    "CLIQ_REFRESH_TOKEN": REFRESH_TOKEN,
}


@pytest.mark.parametrize(
    ("fault", "credentials"),
    [
        ("401:0.3", REFRESHED),
        ("invalid-client:1@access_token", REFRESHED),
        ("401:0.3", {"CLIQ_ZAPIKEY": API_KEY}),
    ],
)
async def test_no_secret_is_in_what_commands_write(fault, credentials, places, caplog, monkeypatch):
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="cliq_async.bodies")
    (places / "work/ids.txt").write_text("55743307\n55743310\n")
    async with Sandbox(subscribers=5, faults=[fault]) as sandbox:
        environment = credentials | {
            "CLIQ_ACCOUNTS_URL": sandbox.url,
            "CLIQ_BASE_URL": sandbox.url,
            "CLIQ_QUOTA": f"sqlite://{places}/quota.db",
        }
        for args in COMMANDS:
            verbose = () if args[0] == "jobs" else ("-vv",)
            result = await asyncio.to_thread(invoke, *args, *verbose, env=environment)
            assert isinstance(result.exception, SystemExit | None), args  # no traceback
            secrets = [CLIENT_SECRET, REFRESH_TOKEN, API_KEY, *sandbox._app._tokens._issued]
            for secret in secrets:
                assert secret not in result.output + caplog.text, args
            search_files(places, secrets)
