"""Settings by precedence, and the origin of each: options, environment, files, profile."""

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

import attrs

from cliq_async.auth.provider import Auth
from cliq_async.cli.errors import USAGE, CliError, cli_field_names
from cliq_async.cli.settings.config_file import (
    FILE_NAME,
    KEYS,
    TomlFile,
    read_toml,
    settings_path,
)
from cliq_async.cli.settings.credentials import CredentialLookup, Credentials
from cliq_async.cli.settings.profiles import DEFAULT, Profile, ProfileStore, validate_name
from cliq_async.cli.settings.variables import PROFILE, VARIABLES, warn_of_misspelled
from cliq_async.config import (
    ACCESS_TOKEN,
    ACCOUNTS_URL,
    API_KEY,
    REFRESH_TOKEN,
    Settings,
    options_from_env,
)
from cliq_async.data_centers import is_loopback
from cliq_async.errors import suggest
from cliq_async.quota.stores.base import QuotaStore
from cliq_async.quota.stores.registry import open_store
from cliq_async.transport.aiohttp import AiohttpTransport
from cliq_async.transport.proxy import proxy_from_env

__all__ = ["ResolvedSettings", "Setting", "profile_name", "resolve"]

_OPTIONS: Final = {"max_wait_s": "--max-wait", "timeout_s": "--timeout"}
_UNNAMED: Final = "nothing names another"


@attrs.frozen
class Setting:
    """A value and its origin, as messages name it."""

    value: Any = attrs.field(repr=False)  # there may be a password
    source: str

    def origin(self, name: str) -> str:
        """Return what an error calls the setting: an option, a variable, or a key of a source."""
        alone = self.source.startswith(("--", "CLIQ_"))
        return self.source if alone else f"{self.source}: {name}"


@attrs.frozen
class ResolvedSettings:
    """The settings in effect.

    Attributes:
        settings: The settings by name; one that no source sets is missing and has its default.
        profile: The profile in effect, if there is one.
        credentials: The credentials; None if no source has any.
        files: The config files that were read.
    """

    settings: dict[str, Setting]
    profile: Setting | None
    credentials: Credentials | None
    files: list[Path]

    def options(self) -> dict[str, Any]:
        """Return the settings as options of `CliqClient`."""
        return {
            name: setting.value
            for name, setting in self.settings.items()
            if name != "accounts_url" and setting.value is not None
        }

    def validated(self) -> Settings:
        """Validate the settings together.

        Raises:
            ValidationError: A setting is out of its range, or two of them contradict each other.
        """
        with self.named():
            return Settings(**{name: v for name, v in self.options().items() if name != "quota"})

    def store(self) -> QuotaStore:
        """Open the quota store.

        Raises:
            ValidationError: Its URL is not valid.
            QuotaStoreError: There is no place for it.
        """
        with self.named():
            return open_store(self.options().get("quota"))

    def named(self) -> AbstractContextManager[None]:
        """Make a ValidationError of the body name the origin of a setting."""
        names = {name: setting.origin(name) for name, setting in self.settings.items()}
        if self.credentials is not None:
            names["auth"] = self.credentials.source
        return cli_field_names(**names)

    def proxy(self, url: str) -> Setting | None:
        """Return the proxy for a server; None if there is no proxy.

        Raises:
            ValidationError: A variable does not hold the URL of an HTTP proxy.
        """
        if (given := self.settings.get("proxy")) is not None:
            return given
        found = proxy_from_env(url)
        return None if found is None else Setting(found.url, found.source)

    def transport(self) -> AiohttpTransport:
        """Create a transport with the proxy in effect. Inside an event loop.

        Raises:
            ValidationError: The proxy's URL is not valid.
        """
        self.proxy(self.validated().root_url)
        return AiohttpTransport(proxy=self.options().get("proxy"), trust_env=True)

    @property
    def accounts_url(self) -> str:
        """The accounts server that issues the tokens."""
        setting = self.settings.get("accounts_url")
        if setting is not None and setting.value is not None:
            return str(setting.value)
        return self.validated().accounts_url

    def auth(self) -> Auth:
        """Return the credentials for a client, with secrets from a keyring if they are kept there.

        Raises:
            CliError: There are no credentials, or the keyring does not return the secrets.
            ValidationError: The credentials are not valid.
        """
        if self.credentials is None:
            raise CliError(_missing_credentials(self.profile), USAGE)
        return self.credentials.auth()


