"""Where access tokens come from, over a transport that does what a test tells it."""

import asyncio
from typing import Any

from support.scripted import Scripted, answer

from cliq_async.auth.provider import RefreshToken, make_token_provider
from cliq_async.quota.stores.memory import MemoryStore

CREDENTIALS = RefreshToken("id", "a-client-secret", "a-refresh-token")
URL = "https://accounts.zoho.eu"
UNREADY = answer(503, b"<html>")


def an_authority(steps, *, auth: Any = CREDENTIALS, delay_s=1.0, **options: Any):
    transport = Scripted(list(steps), delay_s)
    store = options.pop("store", None) or MemoryStore(clock=asyncio.get_running_loop().time)
    return make_token_provider(auth, transport, store, accounts_url=URL, **options), transport


def numbered(**fields):
    """Accounts that give a new token each time."""
    given = []

    def step(_request):
        given.append(1)
        body = {"access_token": f"token-{len(given)}", "expires_in": 3600} | fields
        return answer(200, body)

    return step


async def value(source, deadline=None):
    return (await source.token(deadline)).value
