"""The credentials in use: an access token, those of the environment, or a profile."""

from collections.abc import Mapping

import attrs

from cliq_async.auth.provider import Auth, RefreshToken
from cliq_async.cli.errors import CliError
from cliq_async.cli.settings.keyring import find_keyring
from cliq_async.cli.settings.profiles import Profile, ProfileStore, Secrets
from cliq_async.config import ACCESS_TOKEN, API_KEY, REFRESH_TOKEN, api_key_from_env

__all__ = ["CredentialLookup", "Credentials", "load_secrets"]


@attrs.frozen
class Credentials:
    """The credentials in use, and their origin.

    Attributes:
        kind: "access token", "refresh token" or "API key".
        source: The origin, as messages name it.
        client_id: The client id of a refresh token.
        profile: The name of the profile that holds the credentials, if one does.
        login: The stored profile.
        given: The credentials, unless a profile holds them.
    """

    kind: str
    source: str
    client_id: str | None = None
    profile: str | None = None
    login: Profile | None = None
    given: Auth = attrs.field(default="", repr=False)

    @property
    def fixed(self) -> bool:
        """True if they are sent as they are, so that no accounts server is asked."""
        return self.kind != "refresh token"

    def with_accounts_url(self, accounts_url: str) -> "Credentials":
        """Return a copy with another accounts server, for a refresh token from the environment.

        Raises:
            ValidationError: It is not a valid server URL.
        """
        if not isinstance(self.given, RefreshToken):
            return self
        return attrs.evolve(self, given=attrs.evolve(self.given, accounts_url=accounts_url))

    def auth(self) -> Auth:
        """Return the credentials for a client, with secrets from a keyring if they are kept there.

        Raises:
            CliError: The keyring does not return the secrets.
        """
        if self.profile is None or self.login is None:
            return self.given
        secrets = load_secrets(self.profile, self.login)
        return RefreshToken(
            self.login.client_id,
            secrets.client_secret,
            secrets.refresh_token,
            accounts_url=self.login.accounts_url,
        )


def load_secrets(name: str, profile: Profile) -> Secrets:
    """Load the secrets of a profile from its file or from the keyring.

    Raises:
        CliError: The keyring does not return the secrets.
    """
    if profile.secrets is not None:
        return profile.secrets
    keyring = find_keyring()
    if keyring is None:
        raise CliError(
            f"the secrets of profile {name!r} are in {profile.keyring}, which cannot be used here: "
            f"log in with `cliq auth login --store file`, or set {', '.join(REFRESH_TOKEN)}"
        )
    found = keyring.load(name)
    if found is None:
        raise CliError(
            f"{keyring.name} no longer has the secrets of profile {name!r}: run `cliq auth login`"
        )
    return found


@attrs.frozen
class CredentialLookup:
    """The search for credentials: the option, the environment, then the profile.

    Attributes:
        profile: The profile's name.
        env: The environment.
        token: The access token from an option.
        profile_first: True if the profile takes precedence over the environment.
    """

    profile: str
    env: Mapping[str, str] = attrs.field(repr=False)
    token: str | None = attrs.field(repr=False)
    profile_first: bool = attrs.field(kw_only=True)

    def find(self) -> Credentials | None:
        """Return the credentials, or None.

        Raises:
            CliError: The profiles cannot be read.
            ValidationError: The credentials in the environment are not valid.
        """
        if self.token is not None:
            return Credentials("access token", "--token", given=self.token)
        if self.profile_first:
            return self._from_profile()
        return self._from_environment() or self._from_profile()

    def _from_profile(self) -> Credentials | None:
        login = ProfileStore().profiles().get(self.profile)
        if login is None:
            return None
        source = f"profile {self.profile}"
        return Credentials("refresh token", source, login.client_id, self.profile, login)

    def _from_environment(self) -> Credentials | None:
        if ACCESS_TOKEN in self.env:
            return Credentials("access token", ACCESS_TOKEN, given=self.env[ACCESS_TOKEN])
        if all(name in self.env for name in REFRESH_TOKEN):
            auth = RefreshToken(*(self.env[name] for name in REFRESH_TOKEN))
            return Credentials("refresh token", REFRESH_TOKEN[-1], auth.client_id, given=auth)
        if API_KEY in self.env:
            return Credentials("API key", API_KEY, given=api_key_from_env(self.env))
        return None
