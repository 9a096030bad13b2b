"""Real servers with a webhook bot, an address for its late answers, and a client for odd bodies."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import attrs
import msgspec
from support.polling import until

from cliq_async.testing import FakeCliq

ROOT = Path(__file__).parents[2]
CLIQ = FakeCliq()

STATUSES = {0, -signal.SIGTERM}
"""The exit statuses after SIGTERM: uvicorn raises the signal again when it is done."""

UVICORN = ("uvicorn", "--port", "0", "--lifespan", "on", "support.webhook_app:bot", "--http")
HYPERCORN = ("hypercorn", "--backlog", "2048")  # the others' default
COMMANDS = {
    "uvicorn with h11": (*UVICORN, "h11"),
    "uvicorn with httptools": (*UVICORN, "httptools"),
    "hypercorn": (*HYPERCORN, "--bind", "127.0.0.1:0", "support.webhook_app:bot"),
    "aiohttp": ("support.webhook_app",),
}
BEHIND_MIDDLEWARE = (*UVICORN[:5], "--factory", "support.webhook_app:behind_middleware")


@attrs.define(eq=False)
class ResponseServer:
    """A server for late answers: those that came, by their paths."""

    came: dict[str, list] = attrs.Factory(dict)
    address: str = ""

    def url(self, name):
        return f"http://{self.address}/{name}"

    async def first(self, name, timeout_s=20.0):
        """Wait for an answer."""
        await until(lambda: name in self.came, timeout_s, every_s=0.01)
        return self.came[name][0]


@contextmanager
def response_server():
    """Serve in a thread, so that tests of several loops can share it."""
    found = ResponseServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.came.setdefault(self.path[1:], []).append(msgspec.json.decode(body)["output"])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args, **_options):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.address = f"127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@attrs.define(eq=False)
class BotServer:
    """A process that serves a bot."""

    process: subprocess.Popen
    log: Path
    url: str
    port: int

    def resident(self):
        """The memory that the process and its children have had at most, in bytes."""
        return sum(_peak(pid) for pid in (self.process.pid, *_children(self.process.pid)))

    async def at_work(self, count=1):
        """Wait until the handler has begun on some events."""
        await until(lambda: self.log.read_text().count("at work") >= count, 20.0, every_s=0.01)

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    async def ended(self, timeout_s=20.0):
        """Wait for the process; return its exit status."""
        return await asyncio.to_thread(self.process.wait, timeout_s)


def _children(pid):
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def _peak(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) * 1024


@contextmanager
def bot_server(command, log, *, cwd=ROOT, path="/cliq", **environment):
    """Run a module as a program that serves, and end it with the body."""
    known = {name: value for name, value in os.environ.items() if not name.startswith("CLIQ_")}
    own = {
        "CLIQ_PUBLIC_KEY": CLIQ.public_key,
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "tests"))),
        "PYTHONUNBUFFERED": "1",
    }
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=cwd,
            env=known | own | environment,
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
            start_new_session=True,  # hypercorn serves in a child
        )
    try:
        end = time.monotonic() + 30
        while not (at := re.search(r"unning on http://[\d.]+:(\d+)", log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.02)
        yield BotServer(process, log, f"http://127.0.0.1:{at[1]}{path}", int(at[1]))
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def event(text, response_url=None):
    """A message for the bot; its answer may come late at a URL."""
    made = CLIQ.say(text)
    if response_url is None:
        return made
    return CLIQ.sign(made.payload | {"response_url": response_url})


async def post(session, url, made, **headers):
    """Send an event; return the status and the answer."""
    headers = {"X-Cliq-Signature": made.signature} | headers
    async with session.post(url, data=made.body, headers=headers) as answer:
        return answer.status, msgspec.json.decode(await answer.read())


def head(made, *lines):
    """The first lines of a request with an event."""
    first = ("POST /cliq HTTP/1.1", "Host: localhost", f"X-Cliq-Signature: {made.signature}")
    return "\r\n".join((*first, *lines, "", "")).encode()


def post_at_once(server, events):
    """Send events over as many connections at once; return the bodies of the answers."""
    with ExitStack() as stack:
        address = ("127.0.0.1", server.port)
        connections = []
        for made in events:
            connection = stack.enter_context(socket.create_connection(address))
            connections.append(connection)
            length = f"Content-Length: {len(made.body)}"
            connection.sendall(head(made, length, "Connection: close") + made.body)
        return [_read_all(connection).partition(b"\r\n\r\n")[2] for connection in connections]


def _read_all(connection):
    connection.settimeout(60)
    return b"".join(iter(lambda: connection.recv(65_536), b""))


async def read_answer(reader):
    """Read an answer off a connection: its status and its body."""
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
    (length,) = [int(line.split(":")[1]) for line in lines if line.startswith("content-length:")]
    return int(lines[0].split()[1]), await reader.readexactly(length)