def resolve(
    given: Mapping[str, Any],
    *,
    profile: str | None = None,
    token: str | None = None,
    logging_in: bool = False,
    environ: Mapping[str, str] = os.environ,
) -> ResolvedSettings:
    """Resolve the settings of a command.

    Args:
        given: The values of the options by the names of settings; None for an option not given.
        profile: The profile that an option names.
        token: The access token from an option.
        logging_in: True for a login: the profile may be new, and if it was made for a server other
            than Zoho's, its settings are dropped.
        environ: The environment.

    Raises:
        CliError: A config file is not valid, or the profile does not exist.
        ValidationError: A numeric setting in the environment is not a number.
    """
    options = {name: value for name, value in given.items() if value is not None}
    env = _strip_values(environ)
    warn_of_misspelled(env)
    local_file, user_file = _read_files()
    name, named_by = _choose_profile(profile, env, local_file, user_file)
    lookup = CredentialLookup(name, env, token, profile_first=profile is not None or logging_in)
    credentials = lookup.find()
    # A profile that an option, a variable or a file names is always in effect. The default profile
    # is in effect only if no other source has credentials: a token from the environment must not
    # be sent to the server of an account that it may not belong to.
    in_effect = named_by is not None or credentials is None or credentials.profile is not None
    login = ProfileStore().profiles().get(name) if in_effect else None
    files = [file for file in (local_file, user_file) if file is not None]
    is_known = login is not None or any(name in file.profiles for file in files)
    if named_by is not None and not is_known and not logging_in:
        hint = f"run `cliq auth login --profile {name}` to create it"
        known = {*ProfileStore().profiles(), *(each for file in files for each in file.profiles)}
        if (near := suggest(name, known)).startswith("did"):
            hint = f"{near} Else {hint}"
        raise CliError(f"{named_by}: there is no profile {name!r}; {hint}", USAGE)
    if login is not None and logging_in and login.base_url is not None:
        login = None
    profile_in_effect = name if in_effect else None
    # Each layer takes precedence over the layers below it. In a file, the table of the profile
    # takes precedence over the rest. The rest of the user's own file comes last: it holds for all
    # accounts, while the login knows where this account lives. `cliq.toml` in the current folder
    # takes precedence over both, since it belongs to the project that the command is run for.
    layers = [
        _from_options(options),
        _from_env(env, options),
        *_from_file(local_file, profile_in_effect, rest=True),
        *_from_file(user_file, profile_in_effect, rest=False),
        *_from_login(login, name),
        *_from_file(user_file, None, rest=True),
    ]
    settings = _merge(layers)
    if "proxy" not in layers[0] | layers[1] and _is_local(settings.get("base_url")):
        settings.pop("proxy", None)  # a file's proxy leads out of here: a sandbox needs none
    if in_effect and "account" not in settings and name != DEFAULT:
        settings["account"] = Setting(name, f"profile {name}")
    if credentials is not None and credentials.login is not None and not logging_in:
        # Only the server that issued a refresh token may receive it, whatever the layers name.
        url = credentials.login.accounts_url
        settings["accounts_url"] = Setting(url, credentials.source)
    elif credentials is not None and "accounts_url" in settings:
        credentials = credentials.with_accounts_url(settings["accounts_url"].value)
    return ResolvedSettings(
        settings,
        Setting(name, named_by or _UNNAMED) if in_effect and (login or named_by) else None,
        credentials,
        [file.path for file in files],
    )


