"""Which settings hold and where each comes from: options, the environment, files, a profile.

Options win over the environment, that over `cliq.toml` in the current folder, that over what a
login has stored, and that over `cliq.toml` at the platform's place for settings. In a file, what
stands under a profile wins over the rest of it.

A profile that is named always counts. One that is not, `default`, counts only if nothing else gives
credentials, so that a token in the environment is not sent where somebody else's account lives.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from cliq_async.auth.provider import Auth
from cliq_async.cli.errors import USAGE, CliError
from cliq_async.cli.settings.config_file import KEYS, NAME, TomlFile, read_toml, settings_path
from cliq_async.cli.settings.credentials import ACCESS, REFRESH, CredentialLookup, Credentials
from cliq_async.cli.settings.profiles import DEFAULT, Profile, ProfileStore, check_name
from cliq_async.config import Settings, options_from_env

__all__ = ["VARIABLES", "ResolvedSettings", "Setting", "profile_name", "resolve"]

VARIABLES: Final = {
    "data_center": "CLIQ_DATA_CENTER",
    "base_url": "CLIQ_BASE_URL",
    "accounts_url": "CLIQ_ACCOUNTS_URL",
    "account": "CLIQ_ACCOUNT",
    "quota": "CLIQ_QUOTA",
    "time_scale": "CLIQ_TIME_SCALE",
    "allow_http": "CLIQ_ALLOW_HTTP",
}
PROFILE: Final = "CLIQ_PROFILE"
_OPTIONS: Final = {"max_wait_s": "--max-wait", "timeout_s": "--timeout"}
_UNNAMED: Final = "nothing names another"


@attrs.frozen
class Setting:
    """A value, and where it comes from, in words."""

    value: Any
    source: str


@attrs.frozen
class ResolvedSettings:
    """What holds.

    Attributes:
        settings: Each setting that something is said about, by its name; the others have their
            defaults.
        profile: The profile that counts, if one does.
        credentials: As whom; None if nobody says.
        files: The files of settings that were read.
    """

    settings: dict[str, Setting]
    profile: Setting | None
    credentials: Credentials | None
    files: list[Path]

    def options(self) -> dict[str, Any]:
        """The settings as options of `CliqClient`."""
        return {
            name: setting.value
            for name, setting in self.settings.items()
            if name != "accounts_url" and setting.value is not None
        }

    def checked(self) -> Settings:
        """The settings, checked together.

        Raises:
            ValidationError: They do not fit.
        """
        return Settings(**{name: v for name, v in self.options().items() if name != "quota"})

    @property
    def accounts_url(self) -> str:
        """The accounts server that makes the tokens."""
        own = self.settings.get("accounts_url")
        if own is not None and own.value is not None:
            return str(own.value)
        return self.checked().accounts_url

    def auth(self) -> Auth:
        """The credentials, with what a keyring has of them.

        Raises:
            Failure: There are none, or a keyring does not give them.
            ValidationError: They cannot be what they are said to be.
        """
        if self.credentials is None:
            raise CliError(_no_credentials(self.profile), USAGE)
        return self.credentials.auth()


def resolve(
    given: Mapping[str, Any],
    *,
    profile: str | None = None,
    token: str | None = None,
    logging_in: bool = False,
    environ: Mapping[str, str] = os.environ,
) -> ResolvedSettings:
    """What holds, of all that is said anywhere.

    Args:
        given: The options, by the names of settings; those that are None say nothing.
        profile: The profile that an option names.
        token: The access token that an option gives.
        logging_in: Whether this is for a login: the profile need not be there, and what is known
            of a server that is not Zoho's is forgotten.
        environ: The environment.

    Raises:
        Failure: A file is wrong, or there is no such profile.
        ValidationError: A number in the environment is none.
    """
    options = {name: value for name, value in given.items() if value is not None}
    env = _stripped(environ)
    here, own = _files()
    name, named_by = _named(profile, env, here, own)
    search = CredentialLookup(name, env, token, first=profile is not None or logging_in)
    credentials = search.credentials()
    counts = named_by is not None or credentials is None or credentials.profile is not None
    known = ProfileStore().profiles().get(name) if counts else None
    tables = [file for file in (here, own) if file is not None and name in file.profiles]
    if counts and known is None and not tables and not logging_in and named_by is not None:
        hint = f"`cliq auth login --profile {name}` makes it"
        raise CliError(f"{named_by}: there is no profile {name!r}; {hint}", USAGE)
    if known is not None and logging_in and known.base_url is not None:
        known = None
    layers = [
        _from_options(options),
        _from_env(env, options),
        *_from_file(here, name if counts else None, rest=True),
        *_from_file(own, name if counts else None, rest=False),
        *_from_login(known, name),
        *_from_file(own, None, rest=True),
    ]
    settings = _merged(layers)
    if counts and "account" not in settings and name != DEFAULT:
        settings["account"] = Setting(name, f"profile {name}")
    if credentials is not None and credentials.login is not None and not logging_in:
        url = credentials.login.accounts_url  # nobody else gets this refresh token
        settings["accounts_url"] = Setting(url, credentials.source)
    elif credentials is not None and "accounts_url" in settings:
        credentials = credentials.at(settings["accounts_url"].value)
    return ResolvedSettings(
        settings,
        Setting(name, named_by or _UNNAMED) if counts and (known or named_by) else None,
        credentials,
        [file.path for file in (here, own) if file is not None],
    )


def profile_name(option: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """The name of the profile that counts, whether or not it is there.

    Raises:
        Failure: A file is wrong, or the name is none.
    """
    return _named(option, _stripped(environ), *_files())[0]


def _stripped(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, value in environ.items() if (text := value.strip())}


def _files() -> tuple[TomlFile | None, TomlFile | None]:
    here, own = Path.cwd() / NAME, settings_path()
    if here.resolve() == own.resolve():
        return None, read_toml(own, own=True)
    return read_toml(here, own=False), read_toml(own, own=True)


def _named(
    profile: str | None, env: Mapping[str, str], here: TomlFile | None, own: TomlFile | None
) -> tuple[str, str | None]:
    """The name of the profile, and what names it; None if nothing does."""
    if profile is not None:
        return check_name(profile), "--profile"
    if PROFILE in env:
        return check_name(env[PROFILE], PROFILE), PROFILE
    for file in (here, own):
        if file is not None and file.profile is not None:
            return file.profile, str(file.path)
    return DEFAULT, None


Layer = dict[str, Setting]


def _from_options(options: Mapping[str, Any]) -> Layer:
    def option(name: str) -> str:
        return _OPTIONS.get(name, "--" + name.replace("_", "-"))

    return {name: Setting(value, option(name)) for name, value in options.items()}


def _from_env(env: Mapping[str, str], options: Mapping[str, Any]) -> Layer:
    # What an option says is not even read here.
    left = {name: value for name, value in VARIABLES.items() if name not in options}
    values = options_from_env({name: env[name] for name in left.values() if name in env})
    if left.get("accounts_url") in env:
        values["accounts_url"] = env[VARIABLES["accounts_url"]]
    return {name: Setting(value, VARIABLES[name]) for name, value in values.items()}


def _from_file(file: TomlFile | None, profile: str | None, *, rest: bool) -> list[Layer]:
    """A file's settings: those of a profile, and the rest."""
    if file is None:
        return []
    under = file.profiles.get(profile or "", {})
    layers = [
        {name: Setting(v, f"{file.path} [profiles.{profile}]") for name, v in under.items()},
        {name: Setting(value, str(file.path)) for name, value in file.values.items()},
    ]
    return layers if rest else layers[:1]


def _from_login(profile: Profile | None, name: str) -> list[Layer]:
    if profile is None:
        return []
    fields = ("data_center", "base_url", "accounts_url", "account", "time_scale")
    values = {field: getattr(profile, field) for field in fields}
    return [{field: Setting(v, f"profile {name}") for field, v in values.items() if v is not None}]


def _merged(layers: list[Layer]) -> Layer:
    """For each setting what the first layer says that says anything.

    A data center that an option names is where the requests go: a sandbox that is named elsewhere
    must not get what is meant for people.
    """
    merged = {name: value for layer in reversed(layers) for name, value in layer.items()}
    if "data_center" in layers[0] and "base_url" not in layers[0]:
        merged.pop("base_url", None)
    return {name: merged[name] for name in KEYS if name in merged}


def _no_credentials(profile: Setting | None) -> str:
    variables = ", ".join(REFRESH[:-1]) + f" and {REFRESH[-1]}"
    if profile is not None and profile.source != _UNNAMED:
        who = f"profile {profile.value!r} is not logged in: `cliq auth login --profile "
        return f"{who}{profile.value}`"
    return f"no credentials: give --token, or set {ACCESS}, or {variables}, or `cliq auth login`"
