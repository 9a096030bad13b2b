"""What holds for a command, as `cliq config` tells it, and profiles without a login."""

import json
from typing import Any

from support.cli import SECRET, invoke

from cliq_async.cli.settings.profiles import Profile, ProfileStore, Secrets

TOKEN = {"CLIQ_ACCESS_TOKEN": SECRET}


def put_profile(name="default", **fields):
    known: dict[str, Any] = {
        "client_id": "1000.C",
        "account": name,
        "secrets": Secrets("a-secret", "a-refresh"),
        "data_center": "eu",
        "accounts_url": "https://accounts.zoho.eu",
    }
    ProfileStore().put(name, Profile(**(known | fields)))


def told(*args, env=None):
    result = invoke("config", "--json", *args, env=env)
    assert result.exit_code == 0, result.stderr
    assert SECRET not in result.output
    return {
        name: (each["value"], each["source"]) for name, each in json.loads(result.stdout).items()
    }