def profile_name(option: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """Return the name of the profile in effect, which need not exist.

    Raises:
        CliError: A config file is not valid, or the name is not a valid profile name.
    """
    return _choose_profile(option, _strip_values(environ), *_read_files())[0]


def _strip_values(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, value in environ.items() if (text := value.strip())}


def _read_files() -> tuple[TomlFile | None, TomlFile | None]:
    """Read the config file of the current folder, and the user's own."""
    local_path, user_path = _local_path(), settings_path()
    user_file = None if user_path is None else read_toml(user_path, own=True)
    if local_path is None or (user_path and local_path.resolve() == user_path.resolve()):
        return None, user_file
    return read_toml(local_path, own=False), user_file


def _local_path() -> Path | None:
    try:
        return Path.cwd() / FILE_NAME
    except FileNotFoundError:  # the current folder was deleted
        return None


def _choose_profile(
    option: str | None,
    env: Mapping[str, str],
    local_file: TomlFile | None,
    user_file: TomlFile | None,
) -> tuple[str, str | None]:
    """Return the name of the profile, and the source that names it; None for the default."""
    if option is not None:
        return validate_name(option), "--profile"
    if PROFILE in env:
        return validate_name(env[PROFILE], PROFILE), PROFILE
    for file in (local_file, user_file):
        if file is not None and file.profile is not None:
            return file.profile, str(file.path)
    return DEFAULT, None


Layer = dict[str, Setting]


def _from_options(options: Mapping[str, Any]) -> Layer:
    def option(name: str) -> str:
        return _OPTIONS.get(name, "--" + name.replace("_", "-"))

    return {name: Setting(value, option(name)) for name, value in options.items()}


def _from_env(env: Mapping[str, str], options: Mapping[str, Any]) -> Layer:
    # An option overrides its variable even if the variable's value is not valid.
    variables = {name: value for name, value in VARIABLES.items() if name not in options}
    values = options_from_env({name: env[name] for name in variables.values() if name in env})
    if variables.get("accounts_url") in env:
        values["accounts_url"] = env[ACCOUNTS_URL]
    return {name: Setting(value, VARIABLES[name]) for name, value in values.items()}


def _from_file(file: TomlFile | None, profile: str | None, *, rest: bool) -> list[Layer]:
    """Return the layers of a file: the table of a profile and, with `rest`, the other settings."""
    if file is None:
        return []
    table = file.profiles.get(profile or "", {})
    layers = [
        {name: Setting(v, f"{file.path} [profiles.{profile}]") for name, v in table.items()},
        {name: Setting(value, str(file.path)) for name, value in file.values.items()},
    ]
    return layers if rest else layers[:1]


def _from_login(profile: Profile | None, name: str) -> list[Layer]:
    if profile is None:
        return []
    fields = ("data_center", "base_url", "accounts_url", "account", "time_scale")
    values = {field: getattr(profile, field) for field in fields}
    return [{field: Setting(v, f"profile {name}") for field, v in values.items() if v is not None}]


def _merge(layers: list[Layer]) -> Layer:
    """Take each setting from the first layer that has it.

    A data center from an option overrides the base URL of all other layers: a message for people
    must not go to a sandbox that the environment or a file names.
    """
    merged = {name: value for layer in reversed(layers) for name, value in layer.items()}
    if "data_center" in layers[0] and "base_url" not in layers[0]:
        merged.pop("base_url", None)
    return {name: merged[name] for name in KEYS if name in merged}


def _is_local(base_url: Setting | None) -> bool:
    return base_url is not None and is_loopback(base_url.value.rpartition("://")[2].rstrip("/"))


def _missing_credentials(profile: Setting | None) -> str:
    if profile is not None and profile.source != _UNNAMED:
        command = f"`cliq auth login --profile {profile.value}`"
        return f"profile {profile.value!r} is not logged in: run {command}"
    variables = ", ".join(REFRESH_TOKEN[:-1]) + f" and {REFRESH_TOKEN[-1]}"
    return (
        f"no credentials: give --token, or set {ACCESS_TOKEN}, or {variables}, or {API_KEY}, "
        "or run `cliq auth login`"
    )
