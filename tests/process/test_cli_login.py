"""A new user, with the program itself: logging in, looking around, sending, logging out."""

import asyncio
import os
import subprocess
import sys

from support.cli import VARIABLES, command, zuids
from support.logins import CLIENT, CODE


async def test_a_new_user_logs_in_looks_around_and_sends(places):
    async with command("sandbox", "--port", "0") as sandbox:
        assert sandbox.stdout is not None
        url = (await sandbox.stdout.readline()).decode().strip().removeprefix("listening on ")

        def run(*args, stdin=None, env=None):
            clean = {name: value for name, value in os.environ.items() if name not in VARIABLES}
            return subprocess.run(
                [sys.executable, "-m", "cliq_async.cli", *args],
                input=stdin,
                env=clean | (env or {}),
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )

        async def cliq_process(*args, **options):
            return await asyncio.to_thread(run, *args, **options)

        login = ("auth", "login", "--base-url", url, "--profile", "ann")
        first = await cliq_process(*login, stdin=f"{CODE}\n", env=CLIENT)
        hint = "use it with --profile ann, or CLIQ_PROFILE=ann\n"
        assert (first.returncode, first.stderr) == (0, hint)
        used = await cliq_process(*login, stdin=f"{CODE}\n", env=CLIENT)
        assert (used.returncode, "has been used" in used.stderr) == (1, True)
        (places / "work/cliq.toml").write_text('profile = "ann"\n')
        sending = ("send", "supportbot", "hi", "--to", zuids(1)[0])
        for args in (("doctor",), sending, ("auth", "logout")):
            done = await cliq_process(*args)
            assert (done.returncode, done.stderr) == (0, ""), args
        after = await cliq_process(*sending)
        assert (after.returncode, "Traceback" in after.stderr) == (2, False)
