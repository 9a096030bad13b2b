"""`cliq.toml`: settings from the current folder and from the user's configuration folder.

The one in the current folder may describe bots, too; see `cliq_async.deploy`.

An error names the file and the key. Secrets are refused, since the file is made to be shared. A
file in the current folder may come from another person, so it may only name servers of Zoho or of
this machine: credentials are sent there.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import attrs

from cliq_async.cli.errors import USAGE, CliError, describe
from cliq_async.cli.inputs.bounded import read_bounded
from cliq_async.cli.inputs.encoding import decode_file
from cliq_async.cli.inputs.places import toml_line
from cliq_async.cli.settings.profiles import validate_name
from cliq_async.config import Settings
from cliq_async.data_centers import is_loopback, is_zoho, normalize_host
from cliq_async.endpoints import ENDPOINTS, Limit
from cliq_async.errors import NOTHING, ValidationError, suggest
from cliq_async.storage.user_folders import config_folder
from cliq_async.transport.proxy import check_proxy

__all__ = ["FILE_NAME", "KEYS", "TomlFile", "read_toml", "settings_path"]

FILE_NAME: Final = "cliq.toml"

_TEXT: Final = (str, "a text")
_NUMBER: Final = ((int, float), "a number")
KEYS: Final[Mapping[str, tuple[Any, str]]] = {
    "data_center": _TEXT,
    "base_url": _TEXT,
    "accounts_url": _TEXT,
    "network": _TEXT,
    "account": _TEXT,
    "quota": _TEXT,
    "limits": (dict, "a table"),
    "margin_s": _NUMBER,
    "straggler_s": _NUMBER,
    "max_wait_s": _NUMBER,
    "timeout_s": _NUMBER,
    "max_response_bytes": (int, "a whole number"),
    "pace": _TEXT,
    "max_rate": _NUMBER,
    "time_scale": _NUMBER,
    "allow_http": (list, "a list of hosts"),
    "proxy": _TEXT,
}
"""The settings that a file may have, each with its type and the type's name in messages."""

_SECRETS: Final = frozenset(
    {"access_token", "api_key", "client_secret", "code", "refresh_token", "token", "zapikey"}
)
_NO_SECRETS: Final = "secrets do not belong in this file: use `cliq auth login`, or the environment"
_LOCAL: Final = (
    "a file in the current folder can only name Zoho's servers and this machine, since "
    "credentials go there; others can be named in"
)


@attrs.frozen
class TomlFile:
    """The contents of a file.

    Attributes:
        path: The file.
        values: The settings of all profiles.
        profile: The profile to use.
        profiles: The settings of single profiles, by their names.
        bots: The tables of bots, by their keys: `cliq bots plan` reads them.
    """

    path: Path
    values: dict[str, Any]
    profile: str | None
    profiles: dict[str, dict[str, Any]]
    bots: dict[str, Any] = attrs.field(factory=dict)


def settings_path() -> Path | None:
    """Return the path of the user's own file; None if the user has no home."""
    folder = config_folder()
    return None if folder is None else folder / FILE_NAME


def read_toml(path: Path, *, own: bool) -> TomlFile | None:
    """Read a file; None if it does not exist.

    Args:
        path: The file.
        own: True for the user's own file, which may name any server.

    Raises:
        CliError: The file cannot be read, or something in it is not valid.
    """
    text = _read_text(path, own=own)
    if text is None:
        return None
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        reason, _, where = str(error).partition(" (at ")
        place = f" {where.removesuffix(')')}" if where.startswith("line") else ""
        reason = reason[:1].lower() + reason[1:]
        raise CliError(f"{path}{place}: not TOML: {reason}", USAGE) from None
    reader = _Reader(path, own, text)
    profile, profiles = table.pop("profile", None), table.pop("profiles", {})
    if profile is not None:
        if not isinstance(profile, str):
            raise reader.error("profile", "the name of a profile", profile)
        validate_name(profile, f"{path}: profile")
    if not isinstance(profiles, dict):
        raise reader.error("profiles", "tables, as [profiles.NAME]", profiles)
    bots = {} if own else table.pop("bots", {})
    if not isinstance(bots, dict):
        raise reader.error("bots", "tables, as [bots.KEY]", bots)
    for name, values in profiles.items():
        validate_name(name, f"{path}: profiles")
        if not isinstance(values, dict):
            raise reader.error(f"profiles.{name}", "a table", values)
    return TomlFile(
        path,
        reader.settings(table),
        profile,
        {name: reader.settings(values, f"profiles.{name}.") for name, values in profiles.items()},
        bots,
    )


