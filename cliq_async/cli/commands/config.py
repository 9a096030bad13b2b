"""`cliq config`: every setting that holds, and where it comes from."""

from typing import Any, Final
from urllib.parse import urlsplit

import attrs
import click

from cliq_async.cli.options import ConnectionOptions, as_json, connection
from cliq_async.cli.outputs.console import echo_err, echo_json, table
from cliq_async.cli.settings.config_file import KEYS
from cliq_async.cli.settings.resolution import ResolvedSettings
from cliq_async.cli.text import clean, verbatim
from cliq_async.endpoints import Limit
from cliq_async.quota.stores.registry import default_path, open_store

__all__ = ["config"]

_HIDDEN: Final = "(hidden)"
_DEFAULT: Final = "built in"

Row = tuple[Any, str]


@click.command(
    short_help="Show every setting, and where it comes from.",
    epilog=verbatim(
        """
Examples:
  cliq config
  cliq config --profile work
  cliq config --json
""",
        """
A file cliq.toml, in the current folder or at the platform's place for settings:
  data_center = "eu"
  quota = "redis://localhost:6379/0"
  [limits]
  send_message = 40
  [profiles.work]
  account = "ann"
""",
    ),
)
@as_json
@connection
def config(*, as_json: bool, connection: ConnectionOptions) -> None:
    """Show every setting that holds here, and where it comes from. Secrets are masked.

    Options win over the environment, that over cliq.toml in the current folder, that over what
    `cliq auth login` stored, and that over cliq.toml at the platform's place for settings.
    """
    effective = connection.effective()
    rows = _rows(effective)
    open_store(effective.options().get("quota"))  # it says what is wrong with the URL
    if as_json:
        echo_json({name: {"value": _plain(v), "source": source} for name, (v, source) in rows})
        return
    cells = [(name, clean(_text(value), 2000), clean(source)) for name, (value, source) in rows]
    table(cells, header=("setting", "value", "from"))
    for path in effective.files:
        echo_err(f"read {path}")


def _rows(effective: ResolvedSettings) -> list[tuple[str, Row]]:
    settings = effective.checked()
    defaults: dict[str, Any] = attrs.asdict(settings, recurse=False)
    defaults["base_url"] = settings.root_url if settings.base_url is None else settings.base_url
    defaults["accounts_url"] = effective.accounts_url
    path = default_path().as_posix()
    defaults["quota"] = "sqlite://" + (path if path.startswith("/") else f"/{path}")
    rows: list[tuple[str, Row]] = list(_identity(effective))
    for name in KEYS:
        said = effective.settings.get(name)
        if said is None or said.value is None:
            rows.append((name, (defaults[name], _DEFAULT)))
        else:
            value = _without_password(said.value) if name == "quota" else said.value
            rows.append((name, (value, said.source)))
    return rows


def _identity(effective: ResolvedSettings) -> list[tuple[str, Row]]:
    """The profile and the credentials, without a secret."""
    profile, credentials = effective.profile, effective.credentials
    rows: list[tuple[str, Row]] = [
        ("profile", (None, "none counts") if profile is None else (profile.value, profile.source))
    ]
    if credentials is None:
        return [*rows, ("credentials", (None, "nobody gives any"))]
    if credentials.kind == "access token":
        return [*rows, ("access_token", (_HIDDEN, credentials.source))]
    names = ("client_secret", "refresh_token")
    return [
        *rows,
        ("client_id", (credentials.client_id, credentials.source)),
        *((name, (_HIDDEN, credentials.source)) for name in names),
    ]


def _without_password(url: str) -> str:
    try:
        password = urlsplit(url).password
    except ValueError:
        return _HIDDEN
    if password is None:
        return url
    before, _, after = url.rpartition("@")
    return f"{before.removesuffix(password)}{_HIDDEN}@{after}"


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return attrs.asdict(value) if isinstance(value, Limit) else value


def _text(value: object) -> str:
    if value is None or value == ():
        return "-"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        told = (f"{name} {_limit(each)}" for name, each in value.items())
        return ", ".join(told) or "the documented ones"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _limit(limit: Limit) -> str:
    return f"{limit.threshold} in {limit.window_s:g} s, lock {limit.lock_s:g} s"
