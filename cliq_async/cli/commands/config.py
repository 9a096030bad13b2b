"""`cliq config`: show every setting and its origin."""

from typing import Any, Final
from urllib.parse import urlsplit

import attrs
import click

from cliq_async.cli.options import ConnectionOptions, connection_options, json_option
from cliq_async.cli.outputs.console import echo_err, echo_json, table
from cliq_async.cli.settings.config_file import KEYS
from cliq_async.cli.settings.resolution import ResolvedSettings
from cliq_async.cli.text import clean, verbatim
from cliq_async.endpoints import Limit
from cliq_async.errors import QuotaStoreError
from cliq_async.quota.stores.registry import default_path

__all__ = ["config"]

_HIDDEN: Final = "(hidden)"
_DEFAULT: Final = "built in"
_URLS: Final = {"quota", "proxy"}
"""Settings that may hold a password."""

Row = tuple[Any, str]


@click.command(
    short_help="Show every setting and its origin.",
    epilog=verbatim(
        """
Examples:
  cliq config
  cliq config --profile work
  cliq config --json
""",
        """
A file cliq.toml, in the current folder or in your folder for settings:
  data_center = "eu"
  quota = "redis://localhost:6379/0"
  [limits]
  send_message = 40
  [profiles.work]
  account = "ann"
""",
    ),
)
@json_option
@connection_options
def config(*, as_json: bool, connection: ConnectionOptions) -> None:
    """Show every setting in effect, and its origin. Secrets are masked.

    Options take precedence over the environment, the environment over cliq.toml in the current
    folder, that file over what `cliq auth login` stored, and that over cliq.toml in your folder for
    settings.
    """
    resolved = connection.resolve()
    rows = _rows(resolved)
    if "quota" in resolved.settings:
        resolved.store()  # to report a URL that is not valid
    if as_json:
        echo_json({name: {"value": _to_json(v), "source": source} for name, (v, source) in rows})
        return
    cells = [(name, clean(_text(value), 2000), clean(source)) for name, (value, source) in rows]
    table(cells, header=("setting", "value", "from"), free=(1, 2))
    for path in resolved.files:
        echo_err(f"read {path}")


def _rows(resolved: ResolvedSettings) -> list[tuple[str, Row]]:
    settings = resolved.validated()
    defaults: dict[str, Any] = attrs.asdict(settings, recurse=False)
    defaults["base_url"] = settings.root_url if settings.base_url is None else settings.base_url
    defaults["accounts_url"] = resolved.accounts_url
    defaults["quota"] = _default_quota()
    rows: list[tuple[str, Row]] = list(_identity(resolved))
    for name in KEYS:
        setting = resolved.settings.get(name)
        if name == "proxy":
            setting = resolved.proxy(settings.root_url)
        if setting is None or setting.value is None:
            rows.append((name, (defaults[name], _DEFAULT)))
        else:
            value = _mask_password(setting.value) if name in _URLS else setting.value
            rows.append((name, (value, setting.source)))
    return rows


def _default_quota() -> str | None:
    try:
        path = default_path().as_posix()
    except QuotaStoreError:
        return None
    return "sqlite://" + (path if path.startswith("/") else f"/{path}")


def _identity(resolved: ResolvedSettings) -> list[tuple[str, Row]]:
    """Return rows for the profile and the credentials, without secrets."""
    profile, credentials = resolved.profile, resolved.credentials
    rows: list[tuple[str, Row]] = [
        (
            "profile",
            (None, "none in effect") if profile is None else (profile.value, profile.source),
        )
    ]
    if credentials is None:
        return [*rows, ("credentials", (None, "none found"))]
    if credentials.fixed:
        name = credentials.kind.lower().replace(" ", "_")
        return [*rows, (name, (_HIDDEN, credentials.source))]
    names = ("client_secret", "refresh_token")
    return [
        *rows,
        ("client_id", (credentials.client_id, credentials.source)),
        *((name, (_HIDDEN, credentials.source)) for name in names),
    ]


def _mask_password(url: str) -> str:
    try:
        password = urlsplit(url).password
    except ValueError:
        return _HIDDEN
    if password is None:
        return url
    before, _, after = url.rpartition("@")
    return f"{before.removesuffix(password)}{_HIDDEN}@{after}"


def _to_json(value: object) -> object:
    if isinstance(value, dict):
        return {name: _to_json(each) for name, each in value.items()}
    return attrs.asdict(value) if isinstance(value, Limit) else value


def _text(value: object) -> str:
    if value is None or value == ():
        return "-"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        limits = (f"{name} {_limit(each)}" for name, each in value.items())
        return ", ".join(limits) or "the documented ones"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _limit(limit: Limit) -> str:
    return f"{limit.threshold} in {limit.window_s:g} s, lock {limit.lock_s:g} s"