def _read_text(path: Path, *, own: bool) -> str | None:
    try:
        return decode_file(str(path), read_bounded(path))
    except (FileNotFoundError, NotADirectoryError):  # a home may be /dev/null
        return None
    except OSError as error:
        hint = (
            "; check that HOME is this user's" if own and isinstance(error, PermissionError) else ""
        )
        raise CliError(f"{path}: {error.strerror}{hint}", USAGE) from None


@attrs.frozen
class _Reader:
    path: Path
    own: bool
    text: str

    def error(self, key: str, limit: str, given: object = NOTHING) -> CliError:
        """Return an error that names the line of a key, what is allowed, and what was given."""
        line = toml_line(self.text, key)
        where = f"{self.path} line {line}: " if line else f"{self.path}: "
        return CliError(f"{where}{describe(ValidationError(key, limit, given))}", USAGE)

    def settings(self, table: Mapping[str, Any], within: str = "") -> dict[str, Any]:
        """Read the settings of a table, and check the type and the range of each."""
        return {key: self._setting(key, value, within + key) for key, value in table.items()}

    def _setting(self, key: str, value: Any, name: str) -> Any:
        if key in _SECRETS:
            raise self.error(name, _NO_SECRETS)
        if key not in KEYS:
            raise self.error(name, f"there is no such setting; {suggest(key, KEYS)}")
        kind, words = KEYS[key]
        if not _has_type(value, kind):
            raise self.error(name, words, value)
        if key == "limits":
            return {endpoint: self._limit(endpoint, each, name) for endpoint, each in value.items()}
        if key == "quota":
            self._check_quota(name, value)
        elif key.endswith("_url"):
            self._check_url(name, value)
        elif key == "proxy":
            self._check_proxy(name, value)
        elif key == "allow_http" and not all(isinstance(each, str) for each in value):
            raise self.error(name, words, value)
        elif key == "allow_http" and not self.own:
            raise self.error(name, f"{_LOCAL} {_own_file()}")
        else:
            # Not Zoho's server, which allows only a time scale of 1.
            options: dict[str, Any] = {"base_url": "http://localhost"} | {key: value}
            self._validate(name, lambda: Settings(**options))
        return value

    def _limit(self, endpoint: str, given: Any, name: str) -> Limit:
        name = f"{name}.{endpoint}"
        if endpoint not in ENDPOINTS:
            raise self.error(name, f"there is no such endpoint; {suggest(endpoint, ENDPOINTS)}")
        fields = {"threshold": given} if isinstance(given, int) else given
        known = [field.name for field in attrs.fields(Limit)]
        if not isinstance(fields, dict) or not set(fields) <= set(known):
            if isinstance(fields, dict):
                wrong = next(each for each in fields if each not in known)
                hint = suggest(wrong, known)
                raise self.error(f"{name}.{wrong}", f"there is no such key; {hint}")
            raise self.error(name, "a number, or a table of " + ", ".join(known), given)
        documented = ENDPOINTS[endpoint].limit
        limit: Limit = self._validate(name, lambda: attrs.evolve(documented, **fields))
        return limit

    def _check_url(self, name: str, url: str) -> None:
        host = self._validate(name, lambda: normalize_host(name, url))
        zoho = is_zoho(host) and url.lower().startswith("https://")
        if not (self.own or zoho or is_loopback(host)):
            raise self.error(name, f"{_LOCAL} {_own_file()}")

    def _check_quota(self, name: str, url: str) -> None:
        try:
            parts = urlsplit(url)
            host = parts.hostname or ""
        except ValueError:
            raise self.error(name, "the URL of a store") from None
        if parts.password:
            raise self.error(name, f"a password: {_NO_SECRETS}")
        if not (self.own or parts.scheme in {"sqlite", "memory"} or is_loopback(host)):
            raise self.error(name, f"{_LOCAL} {_own_file()}")

    def _check_proxy(self, name: str, url: str) -> None:
        parts = urlsplit(self._validate(name, lambda: check_proxy(name, url)))
        if parts.username or parts.password:
            raise self.error(name, f"a password: {_NO_SECRETS}")
        if not (self.own or is_loopback(parts.netloc)):
            raise self.error(name, f"{_LOCAL} {_own_file()}")

    def _validate(self, name: str, make: Any) -> Any:
        try:
            return make()
        except ValidationError as error:
            raise self.error(name, error.limit, error.given) from None


def _own_file() -> str:
    return str(settings_path() or f"{FILE_NAME} in this user's home, which HOME has to name")


def _has_type(value: object, kind: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)
