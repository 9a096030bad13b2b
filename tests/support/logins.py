"""What the tests of logging in share."""

import asyncio

from support.cli import invoke

CLIENT = {"CLIQ_CLIENT_ID": "1000.CLIENT", "CLIQ_CLIENT_SECRET": "a-client-secret"}
CODE = "1000.a-code"


async def cliq(*args, env=None, stdin=None):
    """Run a command that nothing points anywhere; no secret may show."""
    result = await asyncio.to_thread(invoke, *args, env=env, stdin=stdin)
    for secret in (CODE, "a-client-secret"):
        assert secret not in result.output
    return result


async def log_in(sandbox, *args, code=CODE, env=None):
    """Log in at a sandbox."""
    return await cliq(
        *("auth", "login", "--base-url", sandbox.url, *args),
        env=CLIENT | (env or {}),
        stdin=f"{code}\n",
    )
